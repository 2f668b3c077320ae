"""What a cycle's metrics mean, and that money in them is strings."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine import Engine
from engine.cycles import metrics
from engine.cycles.metrics import CycleMetrics
from engine.errors import NoSuchCycle, VenueTimeout
from tests.builders import (
    BTC,
    ETH,
    T0,
    OpenLedger,
    commit,
    cycles,
    fee,
    memory_ledger,
    opened,
    reported,
    rows,
    settings_in,
    verified,
)
from tests.fakes import FakeVenue

PERP = "BTC/USDT:USDT"


@pytest.fixture
def ledger() -> Iterator[OpenLedger]:
    connection = memory_ledger()
    yield connection
    connection.close()


def begin(ledger: OpenLedger, marks: dict[str, str] | None = None) -> None:
    ledger.execute(
        "INSERT INTO cycles (cycle_id, kind, status, mode, started_ms, venue_ms, ended_ms, "
        "marks_json, timings_json) VALUES (1, 'live', 'ok', 'sim', 100, 200, 300, ?, '{}')",
        (json.dumps(marks or {}),),
    )


def order(ledger: OpenLedger, name: str, **more: Any) -> None:
    values = {
        "client_order_id": name, "cycle_id": 1, "symbol": BTC, "side": "buy", "qty": "1",
        "price": "1", "decision_price": None, "status": "open", "submit_outcome": "accepted",
        "submitted_ms": None, "exchange_order_id": None, "canceled_cycle_id": None, "updated_ms": 0,
    } | more  # fmt: skip
    marks = ", ".join("?" * len(values))
    ledger.execute(f"INSERT INTO orders ({', '.join(values)}) VALUES ({marks})", [*values.values()])


def built(ledger: OpenLedger, items: list[Any]) -> tuple[CycleMetrics, dict[str, Any]]:
    commit(ledger, items)
    found = metrics.build(ledger, 1)
    return found, json.loads(found.meta_json)


def test_without_orders_the_fill_rate_column_is_zero_and_the_meaning_is_null(
    ledger: OpenLedger,
) -> None:
    begin(ledger)
    found, meta = built(ledger, [reported("1")])
    assert (found.fill_rate, found.fills_per_submitted_order) == (0.0, None)
    assert meta["fills_per_submitted_order"] is None
    assert meta["fill_rate_semantics"] == "fills_per_submitted_order"


def test_fill_rate_is_fills_newly_accounted_per_submitted_order(
    ledger: OpenLedger,
) -> None:
    begin(ledger)
    for n, outcome in enumerate(["accepted", "rejected", "unknown", None]):
        status = {None: "refused", "rejected": "rejected"}.get(outcome, "open")
        order(ledger, f"c{n}", submit_outcome=outcome, status=status)
    order(ledger, "old", cycle_id=0, canceled_cycle_id=1)
    items = [reported(str(n), ts=n) for n in range(6)]
    found, meta = built(ledger, [*items, *items])
    assert (found.fills_count, found.orders_submitted, found.rejects_count) == (6, 3, 1)
    assert (found.orders_canceled, meta["orders_refused"]) == (1, 1)
    assert found.fill_rate == meta["fills_per_submitted_order"] == 2.0
    assert meta["fills_fetched"] == 12


def test_the_row_says_what_became_of_the_events(ledger: OpenLedger) -> None:
    begin(ledger)
    items = [reported("1", fees=[fee("1")])] * 2
    clash = [reported("2", price="9"), reported("2", price="8")]
    _, meta = built(ledger, [*items, *clash])
    names = ("attempted", "inserted", "ignored", "conflicting")
    assert [meta[f"ledger_events_{name}"] for name in names] == [6, 2, 2, 2]


def test_fees_are_strings_by_currency_each_in_its_own(ledger: OpenLedger) -> None:
    begin(ledger)
    items = [
        reported("1", fees=[fee("0.10"), fee("0.0000001", "BNB")]),
        reported("2", fees=[fee("-0.3")]),
        reported("3", fees=[fee("0.1", "BTC")]),
    ]
    found, _ = built(ledger, items)
    assert json.loads(found.fees_json) == {"BNB": "0.0000001", "BTC": "0.1", "USDT": "-0.2"}


def test_pnl_is_strings_and_null_where_there_is_no_mark(ledger: OpenLedger) -> None:
    begin(ledger, {BTC: "150"})
    items = [
        reported("1", "buy", "2", "100", 1),
        reported("2", "sell", "1", "120", 2, fees=[fee("0.5")]),
        reported("3", "buy", "1", "10", 3, ETH),
    ]
    found, _ = built(ledger, items)
    assert json.loads(found.pnl_json) == {
        BTC: {"realized": "20", "net": "19.5", "unrealized": "50"},
        ETH: {"realized": "0", "net": "0", "unrealized": None},
    }


@pytest.mark.parametrize(
    ("side", "price", "bps"),
    [("buy", "101", 100.0), ("buy", "99", -100.0), ("sell", "99", 100.0), ("sell", "101", -100.0)],
)
def test_slippage_is_a_cost_positive_when_worse_than_the_reference(
    ledger: OpenLedger, side: str, price: str, bps: float
) -> None:
    begin(ledger, {BTC: "100"})
    found, meta = built(ledger, [reported("1", side, price=price)])
    assert found.slippage_bps_avg == pytest.approx(bps)
    assert isinstance(found.slippage_bps_avg, float)
    assert meta["slippage_reference"] == {"decision_price": 0, "mark": 1, "none": 0}


@pytest.mark.parametrize("link", ["clientOrderId", "order"])
def test_the_reference_is_the_decision_price_where_the_order_is_ours(
    ledger: OpenLedger, link: str
) -> None:
    begin(ledger, {BTC: "100"})
    order(ledger, "c1", exchange_order_id="x1", decision_price="200", submitted_ms=T0 + 1_000)
    name = {"clientOrderId": "c1", "order": "x1"}[link]
    found, meta = built(ledger, [reported("1", price="202", **{link: name}, ts=3_500)])
    assert found.slippage_bps_avg == pytest.approx(100.0)
    assert found.avg_time_to_fill == pytest.approx(2.5)
    assert meta["slippage_reference"] == {"decision_price": 1, "mark": 0, "none": 0}


def test_values_in_different_quote_currencies_do_not_add_up(ledger: OpenLedger) -> None:
    """One fill for many yen, three for a few dollars: a quarter of the weight is the yen's."""
    yen, dollars = "BTC/JPY", [BTC, BTC, ETH]
    begin(ledger, {yen: "10000000", BTC: "100", ETH: "100"})
    items = [reported("0", price="9900000", symbol=yen)]
    items += [reported(f"{n}", price="101", ts=n, symbol=s) for n, s in enumerate(dollars, 1)]
    found, meta = built(ledger, items)
    assert found.slippage_bps_avg == pytest.approx((-100 + 3 * 100) / 4)
    assert meta["slippage_weights"] == "value_within_quote_currency_fills_across"


def test_within_a_quote_currency_symbols_count_by_value(ledger: OpenLedger) -> None:
    begin(ledger, {PERP: "100", ETH: "100"})
    items = [reported("1", amount="3", symbol=PERP), reported("2", price="101", symbol=ETH)]
    found, meta = built(ledger, items)
    assert found.slippage_bps_avg == pytest.approx(101 * 100 / (300 + 101))
    assert "slippage_weights" not in meta


def test_without_any_reference_slippage_is_null_and_counted_so(ledger: OpenLedger) -> None:
    begin(ledger)
    found, meta = built(ledger, [reported("1")])
    assert found.slippage_bps_avg is None
    assert meta["slippage_reference"] == {"decision_price": 0, "mark": 0, "none": 1}


def test_averages_within_a_market_are_weighted_by_quantity(ledger: OpenLedger) -> None:
    begin(ledger, {BTC: "100"})
    order(ledger, "c1", submitted_ms=T0 + 1_000)
    items = [
        reported("1", amount="1", price="101", ts=2_000, clientOrderId="c1"),
        reported("2", amount="3", price="100", ts=6_000, clientOrderId="c1"),
        reported("3", amount="96", price="100", ts=9_000),
    ]
    found, meta = built(ledger, items)
    assert found.avg_time_to_fill == pytest.approx((1 * 1 + 3 * 5) / 4)
    assert found.slippage_bps_avg == pytest.approx(1.0)
    assert meta["symbols"][BTC]["fills_count"] == 3


def test_averages_across_markets_are_weighted_by_value(ledger: OpenLedger) -> None:
    begin(ledger, {BTC: "100", ETH: "1"})
    items = [reported("1", amount="1", price="101"), reported("2", amount="101", price="1",
             symbol=ETH)]  # fmt: skip
    found, meta = built(ledger, items)
    assert found.slippage_bps_avg == pytest.approx(50.0)
    assert meta["symbols"][ETH]["slippage_bps_avg"] == 0.0


def test_time_to_fill_is_null_where_no_order_is_known(ledger: OpenLedger) -> None:
    begin(ledger)
    found, _ = built(ledger, [reported("1", clientOrderId="somebody's")])
    assert found.avg_time_to_fill is None


def test_a_cycle_without_fills_has_metrics_too(ledger: OpenLedger) -> None:
    begin(ledger)
    commit(ledger, [], symbols=[BTC])
    found = metrics.build(ledger, 1)
    assert (found.fills_count, found.fill_rate, found.slippage_bps_avg) == (0, 0.0, None)
    assert (found.fees_json, found.pnl_json) == ("{}", "{}")
    assert (found.ts_start, found.ts_end, found.mode) == (100, 300, "sim")


def test_positions_in_a_row_are_those_of_its_cycle_not_of_today(
    ledger: OpenLedger,
) -> None:
    begin(ledger, {BTC: "100"})
    commit(ledger, [reported("1", amount="1")])
    before = metrics.build(ledger, 1)
    commit(ledger, [reported("2", amount="5", price="7", ts=1)], cycle_id=2)
    assert metrics.build(ledger, 1) == before


def test_persisting_again_replaces_the_one_row_of_the_cycle(ledger: OpenLedger) -> None:
    begin(ledger)
    commit(ledger, [reported("1")])
    metrics.persist(ledger, 1, 400)
    order(ledger, "c1")
    metrics.persist(ledger, 1, 400)
    stored = rows(ledger, "SELECT cycle_id, orders_submitted, ts_end FROM cycle_metrics")
    assert stored == [(1, 1, 400)]


def test_a_cycle_that_committed_nothing_has_no_metrics(ledger: OpenLedger) -> None:
    begin(ledger)
    with pytest.raises(NoSuchCycle, match="cycle 1 committed nothing"):
        metrics.build(ledger, 1)


def test_missing_rows_are_found_among_the_recent_commits_or_all(
    ledger: OpenLedger,
) -> None:
    assert metrics.missing(ledger) == []
    for n in range(1, 5):
        commit(ledger, [reported(str(n), ts=n)], cycle_id=n * 10)
    metrics.persist(ledger, 30)
    assert metrics.missing(ledger) == [10, 20, 40]
    assert metrics.missing(ledger, recent=2) == [40]


async def test_a_rebuilt_row_equals_the_one_that_was_lost(tmp_path: Path) -> None:
    items = [reported("1", fees=[fee("1")], ts=1_000), reported("2", "sell", "0.5", ts=2_000)]
    venue = FakeVenue(items, marks={BTC: "100"})
    settings = settings_in(tmp_path, strategy="ladder")
    await cycles(settings, 2, venue=venue)
    with opened(settings.db) as connection:
        before = rows(connection, "SELECT * FROM cycle_metrics ORDER BY 1")
        connection.execute("DELETE FROM cycle_metrics")
        for cycle_id in metrics.missing(connection):
            metrics.persist(connection, cycle_id)
        assert rows(connection, "SELECT * FROM cycle_metrics ORDER BY 1") == before
    assert before[0][5] > 0


def test_net_and_realized_keep_every_digit(ledger: OpenLedger) -> None:
    begin(ledger)
    price = "12345678901234567890.123"
    items = [reported("1", price=price), reported("2", "sell", price=price, ts=2_000,
             fees=[fee("0.00000000000000000001")])]  # fmt: skip
    found, _ = built(ledger, items)
    net = json.loads(found.pnl_json)[BTC]["net"]
    assert Decimal(net) == Decimal("-1e-20")


async def test_metrics_follow_when_it_turns_out_whose_a_fill_was(tmp_path: Path) -> None:
    """A fill that names its order by the exchange's id alone, of an order nobody had heard of."""
    venue = FakeVenue([reported("1")], marks={BTC: "100"})
    venue.silent = VenueTimeout("no answer")
    settings = settings_in(tmp_path, strategy="ladder", ladder={"levels": 1})
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        venue.failing["fetch_order_by_client_id"] = VenueTimeout("no answer")
        venue.reports.append(reported("2", timestamp=venue.now_ms + 1_500, order="x1"))
        await engine.cycle()
        with opened(settings.db) as connection:
            measured = rows(connection, "SELECT avg_time_to_fill FROM cycle_metrics")
        assert measured == [None, None]
        venue.failing.clear()
        await engine.cycle()
    with opened(settings.db) as connection:
        measured = rows(connection, "SELECT avg_time_to_fill FROM cycle_metrics")
    assert measured == [None, 1.5, None]
    assert verified(settings.db).violations == ()


async def test_metrics_made_before_a_cycle_was_recorded_do_not_outlive_that(
    tmp_path: Path,
) -> None:
    venue = FakeVenue([reported("1")], marks={BTC: "100"})
    settings = settings_in(tmp_path)
    broken = (
        "CREATE TRIGGER broken BEFORE INSERT ON cycle_metrics WHEN NEW.cycle_id = 1 "
        "BEGIN SELECT raise(ABORT, 'disk full'); END"
    )
    async with Engine(settings, venue=venue) as engine:
        with opened(settings.db) as connection:
            connection.execute(broken)
            await engine.cycle()
            connection.execute("DROP TRIGGER broken")
            metrics.persist(connection, 1)
            connection.execute(broken)
            await engine.cycle()
    with opened(settings.db) as connection:
        connection.execute("DROP TRIGGER broken")
    assert verified(settings.db).violations == ()
    with opened(settings.db) as connection:
        assert metrics.missing(connection) == [1]
