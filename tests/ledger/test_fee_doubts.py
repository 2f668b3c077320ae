"""Fees that are hardly what the exchange charged."""

import json
from typing import Any

import pytest

from engine.ledger.fills import Fill
from engine.ledger.reports import Edge, read_fill
from engine.ledger.terms import Terms
from engine.venue import TradeIds
from tests.builders import LATEST_MS, fee, reported

# Of value 1 USD a contract: 5,000 of them at 20,000 are 0.25 BTC.
INVERSE = reported(symbol="BTC/USD:BTC", contractSize="1", amount="5000", price="20000")
LINEAR = reported(symbol="BTC/USDT:USDT", contractSize="0.01", price="20000")


def on(item: dict[str, Any], **terms: Any) -> Fill:
    return read_fill(json.dumps(item), Edge(TradeIds.ACCOUNT, LATEST_MS, terms=Terms(**terms)))


STRANGE = [
    reported(takerOrMaker="taker", fees=[fee("-0.0001")]),
    reported(fees=[fee("2.01")]),
    reported(fees=[fee("0.021", "BTC")]),
    reported(takerOrMaker="maker", fees=[fee("-2.01")]),
    INVERSE | {"fees": [fee("0.0101", "BTC"), fee("0", "USD")]},
    LINEAR | {"fees": [fee("4.01")]},
]
USUAL = [
    reported(fees=[fee("2")]),
    reported(fees=[fee("0.02", "BTC")]),
    reported(fees=[fee("50", "BNB")]),
    reported(takerOrMaker="maker", fees=[fee("-0.5")]),
    reported(price="0.001", fees=[fee("0.01")]),
    INVERSE | {"fees": [fee("0.005", "BTC")]},
    LINEAR | {"fees": [fee("4")]},
    LINEAR | {"fees": [fee("4.01")], "contractSize": None},
]


@pytest.mark.parametrize("item", STRANGE)
def test_what_pays_a_taker_or_is_above_two_in_a_hundred_is_strange(item: dict[str, Any]) -> None:
    fill = on(item)
    assert (fill.doubt, fill.strange_fee is None) == (None, False)
    assert (on(item, through_library=True).doubt or "").startswith("fee: ")


@pytest.mark.parametrize("item", USUAL)
def test_what_may_well_be_charged_is_not(item: dict[str, Any]) -> None:
    assert on(item).strange_fee is None


def test_an_exchange_may_pay_takers() -> None:
    assert on(STRANGE[0], through_library=True, taker_rebates=True).doubt is None


def test_a_fee_up_to_the_floor_is_never_too_high() -> None:
    assert on(STRANGE[1], fee_floor=on(STRANGE[1]).fees[0].cost).strange_fee is None
