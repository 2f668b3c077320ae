"""A table of ten million rows: its first page, jumps, memory, and keys while it is sorted."""

import random
import re
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.driving import (
    PATIENCE_S,
    Figure,
    answered,
    children,
    high,
    median,
    painted,
    resident_mib,
)
from tests.e2e.terminal import Terminal

TABLE, SMALL = "ledger_events", "symbols"
# Columns from the first to one without an index.
UNINDEXED = 5
LONGEST_S = 20.0
REST_S = 0.15
FIRST_GOAL_MS, JUMP_GOAL_MS, KEY_GOAL_MS, GROWTH_GOAL_MIB = 300, 100, 50, 60
ROWS_SQL = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?),
r (i, h) AS (SELECT i, (i * 2654435761) & 4294967295 FROM n)
INSERT INTO ledger_events
SELECT i, printf('fill:%d', i), 1600000000000 + i * 17000 + h % 16000,
    CASE h % 3 WHEN 0 THEN 'BTC/USDT' WHEN 1 THEN 'ETH/USDT' ELSE 'SOL/USDT' END,
    iif((h >> 7) & 1, 'sell', 'buy'),
    printf('%d.%06d', i % 13, h % 1000000), printf('%d.%02d', 20000 + (h >> 5) % 50000, i % 100),
    printf('{"order":"o%d","liquidity":"%s"}', i, iif(i & 1, 'maker', 'taker'))
FROM r
"""


def make_table(path: Path, rows: int) -> None:
    """Write the file, unless it is there."""
    if path.exists():
        return
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE ledger_events (seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE,"
            " ts INTEGER NOT NULL, symbol TEXT NOT NULL, side TEXT, qty TEXT, price TEXT,"
            " meta_json TEXT NOT NULL)"
        )
        connection.execute("CREATE TABLE symbols (symbol TEXT)")
        connection.execute("INSERT INTO symbols VALUES ('BTC/USDT'), ('ETH/USDT'), ('SOL/USDT')")
        connection.execute("BEGIN")
        connection.execute(ROWS_SQL, (rows,))
        connection.execute("COMMIT")
        connection.execute("CREATE INDEX ledger_events_by_time ON ledger_events (symbol, ts)")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    part.rename(path)


def table_figures(path: Path, rounds: int, jumps: int) -> list[Figure]:
    with closing(sqlite3.connect(path)) as connection:
        (rows,) = connection.execute("SELECT max(seq) FROM ledger_events").fetchone()
    with (
        tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name,
        Terminal("browse", path, home=Path(name)) as terminal,
    ):
        terminal.until_seen(f"{event(1)} ", f"of {rows:,} exact", timeout=120)
        figures = _places(terminal, rows, rounds)
        figures.append(_growth(terminal, rows, jumps))
        figures += _while_busy(terminal, rows, max(1, rounds // 3))
        terminal.press("q")
        terminal.ended()
    return figures


def event(row: int) -> str:
    return f"fill:{row}"


# --- places


def _places(terminal: Terminal, rows: int, rounds: int) -> list[Figure]:
    first, last, middle, page = [], [], [], []
    for number in range(rounds):
        _pick(terminal, SMALL, "SOL/USDT")
        first.append(_pick(terminal, TABLE, event(1)))
        last.append(answered(terminal, "G", event(rows)))
        terminal.until_seen(f"row {rows:,} of")
        middle.append(_jump(terminal, rows // 2 + number * 1_000))
        terminal.press("pagedown")  # To the last row that is seen.
        page.append(answered(terminal, "pagedown", event(_lowest(terminal) + 2)))
    name = f"tables: {rows:,} rows,"
    return [
        Figure(f"{name} first page", median(first), "ms", FIRST_GOAL_MS, _worst(first)),
        Figure(f"{name} last row", median(last), "ms", JUMP_GOAL_MS, _worst(last)),
        Figure(f"{name} middle row", median(middle), "ms", JUMP_GOAL_MS, _worst(middle)),
        Figure(f"{name} next page", median(page), "ms", JUMP_GOAL_MS, _worst(page)),
    ]


def _worst(values: list[float]) -> str:
    return f"worst {max(values):.0f}"


def _pick(terminal: Terminal, table: str, shown: str) -> float:
    """From Enter in the list of tables to the first page."""
    terminal.press("o")
    terminal.until_seen("open table")
    terminal.press(*table)
    time.sleep(REST_S)
    return answered(terminal, "enter", shown)


def _jump(terminal: Terminal, row: int) -> float:
    """From Enter to the row."""
    since = len(terminal.chunks)
    terminal.press(":")
    painted(terminal, "go to", since)
    since = len(terminal.chunks)
    terminal.press(*str(row))
    painted(terminal, f"{row:,}", since)
    return answered(terminal, "enter", event(row))


def _lowest(terminal: Terminal) -> int:
    """The number of the last row on the screen."""
    time.sleep(REST_S)
    return max(int(found) for found in re.findall(r"fill:(\d+)", terminal.text))


# --- memory


def _growth(terminal: Terminal, rows: int, jumps: int) -> Figure:
    pids = (terminal.pid, *children(terminal.pid))
    before = resident_mib(*pids)
    chance = random.Random(7)
    waits = []
    for _ in range(jumps):
        waits.append(_jump(terminal, chance.randint(1, rows)))
        terminal.words  # noqa: B018 - drawn as it comes: all of it later would take a minute
    after = resident_mib(*pids)
    note = (
        f"{before:.0f} → {after:.0f} MiB; a jump p50 {median(waits):.0f} p95 {high(waits):.0f} ms"
    )
    return Figure(
        f"tables: growth over {jumps:,} jumps", after - before, "MiB", GROWTH_GOAL_MIB, note
    )


# --- keys while it works


def _while_busy(terminal: Terminal, rows: int, rounds: int) -> list[Figure]:
    """A question and the list of tables are opened while rows are looked for."""
    waits: dict[str, list[float]] = {"sort": [], "filter": []}
    for _ in range(rounds):
        terminal.press("g", "0", *["right"] * UNINDEXED)
        time.sleep(REST_S)
        terminal.press("s")
        waits["sort"] += _keys_until_done(terminal)
        _clear(terminal, rows)
        since = len(terminal.chunks)
        terminal.press("/")
        painted(terminal, "is null", since)
        terminal.press(*"~ no such", "enter")
        waits["filter"] += _keys_until_done(terminal)
        _clear(terminal, rows)
    return [
        Figure(f"tables: key → paint in a {work}, p95", high(found), "ms", KEY_GOAL_MS, _p50(found))
        for work, found in waits.items()
    ]


def _clear(terminal: Terminal, rows: int) -> None:
    """All rows again, in their own order."""
    terminal.press("c")
    terminal.until(lambda: _shows_all(terminal.words, rows), PATIENCE_S)


def _shows_all(words: str, rows: int) -> bool:
    narrowed = any(told in words for told in (" · by ", " ~ ", "looked at", "esc stops"))
    return f"of {rows:,} exact" in words and not narrowed


def _keys_until_done(terminal: Terminal) -> list[float]:
    """At most `LONGEST_S` of them; what runs still is stopped then."""
    terminal.until_seen("esc stops")
    ends = time.monotonic() + LONGEST_S
    waits = []
    while time.monotonic() < ends and "esc stops" in terminal.words:
        for key, shown in ((":", "go to"), ("o", "open table")):
            waits.append(answered(terminal, key, shown))
            time.sleep(REST_S)
            terminal.press("escape")
            terminal.until_gone(shown)
            time.sleep(REST_S)
    while "esc stops" in terminal.words:
        terminal.press("escape")
        time.sleep(REST_S)
    return waits


def _p50(values: list[float]) -> str:
    return f"p50 {median(values):.0f}, {len(values)} keys"
