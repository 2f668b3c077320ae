"""Consoles on engines that are not theirs: they attach, they look, and they leave them running."""

import re
import signal
from pathlib import Path

from tests.cases import mostly_long
from tests.e2e.processes import command, cycle_count, end_engine, engine_pid, gone, running_engine
from tests.e2e.terminal import Terminal

PACE = ("--interval", "200ms")


def test_with_keep_running_the_engine_stays_and_other_consoles_attach_to_it(
    home: Path, db: Path
) -> None:
    with Terminal("--db", db, *PACE, "--keep-running", home=home) as first:
        first.until_seen("running every")
        engine = engine_pid(db)
        assert engine is not None
        first.press("q")
        assert first.ended() == 0
        assert f"The engine (pid {engine}) keeps running" in first.said
    stood = cycle_count(db)
    with (
        Terminal("watch", "--db", db, home=home) as watch,
        Terminal("--db", db, home=home) as second,
    ):
        for console in (watch, second):
            console.until_seen("running every 0.2 s", f":{engine} #1")
        watch.until(lambda: cycle_count(db) > stood + 2)
        assert engine_pid(db) == engine
        second.press("q")
        assert second.ended() == 0
        assert not gone(engine), "a console ended an engine that was not its own"
        end_engine(db)
        watch.until_seen("No engine is running", "cycledeck run")
        watch.press("q")
        assert watch.ended() == 0


def test_an_engine_that_is_killed_is_told_of_and_the_file_shown_on(home: Path, db: Path) -> None:
    with (
        running_engine(db, home, *PACE) as engine,
        Terminal("watch", "--db", db, home=home) as terminal,
    ):
        terminal.until_seen("running every", "● committed")
        engine.kill()
        terminal.until_seen("holds the lease, but cannot be asked", "ledger file")
        terminal.press("2")
        terminal.until_seen("all", "enter x-ray")
        terminal.press("q")
        assert terminal.ended() == 0


def test_of_a_console_that_is_killed_the_engine_goes_on_and_the_next_console_attaches(
    home: Path, db: Path
) -> None:
    with Terminal("--db", db, *PACE, home=home) as killed:
        killed.until_seen("running every")
        engine = engine_pid(db)
        assert engine is not None
        killed.signal(signal.SIGKILL)
        assert killed.ended() == -signal.SIGKILL
    stood = cycle_count(db)
    with Terminal("--db", db, *PACE, home=home) as terminal:
        terminal.until_seen("running every", f":{engine} #1")
        terminal.until(lambda: cycle_count(db) > stood + 2)
        terminal.press("q")
        assert terminal.ended() == 0
    assert engine_pid(db) == engine
    end_engine(db)
    assert command(home, "verify", "--db", db).returncode == 0


@mostly_long("stop", [signal.SIGTSTP, signal.SIGSTOP])
def test_a_stopped_console_does_not_stop_the_engine_and_wakes_to_what_is_now(
    home: Path, db: Path, stop: signal.Signals
) -> None:
    with Terminal("--db", db, "--interval", "50ms", home=home) as terminal:
        terminal.until_seen("running every")
        terminal.signal(stop)
        terminal.until_stopped()
        reached = cycle_count(db) + 10
        terminal.until(lambda: cycle_count(db) > reached)
        terminal.signal(signal.SIGCONT)
        terminal.until(lambda: newest_seen(terminal) > reached)
        terminal.press("q")
        assert terminal.ended() == 0


def newest_seen(terminal: Terminal) -> int:
    found = re.search(r"─ cycle ([\d,]+) · live ─", terminal.text)
    return int(found[1].replace(",", "")) if found else 0


def test_an_engine_that_cannot_start_is_told_of_and_e_starts_it_again(home: Path, db: Path) -> None:
    with Terminal("--db", db, "--venue", "recorded:fills.jsonl", home=home) as terminal:
        terminal.until_seen("The engine ended with exit code 1", "No such file", "E starts")
        (home / "fills.jsonl").write_text("")
        terminal.press("E")
        terminal.until_seen("start the engine again", "cycledeck run")
        terminal.press("y")
        terminal.until_seen("running every", "● committed", "OBSERVE")
        terminal.press("q")
        terminal.until_seen("quit and end the engine", "ends too, after its running cycle.")
        terminal.press("y")
        assert terminal.ended() == 0
