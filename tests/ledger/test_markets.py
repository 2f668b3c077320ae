"""What symbols say of their markets."""

import pytest

from engine.ledger.markets import SPOT_RULES, Market, MarketKind


@pytest.mark.parametrize(
    ("symbol", "kind", "base", "quote", "money"),
    [
        ("BTC/USDT", "spot", "BTC", "USDT", "USDT"),
        ("GMT Token/BTC", "spot", "GMT Token", "BTC", "BTC"),
        ("币安人生/USDT", "spot", "币安人生", "USDT", "USDT"),
        ("BTC/USDT:USDT", "linear", "BTC", "USDT", "USDT"),
        ("BTC/USDT:USDT-241227", "linear", "BTC", "USDT", "USDT"),
        ("BTC/USD:BTC", "inverse", "BTC", "USD", "BTC"),
        ("BTC/USD:BTC-241227", "inverse", "BTC", "USD", "BTC"),
        ("BTC/USD:ETH", "other", "BTC", "USD", "ETH"),
        ("BTC/USD:BTC-241227-60000-C", "other", "BTC", "USD", "BTC"),
    ],
)
def test_a_symbol_names_the_kind_of_its_market(
    symbol: str, kind: str, base: str, quote: str, money: str
) -> None:
    market = Market.of(symbol)
    assert (market.kind, market.base, market.quote, market.money) == (kind, base, quote, money)


def test_a_contract_that_the_venue_calls_linear_is_settled_in_its_own_money() -> None:
    market = Market.of("BTC/USD:USDC", linear=True)
    assert (market.kind, market.money) == (MarketKind.LINEAR, "USDC")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTC/", "/USDT", " BTC/USDT", "BTC/USDT:", "a/b/c"])
def test_what_is_no_symbol_is_refused_by_name(symbol: str) -> None:
    with pytest.raises(ValueError, match="does not read like BASE/QUOTE"):
        Market.of(symbol)


def test_contracts_of_the_first_program_keep_its_rules_and_spot_markets_need_no_others() -> None:
    assert Market.by_spot_rules("BTC/USDT") == Market.of("BTC/USDT")
    market = Market.by_spot_rules("BTC/USD:BTC")
    assert (market.rules, market.money) == (SPOT_RULES, "USD")
    assert not market.is_contract
    assert not market.moves_balances
