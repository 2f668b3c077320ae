"""The shipped strategies: functions from a snapshot to intents."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.ledger.accounting import Position
from engine.settings import LadderSettings
from engine.trading.strategies import CancelOrder, Ladder, PlaceOrder, Snapshot, observe
from engine.venue import LimitOrder, MarketRules, Side
from tests.builders import BTC

RULES = MarketRules(Decimal("0.5"), Decimal("0.01"), Decimal(10))


def snapshot(held: str = "0", orders: tuple[LimitOrder, ...] = (), **more: Any) -> Snapshot:
    values: dict[str, Any] = {
        "now_ms": 1,
        "symbols": (BTC,),
        "positions": {BTC: Position(BTC, qty=Decimal(held))},
        "marks": {BTC: Decimal(1_000)},
        "rules": {BTC: RULES},
        "open_orders": orders,
    }
    return Snapshot(**(values | more))


def ladder(**settings: Any) -> Ladder:
    values = {"levels": 2, "spacing_bps": "10", "order_notional": "500", "max_notional": "5000"}
    return Ladder(LadderSettings(**(values | settings)))


def placed(intents: Any) -> list[tuple[str, str]]:
    return [(i.side.value, str(i.price)) for i in intents if isinstance(i, PlaceOrder)]


def test_none_places_nothing() -> None:
    assert observe(snapshot()) == ()


def test_the_ladder_keeps_bids_and_asks_around_the_mark_on_the_markets_steps() -> None:
    intents = ladder()(snapshot("2"))
    assert placed(intents) == [
        ("buy", "999.0"), ("sell", "1001.0"), ("buy", "998.0"), ("sell", "1002.0"),
    ]  # fmt: skip
    assert {i.qty for i in intents if isinstance(i, PlaceOrder)} == {Decimal("0.50")}


def test_prices_off_the_steps_move_away_from_the_mark() -> None:
    intents = ladder(levels=1, spacing_bps="3")(snapshot("2"))
    assert placed(intents) == [("buy", "999.5"), ("sell", "1000.5")]


@pytest.mark.parametrize(
    ("held", "asks"), [("0", 0), ("0.49", 0), ("0.5", 1), ("0.99", 1), ("1", 2), ("-1", 0)]
)
def test_the_ladder_never_offers_more_than_is_held(held: str, asks: int) -> None:
    assert [side for side, _ in placed(ladder()(snapshot(held)))].count("sell") == asks


@pytest.mark.parametrize(("held", "bids"), [("4.99", 2), ("5", 0)])
def test_the_ladder_does_not_bid_while_it_holds_its_most(held: str, bids: int) -> None:
    assert [side for side, _ in placed(ladder()(snapshot(held)))].count("buy") == bids


def test_an_order_that_stands_where_it_is_wanted_stays_and_others_are_replaced() -> None:
    orders = (
        LimitOrder("keep", BTC, Side.BUY, Decimal("0.5"), Decimal("999.0")),
        LimitOrder("move", BTC, Side.BUY, Decimal("0.5"), Decimal("990.0")),
        LimitOrder("other", "ETH/USDT", Side.BUY, Decimal("0.5"), Decimal("1.0")),
    )
    intents = ladder()(snapshot(orders=orders))
    assert [i for i in intents if isinstance(i, CancelOrder)] == [CancelOrder(BTC, "move")]
    assert placed(intents) == [("buy", "998.0")]


@pytest.mark.parametrize("missing", ["marks", "rules"])
def test_a_market_without_mark_or_rules_is_left_alone(missing: str) -> None:
    changed: dict[str, Any] = {missing: {}}
    assert ladder()(replace(snapshot("1"), **changed)) == []


def test_a_market_whose_mark_is_zero_is_left_alone() -> None:
    assert ladder()(snapshot("1", marks={BTC: Decimal(0)})) == []


def test_orders_below_the_least_value_are_not_placed() -> None:
    assert placed(ladder(order_notional="9")(snapshot("1"))) == []


def test_an_order_too_small_for_one_lot_is_not_placed() -> None:
    rules = MarketRules(Decimal("0.5"), Decimal(1), Decimal(0))
    assert placed(ladder()(snapshot("1", rules={BTC: rules}))) == []


def test_what_the_ladder_decides_is_a_function_of_what_it_sees() -> None:
    strategy, seen = ladder(), snapshot("2")
    assert strategy(seen) == strategy(seen) == ladder()(seen)
