"""The exchange outlives the process that asks it, and answers the same way each time."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.errors import VenueError, VenueTransient, VenueUnavailable
from engine.venue import LimitOrder, Side, TradeIds
from engine.venues.sim import Mischief, SimSettings, SimVenue
from engine.venues.sim import file as state_file
from engine.venues.sim.market import MARKETS

REPOSITORY = Path(__file__).parents[2]
BTC = "BTC/USDT"
EVERYTHING = Mischief(
    duplicate=0.2,
    out_of_order=0.3,
    late=0.3,
    null_fee=0.3,
    truncate=0.1,
    burst=0.05,
    timeout=0.1,
    server_error=0.1,
    rate_limit=0.1,
)


@asynccontextmanager
async def opened(
    path: Path | None, seed: int = 7, mischief: Mischief | None = None, **settings: Any
) -> AsyncIterator[SimVenue]:
    chosen = SimSettings(mischief=mischief or Mischief(), **settings)
    venue = SimVenue(chosen, seed, page_size=20, path=path)
    await venue.open()
    try:
        yield venue
    finally:
        await venue.close()


def request(name: str, price: Decimal = Decimal(60_000), side: Side = Side.BUY) -> LimitOrder:
    return LimitOrder(name, BTC, side, Decimal("0.01"), price)


async def said(venue: SimVenue, method: str, *values: Any) -> str:
    """What the venue answered, an error as well."""
    try:
        return repr(await getattr(venue, method)(*values))
    except VenueError as error:
        return repr(error)


async def pages(venue: SimVenue, symbol: str) -> str:
    try:
        return repr([page async for page in venue.fetch_fills(symbol, 0)])
    except VenueError as error:
        return repr(error)


async def cycle(venue: SimVenue, number: int) -> list[str]:
    """Everything that can be asked of a venue, and all it answered."""
    answers = [await said(venue, "fetch_time")]
    for symbol, market in MARKETS.items():
        for side, factor in ((Side.BUY, "0.9995"), (Side.SELL, "1.0005"), (Side.BUY, "1.002")):
            price = market.first_price * Decimal(factor) // market.tick_size * market.tick_size
            name = f"{symbol}-{side}-{factor}-{number}"
            order = LimitOrder(name, symbol, side, market.qty(900), price)
            answers.append(await said(venue, "submit", order))
        answers.append(await said(venue, "cancel", symbol, f"{symbol}-buy-0.9995-{number - 1}"))
        answers.append(await said(venue, "fetch_open_orders", symbol))
        answers.append(await said(venue, "fetch_order_by_client_id", symbol, name))
        answers.append(await pages(venue, symbol))
    answers.append(await said(venue, "fetch_marks", list(MARKETS)))
    answers.append(await said(venue, "fetch_balances"))
    return answers


# --- determinism


@pytest.mark.parametrize("latency_ms", [100, 0])
@pytest.mark.parametrize("mischief", [Mischief(), EVERYTHING], ids=["none", "everything"])
async def test_the_same_seed_and_requests_give_the_same_answers_across_restarts(
    tmp_path: Path, mischief: Mischief, latency_ms: int
) -> None:
    async with opened(None, mischief=mischief, latency_ms=latency_ms) as venue:
        through = [await cycle(venue, number) for number in range(6)]
    restarted = []
    for number in range(6):
        async with opened(tmp_path / "sim", mischief=mischief, latency_ms=latency_ms) as venue:
            restarted.append(await cycle(venue, number))
    assert restarted == through


async def test_another_seed_gives_other_answers() -> None:
    async with opened(None, seed=1) as one, opened(None, seed=2) as two:
        assert await cycle(one, 0) != await cycle(two, 0)


def test_answers_do_not_depend_on_the_process() -> None:
    """Neither on its hash seed nor on anything else of it."""
    script = (
        "import asyncio, hashlib, test_sim_state as t\n"
        "async def main():\n"
        "    async with t.opened(None, mischief=t.EVERYTHING) as venue:\n"
        "        return [await t.cycle(venue, number) for number in range(3)]\n"
        "print(hashlib.sha256(repr(asyncio.run(main())).encode()).hexdigest())"
    )
    digests = {run_python(script, PYTHONHASHSEED=seed).stdout for seed in ("1", "2")}
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


def run_python(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join((str(REPOSITORY), str(Path(__file__).parent)))
    environment = {**os.environ, "PYTHONPATH": paths, **environment}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


# --- durability


async def test_an_order_is_known_after_the_process_was_killed_before_it_heard_so(
    tmp_path: Path,
) -> None:
    script = (
        "import asyncio, os, signal, test_sim_state as t\n"
        "from engine.venues.sim.exchange import Exchange\n"
        "answer = Exchange._ask\n"
        "def killed(*values):\n"
        "    answer(*values)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "async def main():\n"
        f"    async with t.opened({str(tmp_path / 'sim')!r}) as venue:\n"
        "        Exchange._ask = killed\n"
        "        await venue.submit(t.request('lost'))\n"
        "asyncio.run(main())"
    )
    assert run_python(script).returncode == -signal.SIGKILL
    async with opened(tmp_path / "sim") as venue:
        order = await venue.fetch_order_by_client_id(BTC, "lost")
        assert order is not None
        assert await venue.fetch_open_orders(BTC) == (order,)


async def test_a_request_that_could_not_be_committed_never_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "sim") as venue, opened(None) as undisturbed:
        with monkeypatch.context() as patch:
            patch.setattr(state_file.StateFile, "save", raising)
            with pytest.raises(VenueError, match="disk I/O error"):
                await venue.submit(request("never", Decimal(65_000)))
        assert await cycle(venue, 0) == await cycle(undisturbed, 0)


async def test_a_request_that_failed_leaves_no_trace_when_another_process_went_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "sim") as venue, opened(tmp_path / "sim") as other:
        with monkeypatch.context() as patch:
            patch.setattr(state_file.StateFile, "save", raising)
            with pytest.raises(VenueError, match="disk I/O error"):
                await venue.submit(request("never", Decimal(65_000)))
        await other.fetch_balances()
        async with opened(None) as undisturbed:
            await undisturbed.fetch_balances()
            assert await cycle(venue, 0) == await cycle(undisturbed, 0)


def raising(*_: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


async def test_a_process_that_was_stopped_goes_on_from_what_another_one_left(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "sim") as stopped, opened(tmp_path / "sim") as other:
        first = await stopped.submit(request("first"))
        second = await other.submit(request("second"))
        await other.cancel(BTC, "first")
        third = await stopped.submit(request("third"))
        assert await stopped.fetch_open_orders(BTC) == (second, third)
        assert first.ts_ms < second.ts_ms < third.ts_ms


async def test_another_writer_is_waited_for_and_then_reported_as_transient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "LOCK_TIMEOUT_S", 0.05)
    async with opened(tmp_path / "sim") as venue:
        other = sqlite3.connect(tmp_path / "sim", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(VenueUnavailable, match="locked"):
            await venue.fetch_time()
        other.execute("ROLLBACK")
        other.close()
        assert await venue.fetch_time()


async def test_fills_are_read_by_key_however_many_there_are(tmp_path: Path) -> None:
    async with opened(tmp_path / "sim"):
        pass
    connection = sqlite3.connect(tmp_path / "sim")
    plan = "EXPLAIN QUERY PLAN " + state_file.SQL["page_of_trades"]
    page = {"symbol": BTC, "ts": 0, "number": 0, "as_of_ms": 0, "limit": 10}
    [step] = connection.execute(plan, page).fetchall()
    connection.close()
    assert "USING INDEX trades_by_time (symbol=? AND ts>?)" in step[-1]


# --- files that cannot be used


async def test_a_file_started_with_another_seed_is_refused_with_the_seed_it_has(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path / "sim", seed=7):
        pass
    with pytest.raises(VenueError, match=r"sim was started with seed 7, not 8: use seed 7, or"):
        async with opened(tmp_path / "sim", seed=8):
            pass


async def test_a_file_that_numbers_trades_otherwise_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path / "sim"):
        pass
    with pytest.raises(VenueError, match="started with trade_ids 'account', not 'market'"):
        async with opened(tmp_path / "sim", trade_ids=TradeIds.MARKET):
            pass


async def test_other_settings_may_change_between_runs(tmp_path: Path) -> None:
    async with opened(tmp_path / "sim"):
        pass
    async with opened(tmp_path / "sim", mischief=EVERYTHING, latency_ms=5, maker_fee=0):
        pass


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)


def foreign(path: Path) -> None:
    run_sql(path, "CREATE TABLE ledger_events (seq)")


def newer(path: Path) -> None:
    run_sql(
        path, "CREATE TABLE exchange (id)", f"PRAGMA application_id={state_file.APPLICATION_ID}"
    )
    run_sql(path, "PRAGMA user_version=99")


def run_sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (garbage, "file is not a database"),
        (foreign, "it is a database, but not one of the sim venue"),
        (newer, "it has version 99, this program reads 1"),
        (Path.mkdir, "unable to open database file"),
    ],
)
async def test_a_file_that_is_something_else_is_refused_and_left_as_it_is(
    tmp_path: Path, prepare: Any, reason: str
) -> None:
    path = tmp_path / "sim"
    prepare(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(VenueError, match=f"sim cannot be used: {reason}; accepted is") as caught:
        async with opened(path):
            pass
    assert not isinstance(caught.value, VenueTransient)
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE markets SET book = 'x'",
        "UPDATE markets SET book = '[[1]]'",
        "DELETE FROM markets",
        "DELETE FROM exchange",
        'UPDATE exchange SET balances = \'{"BTC": "much"}\'',
    ],
)
async def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    async with opened(tmp_path / "sim"):
        pass
    run_sql(tmp_path / "sim", damage)
    with pytest.raises(VenueError, match="sim cannot be used: it is damaged"):
        async with opened(tmp_path / "sim"):
            pass
