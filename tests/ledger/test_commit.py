"""TX 1: ledger, accounting and cursors, all or nothing."""

import json
from collections.abc import Iterator

import pytest

from engine.errors import StoreError
from engine.ledger.commit import read_commit
from engine.ledger.cursors import CursorChange
from tests.builders import BTC, ETH, T0, OpenLedger, commit, fee, memory_ledger, reported, rows

KEY = f"fills_cursor:{BTC}"


@pytest.fixture
def ledger() -> Iterator[OpenLedger]:
    connection = memory_ledger()
    yield connection
    connection.close()


def cursor(ledger: OpenLedger) -> list[int]:
    return rows(ledger, "SELECT value_ms FROM cursors WHERE key = ?", KEY)


def test_the_cursor_is_the_latest_fill_seen_not_any_clock(ledger: OpenLedger) -> None:
    made = commit(ledger, [reported("1", ts=3_000), reported("2", ts=2_000)])
    assert made.cursors == {KEY: CursorChange(before=None, after=T0 + 3_000)}
    assert cursor(ledger) == [T0 + 3_000]


def test_the_cursor_never_moves_back(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1", ts=3_000)])
    made = commit(ledger, [reported("2", ts=1_000)], cycle_id=2)
    assert made.cursors == {KEY: CursorChange(before=T0 + 3_000, after=T0 + 3_000)}


def test_an_empty_answer_starts_the_cursor_where_history_begins(
    ledger: OpenLedger,
) -> None:
    made = commit(ledger, [], start_ms=T0 + 500, since_ms=T0 + 500, symbols=[BTC])
    assert made.cursors == {KEY: CursorChange(before=None, after=T0 + 500)}
    again = commit(ledger, [], start_ms=T0 + 900, cycle_id=2, symbols=[BTC])
    assert again.cursors == {KEY: CursorChange(before=T0 + 500, after=T0 + 500)}


def test_a_held_cursor_stays_and_the_fills_go_in(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1", ts=1_000)])
    made = commit(ledger, [reported("2", ts=2_000)], cycle_id=2, held=True)
    assert made.inserted == 1
    assert cursor(ledger) == [T0 + 1_000]


def test_a_window_that_leaves_a_gap_after_the_cursor_does_not_move_it(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", ts=1_000)])
    made = commit(ledger, [reported("2", ts=9_000)], cycle_id=2, since_ms=T0 + 1_001)
    assert made.inserted == 1
    assert cursor(ledger) == [T0 + 1_000]
    commit(ledger, [reported("2", ts=9_000)], cycle_id=3, since_ms=T0 + 1_000)
    assert cursor(ledger) == [T0 + 9_000]


def test_a_market_first_seen_in_a_window_that_leaves_a_gap_starts_where_its_history_begins(
    ledger: OpenLedger,
) -> None:
    """A later cycle replayed on an older backup: nobody looked at what lies before its window."""
    made = commit(ledger, [reported("1", ts=9_000)], start_ms=500, since_ms=5_000)
    assert made.cursors == {KEY: CursorChange(before=None, after=500)}
    assert rows(ledger, "SELECT value_ms, start_ms FROM cursors") == [(500, 500)]


def test_a_contradicted_fill_does_not_carry_the_cursor_to_a_time_nobody_ledgered(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", ts=1_000)])
    commit(ledger, [reported("1", ts=9_000)], cycle_id=2)
    assert cursor(ledger) == [T0 + 1_000]


def test_a_contradicted_fee_does_not_hold_its_fills_cursor_back(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", fees=[fee("1")])])
    made = commit(ledger, [reported("1", fees=[fee("2")]), reported("2", ts=9_000)], cycle_id=2)
    assert made.conflicting == 1
    assert made.cursors == {KEY: CursorChange(before=T0 + 1_000, after=T0 + 9_000)}


def test_the_cursor_stays_before_a_clash_until_it_is_decided(ledger: OpenLedger) -> None:
    clash = [reported("2", ts=5_000), reported("2", price="9", ts=6_000)]
    items = [reported("1", ts=1_000), *clash, reported("3", ts=9_000)]
    assert commit(ledger, items).cursors == {KEY: CursorChange(None, T0 + 4_999)}
    assert commit(ledger, items[3:], cycle_id=2).cursors == {
        KEY: CursorChange(T0 + 4_999, T0 + 4_999)
    }


def test_markets_have_cursors_of_their_own(ledger: OpenLedger) -> None:
    made = commit(ledger, [reported("1", ts=1_000), reported("2", ts=5_000, symbol=ETH)])
    assert {key: move.after for key, move in made.cursors.items()} == {
        f"fills_cursor:{BTC}": T0 + 1_000,
        f"fills_cursor:{ETH}": T0 + 5_000,
    }


def test_a_failure_at_any_step_leaves_nothing_behind(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1")])
    tables = ("ledger_events", "applied_fills", "stage4_positions", "cursors", "ledger_commits")
    before = [rows(ledger, f"SELECT * FROM {table}") for table in tables]
    with pytest.raises(StoreError, match="UNIQUE constraint failed"):
        commit(ledger, [reported("2", ts=9_000)], cycle_id=1)
    assert [rows(ledger, f"SELECT * FROM {table}") for table in tables] == before


def test_a_commit_reads_back_as_what_it_was(ledger: OpenLedger) -> None:
    made = commit(ledger, [reported("1", fees=[fee("1")]), reported("2", symbol=ETH)], cycle_id=7)
    assert read_commit(ledger, 7) == made
    assert read_commit(ledger, 8) is None


def test_commits_are_numbered_without_gaps_and_know_their_rows(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1"), reported("2", ts=2_000)], cycle_id=4)
    commit(ledger, [reported("1")], cycle_id=7)
    commit(ledger, [reported("1", symbol=ETH, ts=1_500)], cycle_id=8)
    commit(ledger, [reported("3", ts=3_000)], cycle_id=9)
    found = rows(ledger, "SELECT commit_seq, cycle_id, first_seq, last_seq FROM ledger_commits")
    assert found == [(1, 4, 1, 2), (2, 8, None, None), (3, 9, 3, 3)]


def test_each_commit_is_chained_to_the_one_before(ledger: OpenLedger) -> None:
    other = memory_ledger()
    for connection, price in ((ledger, "100"), (other, "101")):
        commit(connection, [reported("1", price=price)])
        commit(connection, [], cycle_id=2, symbols=[BTC])
    hashes = [rows(c, "SELECT hash FROM ledger_commits ORDER BY 1") for c in (ledger, other)]
    other.close()
    assert not set(hashes[0]) & set(hashes[1])


def test_the_digest_says_whether_the_books_are_equal(ledger: OpenLedger) -> None:
    first = commit(ledger, [reported("1")])
    same = commit(ledger, [reported("1")], cycle_id=2)
    more = commit(ledger, [reported("2", ts=2_000)], cycle_id=3)
    assert first.positions_digest == same.positions_digest != more.positions_digest


def test_cursors_are_kept_with_the_commit_as_before_and_after(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1", ts=1_000)])
    stored = rows(ledger, "SELECT cursors_json FROM ledger_commits")[0]
    assert json.loads(stored) == {KEY: [None, T0 + 1_000]}
