"""A console on an engine of its own, as a user has it: from the first look to the last key."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import asked, command, cycle_count, engine_pid, gone, until
from tests.e2e.terminal import PROGRAM, Terminal, environment

ASKED_ONLY = ("--interval", "1h")


def test_the_bare_command_shows_something_to_watch(home: Path, db: Path) -> None:
    with Terminal("--db", db, "--interval", "200ms", home=home) as terminal:
        terminal.until_seen("SIM main", "running every 0.2 s", "● committed")
        terminal.until(lambda: cycle_count(db) > 5)
        terminal.until_seen("BTC/USDT", "dedupe", "fills/order")


def test_look_trigger_replay_browse_and_quit(home: Path, ledger: Path) -> None:
    """The first session somebody has; what it changes is what was confirmed, and no more."""
    before = cycle_count(ledger)
    with Terminal("--db", ledger, *ASKED_ONLY, home=home) as terminal:
        terminal.until_seen(f"cycle {before + 1} · live")
        engine = engine_pid(ledger)
        assert engine is not None

        terminal.press("t")
        terminal.until_seen("run one cycle now")
        terminal.press("y")
        terminal.until_seen(f"cycle {before + 2} · live")
        assert cycle_count(ledger) == before + 2

        terminal.press("r")
        terminal.until_seen(f"replay cycle {before + 2}", "would insert 0")
        terminal.press("y")
        terminal.until_seen("clean", f"{before + 3} ")
        assert asked(ledger, "SELECT verdict FROM cycles ORDER BY cycle_id DESC") == ("clean",)

        terminal.press("3")
        terminal.until_seen("tables › ledger_events")
        terminal.press("G")
        rows, last = asked(ledger, "SELECT count(*), max(seq) FROM ledger_events")
        (event,) = asked(ledger, f"SELECT event_id FROM ledger_events WHERE seq = {last}")
        terminal.until_seen(f"{last} {event} ", f"row {rows} of {rows} exact")

        terminal.press("q")
        assert terminal.ended() == 0
    assert gone(engine)
    assert engine_pid(ledger) is None
    assert not Path(f"{ledger}.sock").exists()
    proven = command(home, "verify", "--db", ledger)
    assert (proven.returncode, proven.stderr) == (0, "")


def test_q_gives_the_screen_back_before_the_engine_has_ended(home: Path, ledger: Path) -> None:
    with Terminal("--db", ledger, "--interval", "200ms", home=home) as terminal:
        terminal.until_seen("running every")
        engine = engine_pid(ledger)
        assert engine is not None
        os.kill(engine, signal.SIGSTOP)
        terminal.press("q")
        terminal.until(lambda: not terminal.shown)
        assert terminal.running
        os.kill(engine, signal.SIGCONT)
        assert terminal.ended() == 0


# --- through a terminal that answers


@pytest.fixture
def tmux(home: Path) -> Iterator[Callable[..., str]]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    with tempfile.TemporaryDirectory() as folder:

        def run(*arguments: str) -> str:
            done = subprocess.run(
                ["tmux", "-S", f"{folder}/socket", "-f", "/dev/null", *arguments],
                env=environment(home),
                cwd=home,
                capture_output=True,
                text=True,
                timeout=20,
                check=True,
            )
            return done.stdout

        yield run
        run("kill-server")


def test_in_tmux_it_draws_answers_keys_and_leaves_the_shells_screen_as_it_was(
    home: Path, ledger: Path, tmux: Callable[..., str]
) -> None:
    def seen() -> str:
        return " ".join(tmux("capture-pane", "-p", "-t", "deck").split())

    tmux("new-session", "-d", "-s", "deck", "-x", "120", "-y", "40", "/bin/sh")
    start = f"echo before; {PROGRAM} --db {ledger} --interval 200ms; echo code $? after"
    tmux("send-keys", "-t", "deck", start, "Enter")
    until(lambda: "running every" in seen())
    tmux("send-keys", "-t", "deck", "4")
    until(lambda: "ledger file" in seen() and "WAL" in seen())
    tmux("resize-window", "-t", "deck", "-x", "80", "-y", "24")
    tmux("send-keys", "-t", "deck", "1")
    until(lambda: "ledger dedupe" in seen())
    tmux("send-keys", "-t", "deck", "q")
    until(lambda: "code 0 after" in seen())
    assert "ledger dedupe" not in seen()
    assert "before" in seen()
    assert tmux("display-message", "-p", "-t", "deck", "#{cursor_flag} #{alternate_on}") == "1 0\n"
