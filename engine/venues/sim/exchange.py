"""The exchange: each request moves its clock, lets the market trade, acts, and is committed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from engine.errors import OrderNotFound, OrderRejected, VenueError, VenueTimeout
from engine.venue import LimitOrder, OrderStatus, VenueOrder
from engine.venues.sim.book import Match, Order
from engine.venues.sim.clearing import Clearing
from engine.venues.sim.fees import Fees
from engine.venues.sim.file import StateFile
from engine.venues.sim.market import TICK_MS, flow
from engine.venues.sim.mischief import Dice
from engine.venues.sim.reports import Bookmark, FillsAnswer, Reports
from engine.venues.sim.rules import check_order
from engine.venues.sim.settings import SimSettings
from engine.venues.sim.state import MarketState, State

ACCOUNT = "account"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Request:
    """What one request works with."""

    state: State
    dice: Dice
    clearing: Clearing


Act = Callable[[_Request], T]


class Exchange:
    """One account at an exchange. Every public method is one request to it.

    Raises `RateLimited`, `VenueUnavailable` and `VenueTimeout` as its mischief has it.
    """

    def __init__(self, settings: SimSettings, seed: int, page_size: int, file: StateFile) -> None:
        self._settings = settings
        self._seed = seed
        self._file = file
        self._fees = Fees(settings, seed)
        self._reports = Reports(file, page_size, settings.trade_ids)
        self._state: State | None = None

    def symbols(self) -> tuple[str, ...]:
        return self._ask(lambda request: tuple(request.state.markets))

    def time(self) -> int:
        """The clock, once the step from one cycle to the next has passed."""
        return self._ask(lambda request: request.state.clock_ms, self._settings.step_ms)

    def fills(self, symbol: str, since_ms: int, token: str | None) -> FillsAnswer:
        """The page that `token` stands for, or the first one of those from `since_ms` on."""

        def act(request: _Request) -> FillsAnswer:
            request.state.market(symbol)
            first = Bookmark(request.state.clock_ms, since_ms, 0)
            start = Bookmark.read(token) if token else first
            return self._reports.page(symbol, start, request.dice)

        return self._ask(act)

    def marks(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        return self._ask(
            lambda request: {
                symbol: request.state.markets[symbol].fair_price
                for symbol in symbols
                if symbol in request.state.markets
            }
        )

    def open_orders(self, symbol: str) -> tuple[VenueOrder, ...]:
        def act(request: _Request) -> tuple[VenueOrder, ...]:
            request.state.market(symbol)
            return self._file.open_orders(symbol)

        return self._ask(act)

    def order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        def act(request: _Request) -> VenueOrder | None:
            request.state.market(symbol)
            order = self._file.order_by_client_id(client_order_id)
            return order if order and order.symbol == symbol else None

        return self._ask(act)

    def balances(self) -> dict[str, Decimal]:
        return self._ask(lambda request: dict(request.state.balances))

    def submit(self, order: LimitOrder) -> VenueOrder:
        """Raises `OrderRejected`."""
        return self._ask(lambda request: self._accept(request, order))

    def cancel(self, symbol: str, client_order_id: str) -> None:
        """Raises `OrderNotFound`."""

        def act(request: _Request) -> None:
            market = request.state.market(symbol)
            order = self._file.order_by_client_id(client_order_id)
            status = order.status.value if order and order.symbol == symbol else "unknown"
            if order is None or status != OrderStatus.OPEN:
                raise OrderNotFound(f"client order id {client_order_id!r} is {status} in {symbol}")
            market.book.cancel(order.exchange_order_id)
            request.state.changed.add(symbol)
            self._file.update_order(replace(order, status=OrderStatus.CANCELED))

        self._ask(act)

    # --- a request

    def _ask(self, act: Act[T], step_ms: int = 0) -> T:
        """Run one request; it is committed before it is answered."""
        try:
            with self._file.transaction():
                request = self._request()
                self._advance(request, self._settings.latency_ms + step_ms)
                answer = self._answer(request, act)
                self._file.save(request.state)
        except BaseException:
            # Rolled back: what is in memory is ahead of the file.
            self._state = None
            raise
        if isinstance(answer, VenueError):
            raise answer
        return answer

    def _current(self) -> State:
        # Another process may have gone on with the file while this one was stopped.
        if self._state is None or self._state.requests != self._file.requests():
            self._state = self._file.load()
        self._state.requests += 1
        return self._state

    def _request(self) -> _Request:
        state = self._current()
        dice = Dice(self._settings.mischief, self._seed, state.requests)
        return _Request(state, dice, Clearing(self._file, self._fees, state, dice))

    def _answer(self, request: _Request, act: Act[T]) -> T | VenueError:
        """What is answered; an error is returned, for what was done until then is to stay."""
        refusal = request.dice.refusal()
        if refusal:
            return refusal
        lost = request.dice.loses_answer()
        if lost and not request.dice.acts_all_the_same():
            return VenueTimeout()
        try:
            answer = act(request)
        except VenueError as error:
            return VenueTimeout() if lost else error
        return VenueTimeout() if lost else answer

    # --- the market

    def _advance(self, request: _Request, by_ms: int) -> None:
        state = request.state
        before_ms, state.clock_ms = state.clock_ms, state.clock_ms + by_ms
        for tick in range(before_ms // TICK_MS + 1, state.clock_ms // TICK_MS + 1):
            for market in state.markets.values():
                self._trade(request, market, tick)

    def _trade(self, request: _Request, state: MarketState, tick: int) -> None:
        passing = flow(state.market, self._seed, tick, state.deviation)
        state.deviation = passing.deviation
        for order_id in passing.withdrawn:
            state.book.cancel(order_id)
        matches: list[Match] = []
        for order in passing.quotes:
            matches += state.book.place(order).matches
        for order in passing.takes:
            matches += state.book.place(order, rests=False).matches
        for match in matches:
            if match.maker.owner == ACCOUNT:
                ours = self._file.order_by_exchange_id(match.maker.order_id)
                request.clearing.settle(ours, match.qty, match.maker.price, "maker", tick * TICK_MS)
        request.state.changed.add(state.market.symbol)

    def _accept(self, request: _Request, order: LimitOrder) -> VenueOrder:
        check_order(order)
        if self._file.order_by_client_id(order.client_order_id):
            raise OrderRejected(f"duplicate client order id {order.client_order_id!r}")
        accepted = request.state.accept(order)
        self._file.add_order(accepted)
        incoming = Order(accepted.exchange_order_id, ACCOUNT, order.side, order.price, order.qty)
        placement = request.state.markets[order.symbol].book.place(incoming)
        request.state.changed.add(order.symbol)
        ts_ms = request.state.clock_ms
        for match in placement.matches:
            accepted = request.clearing.settle(
                accepted, match.qty, match.maker.price, "taker", ts_ms
            )
        if accepted.status is OrderStatus.OPEN and not placement.resting:
            accepted = replace(accepted, status=OrderStatus.CANCELED)
            self._file.update_order(accepted)
        return accepted
