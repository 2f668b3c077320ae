"""The accounting rules, as a pure function of the set of events."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.accounting import Position, money_json, read_money_json
from tests.builders import T0, folded, reported, sorted_events, vectors
from tests.exact import exact_positions
from tests.generated import fills


@vectors()
def test_every_vector_comes_out_to_the_last_digit(case: Any) -> None:
    assert folded(case["fills"]) == case["expected"]


@given(fills(max_size=30))
def test_the_fold_equals_one_written_independently_with_fractions(items: list[Any]) -> None:
    expected = exact_positions(items)
    found = folded(items)
    assert found.keys() == expected.keys()
    for symbol, exact in expected.items():
        got = found[symbol]
        assert Fraction(got["qty"]) == exact.qty
        assert Fraction(got["cost"]) == exact.cost
        assert Fraction(got["realized_pnl"]) == exact.realized_pnl
        assert {c: Fraction(v) for c, v in got["fees"].items()} == exact.fees


@given(fills(max_size=20, symbols=["BTC/USDT"]))
def test_cash_is_conserved_whatever_is_rounded(items: list[Any]) -> None:
    """What was realized less what is tied up is what came in, exactly: no rounding leaks."""
    position = Position("BTC/USDT")
    position.fold(sorted_events(items))
    cash = sum(
        Fraction(item["amount"]) * Fraction(item["price"]) * (1 if item["side"] == "sell" else -1)
        for item in items
    )
    assert Fraction(position.realized_pnl) - Fraction(position.cost) == cash


@given(fills(max_size=20, symbols=["BTC/USDT"]), st.data())
def test_folding_in_two_steps_is_folding_at_once(items: list[Any], data: Any) -> None:
    events = sorted_events(items)
    cut = data.draw(st.integers(0, len(events)))
    whole, parts = Position("BTC/USDT"), Position("BTC/USDT")
    whole.fold(events)
    parts.fold(events[:cut])
    parts.fold(events[cut:])
    assert parts == whole


def test_a_position_that_closes_leaves_nothing_behind_below_the_rounding() -> None:
    """Costs may have more digits than the rounding keeps: what closes takes all of them."""
    tiny = "0.00000000000000000000001"
    position = Position("BTC/USDT")
    position.fold(sorted_events([reported("1", amount=tiny, price=tiny, ts=1)]))
    assert position.cost == Decimal("1e-46")
    position.fold(sorted_events([reported("2", "sell", tiny, "0", ts=2)]))
    assert (position.qty, position.cost) == (Decimal(0), Decimal(0))
    assert position.realized_pnl == Decimal("-1e-46")


def test_a_close_leaves_no_cost_however_many_digits_its_value_has() -> None:
    fine = "1.0000000001"
    position = Position("BTC/USDT")
    position.fold(sorted_events([reported("1", amount=fine), reported("2", "sell", fine, fine)]))
    assert (position.qty, position.cost) == (Decimal(0), Decimal(0))
    assert position.realized_pnl == Decimal("1.00000000020000000001") - Decimal("100.00000001")


def test_net_takes_off_quote_fees_only() -> None:
    position = Position(
        "A/USD", realized_pnl=Decimal(100), fees={"USD": Decimal("0.5"), "BNB": Decimal("0.125")}
    )
    assert position.net == Decimal("99.5")


def test_average_cost_is_for_reading_and_null_when_flat() -> None:
    assert Position("A/USD").avg_cost is None
    held = Position("A/USD", qty=Decimal(-3), cost=Decimal(-10))
    assert held.avg_cost == Decimal("3.333333333333333333")


def test_unrealized_is_what_closing_at_the_mark_would_realize() -> None:
    short = Position("A/USD", qty=Decimal(-2), cost=Decimal(-200))
    assert short.unrealized(Decimal(90)) == 20


@pytest.mark.parametrize(
    ("side", "qty", "oversold"),
    [("net", -1, False), ("long", -1, True), ("long", 1, False), ("short", 1, True)],
)
def test_closing_more_of_a_side_than_was_opened_is_oversold(
    side: str, qty: int, oversold: bool
) -> None:
    assert Position("A/USD:USD", side=side, qty=Decimal(qty)).oversold is oversold


def test_a_fold_of_nothing_changes_nothing() -> None:
    position = Position("A/USD")
    position.fold([])
    assert position == Position("A/USD")


def test_the_fold_remembers_where_it_stands() -> None:
    position = Position("BTC/USDT")
    position.fold(sorted_events([reported("9", ts=5), reported("10", ts=5)]))
    assert (position.events, position.last_ts, position.last_trade_id) == (2, T0 + 5, "10")


def test_money_in_json_is_strings_with_sorted_names() -> None:
    text = money_json({"b": Decimal("1.50"), "a": Decimal("1e-7")})
    assert text == '{"a": "0.0000001", "b": "1.5"}'
    assert read_money_json(text) == {"a": Decimal("0.0000001"), "b": Decimal("1.5")}


def test_an_event_of_a_type_without_a_rule_is_refused() -> None:
    (event,) = sorted_events([reported("1")])
    position = Position("BTC/USDT")
    with pytest.raises(ValueError, match="fill:1: no rule folds events of 'GIFT'"):
        position.fold([event._replace(type="GIFT")])
