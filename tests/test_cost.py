"""The cost of a cycle does not grow with the history: by query plans and statement counts."""

import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from engine import Engine, Kind
from engine.errors import VenueTimeout
from engine.ledger.positions import CHECKPOINT_EVENTS
from engine.store.statements import SQL
from engine.venue import TradeIds
from tests.builders import (
    BTC,
    ETH,
    T0,
    commit,
    memory_ledger,
    opened,
    raw,
    reported,
    rows,
    serve,
    settings_in,
    tracing,
)
from tests.fakes import FakeVenue

# Tables that get longer with every cycle or fill; the others are as long as there are markets.
GROWING = (
    "ledger_events", "applied_fills", "ledger_commits", "cycles", "cycle_inputs", "input_items",
    "orders", "cycle_metrics", "position_history", "position_checkpoints", "conflicts", "audit",
)  # fmt: skip
# Indexes of what is open or running at a time: they do not grow with the history.
SMALL_INDEXES = (
    "orders_live", "cycles_running", "quarantine_open", "conflicts_open", "conflicts_clashing",
)  # fmt: skip

_SCAN = re.compile(r"SCAN (?:main\.)?(\w+)(.*)")


def full_scans(connection: sqlite3.Connection, statement: str) -> list[str]:
    """Lines of the statement's plan that read a whole table which grows with the history."""
    found = []
    for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall():
        match = _SCAN.match(detail)
        if match is None or aliases(statement).get(match[1], match[1]) not in GROWING:
            continue
        if any(name in match[2] for name in SMALL_INDEXES) or bounded(statement):
            continue
        found.append(f"{detail}: {statement[:200]}")
    return found


def aliases(statement: str) -> dict[str, str]:
    return {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", statement)}


def bounded(statement: str) -> bool:
    """Reads some rows in an index's order and stops."""
    return bool(re.search(r"ORDER BY [\w.]+(?: DESC)? LIMIT \d+", statement))


_VALUE = re.compile(
    r"x'[0-9a-fA-F]*'|'(?:[^']|'')*'|(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\bNULL\b|[:?]\w+|\?"
)


def shape(statement: str) -> str:
    """The statement without its values."""
    return re.sub(r"\s+", " ", _VALUE.sub("?", statement)).partition(";")[0].strip()


def fills(start: int, count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        reported(str(n), "buy" if n % 3 else "sell", "0.7", str(100 + n % 13), n * 10, **more)
        for n in range(start, start + count)
    ]


async def live_statements(folder: Path) -> list[str]:
    """One of each statement that cycles of all kinds run on a ledger with some of everything."""
    statements: list[str] = []
    venue = FakeVenue(fills(1, 2 * CHECKPOINT_EVENTS), marks={BTC: "100", ETH: "10"})
    settings = settings_in(folder, strategy="ladder", ladder={"order_notional": "100"})
    async with Engine(settings, venue=venue, connect=tracing(statements)) as engine:
        await engine.cycle()
        statements.clear()
        late, fee_later = reported("late", ts=5), reported("n", ts=6_000, fees=[])
        venue.reports += [late, fee_later, *fills(900, 5, order="x1"), *fills(990, 1, symbol=ETH)]
        await engine.cycle()
        venue.reports += [
            reported("n", ts=6_000, fees=[{"cost": "1", "currency": "USDT"}]),
            reported("late", ts=5, price="7"),
            {"id": None, "symbol": BTC, "timestamp": T0 + 9_000},
        ]
        venue.marks[BTC] += 50
        await engine.cycle()
        await engine.cycle(Kind.RECONCILE)
        venue.silent = VenueTimeout("no answer")
        venue.marks[BTC] += 50
        await engine.cycle()
        venue.silent = None
        await engine.cycle()
        await engine.replay(2)
    return list({shape(statement): statement for statement in statements}.values())


async def test_no_statement_of_a_cycle_reads_a_whole_table_that_grows(tmp_path: Path) -> None:
    kinds_of_data = ("SELECT", "INSERT", "UPDATE", "DELETE")
    seen = [text for text in await live_statements(tmp_path) if text.startswith(kinds_of_data)]
    assert len(seen) > 40
    with opened(tmp_path / "ledger.db") as connection:
        assert [scan for text in seen for scan in full_scans(connection, text)] == []


def test_the_check_sees_a_full_scan_when_there_is_one(tmp_path: Path) -> None:
    connection = memory_ledger()
    for statement in (
        "SELECT * FROM ledger_events WHERE price = '1'",
        "SELECT e.qty FROM ledger_events AS e WHERE e.qty = '1'",
        "DELETE FROM cycles WHERE mode = 'sim'",
        "SELECT status FROM orders WHERE status = 'open' ORDER BY cycle_id",
    ):
        assert full_scans(raw(connection), statement), statement
    connection.close()


def kinds(statements: Iterable[str]) -> list[str]:
    return sorted(shape(statement) for statement in statements)


async def statements_of_100_new(folder: Path, history: int) -> list[str]:
    """The statements of one cycle of 100 new fills on a ledger of `history` events."""
    folder.mkdir()
    path = serve(folder / "f.jsonl", fills(1, history))
    statements: list[str] = []
    # The lease is not renewed meanwhile, on however slow a machine.
    settings = settings_in(folder, path, lookback=0, lease_ttl="1h")
    async with Engine(settings, connect=tracing(statements)) as engine:
        await engine.cycle()
        await engine.cycle()
        serve(path, [*fills(1, history), *fills(history + 1, 100)])
        statements.clear()
        result = await engine.cycle()
        done = list(statements)
    assert result.fills_count == 100
    return done


async def test_100_new_fills_take_the_same_statements_on_an_empty_and_on_a_long_ledger(
    tmp_path: Path,
) -> None:
    long = 20_000
    assert long % CHECKPOINT_EVENTS + 100 < CHECKPOINT_EVENTS, "a checkpoint would fall in between"
    short = kinds(await statements_of_100_new(tmp_path / "short", 1))
    assert kinds(await statements_of_100_new(tmp_path / "long", long)) == short


async def test_a_late_fill_on_a_long_ledger_reads_from_its_checkpoint_only(
    tmp_path: Path,
) -> None:
    path = serve(tmp_path / "f.jsonl", fills(1, 8_000))
    statements: list[str] = []
    settings = settings_in(tmp_path, path)
    async with Engine(settings, connect=tracing(statements)) as engine:
        await engine.cycle()
        serve(path, [*fills(1, 8_000), reported("late", ts=79_000)])
        statements.clear()
        result = await engine.cycle()
    assert result.fills_count == 1
    wanted = shape(SQL["events_from"])
    refolds = [statement for statement in statements if shape(statement) == wanted]
    assert len(refolds) == 1
    with opened(settings.db) as connection:
        assert len(rows(connection, refolds[0])) <= 2 * CHECKPOINT_EVENTS


@pytest.mark.parametrize("late_by", [1, 50, 500])
async def test_evidence_of_repeats_takes_no_new_items(tmp_path: Path, late_by: int) -> None:
    """What a lookback asks for again is stored once a day, not once a cycle."""
    path = serve(tmp_path / "f.jsonl", fills(1, late_by))
    settings = settings_in(tmp_path, path)
    async with Engine(settings) as engine:
        for _ in range(4):
            await engine.cycle()
    with opened(settings.db) as connection:
        assert rows(connection, "SELECT count(*) FROM input_items")[0] <= 2 * late_by
        assert rows(connection, "SELECT count(*) FROM cycle_inputs") == [4]


def steps_of_booking(count: int, markets: int, apart_ms: int) -> int:
    """Thousands of SQLite's steps that a commit of new fills takes, where other markets of ids of
    their own have fills so far away in time."""
    ledger = memory_ledger(TradeIds.MARKET)
    for number in range(markets):
        item = reported("1", symbol=f"A{number}/USDT", ts=number)
        commit(ledger, [item], cycle_id=number + 1, trade_ids=TradeIds.MARKET)
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    items = [reported(str(number), ts=apart_ms + number) for number in range(count)]
    raw(ledger).set_progress_handler(step, 1_000)
    made = commit(ledger, items, cycle_id=markets + 1, trade_ids=TradeIds.MARKET)
    assert made.fills_count == count
    return steps


def test_new_fills_are_not_looked_for_in_every_market() -> None:
    apart = 1_000_000
    alone, beside_many = (steps_of_booking(500, markets, apart) for markets in (1, 100))
    assert beside_many < 1.2 * alone
