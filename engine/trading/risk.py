"""Limits that an order has to pass before it is sent. Each refusal names its reason."""

from collections.abc import Iterable, Mapping
from decimal import Decimal, localcontext

from engine.ledger.accounting import Position
from engine.money import EXACT, canonical
from engine.settings import RiskSettings
from engine.trading.strategies import PlaceOrder
from engine.venue import LimitOrder, Side


class RiskGate:
    """The limits of one cycle. An order that passed counts against the next ones."""

    def __init__(
        self,
        settings: RiskSettings,
        positions: Mapping[str, Position],
        marks: Mapping[str, Decimal],
        open_orders: Iterable[LimitOrder],
        *,
        killed: str | None = None,
        blocked: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._positions = positions
        self._marks = marks
        self._killed = killed
        self._blocked = blocked or {}
        self._resting = [(o.symbol, o.side, o.qty) for o in open_orders]

    def refuse(self, order: PlaceOrder) -> str | None:
        """The reason to refuse `order`; null where there is none, and it then counts as sent."""
        reason = self._killed or self._limit(order)
        if reason is None:
            self._resting.append((order.symbol, order.side, order.qty))
        return reason

    def _limit(self, order: PlaceOrder) -> str | None:
        limits = self._settings
        if order.symbol in self._blocked:
            return f"{order.symbol}: {self._blocked[order.symbol]}"
        if not all(number.is_finite() and number > 0 for number in (order.qty, order.price)):
            return f"qty {order.qty} and price {order.price} have to be finite and above zero"
        notional = EXACT.multiply(order.qty, order.price)
        if limits.max_order_notional is not None and notional > limits.max_order_notional:
            most = canonical(limits.max_order_notional)
            return f"max_order_notional: {canonical(notional)} is above {most}"
        resting = sum(symbol == order.symbol for symbol, _, _ in self._resting)
        if limits.max_open_orders is not None and resting >= limits.max_open_orders:
            return f"max_open_orders: {resting} of {limits.max_open_orders} are open"
        return self._position_limit(order) if limits.max_position is not None else None

    def _position_limit(self, order: PlaceOrder) -> str | None:
        """The limit on a position in which this and every resting order of its side has filled.

        It is valued at the mark.
        """
        most = self._settings.max_position
        before = self._positions.get(order.symbol, Position(order.symbol)).qty
        mark = self._marks.get(order.symbol, order.price)
        same_side = (q for s, side, q in self._resting if (s, side) == (order.symbol, order.side))
        with localcontext(EXACT):
            more = sum(same_side, order.qty)
            after = before + more if order.side is Side.BUY else before - more
            value = abs(after * mark)
        if most is not None and value > most and abs(after) > abs(before):
            return f"max_position: {canonical(value)} at the mark would be above {canonical(most)}"
        return None
