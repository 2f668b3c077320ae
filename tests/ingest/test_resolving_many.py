"""Many items of quarantine are dropped at once: chosen by market and reason, shown before."""

import json
import os
import pty
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.ledger.decision import Act, Decision
from tests.builders import (
    BTC,
    ETH,
    Ran,
    commit,
    cycledeck,
    finished,
    opened,
    reported,
    rows,
    serve,
    started,
    verified,
)

ITEMS = [
    *(reported(str(n), ts=n, price="NaN") for n in range(1, 4)),
    reported("4", ts=4, side="BUY"),
    reported("5", ts=5, price="NaN", symbol=ETH),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger that holds three prices and a side in one market, and a price in another."""
    serve(tmp_path / "f.jsonl", [*ITEMS, reported("9", ts=9), reported("9b", ts=9, symbol=ETH)])
    assert once(tmp_path)["held"] == [BTC, ETH]
    return tmp_path


def once(folder: Path) -> Any:
    db, path = folder / "ledger.db", folder / "f.jsonl"
    return cycledeck("once", "--json", "--db", db, "--venue", f"recorded:{path}").json


def resolve(folder: Path, *how: object) -> Ran:
    return cycledeck("quarantine", "resolve", *how, "--db", folder / "ledger.db")


def listed(folder: Path, *how: object) -> list[str]:
    ran = cycledeck("quarantine", "list", "--json", *how, "--db", folder / "ledger.db")
    return [json.loads(item["raw"])["id"] for item in ran.json]


def statuses(folder: Path) -> dict[str, int]:
    with opened(folder / "ledger.db") as ledger:
        return Counter(rows(ledger, "SELECT status FROM quarantine"))


def decided(folder: Path) -> list[Any]:
    ran = cycledeck("decisions", "list", "--json", "--db", folder / "ledger.db")
    return [line["decision"] for line in ran.json]


def test_all_are_dropped_by_one_decision(folder: Path) -> None:
    ran = resolve(folder, "--all", "--drop")
    assert (ran.code, ran.out) == (0, "5 items are dropped\ndecision 2, made in cycle 2\n")
    assert statuses(folder) == {"dropped": 5}
    assert [line["act"] for line in decided(folder)] == ["drop-items"]
    result = once(folder)
    assert (result["status"], result["held"]) == ("ok", [])
    assert verified(folder / "ledger.db").ok
    for cycle in (1, 3):
        ran = cycledeck("replay", cycle, "--rehearse", "--json", "--db", folder / "ledger.db")
        assert ran.json["differences"] == []


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (("--symbol", BTC), ["1", "2", "3", "4"]),
        (("--symbol", ETH), ["5"]),
        (("--reason", "price"), ["1", "2", "3", "5"]),
        (("--reason", "SELL neither"), ["4"]),
        (("--reason", "decimal", "--symbol", BTC), ["1", "2", "3"]),
        ((), ["1", "2", "3", "4", "5"]),
    ],
)
def test_the_list_and_the_decision_choose_alike(
    folder: Path, chosen: tuple[str, ...], ids: list[str]
) -> None:
    assert listed(folder, *chosen) == ids
    resolve(folder, "--all", "--drop", *chosen)
    with opened(folder / "ledger.db") as ledger:
        dropped = rows(ledger, "SELECT raw FROM quarantine WHERE status = 'dropped' ORDER BY id")
    assert [json.loads(raw)["id"] for raw in dropped] == ids


@pytest.mark.parametrize(
    ("how", "count", "last"),
    [
        (("--all", "--drop", "--symbol", BTC), 4, "4 items would be dropped"),
        ((5, "--drop"), 1, "item 5 would be dropped"),
    ],
)
def test_a_preview_shows_the_items_and_changes_nothing(
    folder: Path, how: tuple[object, ...], count: int, last: str
) -> None:
    ran = resolve(folder, *how, "--preview")
    assert ran.code == 0
    assert ran.out.splitlines()[-2:] == [last, "nothing was changed"]
    assert ran.out.count("    raw    ") == count
    assert statuses(folder) == {"open": 5}
    assert decided(folder) == []


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (("--drop",), "give either an item's number or --all"),
        ((1, "--all", "--drop"), "give either an item's number or --all"),
        (("--all",), "give one of --drop, --as FILE and --undo"),
        (("--all", "--as", "x"), "--all goes with --drop; --as FILE and --undo are for one item"),
        ((1, "--drop", "--symbol", BTC), "--symbol and --reason go with --all"),
        ((1, "--drop", "--reason", "price"), "--symbol and --reason go with --all"),
        (("--all", "--drop", "--symbol", "X/Y"), f"there are: {BTC} (4), {ETH} (1)"),
        (("--all", "--drop", "--reason", "foo"), "'foo': no open item has all of these words"),
    ],
)
def test_what_chooses_nothing_names_what_is_accepted(
    folder: Path, how: tuple[object, ...], message: str
) -> None:
    ran = resolve(folder, *how)
    assert ran.code == 2
    assert message in ran.err
    assert statuses(folder) == {"open": 5}


def test_where_none_is_open_that_is_the_message(folder: Path) -> None:
    resolve(folder, "--all", "--drop")
    ran = resolve(folder, "--all", "--drop")
    assert (ran.code, ran.err) == (2, "error: there is no open quarantine item\n")
    assert len(decided(folder)) == 1


@pytest.mark.parametrize(
    ("answer", "code", "after"), [(b"y\n", 0, {"dropped": 5}), (b"n\n", 1, {"open": 5})]
)
def test_at_a_terminal_the_count_is_asked_before(
    folder: Path, answer: bytes, code: int, after: dict[str, int]
) -> None:
    ours, theirs = pty.openpty()
    try:
        where = ("--db", folder / "ledger.db")
        process = started("quarantine", "resolve", "--all", "--drop", *where, stdin=theirs)
        os.write(ours, answer)
        ran = finished(process)
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Drop 5 items? [y/N]" in ran.out
    assert ran.code == code
    assert statuses(folder) == after


def test_what_comes_after_the_question_is_not_dropped_by_its_answer(folder: Path) -> None:
    with opened(folder / "ledger.db") as ledger:
        commit(ledger, (), cycle_id=2, decision=Decision(act=Act.DROP_ITEMS, last_item=3))
    assert statuses(folder) == {"dropped": 3, "open": 2}


def test_an_engine_that_runs_goes_by_the_decision_in_its_next_cycle(folder: Path) -> None:
    where = ("--db", folder / "ledger.db", "--venue", f"recorded:{folder / 'f.jsonl'}")
    process = started("run", "--json", "--interval", "10ms", *where)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["held"] == [BTC, ETH]
    assert resolve(folder, "--all", "--drop").code == 0
    while json.loads(process.stdout.readline())["held"]:
        pass
    process.terminate()
    assert finished(process).code == 0
