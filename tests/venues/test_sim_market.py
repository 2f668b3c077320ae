"""The market's flow is a function of seed and tick, and looks like a market."""

from decimal import Decimal

import pytest

from engine.venue import Side
from engine.venues.sim.market import MARKETS, Market, flow, opening_quotes
from engine.venues.sim.state import START_MS
from tests.cases import mostly_long

markets = pytest.mark.parametrize("market", MARKETS.values(), ids=list(MARKETS))


@markets
def test_the_same_seed_and_tick_give_the_same_flow(market: Market) -> None:
    assert flow(market, 1, 77, 500) == flow(market, 1, 77, 500)
    assert flow(market, 1, 77, 500) != flow(market, 2, 77, 500)
    assert flow(market, 1, 77, 500) != flow(market, 1, 78, 500)
    assert opening_quotes(market, 1) == opening_quotes(market, 1)


def test_a_flow_is_known_in_advance_on_every_machine() -> None:
    """A change here changes every recorded run: it must be meant."""
    tick = flow(MARKETS["BTC/USDT"], 42, START_MS // 250 + 1, 0)
    assert tick.deviation == -3770
    assert str(tick.quotes[0].price) == "63868.17"


@markets
def test_background_orders_are_whole_ticks_and_lots(market: Market) -> None:
    deviation = 0
    for tick in range(300):
        passing = flow(market, 5, tick, deviation)
        deviation = passing.deviation
        for order in passing.quotes + passing.takes:
            assert order.price % market.tick_size == 0
            assert order.qty % market.lot_size == 0
            assert order.qty > 0


@markets
def test_quotes_lie_around_the_fair_price(market: Market) -> None:
    deviation = 0
    for tick in range(300):
        passing = flow(market, 5, tick, deviation)
        deviation = passing.deviation
        fair = market.price(deviation)
        for order in passing.quotes:
            assert (order.price < fair) is (order.side is Side.BUY)
            assert abs(order.price / fair - 1) < Decimal("0.01")


@mostly_long("market", MARKETS.values(), ids=list(MARKETS))
def test_a_fair_price_moves_and_stays_plausible(market: Market) -> None:
    deviation, prices = 0, set()
    for tick in range(10_000):
        deviation += flow(market, 9, tick, deviation).deviation - deviation
        prices.add(market.price(deviation))
    assert len(prices) > 100
    assert min(prices) > market.first_price * Decimal("0.8")
    assert max(prices) < market.first_price * Decimal("1.2")
