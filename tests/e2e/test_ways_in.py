"""What can be given on the command line, right and wrong, and what comes of it."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.cases import mostly_long
from tests.e2e.processes import command
from tests.e2e.sequences import assert_given_back
from tests.e2e.terminal import ALTERNATE, DEADLINE_S, PROGRAM, Terminal, environment


def music(path: Path) -> Path:
    """A file that another program wrote."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE albums (artist TEXT, title TEXT, price NUMERIC)")
        connection.executemany(
            "INSERT INTO albums VALUES (?, ?, ?)",
            [(f"artist {n % 90}", f"album {n}", f"{n}.50") for n in range(5_000)],
        )
        connection.execute("CREATE VIEW cheap AS SELECT title FROM albums WHERE price < 3")
    return path


def test_browse_opens_any_sqlite_file_and_reaches_its_last_row(home: Path) -> None:
    path = music(home / "music.db")
    before = path.read_bytes()
    with Terminal("browse", path, home=home) as terminal:
        terminal.until_seen("browse", "music.db", "albums", "cheap", "artist 0 album 0 0.5")
        terminal.press("G")
        terminal.until_seen("album 4999 4999.5", "row 5,000 of 5,000 exact")
        terminal.press(":")
        terminal.until_seen("go to a row's number")
        terminal.press(*"2500", "enter")
        terminal.until_seen("album 2499 2499.5")
        terminal.press("o")
        terminal.until_seen("open table", "part of a name")
        terminal.press(*"cheap", "enter")
        terminal.until_seen("album 2", "of 3 exact")
        terminal.press("q")
        assert terminal.ended() == 0
        assert_given_back(terminal.raw)
    assert path.read_bytes() == before


def test_browse_says_what_is_wrong_with_a_file_and_what_to_do(home: Path) -> None:
    (home / "diary.txt").write_text("Dear diary, " * 500)
    with Terminal("browse", "diary.txt", home=home) as terminal:
        terminal.until_seen("or an encrypted one", "f5 tries again")
        terminal.press("q")
        assert terminal.ended() == 0
    assert command(home, "browse", "gone.db").returncode == 2


def test_watch_without_a_ledger_waits_for_one(home: Path, ledger: Path) -> None:
    put_aside = ledger.rename(home / "aside.db")
    with Terminal("watch", "--db", ledger, home=home) as terminal:
        terminal.until_seen("there is no ledger at")
        put_aside.rename(ledger)
        terminal.until_seen("No engine is running", "cycle 60")
        terminal.press("q")
        assert terminal.ended() == 0


@mostly_long(
    ("flags", "message"),
    [
        (("--interval", "nonsense"), "error: interval = 'nonsense': a duration reads like"),
        (("--venue", "nope"), "error: venue = 'nope': a venue is sim or recorded:PATH"),
        (("--config", "gone.toml"), "gone.toml: No such file"),
    ],
)
def test_a_setting_that_cannot_be_is_named_and_the_terminal_given_back(
    home: Path, db: Path, flags: tuple[str, ...], message: str
) -> None:
    with Terminal("--db", db, *flags, home=home) as terminal:
        assert terminal.ended() == 2
        assert message in terminal.said
        assert "Traceback" not in terminal.raw.decode()
        assert_given_back(terminal.raw)
    assert not db.exists()


@mostly_long(
    ("arguments", "message"),
    [(("--nonsense",), "No such option: --nonsense"), (("nonsense",), "No such command 'nonsense'"),
     (("watch", "--interval", "2s"), "No such option: --interval"), (("browse",), "Missing arg")],
    usual=2,
)  # fmt: skip
def test_a_word_that_is_none_is_a_usage_error_before_any_screen_is_taken(
    home: Path, arguments: tuple[str, ...], message: str
) -> None:
    with Terminal(*arguments, home=home) as terminal:
        assert terminal.ended() == 2
        assert message in terminal.said
        assert ALTERNATE not in terminal.raw


@pytest.mark.parametrize("arguments", [(), ("watch",), ("browse", "music.db")])
@pytest.mark.parametrize("end", ["stdin", "stdout"])
def test_without_a_terminal_it_says_so_and_starts_nothing(
    home: Path, arguments: tuple[str, ...], end: str
) -> None:
    music(home / "music.db")
    with Terminal(home=home, command=_piped(end, arguments)) as terminal:
        assert terminal.ended() == 2
        assert "error: the console needs a terminal. For scripts there" in terminal.said
        assert "cycledeck" in terminal.said.partition("For scripts")[2]
    assert not (home / "data").exists()


def _piped(end: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    redirected = {"stdin": "</dev/null", "stdout": "| cat"}[end]
    script = f'set -o pipefail; "$0" "$@" {redirected}'
    return ("/bin/bash", "-c", script, str(PROGRAM), *arguments)


def test_help_names_every_command_and_version_the_version(home: Path) -> None:
    shown = command(home, "--help")
    assert shown.returncode == 0
    for name in ("watch", "browse", "run", "once", "replay", "verify", "status", "export", "init",
                 "metrics", "quarantine", "--keep-running"):  # fmt: skip
        assert name in shown.stdout
    assert command(home, "--db", "l.db", "--help").stdout == shown.stdout
    assert command(home, "--version").stdout.startswith("cycledeck ")
    assert "Usage: cycledeck verify" in command(home, "verify", "--help").stdout


def test_help_can_be_read_where_the_pipe_is_closed_early(home: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{PROGRAM} --help | head -1"],
        capture_output=True,
        text=True,
        env=environment(home),
        timeout=DEADLINE_S,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("Usage: cycledeck [OPTIONS] COMMAND [ARGS]...\n", "")
