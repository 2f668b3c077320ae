"""Text from outside is shown literally: what it means to a terminal never gets to the terminal.

Checked in the bytes of a real pty: whatever is looked at, only what draws is written.
"""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.builders import reported, serve
from tests.cases import mostly_long
from tests.e2e.sequences import tokens
from tests.e2e.terminal import Terminal

# A market, to the letter; and to a markup parser an end tag that was never begun.
MARKET = "BTC[/]"
HOSTILE = (
    "[red]x[/red][@click=app.leave]",
    "\x1b]0;PWNED\x07",
    "\x1b]52;c;UFdORUQ=\x07",
    "\x1b]8;;http://pwned/\x1b\\x",
    "\x1bPpwned\x1b\\",
    "\x1b[2J\x1b[?1049l\x1bc",
    "\x9b31m\x9d0;PWNED\x9c\x85",
    "\u202e\u2066evil\u061c",
    "zero\u200bwidth\ufeff\u2028\U000e0041",
    "\a\b\t\r\n\v\f\x7f",
)
ALL = "".join(HOSTILE)

# What draws: positions, looks, modes, the keyboard protocol, the shape of the mouse pointer.
DRAWING = {
    "csi": re.compile(r"\x1b\[(\d*;?\d*H|[\d;]*m|\?\d+[hl]|\?(2026|2048)\$p|>\d+u|<u)"),
    "osc": re.compile(r"\x1b\]22;[a-z-]+\x07"),
    "control": re.compile(r"[\r\n]"),
}


def assert_only_draws(raw: bytes) -> None:
    for kind, found in tokens(raw):
        if kind == "text":
            assert found.isprintable(), ascii(found)
        else:
            assert kind in DRAWING, (kind, found)
            assert DRAWING[kind].fullmatch(found), (kind, found)


@pytest.mark.parametrize("text", HOSTILE[1:])
def test_the_check_notices_each_of_them(text: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        assert_only_draws(f"\x1b[1;1H{text}".encode())


def look(terminal: Terminal, *steps: tuple[str, str]) -> None:
    """Press a key and wait for what it shows, or, for escape, for what it closes; and so on."""
    for key, text in steps:
        terminal.press(key)
        if key == "escape":
            terminal.until_gone(text)
        else:
            terminal.until_seen(text)


def leave(terminal: Terminal) -> None:
    terminal.press("ctrl+q")
    terminal.until(lambda: not terminal.running or "Quit y" in terminal.words)
    if terminal.running:
        terminal.press("y")
    assert terminal.ended() == 0
    assert_only_draws(terminal.raw)


def test_what_a_venue_reports_is_shown_literally_on_every_screen(home: Path, db: Path) -> None:
    good = [reported(f"{n}[/]", symbol=MARKET, ts=n, order=f"[red]{n}", clientOrderId="[/x]")
            for n in range(1_000, 1_040)]  # fmt: skip
    bad = [reported(text, symbol=MARKET, ts=1_100, order=text) for text in HOSTILE]
    serve(home / "f.jsonl", [*good, *bad, reported("7[/]", amount="2", symbol=MARKET, ts=1_007)])
    with Terminal("--db", db, "--venue", "recorded:f.jsonl", home=home) as terminal:
        terminal.until_seen(f"{MARKET} ◆ 43 100", f"waits for you: {MARKET}")
        look(
            terminal,
            ("2", "enter x-ray"),
            ("enter", "what the venue said"),
            ("v", "as the venue sent it"),
            ("escape", "as the venue sent it"),
            ("x", "explain ·"),
            ("escape", "what the venue said"),
            ("4", "errors and warnings"),
            ("u", "tables › quarantine"),
            ("enter", "enter follows"),
            ("right", "quarantine · row 2"),
            ("escape", "enter follows"),
            ("o", "open table"),
            ("escape", "open table"),
            ("ctrl+p", "Search for commands"),
            ("escape", "Search for commands"),
            ("1", "ledger dedupe"),
        )
        leave(terminal)


@pytest.mark.long
def test_a_ledger_full_of_escape_sequences_is_shown_literally(home: Path, ledger: Path) -> None:
    poison(ledger)
    with Terminal("watch", "--db", ledger, home=home, size=(160, 45)) as terminal:
        terminal.until_seen(r"Engine \x1b]0;PWNED\x07 holds the lease, but cannot be asked")
        look(
            terminal,
            ("2", "enter x-ray"),
            ("enter", "what the venue said"),
            ("v", "as the venue sent it"),
            ("escape", "as the venue sent it"),
            ("x", "explain ·"),
            ("escape", "what the venue said"),
            ("4", "errors and warnings"),
            ("a", "tables › audit"),
            ("enter", "enter follows"),
            ("escape", "enter follows"),
        )
        for table in ("orders", "cycles", "cycle_inputs"):
            look(
                terminal,
                ("o", "open table"),
                (table, table),
                ("enter", f"tables › {table}"),
                ("enter", f"{table} · row 1"),
                ("escape", "enter follows"),
            )
        leave(terminal)


def poison(ledger: Path) -> None:
    """Append to each text that came from outside something else of it."""
    texts = {
        "stage4_positions": ("symbol", "last_trade_id", "last_event_id"),
        "position_history": ("symbol",),
        "position_checkpoints": ("symbol",),
        "ledger_events": ("symbol", "event_id", "exchange_trade_id", "exchange_order_id"),
        "applied_fills": ("fill_id",),
        "cursors": ("key",),
        "orders": ("symbol", "client_order_id", "exchange_order_id"),
        "input_items": ("symbol", "raw"),
        "cycle_inputs": ("symbol",),
    }
    notices = [{"step": "fetch", "type": text, "message": text, "symbol": text} for text in HOSTILE]
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.create_function("hostile", 1, _hostile)
        for table, columns in texts.items():
            appended = ", ".join(f"{column} = {column} || hostile({column})" for column in columns)
            connection.execute(f"UPDATE {table} SET {appended}")
        connection.execute("UPDATE orders SET reason = hostile(client_order_id)")
        connection.execute("UPDATE cycle_inputs SET error = hostile(symbol)")
        connection.execute(
            "UPDATE cycles SET errors_json = :found, warnings_json = :found",
            {"found": json.dumps(notices)},
        )
        connection.execute("UPDATE lease SET holder = :text, host = :text", {"text": HOSTILE[1]})
        connection.executemany(
            "INSERT INTO audit (ts, actor, action, detail_json, outcome)"
            " VALUES (0, :text, :text, :text, :text)",
            [{"text": text} for text in HOSTILE],
        )


def _hostile(text: str | None) -> str | None:
    """One of them, the same for the same text."""
    return None if text is None else HOSTILE[sum(text.encode()) % len(HOSTILE)]


def test_a_foreign_file_of_hostile_names_and_cells_is_shown_literally(home: Path) -> None:
    path = home / f"{HOSTILE[1]}{HOSTILE[6]}{HOSTILE[7]}[red].db"
    table = f"0{ALL}[/]"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f'CREATE TABLE "{table}" ("{ALL}" TEXT, "[/]{ALL}" BLOB, json)')
        connection.executemany(
            f'INSERT INTO "{table}" VALUES (?, ?, ?)',
            [(text, text.encode(), json.dumps({text: [text]}, ensure_ascii=False))
             for text in (*HOSTILE, ALL)],
        )  # fmt: skip
        connection.execute(f'CREATE VIEW "{ALL}" AS SELECT * FROM "{table}"')
        connection.execute(f"INSERT INTO \"{table}\" VALUES (CAST(x'ff9b1b5d303b' AS TEXT), 1, 2)")
    with Terminal("browse", path, home=home, size=(160, 45)) as terminal:
        terminal.until_seen("of 12 exact", "\\x1b]0;PWNED")
        look(
            terminal,
            ("enter", "enter follows"),
            ("right", "row 2 of 12"),
            ("escape", "enter follows"),
            ("G", "row 12 of 12"),
            ("enter", "enter follows"),
            ("escape", "enter follows"),
            ("/", "is null"),
            ("escape", "is null"),
            ("F", "in any column"),
            ("PWNED", "find PWNED"),
            ("enter", "no row below has"),
            ("N", "row 11 of 12"),
            ("=", "of 1 exact"),
            ("e", "CSV"),
            ("escape", "CSV"),
        )
        leave(terminal)


@mostly_long(
    "arguments",
    [
        ("--venue", f"[/]{HOSTILE[2]}"),
        (HOSTILE[1],),
        ("--config", f"{HOSTILE[1]}[/].toml"),
        ("browse", f"[/]{HOSTILE[1]}"),
    ],
    ids=["venue", "command", "config", "browse"],
)
def test_hostile_words_on_the_command_line_are_shown_literally(
    home: Path, arguments: tuple[str, ...]
) -> None:
    with Terminal(*arguments, home=home) as terminal:
        assert terminal.ended() == 2
        assert_only_draws(terminal.raw)
