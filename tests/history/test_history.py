"""The ledger file read back: the same results as were published, and the books as they stand."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine import (
    CycleFilter,
    CycleResult,
    CycleStatus,
    Engine,
    History,
    Kind,
    LedgerSummary,
    NoSuchCycle,
    Settings,
    StoreCorrupt,
    StoreError,
    StoreReplaced,
)
from engine.errors import LedgerMismatch, OrderRejected, SchemaTooNew, VenueError, VenueTimeout
from engine.history.explain import explain
from engine.history.results_reader import ResultsReader
from engine.history.summary import SummaryReader
from engine.history.xray import xray
from engine.ledger.positions import CHECKPOINT_EVENTS
from engine.store.statements import SQL
from tests.builders import (
    BTC,
    ETH,
    T0,
    OpenLedger,
    adds_up,
    fee,
    opened,
    raw,
    reported,
    rows,
    serve,
    settings_in,
)
from tests.fakes import FakeVenue
from tests.test_cost import full_scans

MISCHIEF = {
    "duplicate": 0.3, "out_of_order": 0.5, "late": 0.3, "null_fee": 0.3, "late_by_ms": 3_000,
    "truncate": 0.2, "timeout": 0.05, "server_error": 0.05, "burst": 0.02,
}  # fmt: skip
BROKEN = (
    "CREATE TRIGGER broken BEFORE INSERT ON {} BEGIN SELECT raise(ABORT, 'disk full'); END",
    "DROP TRIGGER broken",
)


@asynccontextmanager
async def looking(path: Path, account: str = "main") -> AsyncIterator[History]:
    history = await History.open(path, account)
    try:
        yield history
    finally:
        await history.close()


@pytest.fixture
def venue() -> FakeVenue:
    return FakeVenue(
        [
            reported("1", ts=1_000, fees=[fee("1")]),
            reported("2", "sell", "0.5", "120", 2_000, fees=[fee("0.1", "BNB")]),
            reported("3", ts=1_500, symbol=ETH),
        ],
        marks={BTC: "100", ETH: "10"},
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, strategy="ladder", ladder={"order_notional": "100"})


def change(path: Path, *statements: str) -> None:
    with opened(path) as ledger:
        for statement in statements:
            ledger.execute(statement)


# --- results


def without_tx2(result: CycleResult) -> CycleResult:
    kept = {step: ms for step, ms in result.timings_ms.items() if step != "tx2"}
    return result.model_copy(update={"timings_ms": kept})


async def check_published(history: History, published: Iterable[CycleResult]) -> None:
    """Read back, each result equals the published one, but for what the file does not keep."""
    for result in published:
        assert adds_up(result)
        found = await history.result(result.cycle_id)
        expected = without_tx2(result)
        if not result.committed:
            assert result.positions == {}
            books = {"positions": found.positions, "balances": found.balances}
            expected = expected.model_copy(update=books)
        assert found == expected
    listed = await history.results(1_000)
    assert [r.cycle_id for r in listed] == sorted((r.cycle_id for r in published), reverse=True)
    whole = await history.results(1_000, with_positions=True)
    assert whole == [await history.result(r.cycle_id) for r in listed]
    for result in published:
        (found,) = (r for r in listed if r.cycle_id == result.cycle_id)
        assert found == without_tx2(result).model_copy(update={"positions": {}, "balances": {}})


async def test_cycles_at_a_venue_at_its_worst_are_read_back_as_they_were_published(
    tmp_path: Path,
) -> None:
    worst = settings_in(tmp_path, sim={"mischief": MISCHIEF}, seed=5, retry_attempts=1)
    published: list[CycleResult] = []
    async with Engine(worst) as engine:
        await engine.run(20, published.append)
        published.append(await engine.replay(7))
        published.append(await engine.cycle(Kind.RECONCILE))
    assert {result.status for result in published} >= {CycleStatus.OK, CycleStatus.PARTIAL}
    assert sum(result.orders_submitted for result in published) > 0
    async with looking(worst.db) as history:
        await check_published(history, published)


async def test_recorded_fills_are_read_back_as_they_were_published(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1"), "garbage", reported("2", ts=2_000)])
    found = settings_in(tmp_path, path, account="A [/] 1")
    async with Engine(found) as engine:
        published = [await engine.cycle()]
        serve(path, [reported("1", price="7"), reported("0", "sell", "9", ts=500)])
        published.append(await engine.cycle())
    assert [result.status for result in published] == [CycleStatus.HELD, CycleStatus.HELD]
    assert published[1].ledger_events_conflicting == 1
    assert published[1].positions[BTC].oversold
    async with looking(found.db, "A [/] 1") as history:
        await check_published(history, published)


async def test_cycles_that_went_wrong_are_read_back_as_they_were_published(
    settings: Settings, venue: FakeVenue
) -> None:
    published = []
    async with Engine(settings, venue=venue) as engine:

        async def cycle(**failing: Exception) -> None:
            venue.failing = {name.replace("_eth", ETH): error for name, error in failing.items()}
            published.append(await engine.cycle())
            venue.failing = {}

        await cycle()
        await cycle(_eth=VenueTimeout("no answer"))
        await cycle(fetch_fills=VenueError("none at all"))
        await cycle(fetch_time=VenueError("no clock"))
        await cycle(fetch_marks=VenueError("no marks"))
        venue.marks[BTC] += 50
        await cycle(submit=OrderRejected("too small"))
        venue.marks[BTC] += 50
        await cycle(cancel=VenueTimeout("no answer"))
        change(settings.db, BROKEN[0].format("applied_fills"))
        venue.reports.append(reported("9", ts=9_000))
        await cycle()
        change(settings.db, BROKEN[1])
        published.append(await engine.replay(8))
        change(settings.db, BROKEN[0].format("cycle_inputs"))
        await cycle()
        change(settings.db, BROKEN[1])
        engine.settings.kill_switch_file.touch()
        venue.marks[BTC] += 500
        await cycle()
    assert {result.status for result in published} == {
        CycleStatus.OK,
        CycleStatus.PARTIAL,
        CycleStatus.FAILED,
    }
    assert sum(result.rejects_count for result in published) > 0
    assert sum(result.orders_canceled for result in published) > 0
    assert published[-1].orders_refused > 0
    async with looking(settings.db) as history:
        await check_published(history, published)


async def test_metrics_that_were_lost_are_missing_until_they_were_made_up_for(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine, looking(settings.db) as history:
        first = await engine.cycle()
        change(settings.db, BROKEN[0].format("cycle_metrics"))
        lost = await engine.cycle()
        change(settings.db, BROKEN[1])
        assert [r.cycle_id for r in await history.results(5)] == [1]
        running = await history.result(2)
        assert (running.status, running.committed) == (CycleStatus.RUNNING, False)
        assert running.positions == lost.positions
        await engine.cycle()
        found = await history.result(2)
    assert not lost.metrics_persisted
    assert found.metrics_persisted
    assert found.fills_per_submitted_order == (0 if lost.orders_submitted else None)
    metrics = ("metrics_persisted", "fills_per_submitted_order", "slippage_bps_avg", "timings_ms")
    leave_out = dict.fromkeys(metrics, None)
    assert found.model_copy(update=leave_out) == lost.model_copy(update=leave_out)
    assert found.warnings == lost.warnings != first.warnings


async def test_without_a_metrics_row_the_orders_are_counted_all_the_same(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        published = await engine.cycle()
    change(settings.db, "DELETE FROM cycle_metrics")
    async with looking(settings.db) as history:
        found = await history.result(1)
    assert found.orders_submitted == published.orders_submitted > 0
    assert (found.metrics_persisted, found.fills_per_submitted_order) == (False, None)


async def test_a_cycle_whose_own_row_is_lost_is_still_there_by_its_commit(
    settings: Settings, venue: FakeVenue
) -> None:
    published = []
    async with Engine(settings, venue=venue) as engine:
        for number in range(5):
            venue.reports.append(reported(f"more{number}", ts=10_000 + number))
            published.append(await engine.cycle())
    change(settings.db, "DELETE FROM cycles WHERE cycle_id IN (2, 4, 5)")
    async with looking(settings.db) as history:
        found = await history.results(10)
        assert [r.cycle_id for r in found] == [5, 4, 3, 2, 1]
        assert [r.cycle_id for r in await history.results(2, before=5)] == [4, 3]
        assert [r.cycle_id for r in await history.results(1, before=3)] == [2]
        unrecorded = await history.result(4)
        for only, ids in (
            (CycleFilter(text="NOT recorded"), [5, 4, 2]),
            (CycleFilter(trouble=True), [5, 4, 2]),
            (CycleFilter(statuses=("partial",)), [5, 4, 2]),
            (CycleFilter(statuses=("ok",)), [3, 1]),
            (CycleFilter(kinds=("replay",)), []),
        ):
            assert [r.cycle_id for r in await history.results(10, only=only)] == ids
    assert (unrecorded.status, unrecorded.kind) == (CycleStatus.PARTIAL, Kind.LIVE)
    assert [error.type for error in unrecorded.errors] == ["Unrecorded"]
    names = ("commit_seq", "ledger_events_ignored", "cursors", "positions_digest", "mode")
    for name in names:
        assert getattr(unrecorded, name) == getattr(published[3], name)


async def test_what_was_left_running_shows_how_it_ended_once_it_cannot_run_any_more(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        for number in range(3):
            venue.reports.append(reported(f"more{number}", ts=10_000 + number))
            await engine.cycle()
    change(
        settings.db,
        "UPDATE cycles SET status = 'running' WHERE cycle_id > 1",
        "DELETE FROM ledger_commits WHERE cycle_id = 2",
    )
    async with looking(settings.db) as history:
        found = {r.cycle_id: r for r in await history.results(5)}
        assert {number: r.status for number, r in found.items()} == {
            1: CycleStatus.OK, 2: CycleStatus.INTERRUPTED, 3: CycleStatus.PARTIAL,
        }  # fmt: skip
        assert [error.type for error in found[3].errors] == ["Unrecorded"]
        change(settings.db, "UPDATE lease SET holder = 'host:1'")
        assert [r.cycle_id for r in await history.results(5)] == [2, 1]
        named = CycleFilter(statuses=("running",))
        assert [r.cycle_id for r in await history.results(5, only=named)] == [3]
        assert (await history.result(3)).status is CycleStatus.RUNNING


@pytest.mark.parametrize("number", [0, 9, -1, 10**30])
async def test_a_cycle_that_is_not_there_is_named(
    settings: Settings, venue: FakeVenue, number: int
) -> None:
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
    async with looking(settings.db) as history:
        with pytest.raises(NoSuchCycle, match=f"no cycle {number}$"):
            await history.result(number)


# --- filters and pages


async def many(settings: Settings, venue: FakeVenue, count: int = 12) -> list[CycleResult]:
    """Cycles of which every third fails, each with a message of its own."""
    async with Engine(settings, venue=venue) as engine:
        results = []
        for number in range(1, count + 1):
            if number % 3 == 0:
                venue.failing["fetch_time"] = VenueError(f'100% "ünwell" \\ no_{number}')
            results.append(await engine.cycle())
            venue.failing = {}
        results.append(await engine.replay(1))
    return results


FILTERS: list[tuple[CycleFilter | None, Callable[[CycleResult], object]]] = [
    (None, lambda r: True),
    (CycleFilter(statuses=("failed",)), lambda r: r.status is CycleStatus.FAILED),
    (CycleFilter(kinds=("replay",)), lambda r: r.kind is Kind.REPLAY),
    (
        CycleFilter(trouble=True),
        lambda r: r.errors or r.warnings or r.ledger_events_conflicting or not r.committed,
    ),
    (CycleFilter(kinds=("live",), statuses=("ok", "partial")), lambda r: r.committed
     and r.kind is Kind.LIVE),
    (CycleFilter(text="NO_1"), lambda r: any("no_1" in e.message for e in r.errors)),
]  # fmt: skip


async def test_pages_follow_each_other_without_a_gap_whatever_the_filter(
    settings: Settings, venue: FakeVenue
) -> None:
    published = await many(settings, venue)
    async with looking(settings.db) as history:
        for only, keeps in FILTERS:
            expected = [r.cycle_id for r in reversed(published) if keeps(r)]
            found: list[int] = []
            while page := await history.results(2, before=found[-1] if found else None, only=only):
                found += [result.cycle_id for result in page]
            assert found == expected != []


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("100%", [3, 6, 9, 12]), ("%", [3, 6, 9, 12]), ("1_0", []), ("no_6", [6]), ("NO_6", [6]),
        ("ünwell", [3, 6, 9, 12]), ('"ünwell" \\', [3, 6, 9, 12]), ("VenueError", [3, 6, 9, 12]),
        ("message", []), ("null", []), (chr(0xD800), []), ("x" * 100_000, []), ("'; --", []),
    ],
)  # fmt: skip
async def test_text_is_found_as_it_was_written_and_nowhere_else(
    settings: Settings, venue: FakeVenue, text: str, ids: list[int]
) -> None:
    await many(settings, venue)
    async with looking(settings.db) as history:
        found = await history.results(50, only=CycleFilter(text=text))
    assert sorted(result.cycle_id for result in found) == ids


@pytest.mark.parametrize(("limit", "before"), [(0, None), (-1, None), (5, 0), (5, -(10**30))])
async def test_a_page_of_nothing_is_empty(
    settings: Settings, venue: FakeVenue, limit: int, before: int | None
) -> None:
    await many(settings, venue, 3)
    async with looking(settings.db) as history:
        assert list(await history.results(limit, before)) == []
        assert len(await history.results(9, 10**30)) == 4


# --- the books


async def test_cursors_after_a_cycle_are_all_of_them_also_where_it_moved_none(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        results = [await engine.cycle()]
        venue.failing = {BTC: VenueError("503")}
        results.append(await engine.cycle())
        assert len(results[-1].cursors) == 1
        venue.failing |= {ETH: VenueError("503")}
        results.append(await engine.cycle())
    async with looking(settings.db) as history:
        stood: dict[str, int] = {}
        for result in results:
            stood |= {key: moved.after for key, moved in result.cursors.items()}
            assert len(stood) == 2
            assert await history.cursors(result.cycle_id) == stood
        assert await history.cursors(0) == {}
        assert await history.cursors(2**63 - 1) == stood


async def test_the_books_say_how_things_stand(settings: Settings, venue: FakeVenue) -> None:
    venue.reports += [reported("1", price="7"), {"id": None, "symbol": ETH, "timestamp": T0 + 5}]
    async with Engine(settings, venue=venue) as engine, looking(settings.db) as history:
        first = await engine.cycle()
        venue.failing["fetch_time"] = VenueError("no clock")
        await engine.cycle()
        books = await history.books()
        with opened(settings.db) as ledger:
            assert books.events == rows(ledger, "SELECT count(*) FROM ledger_events")[0] == 3
            assert books.fills == rows(ledger, "SELECT count(*) FROM applied_fills")[0] == 2
            assert books.ledger["venue"] == "fake"
            assert books.lease_epoch == rows(ledger, "SELECT epoch FROM lease")[0]
    assert (books.last_cycle_id, books.last_commit_seq, books.schema_version) == (2, 1, 9)
    assert (books.sqlite_version, books.journal_mode) == (sqlite3.sqlite_version, "wal")
    assert books.lease_holder is not None
    assert books.lease_heartbeat_ms == books.lease_acquired_ms
    assert books.positions == first.positions
    assert {c.key: c.value_ms for c in books.cursors} == {
        key: move.after for key, move in first.cursors.items()
    }
    btc, eth = books.cursors
    assert (btc.symbol, btc.held, eth.held, btc.start_ms) == (BTC, False, True, 0)
    assert (btc.moved_cycle_id, btc.moved_ms) == (1, first.started_ms)
    assert books.counts == {
        "conflicts": 2,
        "quarantine_open": 1,
        "orders_unknown": 0,
        "orders_open": first.orders_submitted,
    } | {f"cycles_{status}": int(status in ("failed", "held")) for status in CycleStatus}
    assert books.errors == (
        ("VenueError", 1),
        ("clash_open", 1),
        ("cursor_held", 1),
        ("ledger_conflict", 1),
        ("oversold", 1),
    )
    assert books.wal_bytes > 0


async def test_sizes_are_those_of_the_file_and_nobody_holds_it(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
    async with looking(settings.db) as history:
        books = await history.books()
        assert books.database_bytes == settings.db.stat().st_size
        assert (books.lease_holder, books.lease_heartbeat_ms) == (None, None)
        free = books.free_bytes
        change(settings.db, "DROP TABLE input_items")
        assert free < (await history.books()).free_bytes < books.database_bytes


async def test_an_order_without_an_answer_is_counted_as_unknown(
    settings: Settings, venue: FakeVenue
) -> None:
    venue.silent = VenueTimeout("no answer")
    async with Engine(settings, venue=venue) as engine:
        result = await engine.cycle()
    async with looking(settings.db) as history:
        counts = (await history.books()).counts
    assert counts["orders_unknown"] == result.orders_submitted > 0
    assert counts["orders_open"] == 0


async def test_errors_come_with_how_often_they_occurred_the_most_frequent_first(
    settings: Settings, venue: FakeVenue
) -> None:
    venue.reports += [reported("1", price="7"), {"id": None, "symbol": ETH, "timestamp": T0 + 5}]
    await many(settings, venue)
    async with looking(settings.db) as history:
        errors = (await history.books()).errors
    assert [count for _, count in errors] == sorted((c for _, c in errors), reverse=True)
    assert dict(errors) == {
        "VenueError": 4, "ledger_conflict": 9, "clash_open": 9, "cursor_held": 9, "oversold": 1,
    }  # fmt: skip


async def test_fills_are_counted_once_and_then_only_what_came_since(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine, looking(settings.db) as history:
        await engine.cycle()
        assert (await history.books()).fills == 3
        venue.reports += [reported(str(n), ts=9_000 + n) for n in range(100, 150)]
        await engine.cycle()
        assert (await history.books()).fills == 53
        with opened(settings.db) as ledger:
            earlier = SummaryReader(ledger).summary(0)
            statements: list[str] = []
            ledger.set_trace_callback(statements.append)
            assert SummaryReader(ledger).summary(0, earlier) == earlier
    assert SQL["history_fills"] not in statements
    assert statements


async def test_marks_are_those_of_the_newest_cycle_that_had_any(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine, looking(settings.db) as history:
        venue.marks[BTC] += 1
        await engine.cycle()
        await engine.replay(1)
        assert (await history.books()).positions[BTC].mark == "101"


# --- news, and files that are not what they were


async def test_news_are_equal_until_something_happened(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine, looking(settings.db) as history:
        await engine.cycle()
        before = await history.news()
        await history.books()
        await history.results(5)
        await history.result(1)
        assert await history.news() == before
        await engine.cycle()
        after = await history.news()
    assert after[0] != before[0]
    assert (before[1], after[1]) == (1, 2)


async def test_a_file_that_was_replaced_or_removed_is_noticed(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
    copy = Path(shutil.copy(settings.db, settings.db.with_suffix(".copy")))
    async with looking(settings.db) as history:
        await history.news()
        for happens in (lambda: copy.replace(settings.db), settings.db.unlink):
            happens()
            for reads in (
                history.news(), history.books(), history.results(1), history.result(1),
                history.xray(1), history.explain(1, BTC),
            ):  # fmt: skip
                with pytest.raises(StoreReplaced, match="removed or replaced"):
                    await reads


async def test_no_ledger_is_said_and_none_is_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    with pytest.raises(StoreError, match="there is no ledger at"):
        await History.open(path)
    assert list(tmp_path.iterdir()) == []


async def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(StoreError, match="is empty: no engine"):
        await History.open(path)
    assert path.stat().st_size == 0


async def test_other_files_are_refused_by_what_they_are(
    settings: Settings, venue: FakeVenue, tmp_path: Path
) -> None:
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
    copies = [shutil.copy(settings.db, tmp_path / f"{n}.db") for n in range(3)]
    newer, older, foreign = map(Path, copies)
    change(newer, "INSERT INTO schema_migrations VALUES (99, 'new', 1)")
    change(older, "DELETE FROM schema_migrations WHERE version > 1")
    change(foreign, "DROP TABLE schema_migrations")
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"no database at all " * 100)
    for path, kind, said in (
        (newer, SchemaTooNew, "has schema 99"),
        (older, StoreError, "brings it up to date"),
        (foreign, LedgerMismatch, "another program"),
        (garbage, StoreCorrupt, "not a database"),
        (tmp_path, StoreError, "error|open"),
    ):
        with pytest.raises(kind, match=said):
            await History.open(path)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE cycles SET errors_json = '7'",
        "UPDATE cycles SET warnings_json = '[{}]'",
        "UPDATE cycles SET timings_json = '{'",
        "UPDATE cycles SET kind = 'live', status = 'odd'",
        "UPDATE cycles SET marks_json = '[]'",
        "UPDATE ledger_commits SET cursors_json = '[[]]'",
        "UPDATE position_history SET qty = 'much'",
        "UPDATE cycle_inputs SET pages_json = '{'",
        "UPDATE ledger_identity SET value = 'odd' WHERE key = 'trade_ids'",
        "UPDATE cycle_metrics SET fees_json = '7'",
        "UPDATE ledger_events SET meta_json = '7'",
        "UPDATE ledger_events SET symbol = CAST(x'ff' AS TEXT)",
    ],
)
async def test_a_damaged_row_is_an_error_of_the_store_and_no_traceback(
    settings: Settings, venue: FakeVenue, damage: str
) -> None:
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        venue.reports += [reported("1", price="7"), reported("0", ts=500)]
        await engine.cycle()
    change(settings.db, damage)
    failed = 0
    async with looking(settings.db) as history:
        for read in (
            history.books(), history.results(5), history.result(2), history.xray(2),
            history.explain(2, BTC),
        ):  # fmt: skip
            try:
                await read
            except StoreError as error:
                assert str(settings.db) in str(error)  # noqa: PT017 - not all of them fail
                failed += 1
        await history.news()
    assert failed


async def test_looking_writes_nothing_and_holds_nothing_up(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
    before = settings.db.read_bytes()
    async with looking(settings.db) as history:
        await look_at_everything(history)
        for store in (history._short, history._long):
            assert await store.look(lambda tx: raw(tx).total_changes) == 0
            assert not await store.look(lambda tx: raw(tx).in_transaction)
    assert settings.db.read_bytes() == before
    async with Engine(settings, venue=venue) as engine, looking(settings.db) as history:
        looks = [asyncio.create_task(look_at_everything(history)) for _ in range(5)]
        assert (await engine.cycle()).committed
        await asyncio.gather(*looks)


async def look_at_everything(history: History) -> LedgerSummary:
    await history.news()
    for result in await history.results(5):
        await history.result(result.cycle_id)
        await history.xray(result.cycle_id)
        await history.explain(result.cycle_id, BTC)
    return await history.books()


# --- the cost


async def long_ledger(folder: Path) -> Path:
    """A ledger with some of everything, on which plans are asked for."""
    venue = FakeVenue(
        [reported(str(n), ts=n * 10) for n in range(2 * CHECKPOINT_EVENTS)], marks={BTC: "100"}
    )
    settings = settings_in(folder, strategy="ladder", ladder={"order_notional": "100"})
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        venue.reports += [reported("late", ts=5, fees=[fee("1")]), reported("1", ts=10, price="7")]
        await engine.cycle()
        venue.failing["fetch_time"] = VenueError("no clock")
        await engine.cycle()
        await engine.replay(1)
    return settings.db


async def test_no_look_reads_a_whole_table_that_grows_but_to_count_the_fills(
    tmp_path: Path,
) -> None:
    statements: list[str] = []
    with opened(await long_ledger(tmp_path)) as ledger:
        ledger.set_trace_callback(statements.append)
        earlier = SummaryReader(ledger).summary(0)
        SummaryReader(ledger).summary(0, earlier)
        ResultsReader(ledger).results(50)
        only = CycleFilter(kinds=("live",), statuses=("ok",), trouble=True, text="clock")
        ResultsReader(ledger).results(50, 4, only)
        for cycle_id in (1, 2, 3, 4):
            ResultsReader(ledger).result(cycle_id)
            xray(ledger, cycle_id)
        for cycle_id in (1, 2, 4):
            explain(ledger, cycle_id, BTC)
        ledger.set_trace_callback(None)
        seen = [text for text in dict.fromkeys(statements) if text.startswith("SELECT")]
        scans = {text for text in seen if full_scans(ledger, text)}
        plans = {
            text: " ".join(row[-1] for row in ledger.execute(f"EXPLAIN QUERY PLAN {text}"))
            for text in seen
        }
    assert len(seen) > 40
    assert scans == {SQL["history_fills"]}
    sorting = [text for text, plan in plans.items() if "TEMP B-TREE FOR ORDER BY" in plan]
    assert all("cycle_inputs" in text or "FROM orders" in text for text in sorting)


def with_cycles(path: Path, count: int) -> None:
    """Add that many cycles, each with a warning."""
    warnings = json.dumps([{"step": "tx1", "type": "oversold", "message": "m"}])
    with opened(path) as ledger:
        last = rows(ledger, "SELECT max(cycle_id) FROM cycles")[0]
        ledger.execute("BEGIN")
        ledger.executemany(
            "INSERT INTO cycles SELECT ?, kind, 'ok', NULL, NULL, mode, started_ms, venue_ms,"
            " ended_ms, marks_json, timings_json, 10, 0, '[]', ?, edge, 'nothing', 10, 0, 10, 0,"
            " NULL FROM cycles WHERE cycle_id = 1",
            [(number, warnings) for number in range(last + 1, last + 1 + count)],
        )
        ledger.execute("COMMIT")


def work_of(path: Path, look: Callable[[OpenLedger], object]) -> int:
    """How much SQLite does for a look, in hundreds of its own instructions."""
    ticks: list[None] = []
    with opened(path) as ledger:
        ledger.set_progress_handler(lambda: ticks.append(None), 100)
        look(ledger)
    return len(ticks)


async def test_a_page_of_cycles_costs_the_same_on_a_long_history(tmp_path: Path) -> None:
    path = await long_ledger(tmp_path)

    def newest(ledger: OpenLedger) -> None:
        assert len(ResultsReader(ledger).results(50)) == 50

    with_cycles(path, 200)
    short = work_of(path, newest)
    with_cycles(path, 20_000)
    assert short > 0
    assert work_of(path, newest) <= short + 1
    assert work_of(path, lambda ledger: ResultsReader(ledger).results(50, 100)) <= short + 1


async def test_the_books_cost_the_same_on_a_long_history(tmp_path: Path) -> None:
    path = await long_ledger(tmp_path)
    with_cycles(path, 1_000)
    with opened(path) as ledger:
        earlier = SummaryReader(ledger).summary(0)
    short = work_of(path, lambda ledger: SummaryReader(ledger).summary(0, earlier))
    with_cycles(path, 20_000)
    # The growth's day is looked for by halves: a few steps more.
    assert work_of(path, lambda ledger: SummaryReader(ledger).summary(0, earlier)) <= short + 3
