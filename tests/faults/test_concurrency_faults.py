"""Others at the same file: a long writer, a second engine, a reader that stays or dies."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine import Engine
from engine.cycles.results import CycleStatus
from engine.errors import LeaseHeld
from tests.builders import cycles, opened, reported, rows, serve, settings_in, spawned
from tests.faults.scenarios import health
from tests.faults.trading import FILLS, trading, two_orders

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("SELECT count(*) FROM ledger_events").fetchall()
print("holding", flush=True)
sys.stdin.read()
"""


async def test_a_locked_database_skips_the_cycle_and_sends_no_orders(tmp_path: Path) -> None:
    """FAULTS 14: counted too, as soon as it can be written."""
    settings, venue = settings_in(tmp_path, busy_timeout="20ms"), trading()
    async with Engine(settings, venue=venue, strategy=two_orders) as engine:
        with opened(settings.db) as other:
            other.execute("BEGIN IMMEDIATE")
            result = await engine.cycle()
            assert result.status is CycleStatus.SKIPPED
            assert result.errors[-1].type == "StoreLocked"
            assert not result.committed
            assert venue.sent == []
            other.execute("ROLLBACK")
        assert (await engine.cycle()).status is CycleStatus.OK
        assert len(venue.sent) == 2
    with opened(settings.db) as connection:
        assert rows(connection, "SELECT status FROM cycles ORDER BY 1") == ["ok", "skipped"]
    assert list(health(settings.db)) == []


async def test_a_lock_that_comes_after_the_commit_hides_no_commit(tmp_path: Path) -> None:
    """FAULTS 14, while the orders are to be stored: they are not sent, the cycle was one."""
    settings, venue = settings_in(tmp_path, busy_timeout="20ms"), trading()

    def strategy(snapshot):  # type: ignore[no-untyped-def]
        locker.execute("BEGIN IMMEDIATE")
        return two_orders(snapshot)

    async with Engine(settings, venue=venue, strategy=strategy) as engine:
        with opened(settings.db) as locker:
            result = await engine.cycle()
            locker.execute("ROLLBACK")
        assert result.committed
        assert result.status is CycleStatus.PARTIAL
        assert result.errors[-1].type == "StoreLocked"
        assert venue.sent == []
    await cycles(settings, venue=venue)
    assert list(health(settings.db)) == []


async def test_a_second_engine_refuses_and_names_the_first(tmp_path: Path) -> None:
    """FAULTS 15."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    async with Engine(settings) as first:
        with pytest.raises(LeaseHeld, match=f":{os.getpid()}"):
            await Engine(settings).open()
        command = ("once", "--db", settings.db, "--venue", settings.venue)
        second = await asyncio.to_thread(spawned, *command)
        assert second.code == 1
        assert f":{os.getpid()}" in second.err
        assert (await first.cycle()).status is CycleStatus.OK
    assert (await asyncio.to_thread(spawned, *command)).code == 0
    assert list(health(settings.db)) == []


async def test_of_two_engines_that_start_at_once_one_runs(tmp_path: Path) -> None:
    """FAULTS 15."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    engines = [Engine(settings) for _ in range(3)]
    opening = await asyncio.gather(*(e.open() for e in engines), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in opening) == [
        "LeaseHeld", "LeaseHeld", "NoneType",
    ]  # fmt: skip
    for engine, outcome in zip(engines, opening, strict=True):
        if outcome is None:
            assert (await engine.cycle()).fills_count == len(FILLS)
            await engine.close()
    assert list(health(settings.db)) == []


async def test_a_reader_that_stays_raises_the_alarm_and_disturbs_nothing(tmp_path: Path) -> None:
    """FAULTS 16: the log cannot be given back while it reads; afterwards it is."""
    source = serve(tmp_path / "fills.jsonl", FILLS)
    settings = settings_in(tmp_path, source, wal_alarm_mib=16)
    async with Engine(settings) as engine:
        await engine.cycle()
        with opened(settings.db) as reader:
            reader.execute("BEGIN")
            assert rows(reader, "SELECT count(*) FROM applied_fills") == [len(FILLS)]
            result = await _growing(engine, source)
            assert result.status is CycleStatus.OK
            assert rows(reader, "SELECT count(*) FROM applied_fills") == [len(FILLS)]
        for _ in range(3):
            result = await engine.cycle()
        assert "wal_large" not in [warning.type for warning in result.warnings]
    assert list(health(settings.db)) == []


async def _growing(engine: Engine, source: Path):  # type: ignore[no-untyped-def]
    """Cycles with much news, until the write-ahead log is reported."""
    news = list(FILLS)
    for cycle in range(50):
        base = 10_000 + 5_000 * cycle
        news += [reported(f"{base + n}", ts=base + n, order="o" * 199) for n in range(2_000)]
        serve(source, news[-2_000:])
        result = await engine.cycle()
        assert result.fills_count == 2_000
        if "wal_large" in [warning.type for warning in result.warnings]:
            return result
    raise AssertionError("no alarm")


@contextmanager
def another_process(ledger: Path, begin: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a transaction open on the ledger."""
    command = [sys.executable, "-c", HOLDER, str(ledger), begin]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "holding\n"
            yield process
        finally:
            process.kill()


async def test_a_reader_that_is_killed_leaves_the_engine_as_it_was(tmp_path: Path) -> None:
    """FAULTS 17: a process that looks at the ledger dies in the middle of it."""
    source = serve(tmp_path / "fills.jsonl", FILLS[:1])
    settings = settings_in(tmp_path, source)
    async with Engine(settings) as engine:
        await engine.cycle()
        with another_process(settings.db, "BEGIN"):
            assert (await engine.cycle()).status is CycleStatus.OK
        serve(source, FILLS)
        assert (await engine.cycle()).status is CycleStatus.OK
        with opened(settings.db) as connection:
            busy, _, _ = rows(connection, "PRAGMA wal_checkpoint(TRUNCATE)")[0]
        assert not busy
    assert list(health(settings.db)) == []


async def test_a_writer_that_is_killed_with_the_lock_gives_it_back(tmp_path: Path) -> None:
    """FAULTS 14, 17: the operating system ends what a dead process held."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS), busy_timeout="20ms")
    async with Engine(settings) as engine:
        with another_process(settings.db, "BEGIN IMMEDIATE"):
            assert (await engine.cycle()).status is CycleStatus.SKIPPED
        assert (await engine.cycle()).status is CycleStatus.OK
    assert list(health(settings.db)) == []


async def test_a_heartbeat_that_fails_costs_nothing_but_a_warning(tmp_path: Path) -> None:
    """A lease that could not be renewed is still the engine's until another one takes it."""
    settings = settings_in(
        tmp_path, serve(tmp_path / "fills.jsonl", FILLS), lease_ttl="3ms", busy_timeout="1ms"
    )
    async with Engine(settings) as engine:
        with opened(settings.db) as other, capture_logs() as logs:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(60):
                # A log has no event to wait for.
                while not any(log["event"] == "lease_not_renewed" for log in logs):  # noqa: ASYNC110
                    await asyncio.sleep(0)
            other.execute("ROLLBACK")
        assert engine.fatal is None
        await engine.cycle()
    await cycles(settings)
    assert list(health(settings.db)) == []
