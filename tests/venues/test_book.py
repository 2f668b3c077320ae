"""The matching book, against a plain model of price-time priority."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.venue import Side
from engine.venues.sim.book import OPPOSITE, Book, Match, Order
from engine.venues.sim.state import decode_book, encode_book

OWNERS = ("account", "other", "third")

Placement = tuple[Side, str, Decimal, Decimal, bool]
Step = Placement | int

placements = st.tuples(
    st.sampled_from(Side),
    st.sampled_from(OWNERS),
    st.integers(95, 105).map(Decimal),
    st.integers(1, 9).map(lambda lots: lots * Decimal("0.001")),
    st.booleans(),
)
steps = st.lists(st.one_of(placements, st.integers(0, 40)), max_size=40)


class Model:
    """Orders in order of arrival; whoever is best is looked for each time."""

    def __init__(self) -> None:
        self.resting: list[Order] = []

    def best(self, side: Side) -> Order | None:
        sign = 1 if side is Side.SELL else -1
        ours = [order for order in self.resting if order.side is side]
        return min(ours, key=lambda order: sign * order.price, default=None)

    def place(self, order: Order, rests: bool) -> list[Match]:
        matches: list[Match] = []
        left = order.qty
        while left:
            maker = self.best(OPPOSITE[order.side])
            sign = 1 if order.side is Side.BUY else -1
            if maker is None or sign * (order.price - maker.price) < 0:
                break
            if maker.owner == order.owner:
                return matches
            qty = min(left, maker.qty)
            matches.append(Match(maker, qty))
            left -= qty
            at = self.resting.index(maker)
            self.resting[at : at + 1] = [replace(maker, qty=maker.qty - qty)][: maker.qty > qty]
        if left and rests:
            self.resting.append(replace(order, qty=left))
        return matches

    def cancel(self, order_id: str) -> Order | None:
        found = next((order for order in self.resting if order.order_id == order_id), None)
        self.resting = [order for order in self.resting if order.order_id != order_id]
        return found

    def orders(self) -> list[Order]:
        bids = sorted((o for o in self.resting if o.side is Side.BUY), key=lambda o: -o.price)
        asks = sorted((o for o in self.resting if o.side is Side.SELL), key=lambda o: o.price)
        return bids + asks


def order(name: str, side: Side, price: str, qty: str, owner: str = "other") -> Order:
    return Order(name, owner, side, Decimal(price), Decimal(qty))


@given(steps)
def test_matches_go_by_price_then_by_time(script: list[Step]) -> None:
    """Whatever is placed, dropped and cancelled, matches and book are the model's."""
    book, model = Book(), Model()
    for number, step in enumerate(script):
        if isinstance(step, int):
            assert book.cancel(str(step)) == model.cancel(str(step))
        else:
            side, owner, price, qty, rests = step
            incoming = Order(str(number), owner, side, price, qty)
            assert list(book.place(incoming, rests).matches) == model.place(incoming, rests)
        assert list(book.orders()) == model.orders()


@given(steps)
def test_nothing_is_made_or_lost_and_the_book_is_never_crossed(script: list[Step]) -> None:
    """What was placed is matched (once on each side), dropped, cancelled, or rests."""
    book = Book()
    placed = matched = gone = Decimal(0)
    for number, step in enumerate(script):
        if isinstance(step, int):
            cancelled = book.cancel(str(step))
            gone += cancelled.qty if cancelled else 0
        else:
            side, owner, price, qty, rests = step
            placement = book.place(Order(str(number), owner, side, price, qty), rests)
            executed = sum((match.qty for match in placement.matches), Decimal(0))
            placed += qty
            matched += executed
            gone += qty - executed - placement.resting
        assert placed == 2 * matched + gone + sum(o.qty for o in book.orders())
        bids = [o.price for o in book.orders() if o.side is Side.BUY]
        asks = [o.price for o in book.orders() if o.side is Side.SELL]
        assert not bids or not asks or max(bids) < min(asks)


@given(steps)
def test_a_book_read_back_has_the_same_orders_in_the_same_priority(
    script: list[Step],
) -> None:
    book = Book()
    for number, step in enumerate(script):
        if not isinstance(step, int):
            book.place(Order(str(number), *_order_of(step)), step[4])
    assert list(decode_book(encode_book(book)).orders()) == list(book.orders())


def _order_of(step: Placement) -> tuple[str, Side, Decimal, Decimal]:
    side, owner, price, qty, _ = step
    return owner, side, price, qty


def test_a_match_is_at_the_resting_orders_price() -> None:
    book = Book()
    book.place(order("ask", Side.SELL, "100", "2"))
    [match] = book.place(order("bid", Side.BUY, "103", "1", "account")).matches
    assert (match.maker.price, match.qty) == (Decimal(100), Decimal(1))
    assert list(book.orders()) == [order("ask", Side.SELL, "100", "1")]


def test_a_partly_filled_order_keeps_its_place_in_the_queue() -> None:
    book = Book()
    book.place(order("first", Side.BUY, "100", "2"))
    book.place(order("second", Side.BUY, "100", "2"))
    book.place(order("s1", Side.SELL, "100", "1", "account"))
    [match] = book.place(order("s2", Side.SELL, "100", "1", "account")).matches
    assert match.maker.order_id == "first"


def test_an_owner_never_trades_with_himself_the_newer_remainder_is_dropped() -> None:
    book = Book()
    book.place(order("cheap", Side.SELL, "100", "1"))
    book.place(order("own", Side.SELL, "101", "1", "account"))
    placement = book.place(order("new", Side.BUY, "102", "3", "account"))
    assert [match.maker.order_id for match in placement.matches] == ["cheap"]
    assert placement.resting == 0
    assert [o.order_id for o in book.orders()] == ["own"]
