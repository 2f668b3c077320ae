"""Which orders the exchange accepts."""

from decimal import Decimal

from engine.errors import OrderRejected
from engine.money import EXACT, canonical
from engine.venue import LimitOrder
from engine.venues.sim.market import MARKETS

MAX_CLIENT_ID = 64
# Above any price a market here comes near, and low enough that every product stays short.
MAX_PRICE_RATIO = 100


def check_order(order: LimitOrder) -> None:
    """Raises `OrderRejected` with what is wrong and what is accepted."""
    market = MARKETS.get(order.symbol)
    if market is None:
        raise OrderRejected(f"symbol: {order.symbol!r} is not one of {', '.join(MARKETS)}")
    _check_client_id(order.client_order_id)
    _check_step("price", order.price, market.tick_size, market.first_price * MAX_PRICE_RATIO)
    _check_step("qty", order.qty, market.lot_size, market.max_qty)
    notional = EXACT.multiply(order.qty, order.price)
    if notional < market.min_notional:
        raise OrderRejected(
            f"notional: {canonical(notional)} {market.quote} is below the least that is accepted,"
            f" {canonical(market.min_notional)}"
        )


def _check_client_id(client_order_id: str) -> None:
    readable = client_order_id.isascii() and client_order_id.isprintable()
    if not readable or not 1 <= len(client_order_id) <= MAX_CLIENT_ID:
        raise OrderRejected(
            f"client order id: {client_order_id[:80]!r} is not 1 to {MAX_CLIENT_ID} printable"
            " ASCII characters"
        )


def _check_step(name: str, value: Decimal, step: Decimal, most: Decimal) -> None:
    if not value.is_finite() or not 0 < value <= most:
        raise OrderRejected(f"{name}: {value} is not above 0 and at most {canonical(most)}")
    if EXACT.remainder(value, step):
        raise OrderRejected(f"{name}: {value} is not a multiple of {canonical(step)}")
