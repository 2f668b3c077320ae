"""Strategies: functions from a snapshot of the account to orders to place and to cancel."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Protocol

from engine.ledger.accounting import Position
from engine.settings import LadderSettings
from engine.venue import LimitOrder, MarketRules, Side


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The account after a cycle's fills were booked. Times are the venue's."""

    now_ms: int
    symbols: tuple[str, ...]
    positions: Mapping[str, Position]
    marks: Mapping[str, Decimal]
    rules: Mapping[str, MarketRules]
    open_orders: tuple[LimitOrder, ...]


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Send a limit order: `qty` in base units at `price` in quote units per base unit."""

    symbol: str
    side: Side
    qty: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class CancelOrder:
    symbol: str
    client_order_id: str


Intent = PlaceOrder | CancelOrder


class Strategy(Protocol):
    def __call__(self, snapshot: Snapshot) -> Sequence[Intent]: ...


def observe(snapshot: Snapshot) -> Sequence[Intent]:
    """The strategy that places nothing."""
    return ()


class Ladder:
    """Bids and asks around each mark; asks never exceed the position.

    An order whose rung has moved away is replaced.
    """

    def __init__(self, settings: LadderSettings) -> None:
        self._settings = settings

    def __call__(self, snapshot: Snapshot) -> Sequence[Intent]:
        return [
            intent
            for symbol in snapshot.symbols
            if snapshot.marks.get(symbol) and symbol in snapshot.rules
            for intent in self._market(symbol, snapshot)
        ]

    def _market(self, symbol: str, snapshot: Snapshot) -> Iterator[Intent]:
        wanted = dict(self._rungs(symbol, snapshot))
        for order in snapshot.open_orders:
            if order.symbol != symbol:
                continue
            if (order.side, order.price) in wanted:
                del wanted[order.side, order.price]
            else:
                yield CancelOrder(symbol, order.client_order_id)
        for (side, price), qty in wanted.items():
            yield PlaceOrder(symbol, side, qty, price)

    def _rungs(
        self, symbol: str, snapshot: Snapshot
    ) -> Iterator[tuple[tuple[Side, Decimal], Decimal]]:
        mark, rules = snapshot.marks[symbol], snapshot.rules[symbol]
        position = snapshot.positions.get(symbol, Position(symbol)).qty
        qty = _to_step(self._settings.order_notional / mark, rules.lot_size)
        if not qty or qty * mark < rules.min_notional:
            return
        for level in range(1, self._settings.levels + 1):
            away = mark * self._settings.spacing_bps * level / 10_000
            if position * mark < self._settings.max_notional:
                yield (Side.BUY, _to_step(mark - away, rules.tick_size)), qty
            if position >= qty * level:
                yield (Side.SELL, _to_step(mark + away, rules.tick_size, up=True)), qty


def _to_step(value: Decimal, step: Decimal, *, up: bool = False) -> Decimal:
    steps = (value / step).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR)
    return steps * step
