"""Limits before sending: each refusal names its reason."""

from decimal import Decimal
from typing import Any

import pytest

from engine.ledger.accounting import Position
from engine.settings import RiskSettings
from engine.trading.risk import RiskGate
from engine.trading.strategies import PlaceOrder
from engine.venue import LimitOrder, Side
from tests.builders import BTC, ETH


def place(side: str = "buy", qty: str = "1", price: str = "100", symbol: str = BTC) -> PlaceOrder:
    return PlaceOrder(symbol, Side(side), Decimal(qty), Decimal(price))


def resting(side: str = "buy", qty: str = "1", symbol: str = BTC) -> LimitOrder:
    return LimitOrder("c", symbol, Side(side), Decimal(qty), Decimal(100))


def gate(held: str = "0", mark: str | None = "100", **limits: Any) -> RiskGate:
    more = {name: limits.pop(name) for name in ("killed", "blocked") if name in limits}
    return RiskGate(
        RiskSettings(**limits.pop("settings", {})),
        {BTC: Position(BTC, qty=Decimal(held))},
        {BTC: Decimal(mark)} if mark else {},
        limits.pop("open_orders", []),
        **more,
    )


def test_without_limits_an_order_passes() -> None:
    assert gate().refuse(place()) is None


def test_the_kill_switch_refuses_everything_and_says_why() -> None:
    assert gate(killed="kill_switch is set").refuse(place()) == "kill_switch is set"


def test_a_blocked_market_is_refused_and_others_are_not() -> None:
    judge = gate(blocked={BTC: "its fills are not all known"})
    assert judge.refuse(place()) == f"{BTC}: its fills are not all known"
    assert judge.refuse(place(symbol=ETH)) is None


@pytest.mark.parametrize(
    ("qty", "price"), [("0", "1"), ("-1", "1"), ("1", "0"), ("NaN", "1"), ("1", "Infinity")]
)
def test_quantity_and_price_have_to_be_finite_and_above_zero(qty: str, price: str) -> None:
    reason = gate().refuse(place(qty=qty, price=price))
    assert reason is not None
    assert "above zero" in reason


def test_the_largest_notional_is_still_accepted() -> None:
    judge = gate(settings={"max_order_notional": "100"})
    assert judge.refuse(place(qty="1", price="100")) is None
    assert judge.refuse(place(qty="1", price="100.01")) == "max_order_notional: 100.01 is above 100"


def test_a_notional_is_computed_to_the_last_digit() -> None:
    judge = gate(settings={"max_order_notional": "1"})
    just_above = place(qty="1.00000000000000000000000000000000000001", price="1")
    assert judge.refuse(just_above) is not None


def test_open_orders_are_counted_per_market_with_those_that_just_passed() -> None:
    judge = gate(settings={"max_open_orders": 2}, open_orders=[resting()])
    assert judge.refuse(place()) is None
    assert judge.refuse(place()) == "max_open_orders: 2 of 2 are open"
    assert judge.refuse(place(symbol=ETH)) is None


def test_what_was_refused_does_not_count_against_the_next() -> None:
    judge = gate(settings={"max_open_orders": 1, "max_order_notional": "100"})
    assert judge.refuse(place(qty="9")) is not None
    assert judge.refuse(place()) is None


def test_a_limit_of_no_open_orders_refuses_the_first() -> None:
    assert gate(settings={"max_open_orders": 0}).refuse(place()) is not None


@pytest.mark.parametrize(
    ("held", "side", "refused"),
    [
        ("0", "buy", False),
        ("1", "buy", False),
        ("1.5", "buy", True),
        ("-1.5", "sell", True),
        ("1.5", "sell", False),
        ("-1.5", "buy", False),
        ("9", "sell", False),
    ],
)
def test_an_order_may_not_grow_the_position_beyond_the_limit_but_always_shrink_it(
    held: str, side: str, refused: bool
) -> None:
    reason = gate(held, settings={"max_position": "200"}).refuse(place(side))
    assert (reason is not None) is refused
    assert not refused or "max_position: 250 at the mark would be above 200" in str(reason)


def test_resting_orders_of_the_same_side_and_market_count_towards_the_position() -> None:
    others = [resting("sell"), resting("buy", "50", ETH)]
    settings = {"max_position": "200"}
    assert gate("1", settings=settings, open_orders=others).refuse(place()) is None
    assert gate("1", settings=settings, open_orders=[resting()]).refuse(place()) is not None


def test_a_position_is_valued_at_the_mark_and_without_one_at_the_orders_price() -> None:
    settings = {"max_position": "100"}
    assert gate(mark="200", settings=settings).refuse(place(price="100")) is not None
    assert gate(mark=None, settings=settings).refuse(place(price="100")) is None


def test_a_position_limit_does_not_lose_digits() -> None:
    tiny = "0." + "0" * 35 + "1"
    judge = gate("1", settings={"max_position": "200"})
    assert judge.refuse(place(qty="1." + tiny[2:])) is not None
