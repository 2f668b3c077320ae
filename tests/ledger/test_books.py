"""The books of an account: positions and balances, whatever order fills come in."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checks.verify import verify
from engine.ledger import positions
from engine.ledger.account_events import account_event
from engine.ledger.events import Event
from tests.builders import (
    balances_of,
    commit,
    fee,
    memory_ledger,
    money_of,
    reported,
    rows,
    vectors,
)
from tests.exact import ExactBooks, exact_books, place_of
from tests.generated import account_events, account_fills
from tests.ledger.test_event_types import AMOUNTS


@vectors()
def test_every_vector_has_its_balances(case: Any) -> None:
    made = commit(memory_ledger(), case["fills"])
    assert {name: money_of(p) for name, p in made.positions.items()} == case["expected"]
    assert balances_of(made) == case["balances"]


@given(account_fills(), st.data())
def test_any_order_split_and_late_fees_give_the_books_of_an_independent_fold(
    items: list[Any], data: Any
) -> None:
    """Some reports come before their fees are known; the last cycle is told everything."""
    early = [
        item | data.draw(st.sampled_from([{}, {"fees": [], "fee": None}]), label=item["id"])
        for item in data.draw(st.lists(st.sampled_from(items)), label="early")
    ]
    arrivals = [*early, *data.draw(st.permutations(items), label="late")]
    cuts = sorted({0, len(arrivals), len(early), *data.draw(st.lists(st.integers(0, len(early))))})
    ledger = memory_ledger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positions, "CHECKPOINT_EVENTS", data.draw(st.sampled_from([1, 2, 5])))
        for cycle_id, (start, end) in enumerate(pairwise(cuts), 1):
            made = commit(ledger, arrivals[start:end], cycle_id=cycle_id)
    expected, balances = exact_books(items)
    assert verify(ledger).violations == ()
    assert {asset: Fraction(amount) for asset, amount in balances_of(made).items()} == balances
    assert made.positions.keys() == expected.keys()
    for name, exact in expected.items():
        position = made.positions[name]
        assert position.fees_unknown == 0
        assert Fraction(position.qty) == exact.qty
        assert Fraction(position.cost) == exact.cost
        assert Fraction(position.realized_pnl) == exact.realized_pnl
        assert {c: Fraction(v) for c, v in position.fees.items() if v} == {
            c: v for c, v in exact.fees.items() if v
        }


@given(account_fills(max_size=10), st.data())
def test_account_events_in_any_order_and_split_give_the_books_of_an_independent_fold(
    items: list[Any], data: Any
) -> None:
    events = data.draw(account_events(items), label="events")
    arrivals = data.draw(st.permutations([*items, *events]), label="arrivals")
    arrivals += data.draw(st.lists(st.sampled_from(arrivals)), label="again")
    cuts = sorted({0, len(arrivals), *data.draw(st.lists(st.integers(0, len(arrivals))))})
    ledger = memory_ledger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positions, "CHECKPOINT_EVENTS", data.draw(st.sampled_from([1, 2, 5])))
        for cycle_id, (start, end) in enumerate(pairwise(cuts), 1):
            told = arrivals[start:end]
            fills = [item for item in told if "kind" not in item]
            account = [made_event(event) for event in told if "kind" in event]
            made = commit(ledger, fills, cycle_id=cycle_id, events=account)
            assert made.inserted + made.ignored == made.attempted
    exact = ExactBooks()
    exact.fold(items, events)
    outcome = verify(ledger)
    assert outcome.violations == ()
    assert {tuple(k): Fraction(v) for k, v in made.balances.items() if v} == exact.balances()
    assert made.positions.keys() == exact.positions.keys()
    for name, expected in exact.positions.items():
        position = made.positions[name]
        figures = (position.qty, position.cost, position.realized_pnl, position.funding)
        assert tuple(map(Fraction, figures)) == (
            expected.qty, expected.cost, expected.realized_pnl, expected.funding,
        )  # fmt: skip
    assert assertions(ledger) == {
        event["event_id"]: asserted(exact, event) for event in events if event["kind"] == "ASSERT"
    }


def made_event(event: dict[str, Any]) -> Event:
    decimals = {name: Decimal(event[name]) for name in AMOUNTS if name in event}
    parts = {name: value for name, value in event.items() if name != "event_id"}
    made = account_event(**(parts | decimals))
    assert made.event_id == event["event_id"]
    return made


def assertions(ledger: Any) -> dict[str, Fraction]:
    return {
        event_id: Fraction(actual)
        for event_id, actual in rows(ledger, "SELECT event_id, actual FROM assertions")
    }


def asserted(exact: ExactBooks, said: dict[str, Any]) -> Fraction:
    """What an assertion is about, where it stands."""
    place = place_of(said)
    if "symbol" in said:
        return exact.quantities[place]
    return exact.balances(place).get(("main", said["asset"]), Fraction(0))


def test_fills_whose_fees_are_unknown_are_counted_until_a_report_names_them_all() -> None:
    ledger = memory_ledger()
    unknown = [reported(str(n), ts=n, fees=[]) for n in (1, 2, 3)]
    assert commit(ledger, unknown).positions["BTC/USDT"].fees_unknown == 3
    some = [reported("1", ts=1, fees=[fee("2")]), reported("2", ts=2, fees=[fee("0")])]
    made = commit(ledger, some, cycle_id=2)
    assert (made.inserted, made.ignored) == (2, 2)
    assert made.positions["BTC/USDT"].fees_unknown == 1
    assert money_of(made.positions["BTC/USDT"])["fees"] == {"USDT": "2"}
    again = commit(ledger, some, cycle_id=3)
    assert (again.inserted, again.conflicting) == (0, 0)
    assert verify(ledger).violations == ()


def test_a_fee_that_is_named_as_nothing_and_then_as_something_is_a_conflict() -> None:
    ledger = memory_ledger()
    commit(ledger, [reported("1", fees=[])])
    commit(ledger, [reported("1", fees=[fee("0")])], cycle_id=2)
    assert commit(ledger, [reported("1", fees=[fee("3")])], cycle_id=3).conflicting > 0


def test_what_is_held_is_the_balance_over_all_markets() -> None:
    items = [
        reported("1", amount="1", price="60000"),
        reported("2", "sell", "1", "55000", symbol="BTC/EUR", ts=2_000),
    ]
    assert balances_of(commit(memory_ledger(), items)) == {"EUR": "55000", "USDT": "-60000"}


def test_a_repeat_moves_no_balance() -> None:
    ledger = memory_ledger()
    before = balances_of(commit(ledger, [reported("1")]))
    assert balances_of(commit(ledger, [reported("1")] * 2, cycle_id=2)) == before


def test_each_side_of_a_hedged_market_is_a_position_of_its_own() -> None:
    common = {"symbol": "BTC/USDT:USDT", "contractSize": "1"}
    items = [
        reported("1", "buy", "1", "100", 1_000, positionSide="long", **common),
        reported("2", "sell", "2", "110", 2_000, positionSide="short", **common),
        reported("3", "buy", "1", "105", 3_000, **common),
    ]
    made = commit(memory_ledger(), items)
    assert {name: str(p.qty) for name, p in made.positions.items()} == {
        "BTC/USDT:USDT": "1",
        "BTC/USDT:USDT long": "1",
        "BTC/USDT:USDT short": "-2",
    }


@pytest.mark.parametrize(("before", "after"), [(None, "long"), ("long", None), ("long", "short")])
def test_a_late_fee_belongs_to_the_position_of_its_fill(
    before: str | None, after: str | None
) -> None:
    common: dict[str, Any] = {"symbol": "BTC/USDT:USDT", "contractSize": "1"}
    ledger = memory_ledger()
    commit(ledger, [reported("1", fees=[], positionSide=before, **common)])
    late = reported("1", fees=[fee("0.5"), fee("1", "BNB")], positionSide=after, **common)
    made = commit(ledger, [late], cycle_id=2)
    assert len(made.positions) == 1
    assert verify(ledger).violations == ()


def test_a_report_that_withdraws_a_fee_names_not_all_of_them() -> None:
    ledger = memory_ledger()
    part = reported("1", fees=[fee("0.5"), fee(None, "BNB")])
    commit(ledger, [part])
    made = commit(ledger, [reported("1", fees=[fee("0.1", "BNB")])], cycle_id=2)
    assert (made.positions["BTC/USDT"].fees_unknown, made.conflicting > 0) == (1, True)
    assert verify(ledger).violations == ()


def test_a_fee_of_a_later_cycle_that_is_not_the_last_leaves_the_others_unknown() -> None:
    ledger = memory_ledger()
    commit(ledger, [reported("1", fees=[])])
    some = reported("1", fees=[fee("0.5"), fee(None, "BNB")])
    assert commit(ledger, [some], cycle_id=2).positions["BTC/USDT"].fees_unknown == 1
    assert verify(ledger).violations == ()
    all_of_them = reported("1", fees=[fee("0.5"), fee("0.1", "BNB")])
    assert commit(ledger, [all_of_them], cycle_id=3).positions["BTC/USDT"].fees_unknown == 0
    assert verify(ledger).violations == ()


def test_a_market_of_which_nothing_was_booked_is_not_pinned() -> None:
    """Its only fill has the id of a fill in another market."""
    ledger = memory_ledger()
    commit(ledger, [reported("1")])
    assert commit(ledger, [reported("1", symbol="ETH/USDT")], cycle_id=2).conflicting == 1
    assert verify(ledger).violations == ()
