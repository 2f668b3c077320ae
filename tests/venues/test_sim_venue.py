"""The sim venue: orders, fills, fees, balances and the clock."""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, Protocol

import pytest

from engine.errors import OrderNotFound, OrderRejected, VenueError
from engine.ledger.reports import Edge, read_fill
from engine.venue import LimitOrder, Mode, OrderStatus, Side, TradeIds, Venue, VenueOrder
from engine.venues.sim import Mischief, SimSettings, SimVenue
from engine.venues.sim.market import MARKETS
from engine.venues.sim.state import START_BALANCES, START_MS

BTC, ETH = "BTC/USDT", "ETH/USDT"
names = count(1)


class Opened(Protocol):
    async def __call__(self, page_size: int = 100, **settings: Any) -> SimVenue: ...


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    """Opens venues with the settings given, and closes them after the test."""
    async with AsyncExitStack() as stack:

        async def opened(page_size: int = 100, **settings: Any) -> SimVenue:
            venue = SimVenue(SimSettings(**settings), seed=3, page_size=page_size)
            await venue.open()
            stack.push_async_callback(venue.close)
            return venue

        yield opened


@pytest.fixture
async def venue(opened: Opened) -> SimVenue:
    return await opened()


@pytest.fixture
def quiet(opened: Opened) -> Opened:
    """As `opened`, but requests take no time: nothing happens but what is asked."""
    return partial(opened, latency_ms=0)


def request(
    side: Side = Side.BUY,
    qty: str = "0.01",
    price: str = "60000",
    symbol: str = BTC,
    name: str = "",
) -> LimitOrder:
    return LimitOrder(name or f"n{next(names)}", symbol, side, Decimal(qty), Decimal(price))


async def fills(venue: Venue, symbol: str = BTC, since_ms: int = 0) -> list[dict[str, Any]]:
    pages = [page async for page in venue.fetch_fills(symbol, since_ms)]
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    return [json.loads(item) for page in pages for item in page.items]


async def taken(
    venue: Venue, symbol: str = BTC, side: Side = Side.BUY, qty: str = "0.5"
) -> VenueOrder:
    """An order that takes what there is at prices far away."""
    away = Decimal("1.05") if side is Side.BUY else Decimal("0.95")
    market = MARKETS[symbol]
    price = market.first_price * away // market.tick_size * market.tick_size
    order = await venue.submit(request(side, qty, str(price), symbol))
    assert order.filled > 0
    if order.status is OrderStatus.OPEN:
        await venue.cancel(symbol, order.client_order_id or "")
    return order


# --- what it says of itself


async def test_it_says_what_it_is(venue: SimVenue) -> None:
    protocol: Venue = venue
    assert (protocol.name, protocol.mode, protocol.takes_orders) == ("sim", Mode.SIM, True)
    assert await protocol.fetch_symbols() == ("BTC/USDT", "ETH/USDT", "SOL/USDT")


async def test_marks_are_known_for_its_own_markets_only(venue: SimVenue) -> None:
    marks = await venue.fetch_marks([ETH, "DOGE/USDT"])
    assert list(marks) == [ETH]
    assert abs(marks[ETH] / 3_100 - 1) < Decimal("0.01")


async def test_the_clock_is_its_own(opened: Opened) -> None:
    """Each request takes its latency; a cycle's first one takes the step as well."""
    venue = await opened(latency_ms=70, step_ms=500)
    assert await venue.fetch_time() == START_MS + 570
    await venue.fetch_balances()
    assert await venue.fetch_time() == START_MS + 570 + 70 + 570


async def test_a_venue_that_is_not_open_says_so() -> None:
    with pytest.raises(VenueError, match="not open"):
        await SimVenue(SimSettings(), seed=1).fetch_time()


# --- orders


async def test_an_order_away_from_the_market_rests_until_it_is_cancelled(venue: SimVenue) -> None:
    sent = request()
    order = await venue.submit(sent)
    assert (order.status, order.filled, order.qty) == (
        OrderStatus.OPEN,
        Decimal(0),
        Decimal("0.01"),
    )
    assert await venue.fetch_open_orders(BTC) == (order,)
    assert await venue.fetch_open_orders(ETH) == ()
    await venue.cancel(BTC, sent.client_order_id)
    assert await venue.fetch_open_orders(BTC) == ()
    found = await venue.fetch_order_by_client_id(BTC, sent.client_order_id)
    assert found is not None
    assert found.status is OrderStatus.CANCELED


async def test_an_order_that_crosses_takes_the_best_prices_and_rests_with_the_remainder(
    quiet: Opened,
) -> None:
    venue = await quiet()
    order = await venue.submit(request(qty="20", price="64100"))
    rows = await fills(venue)
    prices = [Decimal(row["price"]) for row in rows]
    assert prices == sorted(prices)
    assert prices[-1] <= 64_100
    assert {row["takerOrMaker"] for row in rows} == {"taker"}
    assert order.filled == sum(Decimal(row["amount"]) for row in rows)
    assert 0 < order.filled < order.qty
    assert order.status is OrderStatus.OPEN


async def test_a_crossing_order_with_enough_against_it_is_filled(venue: SimVenue) -> None:
    order = await taken(venue, qty="0.0002")
    assert order.status is OrderStatus.FILLED
    with pytest.raises(OrderNotFound, match="is filled"):
        await venue.cancel(BTC, order.client_order_id or "")


async def test_the_market_fills_resting_orders_as_makers_some_of_them_in_parts(
    venue: SimVenue,
) -> None:
    sizes: Counter[bool] = Counter()
    for _ in range(60):
        await venue.fetch_time()
        mark = (await venue.fetch_marks([BTC]))[BTC]
        for side, factor in ((Side.BUY, "0.999"), (Side.SELL, "1.001")):
            price = (mark * Decimal(factor)).quantize(Decimal("0.01"))
            await venue.submit(request(side, "0.02", str(price)))
    for row in await fills(venue):
        assert row["takerOrMaker"] == "maker"
        sizes[Decimal(row["amount"]) < Decimal("0.02")] += 1
    assert sizes[True] > 5
    assert sizes[False] > 5


async def test_an_own_resting_order_is_never_met_the_newer_one_is_cancelled(quiet: Opened) -> None:
    venue = await quiet()
    resting = await venue.submit(request(Side.SELL, "0.01", "64000.01"))
    newer = await venue.submit(request(Side.BUY, "0.01", "64000.01"))
    assert (newer.status, newer.filled) == (OrderStatus.CANCELED, Decimal(0))
    assert await venue.fetch_open_orders(BTC) == (resting,)


async def test_a_client_id_is_used_once_for_ever(venue: SimVenue) -> None:
    await venue.submit(request(name="once"))
    await venue.cancel(BTC, "once")
    with pytest.raises(OrderRejected, match="duplicate client order id 'once'"):
        await venue.submit(request(name="once", symbol=ETH, price="3000"))


async def test_an_order_is_found_by_client_id_in_its_market_only(venue: SimVenue) -> None:
    await venue.submit(request(name="mine"))
    assert await venue.fetch_order_by_client_id(BTC, "mine") is not None
    assert await venue.fetch_order_by_client_id(ETH, "mine") is None
    assert await venue.fetch_order_by_client_id(BTC, "unheard of") is None


@pytest.mark.parametrize("name", ["unheard of", "elsewhere"])
async def test_what_is_not_open_in_a_market_cannot_be_cancelled(venue: SimVenue, name: str) -> None:
    await venue.submit(request(name="elsewhere"))
    with pytest.raises(OrderNotFound, match=f"'{name}' is unknown in ETH/USDT"):
        await venue.cancel(ETH, name)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (request(symbol="DOGE/USDT"), "symbol: 'DOGE/USDT' is not one of BTC/USDT, ETH/USDT"),
        (request(price="60000.001"), "price: 60000.001 is not a multiple of 0.01"),
        (request(qty="0.000015"), "qty: 0.000015 is not a multiple of 0.00001"),
        (request(qty="0"), "qty: 0 is not above 0"),
        (request(qty="-1"), "qty: -1 is not above 0"),
        (request(qty="1e30"), "qty: 1E.30 is not above 0 and at most 1000"),
        (request(price="NaN"), "price: NaN is not above 0"),
        (request(price="-Infinity"), "price: -Infinity is not above 0"),
        (request(price="1e400"), "price: 1E.400 is not above 0 and at most 6400000"),
        (request(qty="0.00001"), "notional: 0.6 USDT is below the least that is accepted, 5"),
        (request(name="x" * 65), "client order id: 'xxx.* is not 1 to 64 printable"),
        (request(name="tab\t"), "client order id: .* is not 1 to 64 printable"),
    ],
)
async def test_a_refused_order_names_what_is_wrong_and_what_is_accepted(
    venue: SimVenue, order: LimitOrder, reason: str
) -> None:
    with pytest.raises(OrderRejected, match=reason):
        await venue.submit(order)
    assert await venue.fetch_open_orders(BTC) == ()


async def test_an_unknown_market_is_an_error_that_lists_the_known_ones(venue: SimVenue) -> None:
    with pytest.raises(VenueError, match="'DOGE/USDT' is not one of BTC/USDT"):
        await fills(venue, "DOGE/USDT")
    with pytest.raises(VenueError, match="'DOGE/USDT' is not one of BTC/USDT"):
        await venue.fetch_open_orders("DOGE/USDT")


# --- fills


async def test_a_fill_has_ccxts_unified_structure_with_numbers_in_text(quiet: Opened) -> None:
    venue = await quiet(fee_currency="quote", taker_fee="0.001")
    order = await taken(venue, qty="0.0001")
    [row] = await fills(venue)
    cost = (Decimal(row["price"]) * Decimal("0.0001") * Decimal("0.001")).quantize(Decimal("1e-8"))
    fee = {"cost": str(cost), "currency": "USDT"}
    assert row == {
        "id": "1",
        "order": order.exchange_order_id,
        "clientOrderId": order.client_order_id,
        "symbol": BTC,
        "side": "buy",
        "amount": "0.0001",
        "price": row["price"],
        "timestamp": START_MS,
        "takerOrMaker": "taker",
        "fee": fee,
        "fees": [fee],
    }


async def test_every_fill_is_readable_at_the_engines_edge(venue: SimVenue) -> None:
    await taken(venue)
    async for page in venue.fetch_fills(BTC, 0):
        assert page.items
        for item in page.items:
            fill = read_fill(item, Edge(venue.trade_ids, START_MS + 10**6))
            assert fill.fees_complete


async def test_since_is_inclusive_and_times_ascend(venue: SimVenue) -> None:
    for _ in range(5):
        await taken(venue, qty="0.05")
        await venue.fetch_time()
    rows = await fills(venue)
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times)
    assert [row for row in rows if row["timestamp"] >= times[2]] == await fills(
        venue, BTC, times[2]
    )
    assert await fills(venue, BTC, times[-1] + 1) == []


@pytest.mark.parametrize("page_size", [1, 2, 7, 250, 1000])
async def test_more_fills_in_one_millisecond_than_a_page_holds_are_all_served(
    quiet: Opened,
    page_size: int,
) -> None:
    venue = await quiet(page_size, mischief=Mischief(burst=1))
    order = await taken(venue, qty="0.01")
    rows = await fills(venue)
    assert len({row["id"] for row in rows}) == len(rows) >= 200
    assert {row["timestamp"] for row in rows} == {START_MS}
    assert sum(Decimal(row["amount"]) for row in rows) == order.filled


async def test_trades_are_numbered_through_the_account(quiet: Opened) -> None:
    venue = await quiet()
    assert venue.trade_ids is TradeIds.ACCOUNT
    await taken(venue, BTC, qty="0.0001")
    await taken(venue, ETH, qty="0.002")
    assert [row["id"] for s in (BTC, ETH) for row in await fills(venue, s)] == ["1", "2"]


async def test_trades_are_numbered_in_each_market_where_so_set(quiet: Opened) -> None:
    venue = await quiet(trade_ids=TradeIds.MARKET)
    assert venue.trade_ids is TradeIds.MARKET
    await taken(venue, BTC, qty="0.0001")
    await taken(venue, ETH, qty="0.002")
    assert [row["id"] for s in (BTC, ETH) for row in await fills(venue, s)] == ["1", "1"]


# --- money


@pytest.mark.parametrize(
    ("kind", "currencies"),
    [
        ("quote", {"USDT"}),
        ("base", {"BTC"}),
        ("third", {"BNB"}),
        ("mixed", {"USDT", "BTC", "BNB"}),
    ],
)
async def test_fees_are_charged_in_the_currency_that_is_set(
    quiet: Opened, kind: Any, currencies: set[str]
) -> None:
    venue = await quiet(fee_currency=kind, mischief=Mischief(burst=1))
    await taken(venue, qty="0.002")
    fees = [row["fee"] for row in await fills(venue)]
    assert {fee["currency"] for fee in fees} == currencies
    assert all(-int(Decimal(fee["cost"]).as_tuple().exponent) <= 8 for fee in fees)


@pytest.mark.parametrize("kind", ["quote", "base", "third"])
async def test_a_negative_rate_is_a_rebate(quiet: Opened, kind: str) -> None:
    venue = await quiet(taker_fee=Decimal("-0.0001"), fee_currency=kind)
    await taken(venue, qty="0.01")
    assert all(Decimal(row["fee"]["cost"]) < 0 for row in await fills(venue))


async def test_balances_are_what_was_there_plus_fills_less_fees(venue: SimVenue) -> None:
    expected = defaultdict(Decimal, START_BALANCES)
    for symbol, side in ((BTC, Side.BUY), (ETH, Side.SELL), (BTC, Side.SELL)):
        await taken(venue, symbol, side)
    rows = await fills(venue, BTC) + await fills(venue, ETH)
    for row in rows:
        base, quote = row["symbol"].split("/")
        qty = Decimal(row["amount"]) * (1 if row["side"] == "buy" else -1)
        expected[base] += qty
        expected[quote] -= qty * Decimal(row["price"])
        expected[row["fee"]["currency"]] -= Decimal(row["fee"]["cost"])
    assert await venue.fetch_balances() == expected
