"""How what a venue reported is read as a fill: strictly, at the edge."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UnreadableFill
from engine.ledger.fills import Fee, Fill, derive_trade_ids
from engine.ledger.markets import Market
from engine.ledger.reports import Edge, read_fill
from engine.venue import Side, TradeIds
from tests.builders import BTC, LATEST_MS, T0, fee, read, reported


def refused(raw: str, match: str) -> None:
    with pytest.raises(UnreadableFill, match=match):
        read_fill(raw, Edge(TradeIds.ACCOUNT, LATEST_MS))


def test_every_field_of_a_reported_fill_is_read() -> None:
    item = reported(
        "7", "sell", "0.5", "63000.10", 5_000, order="o1", clientOrderId="c1",
        takerOrMaker="maker", fees=[fee("0.1")],
    )  # fmt: skip
    assert read(item) == Fill(
        trade_id="7",
        symbol=BTC,
        side=Side.SELL,
        qty=Decimal("0.5"),
        price=Decimal("63000.10"),
        ts_ms=T0 + 5_000,
        fees=(Fee("USDT", Decimal("0.1")),),
        fees_complete=True,
        order_id="o1",
        client_order_id="c1",
        liquidity="maker",
        market=Market.of(BTC),
    )


def test_a_json_number_keeps_every_digit_it_was_written_with() -> None:
    raw = json.dumps(reported()).replace('"price": "100"', '"price": 0.12345678901234567890123')
    assert read_fill(raw, Edge(TradeIds.ACCOUNT, LATEST_MS)).price == Decimal(
        "0.12345678901234567890123"
    )


def test_an_id_that_is_a_number_is_read_as_its_text() -> None:
    assert read(reported(42)).trade_id == "42"


def test_ids_unique_only_per_market_are_qualified_with_it() -> None:
    assert read(reported("42"), TradeIds.MARKET).trade_id == f"{BTC}:42"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id: None is not a trade id"),
        ({"id": ""}, "id: '' is not a trade id"),
        ({"id": True}, "id: True is not text"),
        ({"id": ["1"]}, "id: .* is not text"),
        ({"id": "a\nb"}, "id: .* cannot be shown"),
        ({"id": "a\x00"}, "id: .* cannot be shown"),
        ({"id": "\ud800"}, "id: .* cannot be shown"),
        ({"id": "\u202e1"}, "id: .* cannot be shown"),
        ({"id": " 1"}, "id: .* cannot be shown"),
        ({"id": "x" * 201}, "id: 201 characters"),
        ({"symbol": None}, "symbol"),
        ({"symbol": "BTCUSDT"}, "symbol: .*BASE/QUOTE"),
        ({"symbol": "A/B" + "x" * 10_000}, "symbol: 10003 characters"),
        ({"symbol": "A/B/C"}, "symbol"),
        ({"side": "BUY"}, "side: 'BUY' is neither"),
        ({"side": None}, "side: None is neither"),
        ({"side": ["buy"]}, "side"),
        ({"amount": "0"}, "amount: '0' is not above zero"),
        ({"amount": "-1"}, "amount: '-1' is not above zero"),
        ({"amount": None}, "amount: None is not a decimal"),
        ({"amount": "1e400"}, "amount"),
        ({"amount": 10**500 + 1}, "amount"),
        ({"price": "NaN"}, "price: 'NaN'"),
        ({"price": "-0.1"}, "price: '-0.1' is below zero"),
        ({"timestamp": None}, "timestamp: None"),
        ({"timestamp": "1000.0"}, "timestamp: '1000.0'"),
        ({"timestamp": 1_000.5}, "timestamp"),
        ({"timestamp": -1}, "timestamp: -1"),
        ({"timestamp": LATEST_MS + 1}, "timestamp: .* ahead of the venue's clock"),
        ({"visible_at": "soon"}, "visible_at: 'soon' is not a time"),
        ({"visible_at": -1}, "visible_at: -1 is not a time"),
        ({"visible_at": 10**40}, "visible_at: .* ahead of the venue's clock"),
        ({"takerOrMaker": "both"}, "takerOrMaker: 'both'"),
        ({"fees": "free"}, "fees: 'free' is not a list"),
        ({"fees": {"cost": "1"}}, "fees: .* is not a list"),
        ({"fees": ["1"]}, "fee: '1' is not an object"),
        ({"fees": [fee("NaN")]}, "fee.cost: 'NaN'"),
        ({"fees": [fee("1", None)]}, "fee.currency: None with a cost of 1"),
        ({"fees": [], "fee": "0.1"}, "fee: '0.1' is not an object"),
    ],
)
def test_what_cannot_be_a_fill_is_refused_naming_field_and_value(
    change: dict[str, Any], reason: str
) -> None:
    refused(json.dumps(reported() | change), reason)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "Expecting value"),
        ("null", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("<html>502</html>", "Expecting value"),
        ('{"id": NaN}', "NaN is not a finite number"),
        ('{"id": -Infinity}', "-Infinity is not a finite number"),
        ("[" * 100_000, "recursion"),
        (json.dumps(reported())[:-1] + ', "amount": "7"}', "'amount' is given twice"),
        ('{"fees": [{"cost": "1", "cost": "1"}]}', "'cost' is given twice"),
        (json.dumps(reported()).replace('"1"', "1" * 5_000), "4300 digits"),
    ],
)
def test_text_that_is_no_json_object_is_refused_with_the_reason(raw: str, reason: str) -> None:
    refused(raw, reason)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=4,
    ),
    st.sampled_from([*reported(), "order", "clientOrderId", "takerOrMaker", "fee"]),
)
def test_nothing_a_venue_says_in_one_field_escapes_as_another_error(value: Any, name: str) -> None:
    try:
        fill = read_fill(json.dumps(reported() | {name: value}), Edge(TradeIds.ACCOUNT, LATEST_MS))
    except UnreadableFill:
        return
    assert fill.qty > 0
    assert fill.price >= 0


def test_a_price_of_zero_is_a_price() -> None:
    assert read(reported(price="0")).price == 0


@pytest.mark.parametrize(
    ("said", "fees", "known"),
    [
        ({"fees": [fee("1")]}, {"USDT": "1"}, True),
        ({"fees": [fee("1")], "fee": fee("1")}, {"USDT": "1"}, True),
        ({"fees": [], "fee": fee("2", "BNB")}, {"BNB": "2"}, True),
        ({"fees": [fee("1"), fee("2")]}, {"USDT": "3"}, True),
        ({"fees": [fee("1"), fee("2", "BNB")]}, {"USDT": "1", "BNB": "2"}, True),
        ({"fees": [fee("1"), fee("-1")]}, {}, True),
        ({"fees": [fee("-0.0004")]}, {"USDT": "-0.0004"}, True),
        ({"fees": [fee("0")]}, {}, True),
        ({"fees": [fee("0", None)]}, {}, True),
        ({"fees": []}, {}, False),
        ({"fees": None, "fee": None}, {}, False),
        ({"fees": [], "fee": {}}, {}, False),
        ({"fees": [], "fee": fee(None)}, {}, False),
        ({"fees": [fee("1"), fee(None, "BNB")]}, {"USDT": "1"}, False),
        ({"fees": [fee(None, None)], "fee": fee("1")}, {"USDT": "1"}, True),
    ],
)
def test_fees_are_added_up_by_currency_once_and_null_means_not_known(
    said: dict[str, Any], fees: dict[str, str], known: bool
) -> None:
    fill = read(reported() | said)
    assert {f.currency: f.cost for f in fill.fees} == {c: Decimal(v) for c, v in fees.items()}
    assert fill.fees_complete is known


def test_identical_rows_without_trade_ids_are_told_apart_by_their_number() -> None:
    twins = [read(reported(None, order="o"), TradeIds.NONE) for _ in range(2)]
    other = read(reported(None, ts=2_000, order="o"), TradeIds.NONE)
    ids = [fill.trade_id for fill in derive_trade_ids([*twins, other])]
    assert ids == [
        f"{BTC}:o:{T0 + 1_000}:buy:100:1:1",
        f"{BTC}:o:{T0 + 1_000}:buy:100:1:2",
        f"{BTC}:o:{T0 + 2_000}:buy:100:1:1",
    ]


@given(st.data())
def test_identical_rows_are_told_apart_in_whatever_order_they_come_and_their_fees_become_known(
    data: st.DataObject,
) -> None:
    """As long as those of one liquidity are charged alike: each fee is then booked once."""
    costs = {"maker": "0.1", "taker": data.draw(st.sampled_from(["0.1", "0.5"]))}
    kinds = data.draw(st.lists(st.sampled_from(["maker", "taker"]), min_size=1, max_size=6))
    known: set[int] = set()
    booked: dict[str, str] = {}
    for _ in range(4):
        known |= data.draw(st.sets(st.integers(0, len(kinds) - 1)))
        answer = [
            reported(None, takerOrMaker=kind, fees=[fee(costs[kind] if number in known else None)])
            for number, kind in enumerate(kinds)
        ]
        shuffled = data.draw(st.permutations(answer))
        for fill in derive_trade_ids(read(item, TradeIds.NONE) for item in shuffled):
            for charged in fill.fees:
                cost = str(charged.cost)
                assert booked.setdefault(fill.trade_id, cost) == cost
        assert sorted(booked.values()) == sorted(costs[kinds[number]] for number in known)


def test_a_fill_that_is_not_charged_does_not_take_the_number_of_one_that_is() -> None:
    free, charged, waiting = (
        read(reported(None, fees=[fee(cost)]), TradeIds.NONE) for cost in ("0", "0.5", None)
    )
    for order in ([free, waiting, charged], [charged, free, waiting], [waiting, charged, free]):
        numbers = {
            named.fees or named.fees_complete: named.trade_id[-1]
            for named in derive_trade_ids(order)
        }
        assert numbers == {charged.fees: "1", True: "2", False: "3"}


def test_derived_ids_do_not_depend_on_how_a_number_was_written() -> None:
    short, long = reported(None, amount="1", price="100"), reported(None, amount="1.0", price="1e2")
    ids = {derive_trade_ids([read(item, TradeIds.NONE)])[0].trade_id for item in (short, long)}
    assert len(ids) == 1
