"""A position explained: before, every fold step, after; and whether the database agrees."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import NoSuchCycle
from engine.history import explain
from engine.history.explain import MOST_STEPS, Explanation
from engine.ledger import positions
from engine.money import EXACT, canonical
from tests.builders import BTC, ETH, OpenLedger, commit, fee, memory_ledger, reported, rows
from tests.generated import SYMBOLS, fills


@pytest.fixture
def ledger() -> Iterator[OpenLedger]:
    connection = memory_ledger()
    yield connection
    connection.close()


def adds_up(found: Explanation) -> bool:
    """Every step leads from the one before it to the next, and the last to what is after."""
    qty, realized = Decimal(found.before.qty), Decimal(found.before.realized_pnl)
    for step in found.steps:
        qty = EXACT.add(qty, Decimal(step.d))
        realized = EXACT.add(realized, Decimal(step.realized or 0))
        if (step.qty, step.realized_pnl) != (canonical(qty), canonical(realized)):
            return False
    return (found.after.qty, found.after.realized_pnl) == (canonical(qty), canonical(realized))


@given(fills(max_size=25, min_size=1), st.data())
def test_any_cycle_is_explained_whatever_order_its_fills_came_in(
    items: list[Any], data: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positions, "CHECKPOINT_EVENTS", data.draw(st.sampled_from([1, 2, 3, 7])))
        arrivals = data.draw(st.permutations(items + data.draw(st.lists(st.sampled_from(items)))))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(arrivals)), max_size=5)))
        connection = memory_ledger()
        bounds = list(pairwise([0, *cuts, len(arrivals)]))
        for cycle, (start, end) in enumerate(bounds, 1):
            commit(connection, arrivals[start:end], cycle_id=cycle, symbols=["BTC/USDT"])
    changes = connection.total_changes
    # Of a cycle that changed nothing there is the cycle's own row, which is not of TX 1.
    for cycle in rows(connection, "SELECT cycle_id FROM ledger_commits"):
        for symbol in SYMBOLS:
            found = explain.explain(connection, cycle, symbol)
            assert found.matches, found
            assert adds_up(found)
            assert {s.event_id for s in found.steps if s.new} == set(
                rows(
                    connection,
                    "SELECT event_id FROM ledger_events WHERE cycle_id = ? AND symbol = ?",
                    cycle,
                    symbol,
                )
            )
            assert (
                found.folded + len(found.steps)
                == rows(
                    connection,
                    "SELECT count(*) FROM ledger_events WHERE cycle_id <= ? AND symbol = ?",
                    cycle,
                    symbol,
                ).pop()
            )
            assert found.late == (not all(s.new for s in found.steps))
            for step in found.steps:
                row = rows(
                    connection,
                    "SELECT qty, price FROM ledger_events WHERE event_id = ?",
                    step.event_id,
                )[0]
                worth = EXACT.multiply(*map(Decimal, row)) if row[0] else Decimal(0)
                assert step.v == canonical(worth)
    assert connection.total_changes == changes
    connection.close()


def test_a_step_says_what_moved_what_it_was_worth_and_what_it_released(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1", amount="2", price="10")])
    commit(
        ledger,
        [
            reported("2", "sell", "1", "13", 2_000, fees=[fee("0.5")]),
            reported("3", "sell", "3", "11", 3_000, fees=[fee("0.25", "BTC")]),
            reported("4", "buy", "1", "9", 4_000),
        ],
        cycle_id=2,
    )
    found = explain.explain(ledger, 2, BTC)
    assert (found.before.qty, found.before.cost, found.folded) == ("2", "20", 1)
    assert not found.late
    names = ("event_id", "d", "v", "released", "realized", "qty", "cost", "realized_pnl")
    assert [tuple(getattr(step, name) for name in names) for step in found.steps] == [
        ("fill:2", "-1", "13", "10", "3", "1", "10", "3"),
        ("fee:2", "0", "0", None, None, "1", "10", "3"),
        ("fill:3", "-3", "33", "10", "1", "-2", "-22", "4"),
        ("fee:3", "-0.25", "0", None, None, "-2.25", "-22", "4"),
        (
            "fill:4", "1", "9", "-9.777777777777777778", "0.777777777777777778", "-1.25",
            "-12.222222222222222222", "4.777777777777777778",
        ),
    ]  # fmt: skip
    assert [(step.fee, step.fee_currency, step.side) for step in found.steps[:2]] == [
        (None, None, "sell"),
        ("0.5", "USDT", None),
    ]
    assert (found.after, found.matches) == (found.stored, True)


def test_a_late_fill_is_explained_with_what_was_folded_again_after_it(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1"), reported("3", "sell", "1", "120", 3_000)])
    commit(ledger, [reported("2", "buy", "1", "110", 2_000)], cycle_id=2)
    commit(ledger, [reported("0", "buy", "1", "50", 500)], cycle_id=3)
    found = explain.explain(ledger, 2, BTC)
    assert (found.late, found.folded) == (True, 1)
    assert [(step.event_id, step.new) for step in found.steps] == [
        ("fill:2", True),
        ("fill:3", False),
    ]
    assert (found.before.qty, found.after.qty, found.after.realized_pnl) == ("1", "1", "15")
    assert found.matches


def test_late_within_a_millisecond_is_late_too(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1"), reported("9")])
    commit(ledger, [reported("5")], cycle_id=2)
    commit(ledger, [reported("10")], cycle_id=3)
    assert explain.explain(ledger, 2, BTC).late
    found = explain.explain(ledger, 3, BTC)
    assert (found.late, found.folded, len(found.steps), found.matches) == (False, 3, 1, True)


def test_a_market_that_a_cycle_did_not_touch_stays_as_it_was(ledger: OpenLedger) -> None:
    commit(ledger, [reported("1"), reported("2", symbol=ETH)])
    commit(ledger, [reported("3", ts=3_000)], cycle_id=2)
    commit(ledger, [reported("4", ts=4_000, symbol=ETH)], cycle_id=3)
    found = explain.explain(ledger, 2, ETH)
    assert (found.steps, found.folded, found.late, found.matches) == ((), 1, False, True)
    assert found.before == found.after == found.stored
    nothing = explain.explain(ledger, 2, "SOL/USDT")
    assert (nothing.before.qty, nothing.folded, nothing.steps, nothing.matches) == (
        "0",
        0,
        (),
        True,
    )


@pytest.mark.parametrize("cycle", [0, 7, -1, 10**30, -(10**30)])
def test_a_cycle_that_committed_nothing_is_named(ledger: OpenLedger, cycle: int) -> None:
    commit(ledger, [reported("1")])
    with pytest.raises(NoSuchCycle, match=f"cycle {cycle} "):
        explain.explain(ledger, cycle, BTC)


def test_no_more_than_so_many_steps_are_listed_and_all_are_folded(
    ledger: OpenLedger,
) -> None:
    many = MOST_STEPS + 20
    commit(ledger, [reported(str(n), ts=n) for n in range(1, many + 1)])
    found = explain.explain(ledger, 1, BTC)
    assert (len(found.steps), found.steps_left_out) == (MOST_STEPS, 20)
    assert (found.after.qty, found.steps[-1].qty) == (str(many), str(MOST_STEPS))
    assert found.matches


def test_a_checkpoint_that_later_events_sort_before_is_not_begun_with(
    ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(positions, "CHECKPOINT_EVENTS", 2)
    commit(ledger, [reported(str(n), ts=n * 1_000) for n in range(10, 20)])
    commit(ledger, [reported("15a", ts=15_500)], cycle_id=2)
    commit(ledger, [reported("11a", ts=11_500)], cycle_id=3)
    commit(ledger, [reported("30", ts=30_000)], cycle_id=4)
    for cycle, folded in ((1, 0), (2, 6), (3, 2), (4, 12)):
        found = explain.explain(ledger, cycle, BTC)
        assert (found.folded, found.matches) == (folded, True)


def test_a_stored_position_that_the_ledger_does_not_lead_to_is_told(
    ledger: OpenLedger,
) -> None:
    commit(ledger, [reported("1")])
    commit(ledger, [reported("2", ts=2_000)], cycle_id=2)
    ledger.execute("UPDATE position_history SET cost = '1' WHERE commit_seq = 2")
    found = explain.explain(ledger, 2, BTC)
    assert (found.matches, found.after.cost, found.stored.cost) == (False, "200", "1")


def test_rows_that_were_restored_are_explained_from_the_ledger(ledger: OpenLedger) -> None:
    """The position before had them already: it is folded without them, then with them."""
    items = [reported("1"), reported("2", ts=2_000)]
    commit(ledger, items)
    ledger.execute("DELETE FROM ledger_events WHERE event_id = 'fill:2'")
    ledger.execute("DELETE FROM applied_fills WHERE fill_id = '2'")
    commit(ledger, items, cycle_id=2)
    found = explain.explain(ledger, 2, BTC)
    assert [step.event_id for step in found.steps] == ["fill:2"]
    assert (found.before.qty, found.after.qty, found.matches) == ("1", "2", True)
