"""The walk reads each event once, in parts, and leads all checks of the chain along it."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.checks import check, walk
from engine.checks.check import Batches
from engine.checks.verify import CHECKS, verify
from engine.ledger.positions import Positions
from engine.store.tx import Row
from tests.builders import (
    BTC,
    ETH,
    OpenLedger,
    commit,
    cycles,
    fee,
    memory_ledger,
    opened,
    reported,
    rows,
    serve,
    settings_in,
    verified,
)


def numbered(*numbers: int) -> list[Row]:
    return [("row", number) for number in numbers]


def test_batches_are_taken_as_far_as_a_number_at_a_time() -> None:
    batches = Batches(iter([numbered(1, 2, 3), numbered(4, 5), numbered(9)]), column=1)
    assert list(batches.upto(0)) == []
    assert list(batches.upto(2)) == [numbered(1, 2)]
    assert list(batches.upto(4)) == [numbered(3), numbered(4)]
    assert list(batches.upto(8)) == [numbered(5)]
    assert list(batches.upto(1)) == []
    assert list(batches.upto(10)) == [numbered(9)]
    assert list(batches.upto(10)) == []


def test_fills_and_the_fee_of_each_ascend_and_all_else_is_sorted() -> None:
    def event(kind: str, ts: int, trade: str) -> Row:
        return ("", ts, BTC, kind, *("",) * 5, trade)

    fill, later = event("FILL", 1, "1"), event("FILL", 2, "2")
    own, others = event("FEE", 1, "fee:1"), event("FEE", 1, "fee:9")
    assert walk._is_ascending([fill, own, later])
    assert not walk._is_ascending([later, fill])
    assert not walk._is_ascending([fill, event("FILL", 1, "3")])
    assert not walk._is_ascending([fill, others])
    assert not walk._is_ascending([fill, own, own])
    assert not walk._is_ascending([own])
    assert not walk._is_ascending([event("OPENING", 1, "")])


def ledger_of(*commits: list[dict[str, Any]]) -> OpenLedger:
    ledger = memory_ledger()
    for cycle_id, items in enumerate(commits, start=1):
        commit(ledger, items, cycle_id=cycle_id)
    return ledger


def many(first: int, last: int, **more: Any) -> list[dict[str, Any]]:
    return [
        reported(str(n), "sell" if n % 3 else "buy", ts=n, fees=[fee("0.1")], **more)
        for n in range(first, last)
    ]


@pytest.fixture
def folded_anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The positions that were read in fold order."""
    names: list[str] = []
    read = Positions.event_rows

    def noting(self: Positions, key: Any, *span: Any, **more: Any) -> Any:
        names.append(str(key))
        return read(self, key, *span, **more)

    monkeypatch.setattr(Positions, "event_rows", noting)
    return names


def test_positions_are_folded_along_the_walk_and_anew_where_an_event_came_late(
    folded_anew: list[str],
) -> None:
    same_ms = [reported(n, ts=9_000, symbol=ETH) for n in ("30", "4")]
    with closing(ledger_of(many(1, 300), [*many(300, 600), *same_ms])) as ledger:
        folded_anew.clear()
        assert verify(ledger).ok
        assert folded_anew == []
        commit(ledger, [reported("late", ts=450)], cycle_id=3)
        folded_anew.clear()
        assert verify(ledger).ok
        assert folded_anew == [BTC]


def test_a_commit_in_parts_is_the_same_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(ledger_of(many(1, 40), many(40, 80, symbol=ETH))) as ledger:
        whole = verify(ledger)
        monkeypatch.setattr(walk, "EVERY", 7)
        assert verify(ledger) == whole
        assert whole.ok
        ledger.execute("UPDATE ledger_events SET price = '7' WHERE event_id = 'fill:50'")
        in_parts = verify(ledger)
        monkeypatch.setattr(walk, "EVERY", check.EVERY)
        assert verify(ledger) == in_parts
        assert not in_parts.ok


def test_a_claim_that_was_given_another_name_is_named_twice() -> None:
    """There are as many claims as fills."""
    with closing(ledger_of(many(1, 5))) as ledger:
        ledger.execute("UPDATE applied_fills SET fill_id = 'ghost' WHERE fill_id = '3'")
        named = {(v.table, v.key) for v in verify(ledger).violations}
    assert named == {("applied_fills", "3"), ("ledger_events", "fill:ghost")}


def test_a_fill_that_is_claimed_under_the_name_of_another_event_is_named() -> None:
    with closing(ledger_of(many(1, 5))) as ledger:
        ledger.execute("UPDATE ledger_events SET exchange_trade_id = '4' WHERE event_id = 'fill:3'")
        ledger.execute("DELETE FROM applied_fills WHERE fill_id = '4'")
        ledger.execute("INSERT INTO applied_fills VALUES ('5', 1)")
        named = {(v.table, v.key) for v in verify(ledger).violations}
    assert named >= {
        ("applied_fills", "4"),
        ("ledger_events", "fill:5"),
        ("ledger_events", "fill:3"),
    }


def test_a_fee_in_a_later_commit_than_its_fill_has_it() -> None:
    unknown = reported("1", fees=[])
    with closing(ledger_of([unknown], [reported("1", fees=[fee("2")])])) as ledger:
        assert verify(ledger).checked["fees"] == 1
        assert verify(ledger).ok
        ledger.execute("DELETE FROM ledger_events WHERE event_id = 'fill:1'")
        named = {(v.key, v.expected) for v in verify(ledger).violations}
    assert ("fee:1", "a FILL event fill:1") in named


def test_events_before_a_damaged_page_are_checked_and_all_checks_made(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, serve(tmp_path / "f.jsonl", many(1, 400)))
    asyncio.run(cycles(settings))
    path = settings.db
    with opened(path) as connection:
        connection.execute("UPDATE ledger_events SET price = '7' WHERE event_id = 'fill:5'")
        (page_size,) = rows(connection, "PRAGMA page_size")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    data = path.read_bytes()
    damaged = bytearray(data)
    for start in range(0, len(data), page_size):
        if b"fill:300" in data[start : start + page_size]:
            damaged[start : start + page_size] = b"\xff" * page_size
    path.write_bytes(bytes(damaged))
    verification = verified(path)
    assert set(verification.checked) == {kind.name for kind in CHECKS}
    assert 0 < verification.checked["chain"] < 798
    tables = {(v.table, v.key) for v in verification.violations}
    assert ("ledger_events", "fill:5") in tables
    assert {table for table, _ in tables} >= {"integrity", "chain", "positions", "history"}
