"""Verify names every violation: table, key, expected and found."""

import asyncio
import shutil
import sqlite3
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from engine import Engine
from engine.checks.verify import CHECKS, Violation, verify
from engine.cycles import metrics
from engine.ledger.positions import CHECKPOINT_EVENTS
from tests.builders import (
    BTC,
    ETH,
    T0,
    OpenLedger,
    commit,
    cycledeck,
    cycles,
    fee,
    memory_ledger,
    opened,
    reported,
    rows,
    serve,
    settings_in,
    verified,
)
from tests.cases import mostly_long
from tests.fakes import FakeVenue


def fills(count: int) -> list[dict[str, Any]]:
    return [
        reported(str(n), "sell" if n % 3 == 0 else "buy", "1", str(100 + n % 7), n * 1_000,
                 BTC if n % 2 else ETH, fees=[fee("0.1", "USDT")])
        for n in range(1, count + 1)
    ]  # fmt: skip


async def made(folder: Path) -> Path:
    """A ledger of three commits with orders, fees, late fills, checkpoints, and an idle cycle."""
    venue = FakeVenue(fills(600), marks={BTC: "100", ETH: "10"})
    settings = settings_in(folder, strategy="ladder")
    await cycles(settings, 1, venue=venue)
    venue.reports += [reported("late", ts=150_500, fees=[fee("1")]), *fills(620)[600:]]
    await cycles(settings, 1, venue=venue)
    venue.reports += [reported("later", ts=150_600, symbol=ETH, fees=[fee("1")])]
    await cycles(settings, 2, venue=venue)
    return settings.db


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(made(tmp_path_factory.mktemp("sound")))


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """A copy of the sound ledger, for a test to damage."""
    return Path(shutil.copy(sound, tmp_path / "ledger.db"))


def found(path: Path) -> list[Violation]:
    return list(verified(path).violations)


def test_sound_books_are_ok_and_what_was_looked_at_is_counted(path: Path) -> None:
    outcome = verified(path)
    assert (outcome.ok, outcome.violations) == (True, ())
    assert outcome.checked == {
        "integrity": 1,
        "schema": outcome.checked["schema"],
        "identity": 4,
        "chain": 1244,
        "positions": 1244,
        "markets": 2,
        "balances": 3,
        "history": 3,
        "applied_fills": 622,
        "fees": 622,
        "account_events": 0,
        "assertions": 0,
        "late_events": 0,
        "cursors": 2,
        "metrics": 4,
        "cycles": 4,
        "idle runs": 0,
        "conflicts": 0,
        "distinct_markets": 0,
        "quarantine": 0,
        "evidence": 630,
    }


def test_verifying_changes_nothing_and_reports_as_it_goes(path: Path) -> None:
    seen: list[str] = []
    before = path.read_bytes()
    with opened(path) as connection:
        verify(connection, lambda name, done: seen.append(name))
        assert connection.text_factory is str
    assert list(dict.fromkeys(seen)) == [check.name for check in CHECKS]
    assert path.read_bytes() == before


def test_an_empty_ledger_is_ok() -> None:
    with closing(memory_ledger()) as connection:
        assert verify(connection).ok


TAMPERED: list[tuple[str, str, str, str]] = [
    ("UPDATE ledger_events SET qty = '2' WHERE event_id = 'fill:7'",
     "ledger_events", "fill:7", "content of hash"),
    ("UPDATE ledger_events SET fee = '9' WHERE event_id = 'fee:7'",
     "ledger_events", "fee:7", "content of hash"),
    ("UPDATE ledger_events SET meta_json = '{}x' WHERE event_id = 'fill:7'",
     "ledger_events", "fill:7", "content of hash"),
    ("UPDATE ledger_events SET hash = x'00' WHERE event_id = 'fill:7'",
     "ledger_events", "fill:7", "content of hash 00"),
    ("DELETE FROM ledger_events WHERE event_id = 'fill:7'",
     "ledger_events", "fill:7", "a FILL event"),
    ("DELETE FROM ledger_events WHERE event_id = 'fill:7'",
     "ledger_events", "fee:7", "a FILL event fill:7"),
    ("DELETE FROM ledger_events WHERE event_id = 'fee:7'",
     "ledger_commits", "1", "1200 events"),
    ("DELETE FROM applied_fills WHERE fill_id = '7'",
     "applied_fills", "7", "a row for the FILL event"),
    ("INSERT INTO applied_fills VALUES ('ghost', 1)",
     "ledger_events", "fill:ghost", "a FILL event"),
    ("UPDATE ledger_events SET cycle_id = 3 WHERE event_id = 'fill:7'",
     "ledger_events", "fill:7", "cycle_id 1"),
    ("INSERT INTO ledger_events (seq, event_id, ts, symbol, type, side, qty, price, "
     "exchange_trade_id, cycle_id, meta_json, hash) "
     "SELECT 9999, 'fill:new', ts, symbol, type, side, qty, price, 'new', 9, meta_json, hash "
     "FROM ledger_events LIMIT 1",
     "ledger_events", "fill:new", "an event of some commit"),
    ("UPDATE ledger_events SET price = '' WHERE event_id = 'fee:7'",
     "ledger_events", "fee:7", "content of hash"),
    ("UPDATE applied_fills SET cycle_id = 3 WHERE fill_id = '7'",
     "applied_fills", "7.cycle_id", "1"),
    (f"UPDATE cursors SET value_ms = {T0 + 999_999_999} WHERE key = 'fills_cursor:BTC/USDT'",
     "cursors", "fills_cursor:BTC/USDT.value_ms", f"{T0 + 619_000}"),
    (f"UPDATE cursors SET value_ms = {T0 + 618_999} WHERE key = 'fills_cursor:BTC/USDT'",
     "cursors", "fills_cursor:BTC/USDT.value_ms", f"{T0 + 619_000}"),
    ("UPDATE cursors SET start_ms = value_ms WHERE key = 'fills_cursor:BTC/USDT'",
     "cursors", "fills_cursor:BTC/USDT.start_ms", "0"),
    ("UPDATE cursors SET cycle_id = 3 WHERE key = 'fills_cursor:BTC/USDT'",
     "cursors", "fills_cursor:BTC/USDT.cycle_id", "2"),
    ("DELETE FROM cursors WHERE key = 'fills_cursor:BTC/USDT'",
     "cursors", "fills_cursor:BTC/USDT", f"value_ms {T0 + 619_000}"),
    ("INSERT INTO cursors VALUES ('fills_cursor:X/Y', 5, 0, 1)",
     "cursors", "fills_cursor:X/Y", "a commit that started it"),
    ("UPDATE stage4_positions SET qty = '5' WHERE symbol = 'BTC/USDT'",
     "stage4_positions", "BTC/USDT.qty", ""),
    ("UPDATE stage4_positions SET realized_pnl = '5' WHERE symbol = 'BTC/USDT'",
     "stage4_positions", "BTC/USDT.realized_pnl", ""),
    ("UPDATE stage4_positions SET fees_json = '{}' WHERE symbol = 'BTC/USDT'",
     "stage4_positions", "BTC/USDT.fees_json", '{"USDT": "'),
    ("UPDATE stage4_positions SET cycle_id = 1 WHERE symbol = 'BTC/USDT'",
     "stage4_positions", "BTC/USDT.cycle_id", "2"),
    ("DELETE FROM stage4_positions WHERE symbol = 'BTC/USDT'",
     "stage4_positions", "BTC/USDT", ""),
    ("INSERT INTO stage4_positions VALUES ('X/Y', 'main', 'net', 'cash', '1', '1', '0', '{}', "
     "0, 0, 0, '', '', 1, '0', '{}', '{}')",
     "stage4_positions", "X/Y.qty", "0"),
    ("UPDATE position_checkpoints SET cost = '1' WHERE symbol = 'BTC/USDT'",
     "position_checkpoints", "BTC/USDT.cost", ""),
    ("UPDATE position_checkpoints SET events = events + 1 WHERE symbol = 'BTC/USDT'",
     "position_checkpoints", "BTC/USDT.last_event_id", ""),
    ("UPDATE position_history SET fees_json = '{}' WHERE (symbol, commit_seq) = ('BTC/USDT', 1)",
     "position_history", "BTC/USDT 1.fees_json", '{"USDT": "30"}'),
    ("UPDATE position_history SET qty = qty || '.0' WHERE (symbol, commit_seq) = ('ETH/USDT', 2)",
     "position_history", "ETH/USDT 2.qty", ""),
    ("DELETE FROM position_history WHERE (symbol, commit_seq) = ('BTC/USDT', 1)",
     "position_history", "BTC/USDT 1", "("),
    ("INSERT INTO position_history VALUES ('BTC/USDT', 'main', 'net', 'cash', 9, '1', '1', '1', "
     "'{}', 0, '0', '{}', '{}')",
     "position_history", "BTC/USDT 9", "a commit of it"),
    ("UPDATE ledger_commits SET positions_digest = 'x' WHERE commit_seq = 2",
     "ledger_commits", "2.positions_digest", ""),
    ("UPDATE ledger_commits SET cursors_json = replace(cursors_json, '619000', '619001') "
     "WHERE commit_seq = 2",
     "ledger_commits", "3.cursors_json", "fills_cursor"),
    ("DELETE FROM ledger_identity", "ledger_identity", "ledger_id", "a value"),
    ("UPDATE ledger_identity SET value = 'market' WHERE key = 'trade_ids'",
     "ledger_identity", "trade_ids.value", "ids like "),
    ("UPDATE ledger_identity SET value = 'none' WHERE key = 'trade_ids'",
     "ledger_identity", "trade_ids.value", "ids like "),
    ("UPDATE ledger_identity SET value = 'odd' WHERE key = 'trade_ids'",
     "ledger_identity", "trade_ids.value", "one of account, market, order, none"),
    ("UPDATE cycle_metrics SET ts_start = ts_start + 1 WHERE cycle_id = 2",
     "cycle_metrics", "2.ts_start", ""),
    ("UPDATE cycle_metrics SET mode = 'live' WHERE cycle_id = 2",
     "cycle_metrics", "2.mode", "sim"),
    ("UPDATE cycle_metrics SET slippage_bps_avg = 0.5 WHERE cycle_id = 2",
     "cycle_metrics", "2.slippage_bps_avg", ""),
    ("UPDATE cycle_metrics "
     "SET meta_json = json_set(meta_json, '$.symbols.\"BTC/USDT\".fills_count', 9)",
     "cycle_metrics", "2.meta_json.symbols.BTC/USDT.fills_count", ""),
    ("UPDATE cycle_metrics SET meta_json = json_set(meta_json, '$.note', 'mine')",
     "cycle_metrics", "2.meta_json.note", "nothing"),
    ("UPDATE cycle_metrics SET fills_count = 7 WHERE cycle_id = 2",
     "cycle_metrics", "2.fills_count", "21"),
    ("UPDATE cycle_metrics SET fees_json = '{}' WHERE cycle_id = 2",
     "cycle_metrics", "2.fees_json", '{"USDT": "3"}'),
    ("UPDATE cycle_metrics SET orders_submitted = 77 WHERE cycle_id = 1",
     "cycle_metrics", "1.orders_submitted", ""),
    ("UPDATE cycle_metrics SET meta_json = '{}' WHERE cycle_id = 2",
     "cycle_metrics", "2.meta_json.ledger_events_attempted", ""),
    ("UPDATE cycle_metrics SET cycle_id = 99 WHERE cycle_id = 2",
     "cycle_metrics", "99", "a committed cycle"),
    ("UPDATE ledger_commits SET hash = x'00' WHERE commit_seq = 2",
     "ledger_commits", "2", "hash "),
    ("UPDATE ledger_commits SET hash = x'00' WHERE commit_seq = 2",
     "ledger_commits", "3", "hash "),
    ("UPDATE ledger_commits SET committed_ms = 7 WHERE commit_seq = 2",
     "ledger_commits", "2", "hash "),
    ("DELETE FROM ledger_commits WHERE commit_seq = 2",
     "ledger_commits", "3", "commit_seq 2"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "table", "key", "expected"), TAMPERED)
def test_what_was_changed_by_hand_is_named(
    path: Path, change: str, table: str, key: str, expected: str
) -> None:
    with opened(path) as connection:
        assert connection.execute(change).rowcount > 0
    named = [v for v in found(path) if (v.table, v.key) == (table, key)]
    assert named, found(path)[:5]
    assert any(v.expected.startswith(expected) for v in named)
    assert all(v.expected != v.found for v in named)


TABLES = ("ledger_events", "applied_fills", "cursors", "stage4_positions", "cycle_metrics",
          "ledger_commits", "position_history", "ledger_identity", "balances", "balance_history",
          "markets")  # fmt: skip
# What a ledger is called, and since when, nothing else tells.
FREE = {("ledger_identity", "value")}


def columns() -> Iterator[tuple[str, str]]:
    """Every table's and column's name, as the database has them."""
    with closing(memory_ledger()) as connection:
        for table in TABLES:
            for _, column, *_ in connection.execute(f"PRAGMA table_info({table})"):
                yield table, column


CHANGES = ("'1' || {}", "{} + 1", "{} - 1", "''", "NULL", "CAST({} || 'x' AS BLOB)", "'{{}}'",
           "7", "iif({} = 'buy', 'sell', 'buy')")  # fmt: skip
# The database itself keeps these from being changed alone.
BOUND = {
    ("ledger_events", "type"), ("ledger_events", "position_side"), ("ledger_events", "margin_mode"),
    ("stage4_positions", "side"), ("markets", "kind"), ("stage4_positions", "margin_mode"),
    *(("ledger_commits", n) for n in ("attempted", "inserted", "ignored", "conflicting")),
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(traded(tmp_path_factory.mktemp("small")))


async def traded(folder: Path) -> Path:
    """A ledger of three cycles in which orders of its own are filled, and one fee comes late."""
    venue = FakeVenue([reported("1", fees=[fee("1")])], marks={BTC: "100", ETH: "10"})
    async with Engine(settings_in(folder, strategy="ladder"), venue=venue) as engine:
        await engine.cycle()
        ours: dict[str, Any] = {"clientOrderId": venue.sent[0].client_order_id, "order": "x1"}
        venue.reports += [
            reported("2", "sell", "0.5", "99", timestamp=venue.now_ms + 500, **ours),
            reported("3", timestamp=venue.now_ms, symbol=ETH, fees=[]),
        ]
        await engine.cycle()
        venue.reports.append(
            reported("3", timestamp=venue.now_ms - 1_000, symbol=ETH, fees=[fee("2")])
        )
        await engine.cycle()
    return folder / "ledger.db"


@mostly_long("most", [1, len(CHANGES)], ids=["the first change that it takes", "every change"])
@pytest.mark.parametrize(("table", "column"), sorted(set(columns()) - FREE))
def test_no_column_of_the_books_can_be_changed_in_any_row_unseen(
    small: Path, table: str, column: str, most: int
) -> None:
    with opened(small) as connection:
        assert verify(connection).violations == ()
        stored = rows(connection, f"SELECT * FROM {table}")
        keys = rows(connection, "SELECT name FROM pragma_table_info(?) WHERE pk", table)
        one = f"WHERE ({', '.join(keys)}) = ({', '.join('?' for _ in keys)})"
        found = connection.execute(f"SELECT {', '.join(keys)} FROM {table}").fetchall()
        taken = Counter[Any]()
        for key, change in product(found, CHANGES):
            if taken[key] == most:
                continue
            connection.execute("BEGIN")
            with suppress(sqlite3.IntegrityError):
                value = change.format(column)
                connection.execute(f"UPDATE {table} SET {column} = {value} {one}", key)
            if rows(connection, f"SELECT * FROM {table}") != stored:
                taken[key] += 1
                named = {violation.table for violation in verify(connection).violations}
                assert table in named, (key, change, named)
            connection.execute("ROLLBACK")
    assert bool(taken) is ((table, column) not in BOUND)


@pytest.mark.parametrize("table", ["ledger_events", "applied_fills", "cursors", "stage4_positions",
                                   "ledger_commits", "position_history", "balances",
                                   "balance_history", "markets"])  # fmt: skip
def test_no_row_of_the_books_can_be_deleted_unseen(small: Path, table: str) -> None:
    with opened(small) as connection:
        keys = rows(connection, "SELECT name FROM pragma_table_info(?) WHERE pk", table)
        one = f"WHERE ({', '.join(keys)}) = ({', '.join('?' for _ in keys)})"
        found = connection.execute(f"SELECT {', '.join(keys)} FROM {table}").fetchall()
        assert found
        for key in found:
            connection.execute("BEGIN")
            connection.execute(f"DELETE FROM {table} {one}", key)
            assert not verify(connection).ok, key
            connection.execute("ROLLBACK")


def test_a_held_cursor_that_is_pushed_over_what_it_waits_for_is_named(tmp_path: Path) -> None:
    fills = [reported("1"), reported("2", ts=2_000, price="NaN"), reported("3", ts=9_000)]
    settings = settings_in(tmp_path, serve(tmp_path / "f.jsonl", fills))
    asyncio.run(cycles(settings))
    with opened(settings.db) as connection:
        assert verify(connection).ok
        connection.execute("UPDATE cursors SET value_ms = ?", (T0 + 9_000,))
    (violation,) = found(settings.db)
    assert (violation.key, violation.expected) == (f"fills_cursor:{BTC}.value_ms", "0")


def test_a_market_that_was_made_to_begin_anew_stays_named(tmp_path: Path) -> None:
    """Its cursor was deleted: the next cycle began where `start_from` says, not where it was."""
    settings = settings_in(tmp_path, serve(tmp_path / "f.jsonl", [reported("1")]))
    asyncio.run(cycles(settings))
    with opened(settings.db) as connection:
        connection.execute("DELETE FROM cursors")
    asyncio.run(cycles(settings.model_copy(update={"start_from": "now"})))
    (violation,) = found(settings.db)
    assert (violation.table, violation.key) == ("ledger_commits", "2.cursors_json")
    assert (violation.expected, violation.found) == (
        f"fills_cursor:{BTC} from {T0 + 1_000}",
        "from None",
    )


def test_without_evidence_a_start_after_the_first_commit_is_named(tmp_path: Path) -> None:
    with closing(memory_ledger()) as connection:
        commit(connection, [reported("1", ts=5_000)], start_ms=T0 + 1_000)
        commit(connection, [reported("2", ts=9_000)], cycle_id=2)
        connection.execute("UPDATE cursors SET start_ms = ?", (T0 + 5_001,))
        (violation,) = verify(connection).violations
    assert violation.key == f"fills_cursor:{BTC}.start_ms"
    assert violation.expected == f"at most {T0 + 5_000}"


def test_a_commit_whose_positions_were_damaged_is_named_and_those_after_it_are_not(
    path: Path,
) -> None:
    with opened(path) as connection:
        connection.execute(
            "UPDATE position_history SET cost = '1' WHERE (symbol, commit_seq) = ('ETH/USDT', 1)"
        )
    named = [v for v in found(path) if v.table != "cycle_metrics"]
    assert [(v.table, v.key) for v in named] == [("position_history", "ETH/USDT 1.cost")]


def test_metrics_that_are_missing_are_counted_and_no_violation(path: Path) -> None:
    with opened(path) as connection:
        assert verify(connection).metrics_missing == 0
        connection.execute("DELETE FROM cycle_metrics WHERE cycle_id <> 2")
    outcome = verified(path)
    assert (outcome.ok, outcome.metrics_missing) == (True, 3)
    shown = cycledeck("verify", "--db", path)
    assert (shown.code, shown.out.splitlines()[-1]) == (0, "ok")
    assert "3 missing: `cycledeck metrics backfill` rebuilds them" in shown.out


def test_sums_that_another_python_rounds_otherwise_are_the_same_metrics(small: Path) -> None:
    with opened(small) as connection:
        connection.execute("BEGIN")
        for column in ("slippage_bps_avg", "avg_time_to_fill"):
            connection.execute(f"UPDATE cycle_metrics SET {column} = {column} * (1 + 1e-15)")
        stored = rows(connection, "SELECT slippage_bps_avg, avg_time_to_fill FROM cycle_metrics")
        assert (None, None) in stored
        assert any(None not in row for row in stored)
        assert verify(connection).ok
        connection.execute("ROLLBACK")


def test_two_events_that_swapped_their_cycles_are_both_named(path: Path) -> None:
    with opened(path) as connection:
        connection.execute(
            "UPDATE ledger_events SET cycle_id = 3 - cycle_id "
            "WHERE event_id IN ('fill:7', 'fill:late')"
        )
    assert {v.key for v in found(path)} >= {"fill:7", "fill:late"}


@pytest.mark.parametrize(
    ("table", "column", "where"),
    [
        ("ledger_events", "meta_json", "event_id = 'fill:7'"),
        ("ledger_events", "qty", "event_id = 'fill:7'"),
        ("ledger_events", "exchange_trade_id", "event_id = 'fill:7'"),
        ("stage4_positions", "cost", "symbol = 'BTC/USDT'"),
        ("cycle_metrics", "fees_json", "cycle_id = 2"),
        ("ledger_commits", "positions_digest", "commit_seq = 2"),
        ("cycles", "marks_json", "cycle_id = 2"),
        ("cursors", "key", "key = 'fills_cursor:BTC/USDT'"),
    ],
)
def test_a_flipped_bit_that_leaves_no_text_is_a_violation_and_no_traceback(
    path: Path, table: str, column: str, where: str
) -> None:
    with opened(path) as connection:
        connection.execute(f"UPDATE {table} SET {column} = CAST(x'7bff7d' AS TEXT) WHERE {where}")
    ran = cycledeck("verify", "--json", "--db", path)
    assert ran.code == 1
    assert not ran.json["ok"]
    assert ran.json["violations"]


@mostly_long("text", ["[]", "{", '{"BTC/USDT": 7}', "7", "null", '"x"', '{"a": "x"}'], usual=3)
@pytest.mark.parametrize(
    ("table", "column"),
    [("cycles", "marks_json"), ("cycle_metrics", "meta_json"), ("position_history", "fees_json"),
     ("stage4_positions", "fees_json"), ("ledger_commits", "cursors_json")],
)  # fmt: skip
def test_json_of_another_shape_never_stops_verify(
    path: Path, table: str, column: str, text: str
) -> None:
    with opened(path) as connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (text,))
    outcome = verified(path)
    assert set(outcome.checked) == {check.name for check in CHECKS}
    assert not outcome.ok or (table, column) == ("cycles", "marks_json")


def test_a_damaged_page_is_a_violation_and_the_other_checks_go_on(path: Path) -> None:
    with opened(path) as connection:
        page_size = rows(connection, "PRAGMA page_size")[0]
        root = rows(connection, "SELECT rootpage FROM sqlite_master WHERE name = 'cycle_metrics'")[
            0
        ]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    data = bytearray(path.read_bytes())
    data[(root - 1) * page_size : root * page_size] = b"\xff" * page_size
    path.write_bytes(bytes(data))
    outcome = verified(path)
    assert {v.table for v in outcome.violations} >= {"integrity", "metrics"}
    assert outcome.checked["chain"] == 1244


def test_the_command_lists_violations_and_exits_with_1(path: Path) -> None:
    with opened(path) as connection:
        connection.execute("UPDATE stage4_positions SET qty = '5' WHERE symbol = 'BTC/USDT'")
    ran = cycledeck("verify", "--json", "--db", path)
    assert ran.code == 1
    (violation,) = ran.json["violations"]
    assert set(violation) == {"table", "key", "expected", "found"}
    assert violation["found"] == "5"
    shown = cycledeck("verify", "--db", path)
    assert (shown.code, "violations: 1" in shown.out) == (1, True)
    assert "stage4_positions BTC/USDT.qty" in shown.out


def test_endless_violations_are_cut_per_check(path: Path) -> None:
    with opened(path) as connection:
        connection.execute("UPDATE ledger_events SET meta_json = '{ }'")
        assert len(verify(connection, most=5).violations) == 5


def peak_of(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def long_ledger(cycles: int) -> OpenLedger:
    """100 fills with a fee a cycle."""
    connection = memory_ledger()
    for cycle in range(cycles):
        start = cycle * 100
        items = [
            reported(str(n), "sell" if n % 3 == 0 else "buy", "1", "100", n * 1_000,
                     fees=[fee("0.1")])
            for n in range(start, start + 100)
        ]  # fmt: skip
        commit(connection, items, cycle_id=cycle + 1)
        metrics.persist(connection, cycle + 1)
    return connection


@pytest.fixture(scope="module")
def short_and_long() -> Iterator[tuple[OpenLedger, OpenLedger]]:
    with closing(long_ledger(10)) as short, closing(long_ledger(40)) as long:
        yield short, long


def test_memory_stays_flat_however_long_the_ledger(
    short_and_long: tuple[OpenLedger, OpenLedger],
) -> None:
    short, long = short_and_long
    outcomes: list[Any] = []
    peaks = [peak_of(lambda c=c: outcomes.append(verify(c))) for c in (short, short, long)]  # type: ignore[misc]
    assert [outcome.ok for outcome in outcomes] == [True] * 3
    assert outcomes[2].checked["chain"] == 8_000
    assert CHECKPOINT_EVENTS < 2_000
    assert peaks[2] < 1.5 * peaks[1]
