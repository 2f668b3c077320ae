"""Small inputs that went wrong for people who do this job: each comes out right, or is held.

The inputs, the right values and why they are right are in the shared test data.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.builders import Ran, cycledeck, money_of, shared

ONCE = ("once", "--db", "ledger.db", "--json", "--venue")


def case(name: str, file: str = "fills.jsonl") -> Path:
    [folder] = shared("data/cases").glob(f"{name}-*")
    return folder / file


def booked(name: str) -> dict[str, Any]:
    """The books after one cycle that held nothing, proven."""
    ran = cycledeck(*ONCE, f"recorded:{case(name)}")
    assert (ran.code, ran.json["status"]) == (0, "ok"), ran
    return proven()


def proven() -> dict[str, Any]:
    assert cycledeck("verify", "--db", "ledger.db").code == 0
    status: dict[str, Any] = cycledeck("status", "--db", "ledger.db", "--json").json
    return status


def held(name: str) -> Ran:
    """The quarantine after one cycle that had to hold something back."""
    ran = cycledeck(*ONCE, f"recorded:{case(name)}")
    assert ran.json["status"] == "held", ran
    proven()
    return cycledeck("quarantine", "list", "--db", "ledger.db")


def test_04_a_contract_without_its_size_is_held_and_its_cost_is_shown() -> None:
    assert "the cost of 46.692 says it is not 1; recorded.contract_sizes names it" in held("04").out
    assert proven()["positions"] == {}


def test_04_with_its_size_its_profit_is_what_the_exchange_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CYCLEDECK_RECORDED__CONTRACT_SIZES", '{"PEOPLE/USDT:USDT": "100"}')
    [position] = booked("04")["positions"].values()
    assert (position["realized_pnl"], position["net"]) == ("-0.12", "-0.1246632")


def test_05_an_inverse_contract_gains_coins() -> None:
    status = booked("05")
    assert money_of(status["positions"]["BTC/USD:BTC"]) == {
        "qty": "0",
        "cost": "0",
        "realized_pnl": "0.05",
        "fees": {"BTC": "0.000225"},
    }
    assert status["balances"] == {"BTC": "0.049775"}


def test_06_funding_among_the_trades_closes_no_position() -> None:
    assert "info.execType: 'Funding' is no trade" in held("06").out
    assert money_of(proven()["positions"]["VET/USDT:USDT"])["qty"] == "-932"


def test_07_seconds_are_not_read_as_milliseconds() -> None:
    assert "are these seconds" in held("07").out


def test_08_without_ids_the_message_names_the_setting() -> None:
    assert "recorded.trade_ids = 'none'" in held("08").out


def test_10_a_fee_that_is_never_reported_is_no_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLEDECK_RECORDED__CONTRACT_SIZES", '{"*": "1"}')
    [position] = booked("10")["positions"].values()
    assert (position["realized_pnl"], position["fees_unknown"]) == ("1", 2)
    shown = cycledeck("status", "--db", "ledger.db").out
    assert "net ≈ 1 USD (fees of 2 fills unknown)" in shown


def test_15_a_json_array_is_refused_by_name() -> None:
    ran = cycledeck(*ONCE, f"recorded:{case('15')}")
    assert ran.code == 1
    assert "line 1 begins a JSON array; one object a line is needed" in ran.err


def test_16_a_file_with_the_mark_of_utf_16_is_read() -> None:
    assert money_of(booked("16")["positions"]["BTC/USDT"])["qty"] == "1"


def test_20_market_names_may_have_spaces() -> None:
    assert money_of(booked("20")["positions"]["GMT Token/BTC"])["qty"] == "5000"


def test_24_tiny_prices_and_huge_quantities_keep_every_digit() -> None:
    [position] = booked("24")["positions"].values()
    assert position["qty"] == "790123455679012.34548790123455679"
    assert position["cost"] == "801.347366721352620217233197380022755800955129"
    assert position["realized_pnl"] == "161.9315791890206464169999999999995"


def test_33_what_is_no_market_is_named_with_its_line() -> None:
    ran = cycledeck(*ONCE, f"recorded:{case('33')}")
    assert ran.code == 1
    assert "line 1: symbol: 'BTCUSDT' does not read like BASE/QUOTE" in ran.out
