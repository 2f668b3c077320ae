"""Why a readable report is not believed where it is new."""

from typing import Any

import pytest

from tests.builders import fee, read, reported

LINEAR: dict[str, Any] = {"symbol": "BTC/USDT:USDT"}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (reported() | {"timestamp": 1_700_172_800}, "are these seconds"),
        (reported("None"), "id: 'None'"),
        (reported("NaN"), "id: 'NaN'"),
        (reported(5.5), "id: 5.5 is a number with a point"),
        (reported(info={"execType": "Funding"}), "info.execType: 'Funding' is no trade"),
        (reported(type="settlement"), "type: 'settlement' is no trade"),
        (reported(fees=[fee("1", "usdt")]), "'usdt' differs from 'USDT' by case only"),
        (
            reported(cost="150"),
            "cost: 150 is not amount · contract size · price, which is 100",
        ),
        (reported(contractSize="abc", **LINEAR), "contractSize: 'abc' is not a number above zero"),
        (reported(contractSize=-1, **LINEAR), "contractSize: -1 is not a number above zero"),
        (reported(contractSize="1", positionSide="up", **LINEAR), "positionSide: 'up' is none of"),
        (reported(symbol="BTC/USD:BTC:X"), "not booked yet"),
        (reported(**LINEAR), "not stated, and no cost says it either"),
        (reported(cost="10000", **LINEAR), "the cost of 10000 says it is not 1"),
        (reported(cost="90", contractSize="100", **LINEAR), "which is 10000 USDT at a size of 100"),
        (reported(symbol="BTC/USD:ETH"), "not booked yet"),
        (reported(symbol="BTC/USD:BTC-241227-60000-C"), "not booked yet"),
        (reported(symbol="BTC/USD:BTC", contractSize="1", price="0"), "no value"),
    ],
)
def test_a_doubt_names_the_field_and_the_value(item: dict[str, Any], reason: str) -> None:
    assert reason in (read(item).doubt or "")


@pytest.mark.parametrize(
    "item",
    [
        reported(),
        reported(cost="100"),
        reported(cost="100.5"),
        reported(cost="99", fees=[fee("1")]),
        reported(cost="0"),
        reported(price="0.00000123", amount="7", cost="0.00001"),
        reported(cost="100", **LINEAR),
        reported(contractSize="100", cost="10000", **LINEAR),
        reported(symbol="BTC/USD:BTC", contractSize="100", amount="50", price="20000", cost="0.25"),
        reported(5),
        reported(type="limit", info={"execType": "Trade"}),
    ],
)
def test_what_adds_up_is_believed(item: dict[str, Any]) -> None:
    assert read(item).doubt is None


def test_the_size_of_a_contract_whose_cost_says_one_is_one_for_that_line() -> None:
    details = read(reported(cost="100", **LINEAR)).details
    assert details is not None
    assert details.contract_size == "1"


@pytest.mark.parametrize(
    ("side", "expected"), [("LONG", "long"), ("short", "short"), ("BOTH", None), ("net", None)]
)
def test_the_position_side_is_the_rows_own_or_the_exchanges(side: str, expected: str) -> None:
    spot_like = LINEAR | {"contractSize": "1"}
    for item in (
        reported(positionSide=side, **spot_like),
        reported(info={"positionSide": side}, **spot_like),
        reported(info={"posSide": side}, **spot_like),
    ):
        details = read(item).details
        assert details is not None
        assert details.position_side == expected


@pytest.mark.parametrize("cost", ["2", "1E+3"])
def test_a_cost_of_few_digits_does_not_tell_the_size_of_a_contract(cost: str) -> None:
    item = reported(amount="1", price="0.02" if cost == "2" else "10", cost=cost, **LINEAR)
    assert "not stated" in (read(item).doubt or "")


def test_a_cost_in_powers_of_ten_is_not_taken_for_a_rounded_one() -> None:
    assert "cost: 1E+3 is not" in (read(reported(price="10", cost="1E+3")).doubt or "")


def test_fee_and_fees_that_contradict_each_other_are_doubted() -> None:
    item = reported(fees=[fee("0.5")], fee=fee("0.7"))
    assert "fee: '0.7' USDT is not what fees says, 0.5" in (read(item).doubt or "")
    assert read(reported(fees=[fee("0.5")], fee=fee("0.5"))).doubt is None


@pytest.mark.parametrize(("number", "side"), [(1, "long"), ("2", "short"), (0, None)])
def test_the_position_side_may_be_numbered(number: object, side: str | None) -> None:
    details = read(reported(info={"positionIdx": number}, contractSize="1", **LINEAR)).details
    assert details is not None
    assert details.position_side == side


def test_a_spot_market_has_no_sides() -> None:
    assert read(reported(positionSide="long")).details is None


def test_a_fee_that_is_one_of_several_or_that_nobody_can_read_is_no_unreadable_item() -> None:
    several = reported(fees=[fee("0.5"), fee("0.25")], fee=fee("0.5"))
    assert read(several).doubt is None
    assert "fee: 'abc' USDT" in (read(reported(fees=[fee("0.5")], fee=fee("abc"))).doubt or "")
