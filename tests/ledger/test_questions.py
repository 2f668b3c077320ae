"""What keeps markets and assets at attention, and which balances are oversold."""

from typing import Any

import pytest

from engine.checks.verify import verify
from engine.ledger.balances import BalanceKey
from engine.ledger.commit import Commit
from tests.builders import commit as booked
from tests.builders import fee, memory_ledger, raw, reported
from tests.ledger.test_event_types import PERPETUAL, event, spot

BTC = BalanceKey("main", "BTC")
USDT = BalanceKey("main", "USDT")


def open_of(made: Commit) -> list[tuple[str, str]]:
    return [(question.kind, question.where) for question in made.questions]


def test_an_assertion_is_compared_with_what_sorts_before_it_whatever_comes_after() -> None:
    ledger = memory_ledger()
    said = event("ASSERT", 1_500, asset="USDT", stated="-200")
    made = booked(ledger, [spot(), spot("2", 2_000)], events=[said])
    assert made.questions == []
    assert booked(ledger, [spot("3", 3_000)], cycle_id=2).questions == []
    outcome = verify(ledger)
    assert (outcome.violations, outcome.not_held) == ((), ())


def test_an_assertion_that_no_longer_holds_is_said_with_both_figures_until_it_does() -> None:
    ledger = memory_ledger()
    said = event("ASSERT", 1_500, asset="USDT", stated="-200")
    booked(ledger, [spot(), spot("2", 2_000)], events=[said])
    late = booked(ledger, [spot("0", 500)], cycle_id=2)
    assert open_of(late) == [("assertion_not_held", "USDT")]
    [question] = late.questions
    assert "assert:ledger:7: the exchange said -200, the events before it come to -400" in (
        question.message
    )
    assert verify(ledger).not_held == (f"USDT: {question.message}",)
    again = booked(ledger, [], cycle_id=3)
    assert open_of(again) == open_of(late)
    found = event("DEPOSIT", 0, asset="USDT", amount="200")
    assert booked(ledger, [], cycle_id=4, events=[found]).questions == []
    assert verify(ledger).violations == ()


def test_an_assertion_moves_nothing_and_opens_no_wallet() -> None:
    ledger = memory_ledger()
    made = booked(ledger, [], events=[event("ASSERT", asset="USDT", stated="0")])
    assert (made.balances, made.positions, made.questions) == ({}, {}, [])


@pytest.mark.parametrize(("said", "holds"), [("-1", True), ("-2", False)])
def test_an_assertion_of_a_quantity_is_of_its_position(said: str, holds: bool) -> None:
    ledger = memory_ledger()
    common: dict[str, Any] = {"symbol": PERPETUAL, "contractSize": "1"}
    items = [
        reported("1", "sell", "1", "100", 1_000, **common),
        reported("2", "buy", "1", "90", 3_000, **common),
        reported("3", "buy", "7", "90", 1_000, positionSide="long", **common),
    ]
    stated = event("ASSERT", 2_000, symbol=PERPETUAL, qty=said)
    made = booked(ledger, items, events=[stated])
    assert open_of(made) == ([] if holds else [("assertion_not_held", PERPETUAL)])
    assert verify(ledger).violations == ()


@pytest.mark.parametrize("asset", ["BTC", "USDT", "BNB"])
def test_a_fill_booked_after_the_opening_it_sorts_before_puts_its_market_at_attention(
    asset: str,
) -> None:
    ledger = memory_ledger()
    booked(ledger, [spot("2", 3_000)], events=[event("OPENING", 2_000, asset=asset, amount="9")])
    made = booked(ledger, [spot("1", 1_000)], cycle_id=2)
    assert open_of(made) == [("late_before_opening", "BTC/USDT")]
    first = "fee:1" if asset == "BNB" else "fill:1"
    assert made.questions[0].message.startswith(f"{first} was booked after opening:1, before")
    assert open_of(booked(ledger, [spot("3", 4_000)], cycle_id=3)) == open_of(made)
    assert verify(ledger).violations == ()


def test_a_fill_of_what_was_not_opened_or_after_it_raises_no_question() -> None:
    ledger = memory_ledger()
    opened = [
        event("OPENING", 2_000, asset="ETH", amount="9"),
        event("OPENING", 2_000, number=2, symbol="ETH/USDT", qty="9", cost="9"),
        event("OPENING", 500, number=3, asset="BTC", amount="9"),
        event("OPENING", 2_000, number=4, asset="BTC", amount="9", wallet="other"),
    ]
    booked(ledger, [], events=opened)
    assert booked(ledger, [spot("1", 1_000)], cycle_id=2).questions == []
    assert verify(ledger).violations == ()


def test_a_fill_before_the_opening_of_its_position_raises_one() -> None:
    ledger = memory_ledger()
    opening = event("OPENING", 2_000, symbol="BTC/USDT", qty="9", cost="9")
    booked(ledger, [spot("2", 1_000)], events=[opening])
    made = booked(ledger, [spot("1", 1_000)], cycle_id=2)
    assert open_of(made) == [("late_before_opening", "BTC/USDT")]


def test_a_row_that_nobody_knows_adds_and_puts_its_asset_at_attention() -> None:
    ledger = memory_ledger()
    rows = [
        event("UNKNOWN", source_id=n, asset="USDT", amount="3", wallet="earn") for n in ("1", "2")
    ]
    made = booked(ledger, [], events=rows)
    assert made.balances == {BalanceKey("earn", "USDT"): 6}
    assert open_of(made) == [("unknown_events", "USDT @earn")]
    reason, _, remedy = made.questions[0].message.partition("; ")
    assert reason.startswith("2 booked of a type that nobody knows")
    assert "the balance has them and is right" in reason
    assert remedy.startswith("`cycledeck export ledger_events` shows them")


def test_oversold_is_said_when_it_begins_and_not_again() -> None:
    ledger = memory_ledger()
    sold = booked(ledger, [reported("1", "sell")])
    assert [*sold.oversold] == [*sold.newly_oversold] == [BTC]
    more = booked(ledger, [reported("2", "sell", ts=2_000)], cycle_id=2)
    assert ([*more.oversold], [*more.newly_oversold]) == ([BTC], [])
    healed = booked(ledger, [reported("0", "buy", "2", ts=500)], cycle_id=3)
    assert not healed.oversold
    assert not healed.newly_oversold


def test_what_is_sold_in_another_market_than_bought_in_is_not_oversold() -> None:
    items = [reported("1", "buy"), reported("2", "sell", ts=2_000, symbol="BTC/EUR")]
    assert booked(memory_ledger(), items).oversold == set()


def test_without_an_opening_only_what_is_never_paid_with_can_be_oversold() -> None:
    items = [
        reported("1", "sell", price="1", symbol="ETH/BTC"),
        reported("2", "sell", ts=2_000, symbol="BTC/USDT", fees=[fee("1", "BNB")]),
        reported("3", "sell", "9", ts=3_000, symbol="BTC/USDT"),
    ]
    made = booked(memory_ledger(), items)
    assert made.balances[BTC] < 0
    assert made.oversold == {BalanceKey("main", "ETH")}


def test_in_an_opened_wallet_every_balance_below_zero_is_oversold() -> None:
    ledger = memory_ledger()
    made = booked(ledger, [spot()], events=[event("OPENING", 0, asset="USDT", amount="150")])
    assert made.oversold == {USDT, BalanceKey("main", "BNB")}
    enough = event("OPENING", 0, number=2, asset="USDT", amount="50")
    assert booked(ledger, [], cycle_id=2, events=[enough]).oversold == {BalanceKey("main", "BNB")}


def test_a_wallet_that_is_lent_to_is_never_oversold() -> None:
    interest = event("INTEREST", 1_500, asset="USDT", amount="-0.1")
    made = booked(memory_ledger(), [reported("1", "sell")], events=[interest])
    assert made.oversold == set()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE assertions SET actual = '-200'", "assertions assert:ledger:7.actual"),
        ("UPDATE assertions SET holds = 1", "assertions assert:ledger:7.holds"),
        ("DELETE FROM assertions", "assertions assert:ledger:7"),
        ("INSERT INTO assertions VALUES ('x', '1', 1)", "assertions x"),
        ("DELETE FROM late_events", "late_events opening:1 BTC/USDT"),
        ("UPDATE late_events SET event_id = 'fill:2'", "late_events opening:1 BTC/USDT"),
        ("INSERT INTO late_events VALUES ('opening:1', 'X', 'y')", "late_events opening:1 X"),
    ],
)
def test_verify_names_questions_that_were_changed_by_hand(statement: str, named: str) -> None:
    ledger = memory_ledger()
    said = event("ASSERT", 1_500, asset="USDT", stated="-200")
    booked(ledger, [], events=[said, event("OPENING", 2_000, asset="BTC", amount="1")])
    booked(ledger, [spot("1"), spot("0", 500)], cycle_id=2)
    assert verify(ledger).ok
    raw(ledger).execute(statement)
    assert named in [f"{v.table} {v.key}" for v in verify(ledger).violations]
