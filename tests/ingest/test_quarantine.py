"""Items that cannot be read: kept raw, the cursor held, until the operator decides."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine import CycleStatus, Engine, Settings
from engine.engine import rehearse_cycle
from engine.ingest.quarantine import Undecided
from engine.venue import Page
from tests.builders import (
    BTC,
    ETH,
    T0,
    Ran,
    adds_up,
    cycledeck,
    cycles,
    fee,
    opened,
    reported,
    resolution,
    rows,
    serve,
    settings_in,
    verified,
)
from tests.fakes import FakeVenue

BROKEN = reported("2", ts=2_000, price="NaN")


def items(folder: Path, columns: str = "id, status, symbol, cycle_id") -> list[Any]:
    with opened(folder / "ledger.db") as ledger:
        return rows(ledger, f"SELECT {columns} FROM quarantine ORDER BY id")


def resolve(folder: Path, item: int, *how: object) -> Any:
    return cycledeck("quarantine", "resolve", item, *how, "--db", folder / "ledger.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A broken fill between two readable ones."""
    fills = [reported("1", ts=1_000), BROKEN, reported("3", ts=3_000)]
    return serve(tmp_path / "f.jsonl", fills)


async def test_the_other_fills_go_in_and_the_cursor_is_held(tmp_path: Path, path: Path) -> None:
    results = await cycles(settings_in(tmp_path, path), 2)
    for result in results:
        assert adds_up(result)
        assert (result.status, result.held) == (CycleStatus.HELD, (BTC,))
        assert result.cursors[f"fills_cursor:{BTC}"].after == 0
    assert [result.fills_count for result in results] == [2, 0]
    assert items(tmp_path) == [(1, "open", BTC, 1)]
    assert verified(tmp_path / "ledger.db").ok


async def test_an_item_is_kept_once_with_its_raw_text_and_reason(
    tmp_path: Path, path: Path
) -> None:
    await cycles(settings_in(tmp_path, path), 3)
    ((raw, reason),) = items(tmp_path, "raw, reason")
    assert json.loads(raw) == BROKEN
    assert reason == "price: 'NaN' is not a decimal number in text"


async def test_only_the_market_it_is_in_is_held(tmp_path: Path) -> None:
    fills = [BROKEN, reported("9", ts=9_000, symbol=ETH)]
    (result,) = await cycles(settings_in(tmp_path, serve(tmp_path / "f.jsonl", fills)))
    assert result.held == (BTC,)
    assert result.cursors[f"fills_cursor:{ETH}"].after == T0 + 9_000


async def test_an_item_of_no_known_market_holds_every_market_it_was_served_to(
    tmp_path: Path,
) -> None:
    fills: list[Any] = [reported("1"), reported("9", symbol=ETH), "{broken"]
    (result,) = await cycles(settings_in(tmp_path, serve(tmp_path / "f.jsonl", fills)))
    assert result.held == (BTC, ETH)
    assert len(items(tmp_path)) == 1


def once(folder: Path, path: Path) -> Any:
    return cycledeck(
        "once", "--json", "--db", folder / "ledger.db", "--venue", f"recorded:{path}"
    ).json


def decisions(folder: Path) -> list[Any]:
    ran = cycledeck("decisions", "list", "--json", "--db", folder / "ledger.db")
    return [line["decision"] for line in ran.json]


def test_dropping_lets_the_cursor_move_on_and_is_a_decision(tmp_path: Path, path: Path) -> None:
    once(tmp_path, path)
    ran = resolve(tmp_path, 1, "--drop", "--why", "their test order")
    assert (ran.code, ran.out) == (0, "item 1 is dropped\ndecision 2, made in cycle 2\n")
    result = once(tmp_path, path)
    assert (result["status"], result["held"]) == ("ok", [])
    assert result["cursors"][f"fills_cursor:{BTC}"] == {"before": 0, "after": T0 + 3_000}
    assert result["fills_count"] == 0
    [decision] = decisions(tmp_path)
    assert (decision["act"], decision["item"]) == ("drop-items", 1)
    assert decision["reason"] == "their test order"
    assert verified(tmp_path / "ledger.db").ok


def test_a_correction_is_ledgered_in_its_place_once(tmp_path: Path, path: Path) -> None:
    once(tmp_path, path)
    corrected = reported("2", "sell", ts=2_000, price="7")
    ran = resolve(tmp_path, 1, "--as", serve(tmp_path / "as.json", [corrected]))
    assert (ran.code, ran.out.splitlines()[0]) == (0, "item 1 is replaced")
    first, second = once(tmp_path, path), once(tmp_path, path)
    assert (first["fills_count"], second["fills_count"]) == (1, 0)
    assert first["cursors"][f"fills_cursor:{BTC}"] == {"before": 0, "after": T0 + 3_000}
    assert items(tmp_path, "status, applied_cycle_id") == [("replaced", 3)]
    assert first["positions"][BTC]["qty"] == "1"
    assert verified(tmp_path / "ledger.db").violations == ()
    db = ("--db", tmp_path / "ledger.db", "--json")
    for cycle in (1, 3):
        assert cycledeck("replay", cycle, "--rehearse", *db).json["differences"] == []
    assert cycledeck("replay", 3, *db).json["verdict"] == "clean"


def test_a_resolved_item_stays_resolved_however_often_it_is_served(
    tmp_path: Path, path: Path
) -> None:
    once(tmp_path, path)
    resolve(tmp_path, 1, "--drop")
    for _ in range(3):
        assert once(tmp_path, path)["held"] == []
    assert items(tmp_path, "status") == ["dropped"]


def test_two_items_are_resolved_one_by_one(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [BROKEN, BROKEN | {"price": "-1"}, reported("3", ts=3_000)])
    once(tmp_path, path)
    resolve(tmp_path, 1, "--drop")
    assert once(tmp_path, path)["held"] == [BTC]
    resolve(tmp_path, 2, "--drop")
    assert once(tmp_path, path)["held"] == []


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        ((), 2, "give one of --drop, --as FILE and --undo"),
        (("--drop", "--as", "x"), 2, "give one of --drop, --as FILE and --undo"),
        (("--as", "missing.json"), 2, "missing.json"),
    ],
)
def test_how_to_resolve_has_to_be_said(
    tmp_path: Path, path: Path, how: tuple[str, ...], code: int, message: str
) -> None:
    once(tmp_path, path)
    ran = resolve(tmp_path, 1, *how)
    assert ran.code == code
    assert message in ran.err
    assert items(tmp_path, "status") == ["open"]


def test_a_correction_that_cannot_be_read_either_is_refused(tmp_path: Path, path: Path) -> None:
    once(tmp_path, path)
    ran = resolve(tmp_path, 1, "--as", serve(tmp_path / "as.json", [BROKEN]))
    assert ran.code != 0
    assert "price: 'NaN'" in ran.err
    assert items(tmp_path, "status") == ["open"]
    assert decisions(tmp_path) == []


@pytest.mark.parametrize("how", [("--drop",), ("--as", "as.json")])
def test_an_item_that_is_not_open_is_named(tmp_path: Path, path: Path, how: Any) -> None:
    once(tmp_path, path)
    serve(tmp_path / "as.json", [reported("2")])
    resolve(tmp_path, 1, "--drop")
    for item in (1, 77):
        ran = resolve(tmp_path, item, *how)
        assert ran.code == 2
        assert f"no open quarantine item {item}" in ran.err


def test_on_a_ledger_that_never_ran_there_is_no_item_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    missing = cycledeck("once", "--db", tmp_path / "ledger.db", "--venue", "recorded:absent")
    assert missing.code == 1
    ran = resolve(tmp_path, 1, "--as", serve(tmp_path / "as.json", [reported("2")]))
    assert (ran.code, ran.err) == (1, "error: this ledger has had no cycle yet\n")


def test_the_list_shows_every_item(tmp_path: Path, path: Path) -> None:
    empty = cycledeck("quarantine", "list", "--db", tmp_path / "ledger.db")
    assert empty.code == 1
    once(tmp_path, path)
    ran = cycledeck("quarantine", "list", "--json", "--db", tmp_path / "ledger.db")
    (item,) = ran.json
    assert (item["id"], item["status"], item["symbol"], item["cycle_id"]) == (1, "open", BTC, 1)
    shown = cycledeck("quarantine", "list", "--db", tmp_path / "ledger.db").out
    assert "price: 'NaN' is not a decimal number" in shown


def test_raw_text_with_control_characters_is_kept_and_shown_as_escapes(tmp_path: Path) -> None:
    evil = '{"id": "\x1b[31m\u202e\x07", broken'
    path = serve(tmp_path / "f.jsonl", [reported("1"), evil])
    once(tmp_path, path)
    db = ("--db", tmp_path / "ledger.db")
    assert cycledeck("quarantine", "list", "--json", *db).json[0]["raw"] == evil
    shown = cycledeck("quarantine", "list", *db).out
    assert "\\x1b[31m\\u202e\\x07" in shown
    assert not set(shown) & {"\x1b", "\x07", "\u202e"}


# --- decisions are made market by market


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


class Babbling(FakeVenue):
    """Serves, beside its reports, texts of each market."""

    def __init__(self) -> None:
        super().__init__([reported("1"), reported("2", symbol=ETH)], takes_orders=False)
        self.texts: dict[str, str] = {}

    async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        if symbol in self.texts:
            yield Page((self.texts[symbol],), last=False)
        async for page in super().fetch_fills(symbol, since_ms):
            yield page


async def test_what_was_dropped_in_one_market_is_asked_about_in_another(
    tmp_path: Path, settings: Settings
) -> None:
    venue = Babbling()
    async with Engine(settings, venue=venue) as engine:
        venue.texts[BTC] = "null"
        assert (await engine.cycle()).held == (BTC,)
        await engine.decide(resolution(1), "operator")
        venue.texts[ETH] = "null"
        venue.reports.append(reported("3", ts=9_000, symbol=ETH))
        result = await engine.cycle()
        assert result.held == (ETH,)
        assert result.cursors[f"fills_cursor:{ETH}"].after == T0 + 1_000
        assert items(tmp_path) == [(1, "dropped", BTC, 1), (2, "open", ETH, 3)]
        await engine.decide(resolution(2), "operator")
        result = await engine.cycle()
        assert (result.status, result.held) == (CycleStatus.OK, ())
        assert result.cursors[f"fills_cursor:{ETH}"].after == T0 + 9_000
    for cycle in (1, 3, 5):
        assert (await rehearse_cycle(settings, cycle)).differences == ()


async def test_what_an_earlier_version_kept_of_a_market_stays_decided_there(
    tmp_path: Path, settings: Settings
) -> None:
    venue = Babbling()
    async with Engine(settings, venue=venue) as engine:
        venue.texts = {BTC: "null"}
        await engine.cycle()
        with opened(settings.db) as ledger:
            by_text_alone = Undecided(BTC, "null", "").digest
            ledger.execute("UPDATE quarantine SET digest = ?", (by_text_alone,))
        await engine.decide(resolution(1), "operator")
        venue.texts[ETH] = "null"
        assert (await engine.cycle()).held == (ETH,)
    assert items(tmp_path, "symbol, status") == [(BTC, "dropped"), (ETH, "open")]


# --- ids that two markets use


def decide(tmp_path: Path, conflict: int, *how: str) -> Ran:
    return cycledeck("conflicts", "resolve", conflict, *how, "--db", tmp_path / "ledger.db")


def listed(tmp_path: Path) -> str:
    return cycledeck("conflicts", "list", "--db", tmp_path / "ledger.db").out


@pytest.fixture
def clash(tmp_path: Path) -> Path:
    """A file whose ids were unique, and that repeats one in another market a cycle later."""
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    once(tmp_path, path)
    more = [reported("1", ts=2_000, symbol=ETH), reported("2", ts=3_000, symbol=ETH)]
    return serve(path, [reported("1"), reported("5", ts=5_000), *more])


def test_a_fill_whose_id_another_market_has_is_a_clash_and_names_what_books_it(
    tmp_path: Path, clash: Path
) -> None:
    for attempt in range(2):
        result = once(tmp_path, clash)
        assert (result["status"], result["held"]) == ("attention", [])
        assert result["cursors"][f"fills_cursor:{ETH}"]["after"] == T0 + 1_999
        assert result["cursors"][f"fills_cursor:{BTC}"]["after"] == T0 + 5_000
        assert result["fills_count"] == (2, 0)[attempt]
    assert items(tmp_path) == []
    assert "recorded.trade_ids = 'market'" in listed(tmp_path)
    assert verified(tmp_path / "ledger.db").ok
    for cycle in (2, 3):
        db = ("--db", tmp_path / "ledger.db", "--json")
        assert cycledeck("replay", cycle, "--rehearse", *db).json["differences"] == []


def test_it_is_booked_under_the_id_that_the_operator_gives_it(tmp_path: Path, clash: Path) -> None:
    once(tmp_path, clash)
    assert decide(tmp_path, 1, "--book-as", "ETH 1").code == 0
    result = once(tmp_path, clash)
    assert (result["status"], result["held"], result["fills_count"]) == ("ok", [], 0)
    assert result["positions"][ETH]["qty"] == "2"
    assert result["cursors"][f"fills_cursor:{ETH}"]["after"] == T0 + 3_000
    assert verified(tmp_path / "ledger.db").ok


def test_dropping_it_lets_the_cursor_pass(tmp_path: Path, clash: Path) -> None:
    once(tmp_path, clash)
    decide(tmp_path, 1, "--keep")
    result = once(tmp_path, clash)
    assert (result["status"], result["fills_count"]) == ("ok", 0)
    assert result["cursors"][f"fills_cursor:{ETH}"]["after"] == T0 + 3_000


# --- rows without ids


NO_ID = reported(None, amount="0.5", fees=None, fee=fee("0.06"))


def test_rows_without_ids_are_held_and_the_reason_names_the_setting_that_books_them(
    tmp_path: Path,
) -> None:
    result = once(tmp_path, serve(tmp_path / "f.jsonl", [NO_ID] * 3))
    assert (result["held"], result["fills_count"]) == ([BTC], 0)
    (reason,) = items(tmp_path, "reason")
    assert "recorded.trade_ids = 'none'" in reason


def test_identical_rows_without_ids_are_a_fill_each_and_a_later_one_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CYCLEDECK_RECORDED__TRADE_IDS", "none")
    path = serve(tmp_path / "f.jsonl", [NO_ID] * 3)
    result = once(tmp_path, path)
    position = result["positions"][BTC]
    assert (position["qty"], position["fees"]) == ("1.5", {"USDT": "0.18"})
    serve(path, [NO_ID] * 4)
    result = once(tmp_path, path)
    assert (result["status"], result["positions"][BTC]["qty"]) == ("ok", "2")
    assert once(tmp_path, path)["fills_count"] == 0
    assert items(tmp_path) == []
