from decimal import Decimal

from console.session.totals import equities, fees, nets, quote_of, written
from tests.console import published as p


def test_the_quote_of_a_symbol() -> None:
    assert quote_of("BTC/USDT") == "USDT"
    assert quote_of("BTC/USDT:USDT-251226") == "USDT"
    assert quote_of("GOLD") == "GOLD"


def test_sums_keep_every_digit() -> None:
    large, small = "123456789012345678901234567890", "0.000000000000000000000000000001"
    found = nets({"A/USDT": p.position(net=large), "B/USDT": p.position(net=small)})
    assert written(found["USDT"]) == f"{large}.000000000000000000000000000001"


def test_amounts_are_written_without_exponent_or_padding() -> None:
    assert written(Decimal("1.500")) == "1.5"
    assert written(Decimal("1E+3")) == "1000"
    assert written(Decimal("-0.00")) == "0"
    assert written(Decimal(100)) == "100"


def test_fees_add_up_by_currency() -> None:
    found = fees(p.positions())
    assert {name: written(amount) for name, amount in found.items()} == {
        "USDT": "4.08",
        "BNB": "0.0021",
        "SOL": "0.002",
    }


def test_equity_is_net_and_unrealized_in_each_quote_currency() -> None:
    found = equities(
        {
            "A/USDT": p.position(net="1", unrealized="0.5"),
            "B/USDT": p.position(net="-3", unrealized="-1"),
            "A/BTC": p.position(net="0.1", unrealized="0"),
        }
    )
    assert found == {"USDT": Decimal("-2.5"), "BTC": Decimal("0.1")}


def test_equity_is_unknown_where_an_open_position_has_no_mark() -> None:
    held = p.position(net="1", unrealized=None, mark=None)
    flat = p.position(qty="0", net="2", unrealized=None, mark=None)
    assert equities({"A/USDT": held, "B/USDT": p.position()}) == {"USDT": None}
    assert equities({"A/USDT": flat}) == {"USDT": Decimal(2)}
