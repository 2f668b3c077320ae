"""One engine a ledger."""

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine import CycleStatus, Engine
from engine.errors import LeaseHeld, LeaseLost
from engine.store.connection import connect_sqlite
from engine.store.lock_file import LockFile
from engine.store.statements import SQL
from engine.venue import LimitOrder, MarketRules, VenueOrder
from tests.builders import (
    BTC,
    cycledeck,
    finished,
    opened,
    reported,
    rows,
    serve,
    settings_in,
    spawned,
    started,
    tracing,
)
from tests.cases import mostly_long
from tests.fakes import FakeVenue


def lease(folder: Path) -> tuple[int, str | None]:
    with opened(folder / "ledger.db") as ledger:
        ((epoch, holder),) = rows(ledger, "SELECT epoch, holder FROM lease")
        return epoch, holder


def held_by(ledger: Path, pid: int, heartbeat_ms: int = 2**45, host: str = "") -> None:
    """The lease of a process, of this machine by default, which has no lock on the file."""
    with opened(ledger) as connection:
        connection.execute(
            "UPDATE lease SET holder = ?, pid = ?, host = ?, heartbeat_ms = ?",
            (f"somebody:{pid}", pid, host or socket.gethostname(), heartbeat_ms),
        )


def dead_pid() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def taken_over(folder: Path) -> None:
    with opened(folder / "ledger.db") as ledger:
        ledger.execute("UPDATE lease SET epoch = epoch + 1, holder = 'elsewhere:7'")


async def test_a_second_engine_is_refused_and_told_who_holds_the_ledger(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with Engine(settings, venue=FakeVenue([reported("1")])) as first:
        with pytest.raises(LeaseHeld, match=f"{socket.gethostname()}:{os.getpid()}, since 20"):
            await Engine(settings, venue=FakeVenue()).open()
        assert (await first.cycle()).status is CycleStatus.OK


async def test_a_second_process_is_refused_and_told_who_holds_the_ledger(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    settings = settings_in(tmp_path, path)
    async with Engine(settings):
        ran = await asyncio.to_thread(
            lambda: finished(started("once", "--db", settings.db, "--venue", settings.venue))
        )
    assert ran.code == 1
    assert f":{os.getpid()}" in ran.err
    assert "Traceback" not in ran.err


async def test_a_lease_given_back_is_taken_at_once_with_a_higher_epoch(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for epoch in (1, 2, 3):
        async with Engine(settings, venue=FakeVenue()):
            assert lease(tmp_path) == (epoch, f"{socket.gethostname()}:{os.getpid()}")
        assert lease(tmp_path) == (epoch, None)


def test_a_dead_holders_lease_is_taken_at_once(tmp_path: Path) -> None:
    """A killed engine leaves its row behind; its lock on the file died with it."""
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    arguments = ("--db", tmp_path / "ledger.db", "--venue", f"recorded:{path}")
    running = started("run", "--interval", "10ms", "--json", *arguments)
    assert running.stdout is not None
    assert running.stdout.readline()
    running.kill()
    finished(running)
    assert lease(tmp_path)[1] is not None
    ran = cycledeck("once", "--json", *arguments)
    assert ran.code == 0
    assert lease(tmp_path) == (2, None)


@mostly_long("of", ["another process", "this process"])
async def test_an_engine_of_a_lost_lock_file_is_not_taken_for_dead(tmp_path: Path, of: str) -> None:
    settings = settings_in(tmp_path, serve(tmp_path / "f.jsonl", [reported("1")]), lease_ttl="1h")
    async with Engine(settings) as first:
        (tmp_path / "ledger.db.lock").unlink()
        if of == "this process":
            with pytest.raises(LeaseHeld):
                await Engine(settings).open()
        else:
            arguments = ("once", "--db", settings.db, "--venue", settings.venue)
            assert (await asyncio.to_thread(spawned, *arguments)).code == 1
        assert (await first.cycle()).status is CycleStatus.OK
    assert lease(tmp_path) == (1, None)


async def test_a_lost_lock_file_is_locked_again(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, lease_ttl="15ms")
    async with Engine(settings, venue=FakeVenue()):
        (tmp_path / "ledger.db.lock").unlink()
        await locked(tmp_path / "ledger.db.lock")
    assert LockFile(tmp_path / "ledger.db.lock").take()


async def test_a_lock_that_was_another_ones_is_taken_once_it_is_free(tmp_path: Path) -> None:
    """A process that hangs while it starts has it, and no lease."""
    settings = settings_in(tmp_path, lease_ttl="15ms")
    hung = LockFile(tmp_path / "ledger.db.lock")
    assert hung.take()
    async with Engine(settings, venue=FakeVenue()):
        assert lease(tmp_path)[0] == 1
        hung.release()
        await locked(tmp_path / "ledger.db.lock")


async def test_a_free_lease_is_not_taken_while_another_one_starts(tmp_path: Path) -> None:
    """That one has the lock. It may be in another container, with this process's number."""
    settings = settings_in(tmp_path)
    read, statements = SQL["lease_read"], list[str]()
    starting = LockFile(tmp_path / "ledger.db.lock")
    assert starting.take()
    engine = Engine(settings, venue=FakeVenue(), connect=tracing(statements))
    opening = asyncio.create_task(engine.open())
    async with asyncio.timeout(60):
        # A statement that is run tells nobody.
        while statements.count(read) < 3 and not opening.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert lease(tmp_path) == (0, None)
    starting.release()
    await opening
    assert lease(tmp_path)[0] == 1
    await engine.close()


async def test_a_holder_with_the_lock_is_believed_though_it_has_this_process_number(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    async with Engine(settings, venue=FakeVenue()):
        pass
    held_by(settings.db, os.getpid())
    elsewhere = LockFile(tmp_path / "ledger.db.lock")
    assert elsewhere.take()
    with pytest.raises(LeaseHeld, match="somebody"):
        await Engine(settings, venue=FakeVenue()).open()
    elsewhere.release()
    async with Engine(settings, venue=FakeVenue()):
        assert lease(tmp_path)[0] == 2


async def locked(path: Path) -> None:
    """Wait until somebody has the file locked."""
    async with asyncio.timeout(60):
        while True:
            other = LockFile(path)
            if path.exists() and not other.take():
                return
            other.release()
            await asyncio.sleep(0.005)


class HeldUp:
    """A `connect` of which each connection waits at the statements that begin so."""

    def __init__(self, beginning: str) -> None:
        self.beginning = beginning
        self.reached, self.go_on = threading.Event(), threading.Event()

    def connect(self, uri: str, read_only: bool) -> sqlite3.Connection:
        connection = connect_sqlite(uri, read_only)
        connection.set_trace_callback(self._wait)
        return connection

    def _wait(self, statement: str) -> None:
        if statement.startswith(self.beginning):
            self.reached.set()
            self.go_on.wait(60)


async def one_runs(engines: Sequence[Engine], outcomes: Sequence[object]) -> None:
    """Exactly one was opened, and it can work; the others were told that the lease is held."""
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        *["LeaseHeld"] * (len(engines) - 1), "NoneType",
    ]  # fmt: skip
    engine = engines[list(outcomes).index(None)]
    assert (await engine.cycle()).status is CycleStatus.OK
    assert engine.fatal is None
    await engine.close()


async def test_an_engine_that_only_starts_is_waited_for_and_not_taken_for_dead(
    tmp_path: Path,
) -> None:
    """It has the lock and is about to have the lease; its number is this process's own."""
    settings = settings_in(tmp_path)
    read = SQL["lease_read"]
    slow, statements = HeldUp(read), list[str]()
    engines = [
        Engine(settings, venue=FakeVenue(), connect=slow.connect),
        Engine(settings, venue=FakeVenue(), connect=tracing(statements)),
        Engine(settings, venue=FakeVenue()),
    ]
    opening = [asyncio.create_task(engines[0].open())]
    await asyncio.to_thread(slow.reached.wait, 60)
    opening.append(asyncio.create_task(engines[1].open()))
    async with asyncio.timeout(60):
        # A statement that is run tells nobody.
        while statements.count(read) < 2 and not opening[1].done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    slow.go_on.set()
    outcomes = await asyncio.gather(*opening, engines[2].open(), return_exceptions=True)
    await one_runs(engines, outcomes)


@mostly_long("turns", [(0, 0, 0), (0, 9, 9), (0, 1, 2), (2, 1, 0), (9, 0, 9), (0, 40, 80)], usual=2)
async def test_of_three_engines_that_start_at_once_in_one_process_one_runs(
    tmp_path: Path, turns: tuple[int, ...]
) -> None:
    """In whatever order: on a new ledger, one that is free, one whose holder was killed."""
    settings = settings_in(tmp_path)

    async def open_after(engine: Engine, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)
        await engine.open()

    for killed in (None, None, dead_pid(), os.getpid()):
        if killed is not None:
            held_by(settings.db, killed)
        engines = [Engine(settings, venue=FakeVenue()) for _ in turns]
        opening = map(open_after, engines, turns)
        await one_runs(engines, await asyncio.gather(*opening, return_exceptions=True))
    assert lease(tmp_path) == (4, None)


@mostly_long("killed", [True, False])
def test_of_three_processes_that_start_at_once_one_runs(tmp_path: Path, killed: bool) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    arguments = ("--db", tmp_path / "ledger.db", "--venue", f"recorded:{path}")
    if killed:
        assert cycledeck("once", *arguments).code == 0
        held_by(tmp_path / "ledger.db", dead_pid())
    processes = [started("run", "--interval", "10ms", "--json", *arguments) for _ in range(3)]
    lines = [process.stdout.readline() for process in processes if process.stdout is not None]
    for process in processes:
        process.terminate()
    codes = sorted(finished(process).code for process in processes)
    assert (codes, sum('"status":"ok"' in line for line in lines)) == ([0, 1, 1], 1)
    assert lease(tmp_path) == (1 + killed, None)


def test_a_living_holder_keeps_its_lease_though_the_lock_file_is_removed(tmp_path: Path) -> None:
    """A lock on a file that is gone keeps nobody out: that the holder's process lives does."""
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    arguments = ("--db", tmp_path / "ledger.db", "--venue", f"recorded:{path}")
    running = started("run", "--interval", "10ms", "--json", *arguments)
    try:
        assert running.stdout is not None
        assert running.stdout.readline()
        (tmp_path / "ledger.db.lock").unlink()
        ran = cycledeck("once", "--json", *arguments)
        assert ran.code == 1
        assert (
            f"another engine runs on this ledger: {socket.gethostname()}:{running.pid}" in ran.err
        )
        assert lease(tmp_path)[0] == 1
        assert '"status":"ok"' in running.stdout.readline()
    finally:
        running.terminate()
        assert finished(running).code == 0


async def test_a_ledger_opened_through_a_link_is_the_same_ledger(tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    settings = settings_in(tmp_path)
    link.symlink_to(settings.db)
    async with Engine(settings, venue=FakeVenue([reported("1")])) as first:
        with pytest.raises(LeaseHeld):
            await Engine(settings_in(tmp_path, db=link), venue=FakeVenue()).open()
        assert (await first.cycle()).status is CycleStatus.OK
    assert [file.name for file in link.parent.iterdir()] == ["link.db"]


def test_a_holder_that_ended_and_was_not_waited_for_is_dead(tmp_path: Path) -> None:
    """Nothing but its number is left of it."""
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    arguments = ("--db", tmp_path / "ledger.db", "--venue", f"recorded:{path}")
    running = started("run", "--json", *arguments)
    assert running.stdout is not None
    assert running.stdout.readline()
    running.kill()
    running.stdout.read()
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)
    os.kill(running.pid, 0)
    assert cycledeck("once", *arguments).code == 0
    assert lease(tmp_path)[0] == 2
    finished(running)


async def test_a_process_that_lives_is_believed_while_it_beats_and_replaced_when_it_is_silent(
    tmp_path: Path,
) -> None:
    """The number may be another process's by now: then nobody renews the lease."""
    settings = settings_in(tmp_path, lease_ttl="30ms")
    async with Engine(settings, venue=FakeVenue()):
        pass
    held_by(settings.db, os.getppid(), heartbeat_ms=2**45)
    with pytest.raises(LeaseHeld, match=f"somebody:{os.getppid()}"):
        await Engine(settings, venue=FakeVenue()).open()
    held_by(settings.db, os.getppid(), heartbeat_ms=0)
    async with Engine(settings, venue=FakeVenue()):
        assert lease(tmp_path)[0] == 2


@pytest.mark.parametrize("number", ["dead", "own"])
async def test_a_holder_on_another_machine_is_believed_while_it_beats(
    tmp_path: Path, number: str
) -> None:
    """Whatever process has, or had, its number here, and though its lock is none here."""
    pid = {"dead": dead_pid(), "own": os.getpid()}[number]
    settings = settings_in(tmp_path)
    async with Engine(settings, venue=FakeVenue()):
        pass
    held_by(settings.db, pid, host="elsewhere")
    with pytest.raises(LeaseHeld, match=f"somebody:{pid}"):
        await Engine(settings, venue=FakeVenue()).open()
    assert lease(tmp_path) == (1, f"somebody:{pid}")


@pytest.mark.parametrize("number", ["dead", "own"])
async def test_a_holder_of_this_machine_that_ended_is_replaced_whatever_its_heartbeat(
    tmp_path: Path, number: str
) -> None:
    """Restarted in a container, an engine has the number of the one that was killed there."""
    pid = {"dead": dead_pid(), "own": os.getpid()}[number]
    settings = settings_in(tmp_path, lease_ttl="1h")
    async with Engine(settings, venue=FakeVenue()):
        pass
    held_by(settings.db, pid)
    async with Engine(settings, venue=FakeVenue()):
        assert lease(tmp_path) == (2, f"{socket.gethostname()}:{os.getpid()}")
        with pytest.raises(LeaseHeld):
            await Engine(settings, venue=FakeVenue()).open()
    assert lease(tmp_path)[0] == 2


async def test_a_holder_on_another_machine_that_is_silent_for_its_time_is_replaced(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path, lease_ttl="30ms")
    async with Engine(settings, venue=FakeVenue()):
        pass
    with opened(settings.db) as ledger:
        ledger.execute(
            "UPDATE lease SET holder = 'elsewhere:7', host = 'elsewhere', heartbeat_ms = 0"
        )
    async with Engine(settings, venue=FakeVenue()):
        assert lease(tmp_path)[0] == 2


async def test_an_engine_that_was_taken_over_is_fenced_and_changes_nothing(
    tmp_path: Path,
) -> None:
    venue = FakeVenue([reported("1", ts=1_000)], marks={BTC: "100"})
    settings = settings_in(tmp_path, strategy="ladder")
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        sent = len(venue.sent)
        taken_over(tmp_path)
        venue.reports.append(reported("2", ts=2_000))
        result = await engine.cycle()
        assert isinstance(engine.fatal, LeaseLost)
    assert (result.status, result.committed) == (CycleStatus.FENCED, False)
    assert len(venue.sent) == sent > 0
    with opened(settings.db) as ledger:
        assert rows(ledger, "SELECT event_id FROM ledger_events") == ["fill:1"]
        assert rows(ledger, "SELECT max(cycle_id) FROM cycles") == [1]
    assert lease(tmp_path) == (2, "elsewhere:7")


async def test_an_engine_fenced_between_its_commit_and_its_orders_sends_none(
    tmp_path: Path,
) -> None:
    class TakenOver(FakeVenue):
        async def fetch_rules(self) -> dict[str, MarketRules]:
            taken_over(tmp_path)
            return await super().fetch_rules()

    venue = TakenOver([reported("1")], marks={BTC: "100"})
    async with Engine(settings_in(tmp_path, strategy="ladder"), venue=venue) as engine:
        result = await engine.cycle()
        assert isinstance(engine.fatal, LeaseLost)
    assert (result.committed, result.fills_count) == (True, 1)
    assert "LeaseLost" in [error.type for error in result.errors]
    assert venue.sent == []


async def test_an_engine_fenced_in_the_middle_of_its_orders_sends_no_further_one(
    tmp_path: Path,
) -> None:
    class TakenOver(FakeVenue):
        async def submit(self, order: LimitOrder) -> VenueOrder:
            accepted = await super().submit(order)
            taken_over(tmp_path)
            return accepted

    venue = TakenOver([reported("1")], marks={BTC: "100"})
    async with Engine(settings_in(tmp_path, strategy="ladder"), venue=venue) as engine:
        await engine.cycle()
        assert isinstance(engine.fatal, LeaseLost)
    assert len(venue.sent) == 1


async def test_a_loop_ends_with_the_reason_when_the_lease_is_lost(tmp_path: Path) -> None:
    async with Engine(settings_in(tmp_path), venue=FakeVenue([reported("1")])) as engine:
        await engine.cycle()
        taken_over(tmp_path)
        with pytest.raises(LeaseLost, match="took over"):
            await engine.run()


async def test_an_idle_engine_notices_that_it_was_taken_over(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, lease_ttl="30ms", interval="1h")
    async with Engine(settings, venue=FakeVenue([reported("1")])) as engine:
        first = asyncio.Event()
        running = asyncio.create_task(engine.run(None, lambda result: first.set()))
        await first.wait()
        taken_over(tmp_path)
        with pytest.raises(LeaseLost):
            async with asyncio.timeout(60):
                await running


async def test_a_lease_is_renewed_while_its_engine_lives(tmp_path: Path) -> None:
    def beats() -> int:
        with opened(tmp_path / "ledger.db") as ledger:
            return int(rows(ledger, "SELECT beats FROM lease")[0])

    async with Engine(settings_in(tmp_path, lease_ttl="15ms"), venue=FakeVenue()):
        before = beats()
        async with asyncio.timeout(60):
            while beats() < before + 3:  # noqa: ASYNC110 - the lease tells nobody when it beats
                await asyncio.sleep(0.005)
