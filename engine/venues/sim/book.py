"""A limit order book with price-time priority: pure, without a clock and without I/O."""

from bisect import insort_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from engine.venue import Side

OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


@dataclass(frozen=True, slots=True)
class Order:
    """A limit order. `qty`, in base units, is what of it is still to be matched."""

    order_id: str
    owner: str
    side: Side
    price: Decimal
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Match:
    """`qty` of a resting order was taken, at that order's price. `maker` is as it was before."""

    maker: Order
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Placement:
    """What became of an order: its matches, in order, and what of it now rests in the book."""

    matches: tuple[Match, ...]
    resting: Decimal


class Book:
    """The resting orders of one market: best price first, equal prices in order of arrival.

    It is never crossed: the best bid is below the best ask.
    """

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self._sides: dict[Side, list[Order]] = {Side.BUY: [], Side.SELL: []}
        for order in orders:
            self.place(order)

    def orders(self) -> Iterator[Order]:
        """Bids, then asks, each in priority order; placed in this order they make the same book."""
        yield from self._sides[Side.BUY]
        yield from self._sides[Side.SELL]

    def place(self, order: Order, rests: bool = True) -> Placement:
        """Match `order` against the other side; the remainder rests, or is dropped.

        It never matches an order of the same owner: where it would, the remainder of the newer
        one, which is `order`, is dropped.
        """
        matches, left, met_own = self._match(order)
        if not (left and rests) or met_own:
            return Placement(matches, Decimal(0))
        insort_right(self._sides[order.side], replace(order, qty=left), key=_priority)
        return Placement(matches, left)

    def cancel(self, order_id: str) -> Order | None:
        """Take an order out; None where it does not rest here."""
        for resting in self._sides.values():
            for index, order in enumerate(resting):
                if order.order_id == order_id:
                    return resting.pop(index)
        return None

    def _match(self, order: Order) -> tuple[tuple[Match, ...], Decimal, bool]:
        resting = self._sides[OPPOSITE[order.side]]
        matches: list[Match] = []
        left = order.qty
        while left and resting and _reaches(order, resting[0]):
            maker = resting[0]
            if maker.owner == order.owner:
                return tuple(matches), left, True
            qty = min(left, maker.qty)
            matches.append(Match(maker, qty))
            left -= qty
            if qty == maker.qty:
                resting.pop(0)
            else:
                resting[0] = replace(maker, qty=maker.qty - qty)
        return tuple(matches), left, False


def _reaches(order: Order, maker: Order) -> bool:
    if order.side is Side.BUY:
        return order.price >= maker.price
    return order.price <= maker.price


def _priority(order: Order) -> Decimal:
    return order.price if order.side is Side.SELL else order.price.copy_negate()
