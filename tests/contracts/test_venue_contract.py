"""What the engine relies on, of every row of the registry and of the fake the tests use."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.engine import make_venue
from engine.errors import NotSupported, OrderNotFound, OrderRejected, UnreadableFill, VenueError
from engine.ingest import paging
from engine.ingest.paging import Request
from engine.ledger.reports import Edge, read_fill
from engine.settings import Settings
from engine.venue import LimitOrder, Mode, OrderStatus, Side, TradeIds, Venue
from engine.venues import registry
from engine.venues.recorded import RecordedVenue
from engine.venues.registry import VenueKind
from engine.venues.retrying import Retrying
from engine.venues.sim import Mischief, SimSettings, SimVenue
from tests.builders import BTC, ETH, LATEST_MS, reported, serve
from tests.fakes import FakeVenue

PAGE = 7
BURST_MS = 5_000
SHIPPED = tuple(kind.name for kind in registry.KINDS)
KINDS = (*SHIPPED, "sim with mischief", "fake")
WITH_ORDERS = ("sim", "fake")

MISCHIEF = Mischief(
    duplicate=0.3, out_of_order=0.5, late=0.3, null_fee=0.3, late_by_ms=2_000, truncate=0.005,
    timeout=0.005, server_error=0.005, rate_limit=0.005, burst=1,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A venue with at least 30 fills in BTC; with `bursts`, in one millisecond more than a page.

    `settle` waits until everything is published.
    """

    venue: Venue
    settle: Callable[[], Awaitable[None]]
    bursts: bool = True


def history() -> list[dict[str, Any]]:
    early = [reported(str(n), ts=n * 100) for n in range(1, 21)]
    burst = [reported(str(n), "sell", ts=BURST_MS) for n in range(21, 21 + 2 * PAGE + 3)]
    return [*early, *burst, reported("90", ts=9_000, price="101.5")]


async def sim(mischief: Mischief) -> Case:
    """A sim whose account has traded; with bursts, in one-lot pieces."""
    qty = Decimal("0.0002") if mischief.burst else Decimal("0.5")
    calm = SimSettings(mischief=mischief, latency_ms=100)
    venue = SimVenue(calm, seed=5, page_size=PAGE)
    await venue.open()
    for number in range(4):
        mark = (await patiently(partial(venue.fetch_marks, [BTC])))[BTC]
        for side, factor in ((Side.BUY, "1.03"), (Side.SELL, "0.97")):
            price = (mark * Decimal(factor)).quantize(Decimal(1))
            order = LimitOrder(f"c{number}{side}", BTC, side, qty, price)
            try:
                await venue.submit(order)
            except VenueError:
                continue

    async def settle() -> None:
        for _ in range(60):
            await patiently(venue.fetch_time)

    return Case(venue, settle, bursts=mischief.burst > 0)


async def patiently(call: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(50):
        try:
            return await call()
        except VenueError:
            continue
    raise AssertionError("50 failures in a row")


@pytest.fixture
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    made = await CASES[request.param](tmp_path)
    yield made
    await made.venue.close()


async def settled(venue: Venue) -> Case:
    """A venue that publishes everything at once."""

    async def settle() -> None:
        pass

    await venue.open()
    return Case(venue, settle)


CASES: dict[str, Callable[[Path], Awaitable[Case]]] = {
    "sim": lambda folder: sim(Mischief()),
    "sim with mischief": lambda folder: sim(MISCHIEF),
    "recorded": lambda folder: settled(RecordedVenue(serve(folder / "f.jsonl", history()), PAGE)),
    "fake": lambda folder: settled(FakeVenue(history(), marks={BTC: "101.5"}, page_size=PAGE)),
}

every = pytest.mark.parametrize("case", KINDS, indirect=True)
honest = pytest.mark.parametrize("case", [*SHIPPED, "fake"], indirect=True)
ordered = pytest.mark.parametrize("case", WITH_ORDERS, indirect=True)
each_row = pytest.mark.parametrize("kind", registry.KINDS, ids=SHIPPED)


def configured(kind: VenueKind, folder: Path, lines: str = "") -> Venue:
    """A venue as the settings make it; where the kind takes a file, one of `lines`."""
    path = folder / "f.jsonl"
    path.write_text(lines, "utf-8")
    name = f"{kind.name}:{path}" if kind.argument else kind.name
    return make_venue(Settings(venue=name, db=folder / "ledger.db", seed=5))


@each_row
async def test_settings_make_a_venue_of_each_row_and_have_its_section(
    kind: VenueKind, tmp_path: Path
) -> None:
    assert kind.name in Settings.model_fields
    assert registry.parse(kind.form) == (kind, kind.argument)
    venue = configured(kind, tmp_path)
    assert venue.name == kind.name
    assert venue.seed in (None, 5)


@each_row
async def test_an_item_of_no_readable_market_is_in_each_markets_answer_where_the_kind_shares_them(
    kind: VenueKind, tmp_path: Path
) -> None:
    lines = [json.dumps(reported("1")), json.dumps(reported("2", symbol=ETH)), "no fill"]
    venue = configured(kind, tmp_path, "\n".join(lines) + "\n")
    await venue.open()
    unreadable = []
    for symbol in await venue.fetch_symbols():
        answer = [item async for page in venue.fetch_fills(symbol, 0) for item in page.items]
        unreadable.append({item for item in answer if not _readable(item, venue.trade_ids)})
    await venue.close()
    assert len(unreadable) > 1
    assert bool(set.intersection(*unreadable)) == registry.shares_unreadable(kind.name)


def _readable(item: str, trade_ids: TradeIds) -> bool:
    try:
        read_fill(item, Edge(trade_ids, LATEST_MS))
    except UnreadableFill:
        return False
    return True


async def pages(venue: Venue, since_ms: int = 0) -> list[tuple[str, ...]]:
    """All pages of one complete answer, asked for the way the engine does."""
    request = Request(BTC, since_ms, 0)
    reply = await paging.fetch(venue, request, LATEST_MS, Retrying(50, 0))
    assert reply.error is None
    return list(reply.pages)


async def items(venue: Venue, since_ms: int = 0) -> list[dict[str, Any]]:
    return [json.loads(item) for page in await pages(venue, since_ms) for item in page]


@every
async def test_a_venue_says_what_it_is(case: Case) -> None:
    venue = case.venue
    assert venue.name.isidentifier()
    assert isinstance(venue.mode, Mode)
    assert venue.trade_ids in TradeIds
    assert isinstance(venue.trade_ids_declared, bool)
    assert venue.seed is None or venue.mode is Mode.SIM
    assert BTC in await patiently(venue.fetch_symbols)


@honest
async def test_the_last_page_says_so_and_no_other_does(case: Case) -> None:
    flags = [page.last async for page in case.venue.fetch_fills(BTC, 0)]
    assert flags == [False] * (len(flags) - 1) + [True]
    assert len(flags) > 3


@honest
async def test_no_page_is_longer_than_asked_for(case: Case) -> None:
    assert {len(page) for page in (await pages(case.venue))[:-1]} == {PAGE}


@honest
async def test_a_market_without_fills_is_one_empty_last_page(case: Case) -> None:
    found = [page async for page in case.venue.fetch_fills("ETH/USDT", 0)]
    assert [(page.items, page.last) for page in found] == [((), True)]


@every
async def test_since_is_inclusive_and_leaves_nothing_later_out(case: Case) -> None:
    await case.settle()
    everything = {item["id"]: item["timestamp"] for item in await items(case.venue)}
    for since in sorted(set(everything.values()))[:: max(1, len(everything) // 5)]:
        wanted = {name for name, ts in everything.items() if ts >= since}
        assert {item["id"] for item in await items(case.venue, since)} == wanted


@every
async def test_more_fills_in_one_millisecond_than_a_page_holds_are_all_served(case: Case) -> None:
    await case.settle()
    found = {item["id"]: item["timestamp"] for item in await items(case.venue)}
    fullest = max(set(found.values()), key=list(found.values()).count)
    same_ms = {name for name, ts in found.items() if ts == fullest}
    assert len(same_ms) > PAGE or not case.bursts
    assert same_ms <= {item["id"] for item in await items(case.venue, fullest)}


@every
async def test_every_item_is_readable_at_the_edge_and_of_the_market_asked_for(case: Case) -> None:
    await case.settle()
    for page in await pages(case.venue):
        for item in page:
            assert read_fill(item, Edge(case.venue.trade_ids, LATEST_MS)).symbol == BTC


@every
async def test_ids_are_as_unique_as_declared(case: Case) -> None:
    """However often a fill is served, an id means one fill."""
    await case.settle()
    facts: dict[str, set[tuple[Any, ...]]] = {}
    for _ in range(3):
        for item in await items(case.venue):
            content = tuple(item[name] for name in ("side", "amount", "price", "timestamp"))
            facts.setdefault(item["id"], set()).add(content)
    assert len(facts) >= 30
    assert {len(contents) for contents in facts.values()} == {1}


@honest
async def test_asking_again_gives_at_least_the_same(case: Case) -> None:
    before = {item["id"] for item in await items(case.venue)}
    assert before <= {item["id"] for item in await items(case.venue)}


@every
async def test_the_clock_does_not_run_backwards(case: Case) -> None:
    times = [await patiently(case.venue.fetch_time) for _ in range(5)]
    assert times == sorted(times)


@every
async def test_marks_are_positive_decimals_of_the_markets_that_have_one(case: Case) -> None:
    marks = await patiently(partial(case.venue.fetch_marks, [BTC, "NO/SUCH"]))
    assert list(marks) == [BTC]
    assert isinstance(marks[BTC], Decimal)
    assert marks[BTC] > 0


@every
async def test_an_unknown_client_id_is_none_and_no_error(case: Case) -> None:
    assert await patiently(partial(case.venue.fetch_order_by_client_id, BTC, "never-sent")) is None


@every
async def test_balances_are_decimals(case: Case) -> None:
    balances = await patiently(case.venue.fetch_balances)
    assert all(isinstance(amount, Decimal) for amount in balances.values())


async def resting(venue: Venue, name: str = "rests") -> LimitOrder:
    mark = (await venue.fetch_marks([BTC]))[BTC]
    price = (mark * Decimal("0.5")).quantize(Decimal(1))
    order = LimitOrder(name, BTC, Side.BUY, Decimal("0.01"), price)
    accepted = await venue.submit(order)
    assert (accepted.client_order_id, accepted.status) == (name, OrderStatus.OPEN)
    assert accepted.exchange_order_id
    return order


@ordered
async def test_an_accepted_order_is_open_and_found_by_its_client_id(case: Case) -> None:
    order = await resting(case.venue)
    listed = await case.venue.fetch_open_orders(BTC)
    assert "rests" in [entry.client_order_id for entry in listed]
    found = await case.venue.fetch_order_by_client_id(BTC, "rests")
    assert found is not None
    assert (found.qty, found.price, found.side) == (order.qty, order.price, order.side)


@ordered
async def test_a_client_id_is_accepted_once_for_ever(case: Case) -> None:
    order = await resting(case.venue)
    await case.venue.cancel(BTC, "rests")
    with pytest.raises(OrderRejected):
        await case.venue.submit(order)


@ordered
async def test_a_cancelled_order_is_not_open_any_more_and_cannot_be_cancelled_again(
    case: Case,
) -> None:
    await resting(case.venue)
    await case.venue.cancel(BTC, "rests")
    assert "rests" not in [o.client_order_id for o in await case.venue.fetch_open_orders(BTC)]
    with pytest.raises(OrderNotFound):
        await case.venue.cancel(BTC, "rests")
    found = await case.venue.fetch_order_by_client_id(BTC, "rests")
    assert found is not None
    assert found.status is OrderStatus.CANCELED


@honest
async def test_a_venue_takes_an_order_exactly_where_it_declares_so(case: Case) -> None:
    assert await _accepts_orders(case.venue) == case.venue.takes_orders
    assert case.venue.takes_orders or not case.venue.trades_by_default


async def _accepts_orders(venue: Venue) -> bool:
    try:
        await resting(venue)
    except NotSupported:
        return False
    return True


@pytest.mark.parametrize("case", sorted({*SHIPPED} - {*WITH_ORDERS}), indirect=True)
async def test_a_venue_that_takes_no_orders_refuses_them_by_name(case: Case) -> None:
    assert not case.venue.takes_orders
    order = LimitOrder("c", BTC, Side.BUY, Decimal(1), Decimal(1))
    with pytest.raises(NotSupported, match="takes no orders"):
        await case.venue.submit(order)
    with pytest.raises(NotSupported, match="takes no orders"):
        await case.venue.cancel(BTC, "c")
    assert await case.venue.fetch_open_orders(BTC) == ()
    assert await case.venue.fetch_rules() == {}


@ordered
async def test_every_market_that_takes_orders_has_rules(case: Case) -> None:
    rules = (await case.venue.fetch_rules())[BTC]
    assert min(rules.tick_size, rules.lot_size, rules.min_notional) > 0


@every
async def test_opening_again_and_closing_twice_are_harmless(case: Case) -> None:
    await case.venue.open()
    assert BTC in await patiently(case.venue.fetch_symbols)
    await case.venue.close()
    await case.venue.close()
