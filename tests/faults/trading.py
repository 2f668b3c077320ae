"""A venue that trades, and a strategy that always wants the same two orders."""

from collections.abc import Sequence
from decimal import Decimal

from engine.trading.strategies import Intent, PlaceOrder, Snapshot
from engine.venue import Side
from tests.builders import BTC, ETH, Reported, reported
from tests.fakes import FakeVenue

FILLS = [reported("1"), reported("2", symbol=ETH)]


def two_orders(snapshot: Snapshot) -> Sequence[Intent]:
    return [PlaceOrder(BTC, Side.BUY, Decimal(1), Decimal(price)) for price in (90, 91)]


def trading(reports: Sequence[Reported] = FILLS) -> FakeVenue:
    return FakeVenue(reports, marks={BTC: "100"})
