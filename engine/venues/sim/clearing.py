"""What an execution changes for the account: its order, its balances, and one trade or many."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import repeat

from engine.money import EXACT, canonical
from engine.venue import OrderStatus, Side, VenueOrder
from engine.venues.sim.fees import Fees
from engine.venues.sim.file import StateFile
from engine.venues.sim.market import Market
from engine.venues.sim.mischief import Dice
from engine.venues.sim.state import State, Trade

BURST_PIECES = 250


class Clearing:
    """Books executions, in one request."""

    def __init__(self, file: StateFile, fees: Fees, state: State, dice: Dice) -> None:
        self._file = file
        self._fees = fees
        self._state = state
        self._dice = dice

    def settle(
        self, order: VenueOrder, qty: Decimal, price: Decimal, liquidity: str, ts_ms: int
    ) -> VenueOrder:
        """Book that `qty` of `order` was executed at `price`; the order as it is afterwards."""
        market = self._state.markets[order.symbol].market
        for piece in _pieces(qty, market.lot_size, self._dice.burst):
            self._book(order, market, piece, price, liquidity, ts_ms)
        filled = order.filled + qty
        status = OrderStatus.FILLED if filled == order.qty else order.status
        order = replace(order, filled=filled, status=status)
        self._file.update_order(order)
        return order

    def _book(
        self,
        order: VenueOrder,
        market: Market,
        qty: Decimal,
        price: Decimal,
        liquidity: str,
        ts_ms: int,
    ) -> None:
        state = self._state
        state.trades += 1
        state.markets[market.symbol].trades += 1
        fee = self._fees.charge(market, liquidity, qty, price, state.trades)
        sign = 1 if order.side is Side.BUY else -1
        state.credit(market.base, sign * qty)
        state.credit(market.quote, EXACT.multiply(-sign * qty, price))
        state.credit(fee.currency, -fee.cost)
        published_ms = ts_ms + self._dice.publication_delay()
        self._file.add_trade(
            Trade(
                number=state.trades,
                market_number=state.markets[market.symbol].trades,
                symbol=market.symbol,
                ts_ms=ts_ms,
                published_ms=published_ms,
                fee_known_ms=published_ms + self._dice.fee_delay(),
                order_id=order.exchange_order_id,
                client_order_id=order.client_order_id or "",
                side=order.side,
                qty=canonical(qty),
                price=canonical(price),
                liquidity=liquidity,
                fee=canonical(fee.cost),
                fee_currency=fee.currency,
            )
        )


def _pieces(qty: Decimal, lot_size: Decimal, burst: bool) -> Iterator[Decimal]:
    """One piece, or in a burst many of one lot; the last one is the remainder."""
    single = min(int(qty / lot_size), BURST_PIECES) - 1 if burst else 0
    yield from repeat(lot_size, single)
    yield qty - single * lot_size
