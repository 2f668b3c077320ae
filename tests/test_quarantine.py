"""Items that cannot be read: kept raw, the cursor held, until the operator decides."""

import json
from pathlib import Path
from typing import Any

import pytest
from builders import (
    BTC,
    ETH,
    adds_up,
    cycledeck,
    cycles,
    opened,
    reported,
    rows,
    serve,
    settings_in,
    verified,
)

from engine import Status

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
        assert (result.status, result.held) == (Status.PARTIAL, (BTC,))
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
    assert result.cursors[f"fills_cursor:{ETH}"].after == 9_000


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


def test_dropping_lets_the_cursor_move_on_and_is_audited(tmp_path: Path, path: Path) -> None:
    once(tmp_path, path)
    ran = resolve(tmp_path, 1, "--drop")
    assert (ran.code, ran.out) == (0, "item 1 is dropped\n")
    result = once(tmp_path, path)
    assert (result["status"], result["held"]) == ("ok", [])
    assert result["cursors"][f"fills_cursor:{BTC}"] == {"before": 0, "after": 3_000}
    assert result["fills_count"] == 0
    with opened(tmp_path / "ledger.db") as ledger:
        ((action, detail, outcome, actor),) = rows(
            ledger, "SELECT action, detail_json, outcome, actor FROM audit"
        )
    assert (action, outcome) == ("quarantine resolve", "ok")
    assert json.loads(detail) == {"id": 1, "status": "dropped", "replacement": None}
    assert actor
    assert verified(tmp_path / "ledger.db").ok


def test_a_correction_is_ledgered_in_its_place_once(tmp_path: Path, path: Path) -> None:
    once(tmp_path, path)
    corrected = reported("2", "sell", ts=2_000, price="7")
    ran = resolve(tmp_path, 1, "--as", serve(tmp_path / "as.json", [corrected]))
    assert (ran.code, ran.out) == (0, "item 1 is replaced\n")
    first, second = once(tmp_path, path), once(tmp_path, path)
    assert (first["fills_count"], second["fills_count"]) == (1, 0)
    assert first["cursors"][f"fills_cursor:{BTC}"] == {"before": 0, "after": 3_000}
    assert items(tmp_path, "status, applied_cycle_id") == [("replaced", 2)]
    assert first["positions"][BTC]["qty"] == "1"
    assert verified(tmp_path / "ledger.db").violations == ()
    db = ("--db", tmp_path / "ledger.db", "--json")
    for cycle in (1, 2):
        assert cycledeck("replay", cycle, "--rehearse", *db).json["differences"] == []
    assert cycledeck("replay", 2, *db).json["verdict"] == "clean"


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
        ((), 2, "give either --drop or --as FILE"),
        (("--drop", "--as", "x"), 2, "give either --drop or --as FILE"),
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
    with opened(tmp_path / "ledger.db") as ledger:
        assert rows(ledger, "SELECT count(*) FROM audit") == [0]


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
    missing = cycledeck("once", "--db", tmp_path / "ledger.db", "--venue", "recorded:absent")
    assert missing.code == 1
    ran = resolve(tmp_path, 1, "--as", serve(tmp_path / "as.json", [reported("2")]))
    assert ran.code in (1, 2)
    assert "no open quarantine item 1" in ran.err


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
