"""Items whose fill came readable are released by the cycle that books it; others go on waiting."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import CycleStatus, Engine, Settings
from engine.checks.verify import verify
from engine.clock import DAY_MS, now_ms
from engine.engine import rehearse_cycle
from engine.history.xray import xray
from engine.ingest import quarantine
from engine.ingest.paging import Request, VenueResponse
from engine.ingest.prepare import Prepared, prepare
from engine.ingest.quarantine import Undecided
from engine.ingest.releases import release
from engine.ledger.commit import commit_cycle
from engine.ledger.markets import RULES, SPOT_RULES
from engine.ledger.reports import Edge, Outline, outline
from engine.venue import TradeIds
from tests import generated
from tests.builders import (
    BTC,
    ETH,
    LATEST_MS,
    T0,
    OpenLedger,
    Reported,
    cycledeck,
    fee,
    memory_ledger,
    opened,
    reported,
    rows,
    serve,
    settings_in,
    verified,
)
from tests.fakes import FakeVenue
from tests.generated import SYMBOLS

BROKEN = reported("2", ts=2_000, amount="1,0")
MENDED = reported("2", ts=2_000, amount="1.0")
ALSO = {"order": "an order", "positionSide": "long"}


def once(folder: Path, path: Path) -> Any:
    return cycledeck(
        "once", "--json", "--db", folder / "ledger.db", "--venue", f"recorded:{path}"
    ).json


def items(folder: Path, columns: str = "id, status") -> list[Any]:
    with opened(folder / "ledger.db") as ledger:
        return rows(ledger, f"SELECT {columns} FROM quarantine ORDER BY id")


def releases(result: Any) -> dict[str, str]:
    return {
        entry["symbol"]: entry["message"]
        for entry in result["warnings"]
        if entry["type"] == "quarantine_released"
    }


def come_out_as_recorded(folder: Path, *cycles: int) -> None:
    db = ("--db", folder / "ledger.db", "--json")
    assert verified(folder / "ledger.db").ok
    for cycle in cycles:
        assert cycledeck("replay", cycle, "--rehearse", *db).json["differences"] == []
    for cycle in cycles:
        assert cycledeck("replay", cycle, *db).json["verdict"] == "clean"


def test_a_file_repaired_after_quarantine_is_booked_and_settled_by_one_cycle(
    tmp_path: Path,
) -> None:
    repaired = [
        reported(
            str(n), ("buy", "sell")[n % 2], "1", str(100 + n), n * 60_000, fee=fee("0.1"), fees=None
        )
        for n in range(300)
    ]
    refused = [item | {"price": f"{item['price']},00"} for item in repaired]
    path = serve(tmp_path / "f.jsonl", refused)
    first = once(tmp_path, path)
    assert (first["fills_count"], first["held"]) == (0, [BTC])
    serve(path, repaired)
    second = once(tmp_path, path)
    position = second["positions"][BTC]
    assert (position["qty"], position["realized_pnl"]) == ("0", "150")
    assert position["fees"] == {"USDT": "30"}
    assert (second["status"], second["held"]) == ("ok", [])
    assert second["cursors"][f"fills_cursor:{BTC}"]["after"] == T0 + 299 * 60_000
    assert releases(second)[BTC].endswith("in the ledger: 300")
    third = once(tmp_path, path)
    assert (third["status"], third["fills_count"], releases(third)) == ("ok", 0, {})
    assert set(items(tmp_path, "status")) == {"booked"}
    come_out_as_recorded(tmp_path, 1, 2, 3)


def test_the_list_says_which_fill_an_item_was_released_for(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [BROKEN])
    once(tmp_path, path)
    once(tmp_path, serve(path, [MENDED]))
    db = ("--db", tmp_path / "ledger.db")
    (item,) = cycledeck("quarantine", "list", "--json", *db).json
    assert (item["status"], item["note"]) == ("booked", "fill 2 is in the ledger")
    assert "amount: '1,0'" in item["reason"]
    assert "fill 2 is in the ledger" in cycledeck("quarantine", "list", *db).out


@pytest.mark.parametrize(
    "other",
    [
        {"side": "sell"},
        {"price": "101"},
        {"timestamp": T0 + 9_000},
        {"order": "another"},
        {"symbol": ETH},
        {"id": "3"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_an_item_that_contradicts_the_fill_of_its_id_goes_on_waiting(
    tmp_path: Path, other: Reported
) -> None:
    path = serve(tmp_path / "f.jsonl", [BROKEN | ALSO])
    once(tmp_path, path)
    result = once(tmp_path, serve(path, [MENDED | ALSO | other]))
    assert (result["fills_count"], result["held"], releases(result)) == (1, [BTC], {})
    assert items(tmp_path) == [(1, "open")]


def test_an_item_of_another_position_side_goes_on_waiting(tmp_path: Path) -> None:
    swap = {"symbol": "BTC/USDT:USDT", "contractSize": "1"}
    path = serve(tmp_path / "f.jsonl", [BROKEN | swap | {"positionSide": "long"}])
    once(tmp_path, path)
    result = once(tmp_path, serve(path, [MENDED | swap | {"positionSide": "short"}]))
    assert (result["fills_count"], result["held"]) == (1, ["BTC/USDT:USDT"])


def test_what_is_corrected_besides_is_no_contradiction(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [BROKEN | {"timestamp": (T0 + 2_000) // 1_000}])
    once(tmp_path, path)
    assert once(tmp_path, serve(path, [MENDED]))["held"] == []


def test_an_unreadable_repeat_of_a_booked_fill_holds_nothing(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [MENDED])
    once(tmp_path, path)
    serve(path, [MENDED, BROKEN, reported("3", ts=3_000)])
    result = once(tmp_path, path)
    assert (result["status"], result["held"], result["fills_count"]) == ("ok", [], 1)
    assert items(tmp_path) == [(1, "booked")]
    assert once(tmp_path, path)["warnings"] == []
    come_out_as_recorded(tmp_path, 1, 2, 3)


def test_only_what_is_repaired_is_released(tmp_path: Path) -> None:
    other = reported("7", ts=1_500, price="NaN")
    path = serve(tmp_path / "f.jsonl", [BROKEN, other])
    once(tmp_path, path)
    result = once(tmp_path, serve(path, [MENDED, other]))
    assert (result["status"], result["held"], result["fills_count"]) == ("held", [BTC], 1)
    assert result["cursors"][f"fills_cursor:{BTC}"]["after"] == 0
    assert items(tmp_path) == [(1, "booked"), (2, "open")]
    come_out_as_recorded(tmp_path, 1, 2)


def test_what_an_earlier_program_left_open_is_released_for_the_ledger_alone(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [BROKEN])
    once(tmp_path, path)
    once(tmp_path, serve(path, [MENDED]))
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.execute("UPDATE quarantine SET status = 'open', note = NULL")
    result = once(tmp_path, serve(path, [reported("3", ts=3_000)]))
    assert (result["status"], result["held"], result["fills_count"]) == ("ok", [], 1)
    assert items(tmp_path) == [(1, "booked")]


def test_nothing_is_released_of_what_was_not_booked(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [BROKEN])
    once(tmp_path, path)
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.execute(
            "CREATE TRIGGER full BEFORE INSERT ON ledger_commits "
            "BEGIN SELECT raise(ABORT, 'no commit'); END"
        )
    assert once(tmp_path, serve(path, [MENDED]))["commit_seq"] is None
    assert items(tmp_path) == [(1, "open")]
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.execute("DROP TRIGGER full")
    assert once(tmp_path, path)["held"] == []
    assert items(tmp_path) == [(1, "booked")]


def test_the_xray_of_the_cycle_that_held_an_item_says_that_it_is_booked_by_now(
    tmp_path: Path,
) -> None:
    path = serve(tmp_path / "f.jsonl", [BROKEN, reported("5", ts=5_000) | {"type": "funding"}])
    once(tmp_path, path)
    once(tmp_path, serve(path, [MENDED, reported("5", ts=5_000)]))
    with opened(tmp_path / "ledger.db") as ledger:
        lines = xray(ledger, 1).fills
    assert [(line.quarantine_id, line.status) for line in lines] == [(1, "booked"), (2, "booked")]
    assert [line.trade_id for line in lines] == ["", ""]


# --- what was held for its time


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.mark.parametrize("trade_ids", TradeIds)
async def test_what_was_held_for_its_time_is_released_and_booked_once_the_clock_is_right(
    tmp_path: Path, settings: Settings, trade_ids: TradeIds
) -> None:
    ahead = now_ms() + 2 * DAY_MS
    late = reported("2", amount="3", order="o2") | {"timestamp": ahead}
    venue = FakeVenue([reported("1", order="o1"), late], trade_ids=trade_ids, takes_orders=False)
    venue.now_ms = ahead - 3 * DAY_MS
    async with Engine(settings, venue=venue) as engine:
        result = await engine.cycle()
        assert (result.held, result.fills_count) == ((BTC,), 1)
        venue.now_ms = ahead
        result = await engine.cycle()
        assert (result.status, result.held) == (CycleStatus.OK, ())
        assert (result.fills_count, result.positions[BTC].qty) == (1, "4")
        [warning] = result.warnings
        assert (warning.type, warning.symbol) == ("quarantine_released", BTC)
        assert (await engine.cycle()).warnings == ()
    assert "more than a day ahead" in items(tmp_path, "reason")[0]
    assert items(tmp_path) == [(1, "booked")]
    for cycle in (1, 2, 3):
        assert (await rehearse_cycle(settings, cycle)).differences == ()


async def test_a_time_read_in_the_wrong_unit_is_released_when_it_comes_in_the_right_one(
    tmp_path: Path, settings: Settings
) -> None:
    item = reported("2")
    venue = FakeVenue([item | {"timestamp": T0 // 1_000}], takes_orders=False)
    async with Engine(settings, venue=venue) as engine:
        assert (await engine.cycle()).held == (BTC,)
        venue.reports = [item]
        result = await engine.cycle()
        assert (result.held, result.fills_count) == ((), 1)
    assert "are these seconds" in items(tmp_path, "reason")[0]
    assert items(tmp_path) == [(1, "booked")]


# --- any fills, broken in any way, repaired in any order

BREAKAGES: tuple[Callable[[Reported], Reported], ...] = (
    lambda item: item | {"amount": item["amount"] + ",0"},
    lambda item: item | {"price": "NaN"},
    lambda item: item | {"side": item["side"].upper()},
    lambda item: item | {"timestamp": item["timestamp"] // 1_000},
    lambda item: item | {"timestamp": item["timestamp"] * 1_000_000},
    lambda item: item | {"type": "transfer"},
    lambda item: item | {"fees": [{"cost": "1"}]},
)


def cycle(ledger: OpenLedger, cycle_id: int, reports: list[Reported]) -> Prepared:
    """A cycle's prepare and TX 1, of all markets."""
    responses = [
        VenueResponse(
            Request(symbol, 0, 0),
            LATEST_MS,
            (tuple(json.dumps(item) for item in reports if item["symbol"] == symbol),),
        )
        for symbol in SYMBOLS
    ]
    prepared = prepare(ledger, responses, cycle_id=cycle_id, clock_ms=None)
    commit_cycle(ledger, prepared.markets, cycle_id=cycle_id, lease_epoch=1, now_ms=5_000)
    release(ledger, prepared.releases, cycle_id, 5_000)
    return prepared


@given(st.data())
def test_a_market_is_held_until_all_its_fills_are_booked_and_then_nothing_waits(
    data: st.DataObject,
) -> None:
    fills = data.draw(generated.fills(max_size=8))
    ledger = memory_ledger(data.draw(st.sampled_from([TradeIds.ACCOUNT, TradeIds.MARKET])))
    broken = {
        item["id"]: data.draw(st.sampled_from(BREAKAGES))(item)
        for item in fills
        if data.draw(st.booleans())
    }
    for cycle_id in range(1, 5):
        prepared = cycle(ledger, cycle_id, [broken.get(item["id"], item) for item in fills])
        waiting = {item["symbol"] for item in fills if item["id"] in broken}
        assert prepared.held == waiting
        is_open = "SELECT count(*) FROM quarantine WHERE status = 'open'"
        assert rows(ledger, is_open) == [len(broken)]
        repaired = data.draw(st.sets(st.sampled_from(sorted(broken)))) if broken else set()
        broken = {key: broken[key] for key in broken if key not in repaired and cycle_id < 3}
    assert rows(ledger, "SELECT count(*) FROM applied_fills") == [len(fills)]
    assert verify(ledger).ok


# --- cycles that 0.1.0 recorded


@pytest.mark.parametrize(("edge", "held"), [(SPOT_RULES, {BTC}), (RULES, set())])
def test_the_rules_of_0_1_0_release_nothing_so_that_its_cycles_come_out_as_recorded(
    edge: int, held: set[str]
) -> None:
    ledger = memory_ledger()
    quarantine.keep(ledger, [Undecided(BTC, json.dumps(BROKEN), "why")], 1)
    response = VenueResponse(Request(BTC, 0, 0), LATEST_MS, ((json.dumps(MENDED),),))
    prepared = prepare(ledger, [response], cycle_id=2, clock_ms=None, edge=edge)
    assert set(prepared.held) == held
    assert [entry.item_id for entry in prepared.releases] == ([] if held else [1])


# --- what an item says


ALL = Outline("2", BTC, "buy", Decimal(1), Decimal(100), T0 + 2_000, "o")


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({}, ALL),
        ({"id": None}, ALL._replace(trade_id=None)),
        ({"id": "None"}, ALL._replace(trade_id=None)),
        ({"id": 2.0}, ALL._replace(trade_id=None)),
        ({"symbol": "BTCUSDT"}, ALL._replace(symbol=None)),
        ({"side": "BUY"}, ALL._replace(side=None)),
        ({"amount": "-1"}, ALL._replace(qty=None)),
        ({"price": float("nan")}, ALL._replace(price=None)),
        ({"timestamp": T0 * 1_000}, ALL._replace(ts_ms=None)),
        ({"timestamp": T0 // 1_000}, ALL._replace(ts_ms=None)),
        ({"order": ["o"]}, ALL._replace(order_id=None)),
        ({"positionSide": "LONG"}, ALL._replace(position_side="long")),
        ({"positionSide": "up"}, ALL),
    ],
)
def test_an_outline_has_what_can_be_read_of_an_item(change: Reported, left: Outline) -> None:
    item = json.dumps(MENDED | {"order": "o"} | change)
    assert outline(item, Edge(TradeIds.ACCOUNT, LATEST_MS)) == left


@pytest.mark.parametrize(
    "raw", ["", "null", "[]", '{"id": "2"', '{"id": "2", "id": "3"}', "[" * 9**5]
)
@pytest.mark.parametrize("trade_ids", TradeIds)
def test_of_what_is_no_item_nothing_is_read(raw: str, trade_ids: TradeIds) -> None:
    assert outline(raw, Edge(trade_ids, LATEST_MS)) == Outline()


def test_an_id_that_needs_a_market_is_none_without_one() -> None:
    edge = Edge(TradeIds.MARKET, LATEST_MS)
    assert outline(json.dumps(MENDED), edge).trade_id == f"{BTC}:2"
    assert outline(json.dumps(MENDED | {"symbol": "?"}), edge).trade_id is None
