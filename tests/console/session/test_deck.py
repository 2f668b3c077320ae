"""The deck on real engines in real processes: attached where it can be, never blind."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from console.session.engine_process import EngineProcess
from console.session.session import Deck, NoEngine
from console.session.target import Target
from console.session.view import ConsoleState, Link
from engine import Action, CycleResult, Engine, NoSuchCycle, Settings, Verdict
from tests.console.running import ran as simulated

FAST = {"interval": "50ms"}
DEADLINE_S = 60


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(None, {"db": str(tmp_path / "l.db"), **FAST})


@asynccontextmanager
async def working(deck: Deck) -> AsyncIterator[Deck]:
    """The deck at work; its own engine ends with it."""
    task = asyncio.create_task(deck.run(lambda view: None))
    try:
        yield deck
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if deck.process is not None:
            await asyncio.to_thread(deck.process.end)


async def seen(deck: Deck, condition: Callable[[ConsoleState], object]) -> ConsoleState:
    """Wait for a view."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition(deck.view):  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.01)
    return deck.view


async def ran(target: Target, cycles: int) -> None:
    """A ledger of so many cycles, and nobody on it."""
    await simulated(Path(target.flags["db"]), cycles)


def gapless(view: ConsoleState) -> bool:
    ids = [result.cycle_id for result in view.results]
    return ids == list(range(ids[0], ids[-1] - 1, -1))


def attached(view: ConsoleState) -> bool:
    return view.attached and len(view.results) > 2


async def test_it_attaches_to_its_own_engine_and_hears_every_cycle(target: Target) -> None:
    async with working(Deck(target, EngineProcess(target.command("run")))) as deck:
        first = await seen(deck, attached)
        assert first.trouble is None
        assert first.owns_engine
        assert first.hello is not None
        assert first.hello.pid == deck.process.pid  # type: ignore[union-attr]
        later = await seen(deck, lambda view: len(view.results) > len(first.results) + 5)
        later = await seen(deck, lambda view: view.results[-1].cycle_id == 1 and gapless(view))
        assert later.positions
        assert later.cursors


async def test_cycles_that_ended_before_it_attached_are_read_from_the_file(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, though no cycle follows that would show a gap."""
    monkeypatch.setattr("console.session.session.LOOK_EVERY", 10 * DEADLINE_S)
    await ran(target, 1)
    async with working(Deck(target)) as deck:
        await seen(deck, lambda view: view.results)
        await ran(target, 3)
        async with Engine(Settings(db=Path(target.flags["db"]), interval=0), channel=True):
            await seen(deck, lambda view: view.attached and len(view.results) == 4)


async def test_commands_are_answered(target: Target) -> None:
    async with working(Deck(target, EngineProcess(target.command("run")))) as deck:
        await seen(deck, attached)
        hello = deck.view.hello
        assert (await deck.ask(Action.PAUSE, hello)).ok
        paused = await seen(deck, lambda view: view.beat and view.beat.state == "paused")
        replayed = await deck.ask(Action.REPLAY, hello, paused.results[1].cycle_id)
        assert f": {Verdict.CLEAN}, " in replayed.message
        await seen(deck, lambda view: view.latest and view.latest.verdict is Verdict.CLEAN)
        assert (await deck.ask(Action.RESUME, hello)).ok


async def test_another_engine_than_the_one_meant_is_asked_nothing(target: Target) -> None:
    async with working(Deck(target, EngineProcess(target.command("run")))) as deck:
        hello = (await seen(deck, attached)).hello
        assert hello is not None
        with pytest.raises(NoEngine, match=f"pid 1.* is gone.*{hello.pid}.*nothing was asked"):
            await deck.ask(Action.KILL, hello.model_copy(update={"pid": 1}))
        assert not Path(f"{target.flags['db']}.kill").exists()


async def test_without_an_engine_the_file_is_shown_and_asking_fails(target: Target) -> None:
    await ran(target, 3)
    async with working(Deck(target)) as deck:
        view = await seen(deck, lambda view: view.results and view.trouble)
        assert view.link is Link.READING
        assert [result.cycle_id for result in view.results] == [3, 2, 1]
        assert view.positions
        assert view.trouble is not None
        assert view.trouble.what == "No engine is running"
        with pytest.raises(NoEngine):
            await deck.ask(Action.TRIGGER, view.hello)


async def test_an_engine_without_a_channel_is_followed_through_the_file(target: Target) -> None:
    await ran(target, 1)
    async with working(Deck(target)) as deck:
        await seen(deck, lambda view: view.results)
        async with Engine(Settings(db=Path(target.flags["db"]), interval=0)) as engine:
            for _ in range(3):
                await engine.cycle()
            view = await seen(deck, lambda view: len(view.results) == 4)
            assert view.link is Link.READING
            assert view.latest is not None
            assert view.latest.positions


async def test_positions_after_earlier_cycles_are_there_for_the_charts(target: Target) -> None:
    await ran(target, 8)
    async with working(Deck(target)) as deck:
        view = await seen(deck, lambda view: sum(bool(r.positions) for r in view.results) > 3)
        traded = next(r.cycle_id for r in reversed(view.results) if r.positions)
        await ran(target, 2)
        await seen(deck, lambda view: len(view.results) == 10)
        await seen(deck, lambda view: all(r.positions for r in later(view, traded)))


def later(view: ConsoleState, cycle_id: int) -> list[CycleResult]:
    return [result for result in view.results if result.cycle_id > cycle_id]


async def test_an_engine_that_is_killed_leaves_the_file_to_look_at(target: Target) -> None:
    async with working(Deck(target, EngineProcess(target.command("run")))) as deck:
        await seen(deck, attached)
        assert deck.process is not None
        os.kill(deck.process.pid, signal.SIGKILL)
        view = await seen(deck, lambda view: view.trouble and "by signal 9" in view.trouble.what)
        assert view.results
        deck.restart()
        known = len(view.results)
        again = await seen(deck, lambda view: view.attached and len(view.results) > known)
        assert again.trouble is None


async def test_an_engine_that_is_stopped_is_said_to_be_silent(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.session.session.TICK", 0.05)
    async with working(Deck(target, EngineProcess(target.command("run")))) as deck:
        await seen(deck, attached)
        assert deck.process is not None
        monkeypatch.setattr("console.session.trouble.SILENT_MS", 1_000)
        os.kill(deck.process.pid, signal.SIGSTOP)
        try:
            view = await seen(deck, lambda view: view.trouble is not None)
        finally:
            os.kill(deck.process.pid, signal.SIGCONT)
        assert view.trouble is not None
        assert "silent" in view.trouble.what
        await seen(deck, lambda view: view.trouble is None)


async def test_a_second_deck_attaches_to_the_engine_that_runs(target: Target) -> None:
    async with working(Deck(target, EngineProcess(target.command("run")))) as deck:
        await seen(deck, attached)
        async with working(Deck(target, EngineProcess(target.command("run")))) as second:
            view = await seen(second, attached)
            assert not view.owns_engine
            assert view.trouble is None
            await asyncio.to_thread(second.process.end)  # type: ignore[union-attr]
            await seen(second, lambda later: len(later.results) > len(view.results))
        assert deck.view.attached


async def test_a_backup_put_in_place_is_what_is_shown(target: Target) -> None:
    db = Path(target.flags["db"])
    await ran(target, 2)
    with closing(sqlite3.connect(db)) as ledger, closing(sqlite3.connect(f"{db}.old")) as copy:
        ledger.backup(copy)
    await ran(target, 4)
    async with working(Deck(target)) as deck:
        await seen(deck, lambda view: len(view.results) == 6)
        for part in ("-wal", "-shm"):
            Path(f"{db}{part}").unlink(missing_ok=True)
        db.write_bytes(Path(f"{db}.old").read_bytes())  # The same file, as cp leaves it.
        async with Engine(Settings(db=db, interval=0), channel=True) as engine:
            result = await engine.cycle()
            assert result.cycle_id == 3
            view = await seen(deck, lambda view: view.latest and view.latest.cycle_id == 3)
            view = await seen(deck, lambda view: len(view.results) == 3 and view.attached)
            view = await seen(deck, lambda view: view.books and view.books.last_cycle_id == 3)
            assert view.positions == result.positions


async def test_frozen_the_steps_through_time_are_from_what_is_shown(target: Target) -> None:
    await ran(target, 4)
    async with working(Deck(target)) as deck:
        await seen(deck, lambda view: len(view.results) == 4)
        deck.freeze()
        await ran(target, 3)
        await seen(deck, lambda view: view.behind == 3)
        await deck.older()
        assert shown_cycle(deck) == 3
        await deck.newer()
        assert shown_cycle(deck) == 4
        assert deck.view.past is None


async def test_on_from_a_cycle_that_only_the_engine_knew_is_the_present(target: Target) -> None:
    """Its row could not be written: the file goes on without it."""
    await ran(target, 4)
    async with working(Deck(target)) as deck:
        await seen(deck, lambda view: len(view.results) == 4)
        await deck.travel(4)
        unknown = deck.view.results[0].model_copy(update={"cycle_id": 9})
        deck.view = replace(deck.view, results=(unknown, *deck.view.results))
        await deck.newer()
        assert deck.view.past is None


async def test_a_step_through_time_ends_on_the_file_it_began_on_or_shows_the_same_cycle(
    target: Target,
) -> None:
    """The file may fail between any two of its reads, and `history` be null by then."""
    await ran(target, 4)
    async with working(Deck(target)) as deck:
        await seen(deck, lambda view: len(view.results) == 4)
        await deck.travel(3)
        for way in (deck.older, deck.newer):
            history, step = deck.history, asyncio.ensure_future(way())
            await asyncio.sleep(0)
            deck.history = None
            await step
            assert shown_cycle(deck) == 2
            deck.history = history


def shown_cycle(deck: Deck) -> int:
    assert deck.view.result is not None
    return deck.view.result.cycle_id


async def test_the_state_as_of_a_cycle_is_shown_until_back_in_the_present(target: Target) -> None:
    await ran(target, 6)
    async with working(Deck(target)) as deck:
        await seen(deck, lambda view: len(view.results) == 6)
        await deck.older()
        assert deck.view.result is not None
        assert deck.view.result.cycle_id == 5
        assert deck.view.shown_positions == deck.view.result.positions
        await deck.older()
        await deck.newer()
        assert deck.view.result.cycle_id == 5
        await deck.newer()
        assert deck.view.past is None
        await deck.travel(1)
        await deck.older()
        assert deck.view.result.cycle_id == 1
        with pytest.raises(NoSuchCycle):
            await deck.travel(99)
        await deck.travel(None)
        assert deck.view.past is None


async def test_a_frozen_view_stands_still_and_counts_what_it_does_not_show(target: Target) -> None:
    async with working(Deck(target, EngineProcess(target.command("run")))) as deck:
        await seen(deck, attached)
        deck.freeze()
        frozen = deck.view.results
        view = await seen(deck, lambda view: view.behind > 3)
        assert view.results == frozen
        deck.freeze()
        assert len(deck.view.results) > len(frozen) + 3
        assert not deck.view.frozen


@pytest.mark.parametrize("damage", ["missing", "corrupt", "foreign", "newer"])
async def test_a_file_that_cannot_be_read_is_a_trouble_and_nothing_else(
    target: Target, damage: str
) -> None:
    path = Path(target.flags["db"])
    if damage == "corrupt":
        path.write_bytes(b"no database at all" * 100)
    elif damage == "foreign":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE t (x)")
    elif damage == "newer":
        await ran(target, 1)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("INSERT INTO schema_migrations VALUES (99, 'x', 1)")
    async with working(Deck(target)) as deck:
        view = await seen(deck, lambda view: view.trouble is not None)
        assert view.trouble is not None
        assert str(path) in view.trouble.what


async def test_a_file_that_is_replaced_is_said_to_be_and_shown_anew(target: Target) -> None:
    await ran(target, 5)
    path = Path(target.flags["db"])
    other = Target(None, {"db": str(path.with_name("other.db"))})
    await ran(other, 2)
    async with working(Deck(target)) as deck:
        await seen(deck, lambda view: len(view.results) == 5)
        Path(other.flags["db"]).replace(path)
        await seen(deck, lambda view: view.trouble and "replaced" in view.trouble.what)
        view = await seen(deck, lambda view: len(view.results) == 2)
        assert view.latest is not None
        assert view.latest.cycle_id == 2


async def test_a_locked_file_is_shown_again_when_the_lock_is_gone(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.1))
    await ran(target, 2)
    path = Path(target.flags["db"])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        connection.execute("BEGIN EXCLUSIVE")
        async with working(Deck(Target(None, {**target.flags}))) as deck:
            view = await seen(deck, lambda view: view.trouble is not None)
            assert view.trouble is not None
            assert "locked" in view.trouble.what
            connection.execute("ROLLBACK")
            connection.close()
            await seen(deck, lambda view: len(view.results) == 2)


async def test_a_hundred_cycles_a_second_are_all_heard(target: Target) -> None:
    flood = Target(None, {**target.flags, "interval": "0"})
    async with working(Deck(flood, EngineProcess(flood.command("run")))) as deck:
        view = await seen(deck, lambda view: len(view.results) > 40)
        ids = [result.cycle_id for result in view.results]
        assert ids == list(range(ids[0], ids[-1] - 1, -1))
