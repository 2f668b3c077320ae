"""What trade ids are made with: as of a market's first fill, for ever."""

import json
from pathlib import Path

import pytest

from tests.builders import BTC, ETH, opened, reported, shared, verified
from tests.ingest.recorded_ledger import RecordedLedger

ID = "BTCUSDT"


@pytest.fixture
def ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> RecordedLedger:
    form = getattr(request, "param", "market")
    monkeypatch.setenv("CYCLEDECK_RECORDED__TRADE_IDS", form)
    return RecordedLedger(tmp_path)


of_order = pytest.mark.parametrize("ledger", ["order"], indirect=True)


# --- ids that are unique within an order


@of_order
def test_fills_of_several_orders_under_one_id_are_each_booked_once(ledger: RecordedLedger) -> None:
    lines = shared("data/cases/01-one-id-many-orders/fills.jsonl").read_text().splitlines()
    result = ledger.once(*map(json.loads, lines))
    assert (result["status"], result["fills_count"]) == ("ok", 3)
    [position] = result["positions"].values()
    assert (position["qty"], position["realized_pnl"]) == ("0", "1.03")
    assert ledger.ids == ["0xord1:buy:7c1e-aa", "0xord2:buy:7c1e-aa", "0xord3:sell:7c1e-bb"]
    assert ledger.once(*map(json.loads, lines))["ledger_events_inserted"] == 0
    ledger.prove(2)


@of_order
def test_a_row_without_an_order_is_held_by_name(ledger: RecordedLedger) -> None:
    result = ledger.once(reported("1", order="o"), reported("2"))
    assert (result["held"], result["fills_count"]) == ([BTC], 1)
    [item] = ledger.ask("quarantine", "list")
    assert "order: None is no order" in item["reason"]
    assert "recorded.trade_ids = 'order'" in item["reason"]


@of_order
def test_a_row_whose_order_was_missing_waits_also_when_it_comes_again_with_one(
    ledger: RecordedLedger,
) -> None:
    ledger.once(reported("1"))
    result = ledger.once(reported("1", order="o"))
    assert (result["held"], result["fills_count"]) == ([BTC], 1)  # Nothing tells that it is that.
    assert ledger.ask("quarantine", "list")[0]["status"] == "open"


@of_order
def test_within_a_millisecond_orders_fills_are_folded_by_the_exchanges_own_ids(
    ledger: RecordedLedger,
) -> None:
    """Bought at 100, then at 200, and half of it sold: by order ids it would be 200 first."""
    first = reported("9", "sell", "2", "50", order="z")
    then = reported("10", "buy", "1", "100", order="a")
    last = reported("11", "sell", "1", "70", order="b")
    result = ledger.once(last, then, first)
    # Sold 2 at 50, bought 1 back at 100, sold 1 at 70: −50, and short 2 at 60.
    [position] = result["positions"].values()
    assert (position["realized_pnl"], position["cost"]) == ("-50", "-120")
    ledger.prove(1)


@of_order
def test_older_lines_of_orders_are_told_where_they_are_not_booked(ledger: RecordedLedger) -> None:
    late = 10_000_000
    ledger.once(reported("1", order="o", ts=late))
    early = [reported("2", order="o"), reported("1", order="p")]
    result = ledger.once(*early, reported("1", order="o", ts=late))
    assert result["status"] == "attention"
    assert "2 lines lie before the window" in result["warnings"][0]["message"]


# --- the exchange's id of a market


@pytest.mark.parametrize("name", ["market_id", "marketId"])
def test_ids_begin_with_the_exchanges_id_of_the_market(ledger: RecordedLedger, name: str) -> None:
    item = reported("7") | {name: ID}
    assert ledger.once(item)["status"] == "ok"
    assert ledger.ids == [f"{ID}:7"]
    assert ledger.rows("SELECT market_id, id_form FROM markets") == [(ID, "market")]
    assert ledger.rows("SELECT DISTINCT market_id FROM ledger_events") == [ID]
    again = ledger.once(item, reported("8", ts=2_000))
    assert (again["ledger_events_inserted"], ledger.ids) == (1, [f"{ID}:7", f"{ID}:8"])
    ledger.prove(2)


def test_a_market_that_came_without_an_id_keeps_its_symbol(ledger: RecordedLedger) -> None:
    ledger.once(reported("7"))
    result = ledger.once(reported("7", market_id=ID), reported("8", ts=2_000, market_id=ID))
    assert (result["status"], result["ledger_events_inserted"]) == ("ok", 1)
    assert ledger.ids == [f"{BTC}:7", f"{BTC}:8"]
    assert ledger.rows("SELECT market_id FROM markets") == [None]
    ledger.prove(2)


def test_rows_that_lack_the_id_in_a_markets_first_cycle_have_that_of_the_others(
    ledger: RecordedLedger,
) -> None:
    items = [reported("7"), reported("8", ts=2_000, market_id=ID), reported("9", ts=3_000)]
    assert ledger.once(*items)["status"] == "ok"
    assert ledger.ids == [f"{ID}:7", f"{ID}:8", f"{ID}:9"]
    assert ledger.once(*items)["ledger_events_inserted"] == 0
    ledger.prove(2)


def test_two_markets_under_one_symbol_are_held_until_the_operator_has_dropped_one(
    ledger: RecordedLedger,
) -> None:
    items = [
        reported("7", market_id=ID),
        reported("7", ts=2_000, market_id="XBT"),
        reported("8", ts=3_000),
    ]
    result = ledger.once(*items)
    assert (result["held"], result["fills_count"]) == ([BTC], 0)
    found = ledger.ask("quarantine", "list")
    assert {item["reason"] for item in found} == {
        "market_id: some items call BTC/USDT BTCUSDT and others XBT"
    }
    [other] = [item["id"] for item in found if "XBT" in item["raw"]]
    ledger.resolve(other)
    result = ledger.once(*items)
    assert (result["held"], result["fills_count"]) == ([], 2)
    assert ledger.ids == [f"{ID}:7", f"{ID}:8"]
    assert ledger.once(*items)["ledger_events_inserted"] == 0
    ledger.prove(3)


def test_another_market_under_a_pinned_symbol_is_held_where_it_is_new(
    ledger: RecordedLedger,
) -> None:
    known = reported("7", market_id=ID)
    ledger.once(known)
    renamed = known | {"market_id": "XBTUSDT"}
    other = reported("8", ts=2_000, market_id="XBTUSDT")
    result = ledger.once(renamed, other)
    assert (result["held"], result["ledger_events_ignored"], ledger.ids) == ([BTC], 1, [f"{ID}:7"])
    [item] = ledger.ask("quarantine", "list")
    assert "market_id: 'XBTUSDT' is not 'BTCUSDT'" in item["reason"]
    ledger.prove(2)


def test_numbers_of_one_millisecond_are_compared_without_the_exchanges_id(
    ledger: RecordedLedger,
) -> None:
    """Sold 2 at 50 as 9, bought one at 100 as 10, sold one at 70 as 11: as text, 10 comes first."""
    items = [
        reported("9", "sell", "2", "50", market_id=ID),
        reported("10", "buy", "1", "100", market_id=ID),
        reported("11", "sell", "1", "70", market_id=ID),
    ]
    for served in (items[2:], items[1:], items):
        result = ledger.once(*served)
    [position] = result["positions"].values()
    assert (position["realized_pnl"], position["cost"]) == ("-50", "-120")
    ledger.prove(3)


def test_an_id_that_is_told_twice_and_differs_is_held_by_name(ledger: RecordedLedger) -> None:
    ledger.once(reported("1", market_id="A", marketId="B"), reported("2", market_id=["x"]))
    reasons = sorted(item["reason"] for item in ledger.ask("quarantine", "list"))
    assert reasons[0].startswith("market_id: 'A' is not marketId, 'B'")
    assert reasons[1] == "market_id: ['x'] is not text"


@pytest.mark.parametrize("column", ["market_id = NULL", "market_id = 'X'", "id_form = NULL"])
def test_a_pin_that_was_changed_by_hand_is_named(ledger: RecordedLedger, column: str) -> None:
    ledger.once(reported("7", market_id=ID), reported("7", symbol=ETH))
    with opened(ledger.db) as connection:
        connection.execute(f"UPDATE markets SET {column} WHERE symbol = '{BTC}'")
    assert "markets" in {violation.table for violation in verified(ledger.db).violations}


def test_items_in_quarantine_are_recognised_by_ids_that_are_made_with_the_pin(
    ledger: RecordedLedger,
) -> None:
    ledger.once(reported("7"))
    broken = reported("8", ts=2_000, amount="1,0", market_id=ID)
    assert ledger.once(reported("7"), broken)["held"] == [BTC]
    result = ledger.once(reported("7"), broken | {"amount": "1.0"})
    assert (result["held"], result["fills_count"]) == ([], 1)
    assert ledger.ids == [f"{BTC}:7", f"{BTC}:8"]
    assert ledger.ask("quarantine", "list")[0]["status"] == "booked"
    ledger.prove(3)


def test_older_lines_are_known_by_the_pin(ledger: RecordedLedger) -> None:
    late = 100_000_000
    items = [reported("1", market_id=ID), reported("2", ts=late, market_id=ID)]
    ledger.once(*items)
    assert ledger.once(*items)["warnings"] == []


# --- a contract size of the settings


def test_a_line_that_was_dropped_stays_dropped_whatever_size_the_settings_have(
    ledger: RecordedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = reported("1", symbol="BTC/USDT:USDT")
    ledger.once(swap)
    assert "contractSize" in ledger.ask("quarantine", "list")[0]["reason"]
    ledger.resolve(1)
    monkeypatch.setenv("CYCLEDECK_RECORDED__CONTRACT_SIZES", '{"*": "0.01"}')
    result = ledger.once(swap, reported("2", symbol="BTC/USDT:USDT", ts=2_000))
    assert (result["held"], result["fills_count"]) == ([], 1)
    assert ledger.rows("SELECT count(*) FROM quarantine") == [1]
    assert ledger.rows("SELECT raw FROM input_items") == [
        json.dumps(swap),
        json.dumps(reported("2", symbol="BTC/USDT:USDT", ts=2_000)),
    ]
    monkeypatch.setenv("CYCLEDECK_RECORDED__CONTRACT_SIZES", "{}")
    ledger.prove(2)
    assert ledger.rows("SELECT qty FROM stage4_positions") == ["0.01"]


def test_a_correction_is_read_with_the_size_that_its_market_has(
    ledger: RecordedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CYCLEDECK_RECORDED__CONTRACT_SIZES", '{"BTC/USDT:USDT": "0.01"}')
    swap = reported("1", symbol="BTC/USDT:USDT", amount="n/a")
    ledger.once(swap)
    ledger.resolve(1, swap | {"amount": "3"})
    assert ledger.once(swap)["fills_count"] == 1
    assert ledger.rows("SELECT qty FROM stage4_positions") == ["0.03"]
    ledger.prove(2)


def test_a_market_under_another_symbol_opens_a_suspicion(
    ledger: RecordedLedger,
) -> None:
    ledger.once(reported("7", market_id=ID))
    result = ledger.once(reported("7", market_id=ID, symbol="XBT/USDT"))
    assert (result["held"], result["fills_count"]) == (["XBT/USDT"], 0)
    [conflict] = ledger.ask("conflicts", "list")
    assert (conflict["kind"], conflict["fields"]) == (
        "relabelled", {"symbol": ["BTC/USDT", "XBT/USDT"]},
    )  # fmt: skip


# --- names of markets


def test_raw_market_ids_and_stocks_where_symbols_belong_are_refused_by_name(
    ledger: RecordedLedger,
) -> None:
    lines = shared("data/cases/33-stock-or-raw-market-id/fills.jsonl").read_text().splitlines()
    result = ledger.once(*lines)
    assert (result["status"], result["fills_count"]) == ("failed", 0)
    assert "line 1: symbol: 'BTCUSDT' does not read like" in result["errors"][0]["message"]


def test_beside_markets_that_have_a_name_such_lines_are_held_by_name(
    ledger: RecordedLedger,
) -> None:
    lines = shared("data/cases/33-stock-or-raw-market-id/fills.jsonl").read_text().splitlines()
    result = ledger.once(*lines, reported("3", symbol="AAPL.US/USD", ts=5_000))
    assert (result["held"], result["fills_count"]) == (["AAPL.US/USD"], 1)
    assert [item["reason"] for item in ledger.ask("quarantine", "list")] == [
        "symbol: 'BTCUSDT' does not read like BASE/QUOTE",
        "symbol: 'AAPL' does not read like BASE/QUOTE",
    ]
    ledger.resolve(1, reported("1", symbol="BTC/USDT"))
    ledger.resolve(2, reported("2", symbol="AAPL/USD"))
    result = ledger.once(*lines, reported("3", symbol="AAPL.US/USD", ts=5_000))
    assert (result["status"], sorted(result["positions"])) == (
        "ok",
        ["AAPL.US/USD", "AAPL/USD", "BTC/USDT"],
    )
    ledger.prove(2)
