"""What is stored never acts on a terminal, and what differs is shown different."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.text import printable
from tests.builders import cycledeck, reported, serve
from tests.cases import mostly_long
from tests.e2e.terminal import Terminal
from tests.e2e.test_hostile_text import ALL, HOSTILE, assert_only_draws

TABLE = "x\x1b]0;PWNED\x07\u202e[/]"
INVISIBLE = "\u034f\u115f\u1160\u17b4\u2800\u3164\ufe0f\uffa0\U000e0101\u200b\u00ad\u2060\ufeff"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger that holds what is hostile in quarantine, and a table of such a name."""
    path = tmp_path / "ledger.db"
    lines = [reported(text, ts=1_100, order=text) for text in HOSTILE]
    venue = serve(tmp_path / "fills.jsonl", lines)
    cycledeck("once", "--db", path, "--venue", f"recorded:{venue}")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f'CREATE TABLE "{TABLE}" (a TEXT)')
        connection.execute(f'INSERT INTO "{TABLE}" VALUES (?)', (ALL,))
        connection.execute("UPDATE quarantine SET raw = ?, reason = ?", (ALL, ALL))
    return path


COMMANDS = (
    ["export", f"no{TABLE}"],
    ["quarantine", "list"],
    ["verify"],
    ["export", "quarantine"],
    ["export", "quarantine", "--format", "jsonl"],
    ["export", TABLE],
    ["quarantine", "list", "--json"],
    ["status", "--json"],
    ["verify", "--json"],
)


@mostly_long("arguments", COMMANDS, usual=3, ids=ascii)
def test_no_command_writes_a_stored_control_character_to_a_terminal(
    arguments: list[str], ledger: Path, tmp_path: Path
) -> None:
    """FAULTS 48."""
    with Terminal(*arguments, "--db", ledger, home=tmp_path) as terminal:
        terminal.ended()
        raw = terminal.raw
    assert raw
    for drawn in (b"\x1b[?25l", b"\x1b[?25h", b"\x1b[2K", b"\x1b[1A"):  # A progress line's.
        raw = raw.replace(drawn, b"")
    assert_only_draws(raw)


def test_a_document_on_a_terminal_has_the_same_values(ledger: Path, tmp_path: Path) -> None:
    """FAULTS 48: they are JSON's own escapes."""
    arguments = ("export", TABLE, "--format", "jsonl", "--db", ledger)
    with Terminal(*arguments, home=tmp_path, size=(2_000, 5)) as terminal:
        assert terminal.ended() == 0
        line = next(line for line in terminal.raw.splitlines() if b'{"a"' in line)
    assert json.loads(line[line.index(b"{") :]) == {"a": ALL} == cycledeck(*arguments).json


def test_ids_that_differ_by_invisible_characters_only_are_shown_different() -> None:
    """FAULTS 48."""
    ids = ["a1", *(f"a{character}1" for character in INVISIBLE)]
    assert len({printable(text) for text in ids}) == len(ids)
    assert all(printable(text).isascii() for text in ids)
