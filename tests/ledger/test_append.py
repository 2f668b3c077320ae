"""Appending to the ledger: each event once; what contradicts it is kept beside it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.checks.verify import verify
from engine.errors import StoreError
from engine.ledger.append import append
from engine.ledger.commit import Commit
from engine.ledger.fills import Fill
from engine.store.store import Store
from engine.venue import Side
from tests.builders import OpenLedger, commit, fee, memory_ledger, money_of, read, reported, rows


@pytest.fixture
def ledger() -> Iterator[OpenLedger]:
    connection = memory_ledger()
    yield connection
    connection.close()


def counts(made: Commit) -> tuple[int, int, int, int]:
    """attempted, inserted, ignored, conflicting"""
    assert made.attempted == made.inserted + made.ignored + made.conflicting
    return made.attempted, made.inserted, made.ignored, made.conflicting


def kinds(ledger: OpenLedger) -> list[str]:
    return rows(ledger, "SELECT kind FROM conflicts ORDER BY id")


def contents(ledger: OpenLedger) -> list[Any]:
    """What was reported otherwise, whole: the fields of a fill's events."""
    return [json.loads(text) for text in rows(ledger, "SELECT reported_json FROM conflicts")]


def event_ids(ledger: OpenLedger) -> list[str]:
    return rows(ledger, "SELECT event_id FROM ledger_events ORDER BY seq")


def test_a_new_fill_is_inserted_with_its_fee(ledger: OpenLedger) -> None:
    made = commit(ledger, [reported("1", fees=[fee("1")])])
    assert counts(made) == (2, 2, 0, 0)
    assert made.fills_count == 1
    assert event_ids(ledger) == ["fill:1", "fee:1"]
    assert rows(ledger, "SELECT fill_id FROM applied_fills") == ["1"]


def test_a_repeat_is_ignored_in_the_same_cycle_and_in_later_ones(
    ledger: OpenLedger,
) -> None:
    item = reported("1", fees=[fee("1")])
    assert counts(commit(ledger, [item, item])) == (4, 2, 2, 0)
    assert counts(commit(ledger, [item], cycle_id=2)) == (2, 0, 2, 0)
    assert event_ids(ledger) == ["fill:1", "fee:1"]


def test_each_row_keeps_the_cycle_that_first_inserted_it(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1")], cycle_id=3)
    commit(ledger, [reported("1"), reported("2")], cycle_id=4)
    found = rows(ledger, "SELECT event_id, cycle_id FROM ledger_events ORDER BY seq")
    assert found == [("fill:1", 3), ("fill:2", 4)]
    assert rows(ledger, "SELECT fill_id, cycle_id FROM applied_fills") == [("1", 3), ("2", 4)]


@pytest.mark.parametrize("count", [31, 32, 33, 64, 65, 100])
def test_every_batch_size_counts_each_event_once(ledger: OpenLedger, count: int) -> None:
    items = [reported(str(n), ts=n) for n in range(count)]
    assert counts(commit(ledger, [*items, *items])) == (2 * count, count, count, 0)
    assert counts(commit(ledger, items, cycle_id=2)) == (count, 0, count, 0)


def test_a_conflict_is_kept_once_however_often_it_is_reported_and_the_first_stays(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", price="100")])
    other = reported("1", price="101")
    assert counts(commit(ledger, [other], cycle_id=2)) == (1, 0, 0, 1)
    assert counts(commit(ledger, [other, reported("1")], cycle_id=3)) == (2, 0, 1, 1)
    kept = rows(ledger, "SELECT event_id, cycle_id, fields_json FROM conflicts")
    assert [(event_id, cycle) for event_id, cycle, _ in kept] == [("fill:1", 2)]
    assert json.loads(kept[0][2]) == {"price": ["100", "101"]}
    assert rows(ledger, "SELECT price FROM ledger_events") == ["100"]


def test_two_different_contradictions_of_one_event_are_both_kept(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", price="100")])
    commit(ledger, [reported("1", price="101"), reported("1", price="102")], cycle_id=2)
    assert [content[0]["price"] for content in contents(ledger)] == ["101", "102"]


def test_contents_of_one_id_in_one_cycle_are_a_clash_and_none_is_booked(
    ledger: OpenLedger,
) -> None:
    made = commit(ledger, [reported("1", price="100"), reported("1", price="101")])
    assert counts(made) == (2, 0, 0, 2)
    assert kinds(ledger) == ["clash", "clash"]


def test_one_id_used_in_two_markets_is_a_clash_not_a_lost_fill(ledger: OpenLedger) -> None:
    made = commit(ledger, [reported("1"), reported("1", price="9", symbol="ETH/USDT")])
    assert counts(made) == (2, 0, 0, 2)
    assert kinds(ledger) == ["clash", "clash"]


def test_a_fee_reported_later_is_booked_and_the_fill_is_not_counted_again(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", fees=[])])
    made = commit(ledger, [reported("1", fees=[fee("0.5")])], cycle_id=2)
    assert counts(made) == (2, 1, 1, 0)
    assert made.fills_count == 0
    assert rows(ledger, "SELECT event_id, cycle_id FROM ledger_events ORDER BY seq") == [
        ("fill:1", 1),
        ("fee:1", 2),
    ]
    assert money_of(made.positions["BTC/USDT"])["fees"] == {"USDT": "0.5"}


def test_a_fill_whose_known_fee_turns_null_again_is_a_repeat(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1", fees=[fee("0.5")])])
    assert counts(commit(ledger, [reported("1", fees=[])], cycle_id=2)) == (1, 0, 1, 0)


def test_fees_that_arrive_one_by_one_are_each_booked_once(ledger: OpenLedger) -> None:
    """The first keeps the id it was booked under, also when the venue names both later."""
    first, both = [fee("1")], [fee("1"), fee("2", "BNB")]
    commit(ledger, [reported("1", fees=first)])
    assert counts(commit(ledger, [reported("1", fees=both)], cycle_id=2)) == (3, 1, 2, 0)
    assert counts(commit(ledger, [reported("1", fees=both)], cycle_id=3)) == (3, 0, 3, 0)
    assert event_ids(ledger) == ["fill:1", "fee:1", "fee:1:BNB"]


def test_the_fee_of_a_disputed_fill_is_not_booked_beside_the_fill_that_stands(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", price="100")])
    made = commit(ledger, [reported("1", price="101", fees=[fee("1", "BNB")])], cycle_id=2)
    assert counts(made) == (2, 0, 0, 2)
    assert event_ids(ledger) == ["fill:1"]
    assert [len(content) for content in contents(ledger)] == [2]


def test_a_fee_that_changes_is_a_conflict_and_the_first_stays(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1", fees=[fee("1")])])
    made = commit(ledger, [reported("1", fees=[fee("2")])], cycle_id=2)
    assert counts(made) == (2, 0, 1, 1)
    assert rows(ledger, "SELECT fields_json FROM conflicts") == ['{"fee:USDT": ["1", "2"]}']
    assert money_of(made.positions["BTC/USDT"])["fees"] == {"USDT": "1"}


def test_a_fee_that_changes_its_currency_is_a_conflict_and_the_first_stays(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", fees=[fee("1")])])
    made = commit(ledger, [reported("1", fees=[fee("1", "BNB")])], cycle_id=2)
    assert counts(made) == (2, 0, 0, 2)
    assert kinds(ledger) == ["correction"]
    assert money_of(made.positions["BTC/USDT"])["fees"] == {"USDT": "1"}


@pytest.mark.parametrize("told", [["0"], [None, "0"], ["0", None]])
@pytest.mark.parametrize("later", [[fee("1")], [fee("3", "BNB")], [fee("1"), fee("3", "BNB")]])
def test_a_fee_after_it_was_said_that_there_is_none_is_a_conflict_whatever_was_said_before(
    ledger: OpenLedger, told: list[str | None], later: list[Any]
) -> None:
    for cycle_id, cost in enumerate(told, start=1):
        fees = [] if cost is None else [fee(cost)]
        assert commit(ledger, [reported("1", fees=fees)], cycle_id=cycle_id).conflicting == 0
    made = commit(ledger, [reported("1", fees=later)], cycle_id=9)
    assert (made.inserted, made.conflicting) == (0, len(later))
    assert kinds(ledger) == ["correction"]
    assert money_of(made.positions["BTC/USDT"])["fees"] == {}


def test_a_fee_that_is_withdrawn_is_a_conflict_of_its_fill(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1", fees=[fee("1")])])
    made = commit(ledger, [reported("1", fees=[fee("0")])], cycle_id=2)
    assert counts(made) == (1, 0, 0, 1)
    assert rows(ledger, "SELECT event_id FROM conflicts") == ["fill:1"]


def test_a_fee_that_is_booked_is_not_withdrawn_by_a_report_that_does_not_know_it(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", fees=[fee("1"), fee("2", "BNB")])])
    partly = reported("1", fees=[fee("1"), fee(None, "BNB")])
    assert counts(commit(ledger, [partly], cycle_id=2)) == (2, 0, 2, 0)


def test_a_fill_whose_claim_was_lost_keeps_its_fee_when_more_is_said_of_it(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", fees=[fee("1")])])
    ledger.execute("DELETE FROM applied_fills")
    more = reported("1", fees=[fee("1")], order="o")
    assert counts(commit(ledger, [more], cycle_id=2)) == (2, 0, 2, 0)


@pytest.mark.parametrize("table", ["ledger_events", "applied_fills"])
def test_a_row_lost_by_hand_is_recovered_by_the_next_report(ledger: OpenLedger, table: str) -> None:
    items = [reported("1", fees=[fee("1")]), reported("2", "sell", "0.5", "110", ts=2_000)]
    before = commit(ledger, items)
    ledger.execute(f"DELETE FROM {table}")
    again = commit(ledger, items, cycle_id=2)
    assert again.positions_digest == before.positions_digest
    assert sorted(event_ids(ledger)) == ["fee:1", "fill:1", "fill:2"]
    assert rows(ledger, "SELECT count(*) FROM applied_fills") == [2]
    assert counts(again)[3] == 0


@pytest.mark.parametrize(
    "lost", ["ledger_events WHERE event_id = 'fill:2'", "applied_fills WHERE fill_id = '2'"]
)
def test_a_market_whose_claims_and_events_disagree_is_folded_anew(
    ledger: OpenLedger, lost: str
) -> None:
    """What it had to be folded on from may be lost with them."""
    items = [reported("1", fees=[fee("1")]), reported("2", "sell", "0.5", "110", ts=2_000)]
    before = commit(ledger, items)
    ledger.execute(f"DELETE FROM {lost}")
    ledger.execute("DELETE FROM stage4_positions")
    assert commit(ledger, items, cycle_id=2).positions == before.positions


@pytest.mark.parametrize("cost", ["1", "3"])
@pytest.mark.parametrize("apart", [False, True], ids=["in one cycle", "in two"])
@pytest.mark.parametrize("swapped", [False, True])
def test_fees_of_two_trades_that_make_one_id_are_both_booked(
    ledger: OpenLedger, cost: str, apart: bool, swapped: bool
) -> None:
    first = reported("A", fees=[fee("1", "BNB"), fee("2")])
    other = reported("A:BNB", fees=[fee(cost, "BNB")])
    items = [other, first] if swapped else [first, other]
    if apart:
        commit(ledger, items[:1])
        commit(ledger, items, cycle_id=2)
    else:
        assert counts(commit(ledger, items, cycle_id=2)) == (5, 5, 0, 0)
    again = commit(ledger, items[::-1], cycle_id=3)
    assert counts(again) == (5, 0, 5, 0)
    ids = {"fill:A", "fill:A:BNB", "fee:A:BNB", "fee:A:BNB:", "fee:A:USDT"}
    assert set(event_ids(ledger)) == ids
    total = str(1 + int(cost))
    assert money_of(again.positions["BTC/USDT"])["fees"] == {"BNB": total, "USDT": "2"}
    wrong = [violation.table for violation in verify(ledger).violations]
    assert set(wrong) <= {"cycle_metrics"}


@pytest.mark.parametrize("cost", ["2", "0"])
def test_the_fee_of_a_trade_whose_id_goes_on_with_a_currency_is_not_its_namesakes(
    ledger: OpenLedger, cost: str
) -> None:
    commit(ledger, [reported("A", fees=[]), reported("A:BNB", fees=[fee("1", "BNB")])])
    made = commit(ledger, [reported("A", fees=[fee(cost, "BNB")])], cycle_id=2)
    assert (made.inserted, made.ignored, made.conflicting) == (1, 1, 0)


def test_a_row_that_breaks_a_constraint_fails_the_whole_transaction(
    ledger: OpenLedger,
) -> None:
    """Never dropped in silence, as INSERT OR IGNORE would."""
    timeless: Any = None
    broken = Fill("9", "BTC/USDT", Side.BUY, Decimal(1), Decimal(1), timeless)
    with pytest.raises(StoreError, match="NOT NULL constraint failed"):
        commit(ledger, [reported("1"), broken])
    assert event_ids(ledger) == []
    assert rows(ledger, "SELECT count(*) FROM applied_fills") == [0]


@pytest.mark.parametrize("count", [1, 40])
async def test_a_row_that_breaks_a_rule_fails_the_transaction_and_is_not_passed_over(
    tmp_path: Path, count: int
) -> None:
    """Whether it stands alone or among others in one statement."""
    fills = [read(reported(str(number))) for number in range(count)]
    fills[count // 2] = replace(fills[count // 2], side=SimpleNamespace(value="hold"))  # type: ignore[arg-type]
    store = await Store.open(tmp_path / "ledger.db")
    try:
        with pytest.raises(StoreError, match="CHECK constraint failed"):
            await store.write(partial(append, fills=fills, cycle_id=1))
        left = await store.read(
            lambda tx: [tx.count(table) for table in ("ledger_events", "applied_fills")]
        )
    finally:
        await store.close()
    assert left == [0, 0]
