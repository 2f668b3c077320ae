"""The process: fenced, ended, and left without an answer to COMMIT."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Settings
from engine.cycles.results import CycleResult, CycleStatus, Verdict
from engine.errors import EngineClosing, LeaseHeld, LeaseLost, StoreLocked
from engine.trading.strategies import Intent, Snapshot
from engine.venue import LimitOrder, VenueOrder
from tests.builders import (
    BTC,
    cycles,
    finished,
    opened,
    reported,
    rows,
    serve,
    settings_in,
    started,
    verified,
)
from tests.cases import mostly_long
from tests.fakes import FakeVenue
from tests.faults.injection import Statements, Tx1, io_error
from tests.faults.scenarios import books, health
from tests.faults.trading import FILLS, trading, two_orders


def take_over(ledger: Path) -> None:
    with opened(ledger) as connection:
        connection.execute("UPDATE lease SET epoch = epoch + 1, holder = 'elsewhere:1'")


# --- fencing


async def test_an_engine_that_lost_its_lease_before_ordering_sends_nothing(tmp_path: Path) -> None:
    """FAULTS 3, between TX 1 and the orders."""
    settings, venue = settings_in(tmp_path), trading()

    def strategy(snapshot: Snapshot) -> Sequence[Intent]:
        take_over(settings.db)
        return two_orders(snapshot)

    async with Engine(settings, venue=venue, strategy=strategy) as engine:
        result = await engine.cycle()
        assert venue.sent == []
        assert result.committed
        assert result.status is CycleStatus.PARTIAL
        assert isinstance(engine.fatal, LeaseLost)


async def test_an_engine_that_lost_its_lease_between_two_orders_sends_no_more(
    tmp_path: Path,
) -> None:
    """FAULTS 3: the lease is checked before each order."""
    settings = settings_in(tmp_path)

    class Slow(FakeVenue):
        async def submit(self, order: LimitOrder) -> VenueOrder:
            take_over(settings.db)
            return await super().submit(order)

    venue = Slow(FILLS, marks={BTC: "100"})
    async with Engine(settings, venue=venue, strategy=two_orders) as engine:
        result = await engine.cycle()
    assert len(venue.sent) == 1
    assert result.orders_submitted == 1
    assert result.errors[-1].type == "LeaseLost"


async def test_an_engine_that_lost_its_lease_changes_nothing_any_more(tmp_path: Path) -> None:
    """FAULTS 3: its next transaction finds another epoch."""
    source = serve(tmp_path / "fills.jsonl", FILLS)
    settings = settings_in(tmp_path, source)
    async with Engine(settings) as engine:
        await engine.cycle()
        before = books(settings.db)
        take_over(settings.db)
        serve(source, [*FILLS, reported("3", ts=2_000)])
        result = await engine.cycle()
        assert result.status is CycleStatus.FENCED
        with pytest.raises(LeaseLost, match="another engine took over"):
            await engine.run()
    assert books(settings.db) == before


async def test_a_stopped_process_is_fenced_when_it_goes_on(tmp_path: Path) -> None:
    """FAULTS 3: SIGSTOP, another engine takes the lease, SIGCONT."""
    source = serve(tmp_path / "fills.jsonl", FILLS)
    settings = settings_in(tmp_path, source, lease_ttl="200ms", busy_timeout="50ms")
    first = started(
        "run", "--json", "--interval", "1ms", "--db", settings.db, "--venue", settings.venue,
        env={"CYCLEDECK_LEASE_TTL": "200ms"},
    )  # fmt: skip
    try:
        assert first.stdout is not None
        second = await _opened_over(first, settings)
        async with contextlib.AsyncExitStack() as ending:
            ending.push_async_callback(second.close)
            serve(source, [*FILLS, reported("3", ts=2_000)])
            assert (await second.cycle()).fills_count == 1
            first.send_signal(signal.SIGCONT)
            ended = await asyncio.to_thread(finished, first)
            assert ended.code == 1
            assert "took over" in ended.err
            assert (await second.cycle()).status is CycleStatus.OK
    finally:
        first.kill()
        first.wait()
    assert list(health(settings.db)) == []
    with opened(settings.db) as connection:
        epochs = rows(connection, "SELECT lease_epoch FROM ledger_commits ORDER BY commit_seq")
    assert epochs == sorted(epochs)


async def _opened_over(first: Any, settings: Settings) -> Engine:
    """An engine that took the lease of the process `first`, which is stopped."""
    await asyncio.to_thread(first.stdout.readline)
    first.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(60):
        while True:
            engine = Engine(settings)
            try:
                await engine.open()
            except LeaseHeld:
                continue  # It has not been silent for long enough.
            except StoreLocked:  # It was stopped while it held the write lock: not this time.
                first.send_signal(signal.SIGCONT)
                await asyncio.to_thread(first.stdout.readline)
                first.send_signal(signal.SIGSTOP)
            else:
                return engine


# --- ending


@mostly_long("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_after_the_running_cycle(
    number: signal.Signals, tmp_path: Path
) -> None:
    """FAULTS 4."""
    ledger = tmp_path / "ledger.db"
    process = started("run", "--json", "--interval", "1ms", "--db", ledger)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(number)
    ended = finished(process)
    assert ended.code == 0, ended.err
    last = CycleResult.model_validate_json([*lines, *ended.out.splitlines()][-1])
    assert last.status is CycleStatus.OK
    assert list(health(ledger)) == []
    with opened(ledger) as connection:
        [(last_id, holder)] = connection.execute(
            "SELECT (SELECT max(cycle_id) FROM cycles), (SELECT holder FROM lease)"
        ).fetchall()
    assert (last_id, holder) == (last.cycle_id, None)


class Hanging(FakeVenue):
    """Never answers a request for marks, once `hangs`."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.asked_for_marks = asyncio.Event()
        self.hangs = True

    async def fetch_marks(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        self.asked_for_marks.set()
        if self.hangs:
            await asyncio.Event().wait()
        return await super().fetch_marks(symbols)


async def test_closing_waits_for_the_running_cycle_only_so_long(tmp_path: Path) -> None:
    """FAULTS 4: a venue that hangs cannot keep the engine from ending."""
    venue = Hanging(FILLS)
    settings = settings_in(tmp_path, stop_timeout="10ms")
    engine = Engine(settings, venue=venue)
    await engine.open()
    published = engine.subscribe()
    running = asyncio.create_task(engine.cycle())
    await venue.asked_for_marks.wait()
    async with asyncio.timeout(20):
        await engine.close()
        assert [result.status async for result in published] == [CycleStatus.INTERRUPTED]
    with pytest.raises(asyncio.CancelledError):
        await running
    assert list(health(settings.db)) == []


async def test_a_cycle_that_waits_for_its_turn_does_not_begin_on_a_closing_engine(
    tmp_path: Path,
) -> None:
    """FAULTS 4."""
    venue = Hanging(FILLS)
    engine = Engine(settings_in(tmp_path, stop_timeout="10ms"), venue=venue)
    await engine.open()
    running, waiting = (asyncio.create_task(engine.cycle()) for _ in range(2))
    await venue.asked_for_marks.wait()
    async with asyncio.timeout(20):
        await engine.close()
        outcomes = await asyncio.gather(running, waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, EngineClosing]


async def test_two_cycles_at_once_run_one_after_the_other(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    async with Engine(settings) as engine:
        results = await asyncio.gather(*(engine.cycle() for _ in range(5)))
    assert [result.cycle_id for result in results] == [1, 2, 3, 4, 5]
    assert [result.nothing_to_commit for result in results] == [False, True, True, True, True]
    assert sum(result.fills_count for result in results) == 2


async def test_an_engine_that_could_not_open_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its lease, its lock and its connections are given back: the next one opens."""
    settings, venue = settings_in(tmp_path), trading()
    statements = Statements()
    venue.failing["open"] = RuntimeError("a driver's own error")
    with pytest.raises(RuntimeError):
        await Engine(settings, venue=venue, connect=statements.connect).open()
    assert not any(connection.is_open for connection in statements.connections)
    venue.failing.clear()
    venue.failing["fetch_order_by_client_id"] = RuntimeError("while settling")
    with opened(settings.db) as connection:
        connection.execute(
            "INSERT INTO orders (client_order_id, cycle_id, symbol, side, qty, price, status,"
            " updated_ms) VALUES ('x', 1, 'BTC/USDT', 'buy', '1', '1', 'intended', 1)"
        )
    with pytest.raises(RuntimeError):
        await Engine(settings, venue=venue, connect=statements.connect).open()
    assert not any(connection.is_open for connection in statements.connections)
    venue.failing.clear()
    async with Engine(settings, venue=venue) as engine:
        assert (await engine.cycle()).status is CycleStatus.OK


# --- COMMIT without an answer


@pytest.mark.parametrize("after_it", [False, True], ids=["did-not", "did"])
async def test_after_a_commit_that_failed_the_engine_reads_back_what_is_true(
    after_it: bool, tmp_path: Path
) -> None:
    """FAULTS 5: no orders in that cycle; what took effect is reported."""
    settings, venue = settings_in(tmp_path), trading()
    statements = Statements(at=[1], act=io_error, after_it=after_it, only=Tx1("COMMIT"))
    async with Engine(
        settings, venue=venue, strategy=two_orders, connect=statements.connect
    ) as engine:
        first = await engine.cycle()
        assert venue.sent == []
        assert "CommitUnknown" in [error.type for error in first.errors]
        assert first.committed == after_it
        assert first.status is (CycleStatus.PARTIAL if after_it else CycleStatus.FAILED)
        assert ("commit_confirmed" in [w.type for w in first.warnings]) == after_it
        second = await engine.cycle()
        assert second.status is CycleStatus.OK
        assert len(venue.sent) == 2
    assert first.fills_count + second.fills_count == 2
    assert list(health(settings.db)) == []


async def test_a_replay_whose_commit_is_read_back_is_as_clean_as_any(tmp_path: Path) -> None:
    """FAULTS 5: the positions before it are those that its transaction read."""
    statements = Statements(at=[2], act=io_error, after_it=True, only=Tx1("COMMIT"))
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    async with Engine(settings, connect=statements.connect) as engine:
        first = await engine.cycle()
        with opened(settings.db) as ledger:
            ledger.execute("DELETE FROM applied_fills")  # Else there was nothing to commit.
        replay = await engine.replay(first.cycle_id)
    assert "commit_confirmed" in [warning.type for warning in replay.warnings]
    assert replay.verdict is Verdict.CLEAN


async def test_a_commit_that_cannot_be_read_back_is_told_by_the_metrics_transaction(
    tmp_path: Path,
) -> None:
    """FAULTS 5 and a second fault: COMMIT has no answer, nor has the question what became of it."""
    settings, venue = settings_in(tmp_path), trading()
    tx1 = Tx1("COMMIT")

    def only(connection: Any, sql: str) -> bool:
        return tx1(connection, sql) or "FROM ledger_commits WHERE cycle_id" in sql

    statements = Statements(at=[1, 2], act=io_error, after_it=True, only=only)
    async with Engine(settings, venue=venue, connect=statements.connect) as engine:
        result = await engine.cycle()
    assert result.committed
    assert result.status is CycleStatus.PARTIAL
    assert list(health(settings.db)) == []


async def test_orders_whose_outcome_could_not_be_stored_are_found_by_their_ids(
    tmp_path: Path,
) -> None:
    """FAULTS 1: accepted by the venue, unknown to the ledger; the metrics follow."""
    settings, venue = settings_in(tmp_path), trading()
    statements = Statements(
        at=[1], act=io_error, only=lambda connection, sql: "submit_outcome = :outcome" in sql
    )
    parts: dict[str, Any] = {"venue": venue, "connect": statements.connect}
    async with Engine(settings, strategy=two_orders, **parts) as engine:
        result = await engine.cycle()
    assert result.orders_submitted == 2
    assert result.status is CycleStatus.PARTIAL
    await cycles(settings, venue=venue)
    assert len(venue.sent) == 2
    assert verified(settings.db).violations == ()
    with opened(settings.db) as connection:
        rows = connection.execute("SELECT DISTINCT status FROM orders").fetchall()
        counted = connection.execute("SELECT orders_submitted FROM cycle_metrics").fetchall()
    assert rows == [("open",)]
    assert counted[0] == (2,)


async def test_a_cycle_that_could_not_be_recorded_is_recorded_with_the_next_one(
    tmp_path: Path,
) -> None:
    """Neither its begin nor its end could be written; its number is not used again."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    statements = Statements(
        at=[1, 2, 3, 4],  # The first is the start's own, which looks for cycles without a row.
        act=io_error,
        only=lambda connection, sql: sql.startswith(
            ("INSERT INTO cycles (", "INSERT INTO ledger_commits (")
        ),
    )
    async with Engine(settings, connect=statements.connect) as engine:
        results = [await engine.cycle() for _ in range(2)]
    assert [result.status for result in results] == [CycleStatus.FAILED, CycleStatus.OK]
    with opened(settings.db) as connection:
        rows = connection.execute("SELECT cycle_id, status FROM cycles").fetchall()
    assert rows == [(1, "failed"), (2, "ok")]
