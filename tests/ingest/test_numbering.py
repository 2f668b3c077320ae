"""Rows without trade ids: told apart by their number, each booked once, whatever comes when."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checks.verify import verify
from engine.ingest import quarantine
from engine.ingest.paging import Request, VenueResponse
from engine.ingest.prepare import Prepared, prepare
from engine.ingest.releases import release
from engine.ledger.commit import Commit, commit_cycle
from engine.ledger.markets import RULES
from engine.ledger.quarantine_decisions import quarantined
from engine.venue import TradeIds
from tests.builders import (
    BTC,
    LATEST_MS,
    T0,
    Reported,
    memory_ledger,
    reported,
    resolve,
    rows,
    shared,
)
from tests.ingest.recorded_ledger import RecordedLedger

SWAP = "BTC/USDT:USDT"
LONG: Reported = reported(None, symbol=SWAP, contractSize="1", positionSide="long", order="o")
SHORT = LONG | {"positionSide": "short"}
NET = LONG | {"positionSide": "both"}
LATER = LONG | {"timestamp": LONG["timestamp"] + 1}


@dataclass(eq=False)
class Row:
    """A row that the venue has, and what becomes of it: it may be broken, dropped, corrected and
    mended meanwhile. Rows that look the same are broken in the same way."""

    good: Reported
    fate: str
    broken: bool

    @property
    def text(self) -> str:
        if self.broken:
            return json.dumps(self.good | {"amount": "n/a", "note": self.fate})
        doubtful = {"type": "funding"} if self.fate == "doubted" else {}
        return json.dumps(self.good | doubtful)

    @property
    def is_booked(self) -> bool:
        return self.fate not in ("dropped", "doubted")


FATES = ("plain", "plain", "mended", "corrected", "corrected and mended", "dropped", "doubted")


class Books:
    """A ledger in memory of one market, and its operator."""

    def __init__(self) -> None:
        self.ledger = memory_ledger(TradeIds.NONE)
        self.served: dict[int, VenueResponse] = {}

    def cycle(self, texts: list[str]) -> Commit:
        response = VenueResponse(Request(SWAP, 0, 0), LATEST_MS, (tuple(texts),))
        self.served[self.next_id] = response
        return self._run(response)

    def replay(self, cycle_id: int) -> Commit:
        return self._run(self.served[cycle_id], replay_of=cycle_id)

    @property
    def next_id(self) -> int:
        return int(self.ledger.value("cycle_last_id")) + 1

    def _run(self, response: VenueResponse, replay_of: int | None = None) -> Commit:
        cycle_id = self.next_id
        self._begin(cycle_id)
        prepared = prepare(
            self.ledger, [response], clock_ms=None, cycle_id=cycle_id, replay_of=replay_of
        )
        commit = commit_cycle(
            self.ledger, prepared.markets, cycle_id=cycle_id, lease_epoch=1, now_ms=5_000
        )
        if replay_of is None:
            self._end(prepared, cycle_id)
        return commit

    def _begin(self, cycle_id: int) -> None:
        values = {"kind": "live", "replay_of": None, "mode": "observe", "edge": RULES}
        times = {"started_ms": cycle_id, "venue_ms": cycle_id}
        self.ledger.run("cycle_begin", cycle_id=cycle_id, marks_json="{}", **values, **times)

    def _end(self, prepared: Prepared, cycle_id: int) -> None:
        quarantine.mark_applied(self.ledger, prepared.corrections, cycle_id, LATEST_MS)
        release(self.ledger, prepared.releases, cycle_id, 5_000)

    def decide(self, decisions: set[str]) -> None:
        """Decide about open items whose fate is among `decisions`."""
        for item in quarantined(self.ledger):
            raw = json.loads(item.raw)
            fate = raw.pop("note", "doubted")
            if item.status != "open" or fate not in decisions:
                continue
            corrected = fate.startswith("corrected")
            correction = json.dumps(raw | {"amount": "1"}) if corrected else None
            resolve(self.ledger, item.id, correction)

    @property
    def booked(self) -> Counter[tuple[int, str | None]]:
        found = rows(self.ledger, "SELECT ts, position_side FROM ledger_events WHERE type = 'FILL'")
        return Counter(found)


def counted(rows_there: list[Row]) -> Counter[tuple[int, str | None]]:
    sides = {"long": "long", "short": "short", "both": None}
    return Counter((row.good["timestamp"], sides[row.good["positionSide"]]) for row in rows_there)


@given(st.data())
def test_each_row_is_booked_once_in_whatever_order_and_parts_rows_and_decisions_come(
    data: st.DataObject,
) -> None:
    goods = data.draw(st.lists(st.sampled_from([LONG, LONG, SHORT, NET, LATER]), max_size=7))
    all_rows = [Row(good, data.draw(st.sampled_from(FATES)), broken=True) for good in goods]
    for row in all_rows:
        row.broken = row.fate not in ("plain", "doubted")
    books, there = Books(), list[Row]()
    for last in (False, False, False, True):
        there += (
            data.draw(st.permutations([row for row in all_rows if row not in there]))
            if (last)
            else [row for row in all_rows if row not in there and data.draw(st.booleans())]
        )
        for row in there:
            if row.fate == "mended" and (last or data.draw(st.booleans())):
                row.broken = False
        books.cycle([row.text for row in data.draw(st.permutations(there))])
        assert books.booked <= counted([row for row in all_rows if row.is_booked])
        books.decide(data.draw(st.sets(st.sampled_from(FATES))))
    books.decide(set(FATES))
    for mending in (False, True, True):
        for row in there:
            if mending and row.fate == "corrected and mended" and data.draw(st.booleans()):
                row.broken = False
        books.cycle([row.text for row in data.draw(st.permutations(there))])
    assert books.booked == counted([row for row in all_rows if row.is_booked])
    for cycle_id in list(books.served):
        assert books.replay(cycle_id).inserted == 0
    assert [v for v in verify(books.ledger).violations if v.table != "cycles"] == []


# --- files


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordedLedger:
    monkeypatch.setenv("CYCLEDECK_RECORDED__TRADE_IDS", "none")
    return RecordedLedger(tmp_path)


def row(**more: Any) -> Reported:
    item = reported(None, order="o") | more
    return {name: value for name, value in item.items() if name != "id"}


def test_three_rows_that_look_the_same_are_three_fills(ledger: RecordedLedger) -> None:
    lines = shared("data/cases/08-no-ids-identical-rows/fills.jsonl").read_text().splitlines()
    [position] = ledger.once(*lines)["positions"].values()
    assert (position["qty"], position["fees"]) == ("1.5", {"USDC": "0.18"})
    [position] = ledger.once(*lines, lines[0])["positions"].values()
    assert position["qty"] == "2"
    assert ledger.once(*lines, lines[0])["ledger_events_inserted"] == 0
    ledger.prove(3)


def test_rows_of_either_side_of_a_hedge_have_ids_of_their_own(ledger: RecordedLedger) -> None:
    assert ledger.once(SHORT)["fills_count"] == 1
    assert ledger.once(LONG, SHORT, LONG)["fills_count"] == 2
    result = ledger.once(LONG, LONG, SHORT)
    assert (result["status"], result["ledger_events_inserted"]) == ("attention", 0)
    key = f"{SWAP}:o:{LONG['timestamp']}:buy:100:1"
    assert ledger.ids == [f"{key}:long:1", f"{key}:long:2", f"{key}:short:1"]
    ledger.prove(3)


def test_a_row_that_was_resolved_long_after_its_like_is_booked_beside_it(
    ledger: RecordedLedger,
) -> None:
    """Its window begins a lookback before the cursor: the cycle that books it looks at its time."""
    known, later = row(), row(timestamp=T0 + 500_000_000)
    ledger.once(known, later)
    broken = row(timestamp="soon", note="when?")
    assert ledger.once(known, later, broken)["held"] == [BTC]
    ledger.resolve(1, row())
    result = ledger.once(known, later, broken)
    assert (result["held"], result["fills_count"]) == ([], 1)
    assert [fill[-2:] for fill in ledger.ids] == [":1", ":2", ":1"]
    assert ledger.once(known, later, broken)["ledger_events_inserted"] == 0
    ledger.prove(4)


def test_a_row_that_was_resolved_and_mended_at_once_is_one(ledger: RecordedLedger) -> None:
    ledger.once(row(amount="n/a"))
    ledger.resolve(1, row())
    assert ledger.once(row())["fills_count"] == 1
    assert ledger.once(row())["ledger_events_inserted"] == 0
    ledger.prove(3)


def test_a_doubtful_row_takes_no_number_from_one_that_looks_like_it(
    ledger: RecordedLedger,
) -> None:
    doubtful = row(type="funding")
    assert ledger.once(doubtful, row())["fills_count"] == 1
    assert ledger.once(doubtful, row())["ledger_events_inserted"] == 0
    ledger.resolve(1)
    for served in ([row(), doubtful], [doubtful, row()], [row()]):
        result = ledger.once(*served)
        assert (result["held"], result["ledger_events_inserted"]) == ([], 0)
    ledger.prove(5)


def test_one_correction_stands_for_every_row_that_is_broken_alike(
    ledger: RecordedLedger,
) -> None:
    broken = row(amount="n/a")
    ledger.once(broken, broken, row())
    ledger.resolve(1, row())
    assert ledger.once(broken, broken, row())["fills_count"] == 2
    assert ledger.once(row(), broken, row())["ledger_events_inserted"] == 0
    assert [fill[-2:] for fill in ledger.ids] == [":1", ":2", ":3"]
    ledger.prove(3)


def test_all_rows_of_a_time_are_in_one_window_whatever_the_pages_and_the_lookback(
    ledger: RecordedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a venue whose clock counts seconds, those of a second, which a window never cuts."""
    monkeypatch.setenv("CYCLEDECK_PAGE_SIZE", "1")
    monkeypatch.setenv("CYCLEDECK_LOOKBACK", "0")
    of_second = [row(timestamp=T0 + ms) for ms in (0, 0, 400, 999)]
    assert ledger.once(*of_second)["fills_count"] == 4
    assert ledger.once(*of_second, of_second[0])["fills_count"] == 1
    assert ledger.once(*of_second, of_second[0])["ledger_events_inserted"] == 0
    assert ledger.rows("SELECT since_ms FROM cycle_inputs ORDER BY cycle_id") == [0, T0, T0]
    ledger.prove(3)
