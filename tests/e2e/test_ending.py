"""However a console is ended, its engine ends after the running cycle, and the terminal is as it
was."""

import signal
import subprocess
from pathlib import Path

from tests.cases import mostly_long
from tests.e2e.processes import asked, engine_pid, gone
from tests.e2e.sequences import assert_given_back
from tests.e2e.terminal import Terminal


@mostly_long(
    ("end", "interval"),
    [
        (signal.SIGTERM, "1ms"),
        ("ctrl+c", "1h"),
        (signal.SIGHUP, "1h"),
        (signal.SIGINT, "1ms"),
        ("q", "1ms"),
    ],
)
def test_it_ends_with_its_engine_and_gives_the_terminal_back(
    home: Path, db: Path, end: signal.Signals | str, interval: str
) -> None:
    with Terminal("--db", db, "--interval", interval, home=home) as terminal:
        terminal.until_seen("running every", "● committed")
        engine = engine_pid(db)
        assert engine is not None
        if isinstance(end, signal.Signals):
            terminal.signal(end)
        else:
            terminal.press(end)
        assert terminal.ended() == 0
        assert_given_back(terminal.raw)
        assert "Traceback" not in terminal.said
    assert gone(engine)
    assert engine_pid(db) is None
    unfinished = "SELECT count(*) FROM cycles WHERE status <> 'ok'"
    assert asked(db, unfinished) == (0,)


def test_an_engine_that_has_not_begun_yet_ends_as_well_as_one_that_has(
    home: Path, db: Path
) -> None:
    with Terminal("--db", db, home=home) as terminal:
        terminal.until(lambda: terminal.shown)
        terminal.press("q")
        assert terminal.ended() == 0, terminal.said
        assert_given_back(terminal.raw)
    assert engine_pid(db) is None


@mostly_long("end", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_whatever_ends_it_before_it_is_seen_ends_its_engine_too(
    home: Path, db: Path, end: signal.Signals
) -> None:
    with Terminal("--db", db, home=home) as terminal:
        terminal.until(lambda: engine_of(db))
        terminal.signal(end)
        assert terminal.ended() == 0
        assert "Traceback" not in terminal.said
    assert engine_of(db) == ""


def engine_of(db: Path) -> str:
    """The command line of an engine that runs on a ledger, also before it has its lease."""
    found = subprocess.run(
        ["pgrep", "-a", "-f", f"engine.cli run --db {db}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout


def test_code_in_the_working_folder_is_not_run(home: Path, db: Path) -> None:
    (home / "engine").mkdir()
    (home / "engine" / "__init__.py").write_text("open('ran', 'w')\n")
    with Terminal("--db", db, home=home) as terminal:
        terminal.until_seen("running every", "● committed")
        terminal.press("q")
        assert terminal.ended() == 0
    assert not (home / "ran").exists()


def test_when_the_connection_is_lost_the_engine_ends_too(home: Path, db: Path) -> None:
    with Terminal("--db", db, home=home) as terminal:
        terminal.until_seen("running every")
        engine = engine_pid(db)
        assert engine is not None
        terminal.hang_up()
        terminal.ended()
    assert gone(engine)
    assert engine_pid(db) is None


@mostly_long("keys", ["2/", "?", "3:"])
def test_ctrl_q_ends_it_whatever_is_open(home: Path, ledger: Path, keys: str) -> None:
    with Terminal("watch", "--db", ledger, home=home) as terminal:
        terminal.until_seen("No engine is running")
        terminal.press(*keys, "ctrl+q")
        assert terminal.ended() == 0
        assert_given_back(terminal.raw)
