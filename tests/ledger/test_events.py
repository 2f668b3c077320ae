"""What one fill becomes in the ledger, and in which order events are folded."""

from itertools import permutations
from typing import Any

import pytest

from engine.ledger.events import Event, SortKey, events_of, in_fold_order
from engine.ledger.markets import Market
from engine.venue import TradeIds
from tests.builders import BTC, fee, read, reported


def place(event: Event) -> SortKey:
    return event.place(Market.of(event.symbol or ""))


def ids(item: dict[str, Any], trade_ids: TradeIds = TradeIds.ACCOUNT) -> list[Any]:
    return [(e.event_id, e.exchange_trade_id) for e in events_of(read(item, trade_ids))]


def test_a_fill_and_its_fee_have_ids_in_namespaces_of_their_own() -> None:
    assert ids(reported("7", fees=[fee("1")])) == [("fill:7", "7"), ("fee:7", "fee:7")]


def test_fees_in_several_currencies_are_one_event_each() -> None:
    assert ids(reported("7", fees=[fee("1"), fee("2", "BNB"), fee("1")])) == [
        ("fill:7", "7"),
        ("fee:7:USDT", "fee:7"),
        ("fee:7:BNB", "fee:7"),
    ]


def test_ids_qualified_with_their_market_stay_so_in_both_namespaces() -> None:
    assert ids(reported("7", fees=[fee("1")]), TradeIds.MARKET) == [
        (f"fill:{BTC}:7", f"{BTC}:7"),
        (f"fee:{BTC}:7", f"fee:{BTC}:7"),
    ]


@pytest.mark.parametrize("fees", [[fee("0")], [], [fee(None)]])
def test_a_zero_or_unknown_fee_makes_no_event(fees: list[Any]) -> None:
    assert ids(reported("7", fees=fees)) == [("fill:7", "7")]


def test_a_fill_whose_fee_is_not_known_is_marked() -> None:
    unknown, none, charged = (
        events_of(read(reported(fees=fees)))[0].meta_json
        for fees in ([fee(None)], [fee("0")], [fee("1")])
    )
    assert (unknown, none, charged) == ('{"fee":"unknown"}', '{"fee":"none"}', "{}")


def test_the_hash_covers_every_field() -> None:
    item = reported(
        "7", order="o", clientOrderId="c", takerOrMaker="maker", fees=[fee("1"), fee("2", "BNB")]
    )
    detailed = item | {"symbol": "BTC/USDT:USDT", "contractSize": "1"}
    for event in (*events_of(read(item)), *events_of(read(detailed))):
        assert event.content_hash == event.hash
        for name in event.fields:
            value = getattr(event, name)
            changed: dict[str, Any] = {name: 7 if isinstance(value, int) else f"{value}x"}
            other = event._replace(**changed)
            assert other.content_hash != event.hash, name


def test_money_is_stored_canonically_so_that_spelling_is_no_difference() -> None:
    one = events_of(read(reported(amount="1.50", price="1e2", fees=[fee("0.10")])))
    two = events_of(read(reported(amount="1.5", price="100.0", fees=[fee("0.1")])))
    assert one == two


@pytest.mark.parametrize("market_ids", [TradeIds.ACCOUNT, TradeIds.MARKET])
def test_events_are_folded_by_time_then_trade_id_numerically_then_fill_before_fee(
    market_ids: TradeIds,
) -> None:
    expected = [
        reported("2", ts=1, fees=[fee("1")]),
        reported("10", ts=1),
        reported("a1", ts=1),
        reported("a2", ts=1),
        reported("1", ts=2),
    ]
    wanted = [e.event_id for item in expected for e in events_of(read(item, market_ids))]
    for order in permutations(expected):
        events = [event for item in order for event in events_of(read(item, market_ids))]
        assert [event.event_id for event in sorted(events, key=place)] == wanted


def test_only_ids_of_ascii_digits_are_numbers_in_the_fold() -> None:
    """`²` is a digit that is no number, and `٣` a number that would equal `3`."""
    events = [event for trade_id in "²٣3" for event in events_of(read(reported(trade_id)))]
    assert [event.trade_id for event in sorted(events, key=place)] == ["3", "²", "٣"]


def test_a_trade_called_like_a_fee_is_folded_in_the_same_place_whatever_came_first() -> None:
    """The fill of trade `fee:z` is not the fee of trade `z`, nor is the fee of `fee:z`."""
    fill, its_fee = events_of(read(reported("z", fees=[fee("1")])))
    other, others_fee = events_of(read(reported("fee:z", fees=[fee("2")])))
    for pair in ((fill, other), (its_fee, others_fee), (fill, its_fee), (other, others_fee)):
        wanted = sorted(pair, key=place)
        assert list(in_fold_order(pair, Market.of(BTC))) == wanted
        assert list(in_fold_order(pair[::-1], Market.of(BTC))) == wanted


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"amount": "2"}, {"qty"}),
        ({"price": "101"}, {"price"}),
        ({"side": "sell"}, {"side"}),
        ({"timestamp": 1_001}, {"ts"}),
        ({"symbol": "ETH/USDT"}, {"symbol"}),
        ({"order": "other"}, {"exchange_order_id"}),
        ({"clientOrderId": "other"}, {"client_order_id"}),
        ({"takerOrMaker": "taker"}, {"liquidity"}),
        ({"amount": "1.000"}, set()),
        ({"order": None, "clientOrderId": None, "takerOrMaker": None}, set()),
        ({"fees": [fee(None)]}, set()),
    ],
)
def test_only_what_contradicts_the_ledger_is_a_difference(
    change: dict[str, Any], fields: set[str]
) -> None:
    item = reported("7", order="o", clientOrderId="c", takerOrMaker="maker")
    stored = events_of(read(item))[0]
    now = events_of(read(item | change))[0]
    assert set(stored.contradicted_by(now)) == fields


def test_a_fee_of_another_trade_is_a_difference_however_equal_it_is() -> None:
    stored = events_of(read(reported("A", fees=[fee("1", "BNB"), fee("2")])))[1]
    now = events_of(read(reported("A:BNB", fees=[fee("1", "BNB")])))[1]
    assert stored.event_id == now.event_id
    assert set(stored.contradicted_by(now)) == {"exchange_trade_id"}


def test_what_the_venue_fills_in_later_is_no_contradiction() -> None:
    stored = events_of(read(reported("7")))[0]
    now = events_of(read(reported("7", order="o", clientOrderId="c", takerOrMaker="maker")))[0]
    assert stored.contradicted_by(now) == {}
