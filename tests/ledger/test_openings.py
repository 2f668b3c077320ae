"""What the operator decides about openings that fills of before came late for."""

import json
from typing import Any

import pytest

from engine.checks.verify import verify
from engine.errors import DecisionRefused
from engine.history.decisions import exported, next_decision
from engine.ledger.commit import Commit
from engine.ledger.decision import Act, Decision
from engine.ledger.openings import Openings
from tests.builders import T0, OpenLedger, balances_of, memory_ledger, reported, rows
from tests.builders import commit as booked
from tests.ledger.test_event_types import event, spot
from tests.ledger.test_questions import open_of

LATE = [("late_before_opening", "BTC/USDT")]


def cycle(ledger: OpenLedger, *items: Any, **more: Any) -> Commit:
    last = rows(ledger, "SELECT coalesce(max(cycle_id), 0) FROM ledger_commits")[0]
    return booked(ledger, items, cycle_id=last + 1, **more)


def decided(ledger: OpenLedger, act: Act, **about: Any) -> Commit:
    return cycle(ledger, decision=Decision.model_validate({"act": act, "reason": "r", **about}))


def opened_late() -> OpenLedger:
    """A ledger whose opening of 9 BTC a fill of 2 came too late for."""
    ledger = memory_ledger()
    cycle(ledger, spot("2", 3_000), events=[event("OPENING", 2_000, asset="BTC", amount="9")])
    assert open_of(cycle(ledger, spot("1", 1_000))) == LATE
    return ledger


def is_sound(ledger: OpenLedger) -> bool:
    wrong = [v for v in verify(ledger).violations if v.table not in ("cycle_metrics", "cycles")]
    assert wrong == []
    return True


def test_an_opening_that_is_kept_counts_beside_the_fills_that_came_late() -> None:
    ledger = opened_late()
    kept = decided(ledger, Act.KEEP_OPENING, opening=1)
    assert (open_of(kept), balances_of(kept)["BTC"]) == ([], "13")
    assert open_of(cycle(ledger, spot("3", 4_000))) == []
    assert is_sound(ledger)


def test_a_fill_that_comes_after_an_opening_was_kept_asks_again() -> None:
    ledger = opened_late()
    decided(ledger, Act.KEEP_OPENING, opening=1)
    again = cycle(ledger, spot("0", 500))
    assert open_of(again) == LATE
    assert "fill:0 was booked after opening:1" in again.questions[0].message
    assert "`cycledeck openings keep 1`" in again.questions[0].message
    assert open_of(decided(ledger, Act.KEEP_OPENING, opening=1)) == []
    assert is_sound(ledger)


def test_a_void_opening_moves_nothing_opens_no_wallet_and_asks_never_again() -> None:
    ledger = opened_late()
    assert Openings.wallets(ledger) == {"main"}
    void = decided(ledger, Act.VOID_OPENING, opening=1)
    assert (open_of(void), balances_of(void)["BTC"]) == ([], "4")
    assert open_of(cycle(ledger, spot("0", 500))) == []
    assert Openings.wallets(ledger) == set()
    for act in (Act.VOID_OPENING, Act.KEEP_OPENING):
        with pytest.raises(DecisionRefused, match="void already"):
            decided(ledger, act, opening=1)
    assert is_sound(ledger)


@pytest.mark.parametrize("act", [Act.KEEP_OPENING, Act.VOID_OPENING])
def test_a_decision_about_an_opening_is_undone_and_that_too(act: Act) -> None:
    ledger = opened_late()
    before = balances_of(cycle(ledger, spot("3", 4_000)))
    made = decided(ledger, act, opening=1)
    undone = decided(ledger, Act.UNDO, of=made.commit_seq)
    assert (open_of(undone), balances_of(undone)) == (LATE, before)
    again = decided(ledger, Act.UNDO, of=undone.commit_seq)
    assert (open_of(again), balances_of(again)) == ([], balances_of(made))
    assert is_sound(ledger)


def test_an_opening_taken_back_is_void_and_is_not_taken_back_twice() -> None:
    ledger = memory_ledger()
    cycle(ledger, spot("2", 3_000))
    how = {"asset": "BTC", "amount": "9", "at_ms": T0 + 2_000}
    made = decided(ledger, Act.OPEN, **how)
    assert open_of(cycle(ledger, spot("1", 1_000))) == LATE
    undone = decided(ledger, Act.UNDO, of=made.commit_seq)
    assert (open_of(undone), balances_of(undone)["BTC"]) == ([], "4")
    redone = decided(ledger, Act.UNDO, of=undone.commit_seq)
    assert (open_of(redone), balances_of(redone)["BTC"]) == (LATE, "13")
    decided(ledger, Act.VOID_OPENING, opening=1)
    with pytest.raises(DecisionRefused, match="followed by another one about opening:1"):
        decided(ledger, Act.UNDO, of=made.commit_seq)
    assert is_sound(ledger)


def test_without_a_reason_or_an_opening_there_is_no_decision() -> None:
    ledger = opened_late()
    with pytest.raises(DecisionRefused, match="there is no opening:7"):
        decided(ledger, Act.KEEP_OPENING, opening=7)
    with pytest.raises(DecisionRefused, match="--reason"):
        decided(ledger, Act.VOID_OPENING, opening=1, reason="")


def test_a_void_opening_is_exported_with_its_figures_and_one_of_the_operator_is_not() -> None:
    ledger = opened_late()
    own = {"asset": "BTC", "amount": "5", "at_ms": T0 + 2_500}
    decided(ledger, Act.OPEN, **own)
    decided(ledger, Act.VOID_OPENING, opening=2)
    assert [*exported(ledger)] == []
    decided(ledger, Act.VOID_OPENING, opening=1)
    [line] = json.loads(json.dumps([*exported(ledger)]))
    assert (line["opening"], line["asset"], line["amount"], line["at_ms"]) == (
        1,
        "BTC",
        "9",
        T0 + 2_000,
    )
    assert next_decision(ledger, line) is None
    same, other = opened_late(), memory_ledger()
    wanted = next_decision(same, line)
    assert wanted is not None
    assert balances_of(cycle(same, decision=wanted))["BTC"] == "4"
    cycle(other, events=[event("OPENING", 2_000, asset="BTC", amount="8")])
    wanted = next_decision(other, line)
    assert wanted is not None
    with pytest.raises(DecisionRefused, match="opening:1 of this ledger is another one"):
        cycle(other, decision=wanted)


def test_an_alias_of_opened_markets_is_one_position_and_asks_about_what_came_late() -> None:
    """A fill that was booked before the names were one counts as late for the other's opening."""
    ledger = memory_ledger()
    of_old = event("OPENING", 2_000, symbol="OLD/USDT", qty="5", cost="50")
    cycle(ledger, spot("1", 3_000, symbol="OLD/USDT"), events=[of_old])
    of_new = event("OPENING", 2_500, symbol="NEW/USDT", qty="1", cost="20", number=2)
    before = cycle(ledger, spot("2", 1_000, symbol="NEW/USDT"), events=[of_new])
    assert open_of(before) == []
    made = decided(ledger, Act.ALIAS, market="NEW/USDT", other="OLD/USDT")
    assert {name: position.qty for name, position in made.positions.items()} == {"OLD/USDT": 10}
    [question] = made.questions
    assert "fee:2 was booked after opening:1" in question.message
    assert is_sound(ledger)
    assert (
        open_of(cycle(ledger, spot("3", 500, symbol="NEW/USDT")))
        == [("late_before_opening", "NEW/USDT")] * 2
    )
    assert is_sound(ledger)
    undone = decided(ledger, Act.UNDO, of=made.commit_seq)
    assert {name: position.qty for name, position in undone.positions.items()} == {
        "OLD/USDT": 7,
        "NEW/USDT": 5,
    }
    assert open_of(undone) == [("late_before_opening", "NEW/USDT")]
    assert is_sound(ledger)


def test_an_opening_is_not_taken_back_past_a_fill_of_its_millisecond() -> None:
    """That fill would be folded with the opening, and what takes it back behind it."""
    ledger = memory_ledger()
    cycle(ledger, events=[event("ADJUST", 500, asset="USDT", amount="1", reason="r")])
    of_position = event("OPENING", 1_000, symbol="BTC/USDT", qty="1", cost="100")
    fills = [reported(number, "sell", "1", "200", 1_000) for number in ("2", "3")]
    before = cycle(ledger, *fills, events=[of_position])
    with pytest.raises(DecisionRefused, match="fill:2 has the same millisecond"):
        decided(ledger, Act.VOID_OPENING, opening=1)
    assert cycle(ledger).positions == before.positions
    assert is_sound(ledger)
