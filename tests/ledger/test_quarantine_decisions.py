"""Decisions about items in quarantine: chained, undone, exported, and seen by verify."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.ledger.quarantine_decisions import quarantined
from tests.builders import BTC, T0, cycledeck, finished, opened, reported, serve, started, verified
from tests.ingest.recorded_ledger import RecordedLedger

GOOD, BROKEN = reported("1", ts=1_000), reported("2", ts=2_000, price="NaN")
LAST = reported("3", ts=3_000)
ALL = (GOOD, BROKEN, LAST)


@pytest.fixture
def ledger(tmp_path: Path) -> RecordedLedger:
    """A ledger that holds its market for an item."""
    ledger = RecordedLedger(tmp_path)
    assert ledger.once(*ALL)["held"] == [BTC]
    return ledger


def run(ledger: RecordedLedger, *words: object) -> Any:
    return cycledeck(*words, "--db", ledger.db)


def statuses(ledger: RecordedLedger) -> list[str]:
    with opened(ledger.db) as connection:
        return [item.status for item in quarantined(connection)]


def test_a_dropped_item_that_is_undone_is_open_and_holds_its_market_again(
    ledger: RecordedLedger,
) -> None:
    ledger.resolve(1)
    assert ledger.once(*ALL)["held"] == []
    ran = run(ledger, "quarantine", "resolve", 1, "--undo", "--why", "it is one")
    assert ran.out == "item 1 is open\ndecision 4, made in cycle 4\n"
    assert ledger.once(*ALL)["held"] == [BTC]
    ledger.resolve(1, reported("2", ts=2_000))
    result = ledger.once(*ALL)
    assert (result["held"], result["fills_count"]) == ([], 1)
    ledger.prove(4)


def test_an_item_whose_correction_is_booked_is_not_opened_again_and_the_remedy_is_named(
    ledger: RecordedLedger,
) -> None:
    ledger.resolve(1, reported("2", ts=2_000))
    ran = run(ledger, "quarantine", "resolve", 1, "--undo", "--preview")
    assert ran.out.splitlines()[-2:] == ["item 1 would be open", "nothing was changed"]
    assert ledger.once(*ALL)["fills_count"] == 1
    ran = run(ledger, "quarantine", "resolve", 1, "--undo")
    assert ran.code == 2
    assert "cycle 3 booked what stands in the place of item 1; `void` takes trade 2" in ran.err
    assert statuses(ledger) == ["replaced"]
    ledger.prove(2)


def test_what_was_decided_about_many_is_undone_as_one(tmp_path: Path) -> None:
    ledger = RecordedLedger(tmp_path)
    ledger.once(*ALL, BROKEN | {"id": "4"}, BROKEN | {"id": "5"})
    run(ledger, "quarantine", "resolve", "--all", "--drop")
    ran = run(ledger, "quarantine", "resolve", 2, "--undo")
    assert ran.code == 2
    assert "decision 2 dropped it with others; `decisions undo 2` takes all of that back" in ran.err
    assert run(ledger, "decisions", "undo", 2).code == 0
    assert statuses(ledger) == ["open"] * 3
    assert verified(ledger.db).violations == ()


def test_as_json_it_is_one_document_of_what_changes(ledger: RecordedLedger) -> None:
    would = run(ledger, "quarantine", "resolve", 1, "--drop", "--preview", "--json").json
    did = run(ledger, "quarantine", "resolve", 1, "--drop", "--json").json
    assert (would["items"], would["commit_seq"]) == (1, None)
    assert (did["items"], did["commit_seq"], did["inserted"]) == (1, 2, 0)


def test_a_decision_that_another_one_followed_is_not_undone(ledger: RecordedLedger) -> None:
    ledger.resolve(1)
    run(ledger, "decisions", "undo", 2)
    ledger.resolve(1, reported("2", ts=2_000))
    for number, message in (
        (2, "taken back already, by decision 3"),
        (3, "followed by another one"),
    ):
        ran = run(ledger, "decisions", "undo", number)
        assert (ran.code, message in ran.err) == (2, True)
    assert statuses(ledger) == ["replaced"]


def test_an_undo_that_is_undone_drops_the_item_again(ledger: RecordedLedger) -> None:
    ledger.resolve(1)
    run(ledger, "decisions", "undo", 2)
    assert run(ledger, "decisions", "undo", 3).code == 0
    assert statuses(ledger) == ["dropped"]
    assert ledger.once(*ALL)["held"] == []
    ledger.prove(2)


def test_decisions_are_applied_to_a_ledger_that_has_the_items_by_other_numbers(
    ledger: RecordedLedger, tmp_path: Path
) -> None:
    other_broken = reported("9", ts=500, amount="0")
    ledger.once(*ALL, other_broken)
    ledger.resolve(1, reported("2", ts=2_000))
    ledger.resolve(2)
    exported = run(ledger, "decisions", "export").out
    (tmp_path / "other").mkdir()
    other, file = RecordedLedger(tmp_path / "other"), tmp_path / "decisions.jsonl"
    file.write_text(exported)
    other.once(LAST)
    ran = run(other, "decisions", "apply", file)
    assert (ran.code, "this ledger never met the item" in ran.err) == (1, True)
    other.once(other_broken, BROKEN, GOOD, LAST)
    assert run(other, "decisions", "apply", file).out == "2 lines, 2 decisions made\n"
    assert run(other, "decisions", "apply", file).out == "2 lines, 0 decisions made\n"
    assert other.once(*ALL, other_broken)["held"] == []
    assert ledger.once(*ALL, other_broken)["held"] == []
    assert other.ids == ledger.ids == ["1", "2", "3"]
    assert run(other, "decisions", "export").out.splitlines() == exported.splitlines()[::-1]


def test_an_item_decided_otherwise_is_named_when_an_export_is_applied(
    ledger: RecordedLedger, tmp_path: Path
) -> None:
    file = tmp_path / "decisions.jsonl"
    item = {"symbol": BTC, "raw": json.dumps(BROKEN)}
    file.write_text(json.dumps({"item": item, "as": json.dumps(reported("2"))}))
    ledger.resolve(1)
    ran = run(ledger, "decisions", "apply", file)
    assert ran.code == 1
    assert "item 1 is decided otherwise here: it is dropped; nothing was changed" in ran.err


def test_a_correction_from_before_the_markets_history_is_refused_with_what_books_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CYCLEDECK_START_FROM", str(T0 + 1_500))
    ledger = RecordedLedger(tmp_path)
    ledger.once(*ALL)
    early = tmp_path / "early.json"
    early.write_text(json.dumps(reported("2", ts=1_400)))
    ran = run(ledger, "quarantine", "resolve", 1, "--as", early)
    assert ran.code == 2
    assert "what was held before is booked by `open`" in ran.err
    assert statuses(ledger) == ["open"]


def test_an_engine_that_runs_decides_itself(ledger: RecordedLedger) -> None:
    where = ("--db", ledger.db, "--venue", f"recorded:{ledger.source}")
    process = started("run", "--json", "--interval", "10ms", *where)
    assert process.stdout is not None
    process.stdout.readline()
    serve(ledger.source, ALL)
    better = ledger.source.with_suffix(".json")
    better.write_text(json.dumps(reported("2", ts=2_000)))
    assert run(ledger, "quarantine", "resolve", 1, "--as", better).code == 0
    while json.loads(process.stdout.readline())["fills_count"] == 0:
        pass
    process.terminate()
    assert finished(process).code == 0
    assert ledger.ids == ["1", "2", "3"]
    assert verified(ledger.db).violations == ()


def test_an_item_that_a_cycle_released_after_an_undo_is_not_resolved_by_undoing_that(
    ledger: RecordedLedger,
) -> None:
    """Its fill is booked: what was put in its place would be booked beside it."""
    ledger.resolve(1, reported("7", ts=2_000))
    assert run(ledger, "decisions", "undo", 2).code == 0
    assert ledger.once(GOOD, reported("2", ts=2_000), LAST)["fills_count"] == 1
    assert statuses(ledger) == ["booked"]
    ran = run(ledger, "decisions", "undo", 3)
    assert (ran.code, "item 1 was released since, for fill 2 is in the ledger" in ran.err) == (
        2,
        True,
    )
    assert ledger.once(*ALL)["held"] == []
    assert ledger.ids == ["1", "2", "3"]
    ledger.prove(3)


def test_a_correction_that_is_booked_is_not_undone_though_the_mark_of_it_was_lost(
    ledger: RecordedLedger,
) -> None:
    ledger.resolve(1, reported("2", ts=2_000))
    assert ledger.once(*ALL)["fills_count"] == 1
    with opened(ledger.db) as connection:  # TX 2 writes it, best effort.
        connection.execute("UPDATE quarantine SET applied_cycle_id = NULL")
    ran = run(ledger, "quarantine", "resolve", 1, "--undo")
    assert (ran.code, "`void` takes trade 2 out of the books" in ran.err) == (2, True)
    assert statuses(ledger) == ["replaced"]


@pytest.mark.parametrize("word", ["distinct", "alias"])
def test_a_correction_waits_with_its_market_until_the_name_of_that_is_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("CYCLEDECK_RECORDED__TRADE_IDS", "market")
    ledger = RecordedLedger(tmp_path)
    twin = GOOD | {"symbol": "XBT/USDT"}
    broken = reported("8", ts=4_000, price="NaN", symbol="XBT/USDT")
    assert ledger.once(GOOD, twin, broken)["status"] == "held"
    ledger.resolve(1, reported("8", ts=4_000, symbol="XBT/USDT"))
    assert ledger.once(GOOD, twin, broken)["fills_count"] == 0
    with opened(ledger.db) as connection:
        assert [item.applied_cycle_id for item in quarantined(connection)] == [None]
    assert run(ledger, "markets", word, "XBT/USDT", BTC).code == 0
    assert ledger.once(GOOD, twin, broken)["fills_count"] == 1
    assert ledger.once(GOOD, twin, broken)["status"] == "ok"
    assert "XBT/USDT:8" in ledger.ids
    with opened(ledger.db) as connection:
        assert [item.applied_cycle_id for item in quarantined(connection)] != [None]
    ledger.prove(4)
