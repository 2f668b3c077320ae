"""Rows without trade ids: told apart by their number, each booked once, whatever comes when."""

import json
from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from engine.checks.verify import verify
from engine.ingest import quarantine
from engine.ingest.paging import Request, VenueResponse
from engine.ingest.prepare import Prepared, prepare
from engine.ingest.releases import release
from engine.ledger.commit import Commit, commit_cycle
from engine.ledger.markets import RULES
from engine.venue import TradeIds
from tests.builders import (
    LATEST_MS,
    T0,
    Reported,
    memory_ledger,
    reported,
    rows,
)

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
        quarantine.mark_applied(self.ledger, prepared.corrections, cycle_id)
        release(self.ledger, prepared.releases, cycle_id, 5_000)

    def decide(self, decisions: set[str]) -> None:
        """Decide about open items whose fate is among `decisions`."""
        for item in quarantine.listing(self.ledger):
            raw = json.loads(item.raw)
            fate = raw.pop("note", "doubted")
            if item.status != "open" or fate not in decisions:
                continue
            corrected = fate.startswith("corrected")
            correction = json.dumps(raw | {"amount": "1"}) if corrected else None
            quarantine.resolve(self.ledger, item.id, correction, T0, "operator")

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
