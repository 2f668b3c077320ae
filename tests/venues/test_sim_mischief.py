"""What the sim venue does wrong when told to, and that no fill is lost by it."""

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from engine.errors import (
    BadResponse,
    OrderNotFound,
    RateLimited,
    VenueTimeout,
    VenueTransient,
    VenueUnavailable,
)
from engine.venue import LimitOrder, Page, Side
from engine.venues.sim import Mischief, SimSettings, SimVenue
from engine.venues.sim.market import MARKETS

BTC = "BTC/USDT"
PAGE = 10


@asynccontextmanager
async def opened(path: Path | None = None, **mischief: float) -> AsyncIterator[SimVenue]:
    """A venue whose orders all fill as takers at 64,500."""
    settings = SimSettings(fee_currency="quote", mischief=Mischief(**mischief))
    venue = SimVenue(settings, seed=11, page_size=PAGE, path=path)
    await venue.open()
    try:
        yield venue
    finally:
        await venue.close()


def request(name: str, qty: str = "0.0002", price: str = "64500") -> LimitOrder:
    return LimitOrder(name, BTC, Side.BUY, Decimal(qty), Decimal(price))


async def pages(venue: SimVenue, symbol: str = BTC) -> list[Page]:
    return [page async for page in venue.fetch_fills(symbol, 0)]


async def fills(venue: SimVenue, symbol: str = BTC) -> list[dict[str, Any]]:
    return [json.loads(item) for page in await pages(venue, symbol) for item in page.items]


async def pass_time(venue: SimVenue, ms: int) -> None:
    until = await venue.fetch_time() + ms
    while await venue.fetch_time() < until:
        pass


async def make_fills(venue: SimVenue, count: int = 25) -> None:
    for number in range(count):
        order = await venue.submit(request(f"o{number}"))
        assert order.filled == order.qty


async def test_without_mischief_each_fill_is_served_once_and_in_order() -> None:
    async with opened() as venue:
        await make_fills(venue)
        rows = await fills(venue)
    assert [row["clientOrderId"] for row in rows] == [f"o{number}" for number in range(25)]


async def test_duplicate_items_appear_twice_and_again_on_the_next_page() -> None:
    async with opened(duplicate=1) as venue:
        await make_fills(venue)
        served = [[json.loads(item)["id"] for item in page.items] for page in await pages(venue)]
    assert served[0] == [str(number) for number in range(1, 11) for _ in (1, 2)]
    assert served[1][0] == served[0][-1]
    assert set().union(*served) == {str(number) for number in range(1, 26)}


async def test_a_duplicate_is_the_same_text() -> None:
    async with opened(duplicate=1, null_fee=0.5) as venue:
        await make_fills(venue)
        texts = Counter(item for page in await pages(venue) for item in page.items)
    assert len(texts) == 25
    assert min(texts.values()) == 2


async def test_out_of_order_items_are_the_same_items() -> None:
    async with opened(out_of_order=1) as venue:
        await make_fills(venue)
        numbers = [int(row["id"]) for row in await fills(venue)]
    assert numbers != sorted(numbers)
    assert sorted(numbers) == list(range(1, 26))


async def test_a_late_fill_comes_later_with_the_time_at_which_it_happened() -> None:
    async with opened(late=1, late_by_ms=30_000) as venue:
        order = await venue.submit(request("late"))
        assert await fills(venue) == []
        await pass_time(venue, 30_000)
        [row] = await fills(venue)
    assert (row["clientOrderId"], row["timestamp"]) == ("late", order.ts_ms)


async def test_a_fee_may_be_unknown_at_first_and_nothing_else_changes_later() -> None:
    async with opened(null_fee=1, late_by_ms=10_000) as venue:
        await venue.submit(request("fee"))
        [before] = await fills(venue)
        await pass_time(venue, 10_000)
        [after] = await fills(venue)
    assert (before["fee"], before["fees"]) == (None, [])
    assert after["fees"] == [after["fee"]]
    assert Decimal(after["fee"]["cost"]) > 0
    assert {**before, "fee": 0, "fees": 0} == {**after, "fee": 0, "fees": 0}


async def test_a_page_cut_short_fails_the_fetch_instead_of_being_short() -> None:
    async with opened(truncate=1) as venue:
        assert await fills(venue) == []
        await make_fills(venue)
        with pytest.raises(BadResponse, match=r"a page of 10 fills came with [0-9]$"):
            await pages(venue)


async def test_a_fetch_that_is_sometimes_cut_short_succeeds_when_repeated() -> None:
    async with opened(truncate=0.5) as venue:
        await make_fills(venue)
        for _ in range(100):
            try:
                assert len(await fills(venue)) == 25
                return
            except BadResponse:
                continue
    pytest.fail("every fetch was cut short")


async def test_a_burst_fills_an_order_in_many_lots_in_one_millisecond() -> None:
    async with opened(burst=1) as venue:
        order = await venue.submit(request("burst", "0.004"))
        rows = await fills(venue)
    assert len(rows) >= 100
    assert {row["timestamp"] for row in rows} == {order.ts_ms}
    assert Counter(row["amount"] for row in rows)["0.00001"] >= len(rows) - 5
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal("0.004")


async def test_a_submit_that_times_out_was_accepted_half_of_the_time(tmp_path: Path) -> None:
    """Which half, the client id tells."""
    async with opened(tmp_path / "sim", timeout=1) as venue:
        for number in range(60):
            with pytest.raises(VenueTimeout):
                await venue.submit(request(f"o{number}"))
    async with opened(tmp_path / "sim") as venue:
        found = [await venue.fetch_order_by_client_id(BTC, f"o{n}") for n in range(60)]
        assert 15 <= len([order for order in found if order]) <= 45
        names = {row["clientOrderId"] for row in await fills(venue)}
        assert names == {order.client_order_id for order in found if order}


async def test_a_cancel_that_times_out_was_done_half_of_the_time(tmp_path: Path) -> None:
    async with opened(tmp_path / "sim") as venue:
        for number in range(40):
            await venue.submit(request(f"o{number}", price="50000"))
    async with opened(tmp_path / "sim", timeout=1) as venue:
        for number in range(40):
            with pytest.raises(VenueTimeout):
                await venue.cancel(BTC, f"o{number}")
    async with opened(tmp_path / "sim") as venue:
        assert 8 <= len(await venue.fetch_open_orders(BTC)) <= 32


@pytest.mark.parametrize(
    ("mischief", "error"),
    [({"server_error": 1}, VenueUnavailable), ({"rate_limit": 1}, RateLimited)],
)
async def test_a_refused_request_did_nothing_but_take_time(
    tmp_path: Path, mischief: dict[str, float], error: type[VenueTransient]
) -> None:
    async with opened(tmp_path / "sim") as venue:
        before = await venue.fetch_time()
    async with opened(tmp_path / "sim", **mischief) as venue:
        with pytest.raises(error):
            await venue.submit(request("refused"))
        with pytest.raises(error):
            await venue.fetch_time()
    async with opened(tmp_path / "sim") as venue:
        assert await venue.fetch_order_by_client_id(BTC, "refused") is None
        assert await venue.fetch_time() > before + 1_000


async def test_whatever_went_wrong_every_fill_is_served_in_the_end(tmp_path: Path) -> None:
    """With mischief off again, the fills add up to the orders and each is what it was before."""
    everything = dict.fromkeys(Mischief.model_fields, 0.15) | {"late_by_ms": 4_000}
    names: list[tuple[str, str]] = []
    seen: dict[str, dict[str, Any]] = {}
    async with opened(tmp_path / "sim", **everything) as venue:
        for number in range(60):
            for symbol, market in MARKETS.items():
                names.append((symbol, f"{symbol}-{number}"))
                side = Side.BUY if number % 2 else Side.SELL
                price = market.first_price * Decimal(1000 + number % 3 - 1) / 1000
                price = price // market.tick_size * market.tick_size
                order = LimitOrder(names[-1][1], symbol, side, market.qty(300), price)
                await attempt(venue.submit(order))
                if number % 5 == 0:
                    await attempt(venue.cancel(symbol, f"{symbol}-{number - 1}"))
                for row in await attempt(fills(venue, symbol)) or []:
                    seen[row["id"]] = row | {"fee": row["fee"] or seen.get(row["id"], row)["fee"]}
    async with opened(tmp_path / "sim") as venue:
        await pass_time(venue, 10_000)
        served = [row for symbol in MARKETS for row in await fills(venue, symbol)]
        orders = [await venue.fetch_order_by_client_id(*name) for name in names]
    executed: dict[str, Decimal] = defaultdict(Decimal)
    for row in served:
        executed[row["clientOrderId"]] += Decimal(row["amount"])
        before = seen.get(row["id"], row)
        assert before | {"fee": 0, "fees": 0} == row | {"fee": 0, "fees": 0}
        assert before["fee"] in (None, row["fee"])
    assert len({row["id"] for row in served}) == len(served) > 100
    assert executed == {
        order.client_order_id: order.filled for order in orders if order and order.filled
    }


async def attempt(asked: Any) -> Any:
    try:
        return await asked
    except (VenueTransient, OrderNotFound):
        return None


def test_each_mischief_is_described_and_none_is_on_by_default() -> None:
    for name, field in Mischief.model_fields.items():
        assert field.description
        assert name == "late_by_ms" or field.default == 0


@pytest.mark.parametrize("wrong", [{"late": 1.5}, {"burst": -0.1}, {"lat": 0.1}])
def test_a_probability_is_between_0_and_1_and_known(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Mischief(**wrong)
