"""A cycle's x-ray: each fill the venue reported, and what TX 1 made of it."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import CycleStatus, Engine, History, Kind, NoSuchCycle, Settings
from engine.errors import VenueError, VenueUnavailable
from engine.history.explain import explain
from engine.history.outcomes import EventOutcome, Outcomes
from engine.history.xray import FillLine, Xray, xray
from engine.ingest import inputs, quarantine
from engine.ingest.paging import Request, VenueResponse
from engine.ingest.prepare import read
from engine.ledger.commit import COUNTS, commit_cycle
from engine.ledger.cursors import PreparedMarket
from engine.ledger.fills import Fill
from engine.ledger.markets import RULES
from engine.store.statements import SQL
from engine.venue import TradeIds
from tests.builders import (
    BTC,
    ETH,
    T0,
    OpenLedger,
    commit,
    fee,
    memory_ledger,
    opened,
    reported,
    resolution,
    resolve,
    rows,
    serve,
    settings_in,
)
from tests.fakes import FakeVenue
from tests.ledger.test_event_types import event as account_event

LATEST_MS = 4_000_000_000_000
MISCHIEF = {
    "duplicate": 0.3, "out_of_order": 0.5, "late": 0.3, "null_fee": 0.3, "late_by_ms": 3_000,
    "truncate": 0.1, "timeout": 0.05, "server_error": 0.05, "burst": 0.02,
}  # fmt: skip


def looked_at(path: Path, cycle_id: int) -> Xray:
    with opened(path) as connection:
        changes = connection.total_changes
        found = xray(connection, cycle_id)
        assert connection.total_changes == changes
        return found


def events(found: Xray) -> list[EventOutcome]:
    return [event for line in found.fills for event in line.events]


def totals(found: Xray) -> tuple[int, int, int, int]:
    """attempted, inserted, ignored, conflicting"""
    counts = Counter(event.outcome for event in events(found))
    account = len(found.account)
    booked = counts.total() - counts["unbooked"] + account
    return booked, counts["inserted"] + account, counts["ignored"], counts["conflicting"]


def committed(found: Xray) -> tuple[int, int, int, int]:
    result = found.result
    return (
        result.ledger_events_attempted,
        result.ledger_events_inserted,
        result.ledger_events_ignored,
        result.ledger_events_conflicting,
    )


def said(line: FillLine) -> list[tuple[str, str, int | None]]:
    return [(event.event_id, event.outcome, event.cycle_id) for event in line.events]


def check_against_the_ledger(connection: OpenLedger, found: Xray) -> None:
    """What an x-ray says of a committed cycle is what the ledger has of it."""
    cycle_id = found.result.cycle_id
    assert totals(found) == committed(found)
    stored = rows(connection, "SELECT event_id, exchange_trade_id, fee_currency, cycle_id "
                              "FROM ledger_events")  # fmt: skip
    cycles = {event_id: cycle for event_id, *_, cycle in stored}
    by_currency = {(trade_id, currency): cycle for _, trade_id, currency, cycle in stored}
    inserted = [event.event_id for event in events(found) if event.outcome == "inserted"]
    inserted += [line.event_id for line in found.account]
    assert sorted(inserted) == sorted(e for e, cycle in cycles.items() if cycle == cycle_id)
    for line in found.fills:
        for event in line.events:
            assert bool(event.detail) == (event.outcome in ("conflicting", "unbooked"))
            if event.outcome == "inserted":
                assert event.cycle_id == cycle_id
            elif event.outcome == "ignored":
                known = cycles.get(event.event_id)
                if event.type == "FEE":
                    _, _, currency = event.event_id.rpartition(":")
                    key = f"fee:{line.trade_id}", currency if currency in line.fees else None
                    key = key if key[1] else (key[0], next(iter(line.fees)))
                    known = by_currency.get(key, known)
                contradicted = any(other.outcome == "conflicting" for other in line.events)
                assert known is not None or contradicted
                assert event.cycle_id == known
                assert known is None or known <= cycle_id


# --- any answers at all


def cycle(
    connection: OpenLedger,
    cycle_id: int,
    replies: Sequence[VenueResponse],
    trade_ids: TradeIds = TradeIds.ACCOUNT,
) -> None:
    """A cycle's evidence, TX 1 and row, without an engine."""
    row = {
        "cycle_id": cycle_id, "kind": "live", "replay_of": None, "mode": "sim",
        "started_ms": cycle_id, "venue_ms": cycle_id, "marks_json": "{}", "ended_ms": cycle_id,
        "verdict": None, "status": "ok", "timings_json": "{}", "errors_json": "[]",
        "warnings_json": "[]", "edge": RULES,
    }  # fmt: skip
    inputs.keep(connection, cycle_id, cycle_id, replies)
    windows = [
        PreparedMarket(reply.request.symbol, 0, 0, read(reply, trade_ids).fills)
        for reply in replies
        if reply.error is None
    ]
    commit = commit_cycle(connection, windows, cycle_id=cycle_id, lease_epoch=1, now_ms=cycle_id)
    row |= {name: getattr(commit, name) for name in COUNTS}
    row["committed"] = "nothing" if commit.is_nothing else "yes"
    row["cursors_json"] = commit.cursors_json if commit.is_nothing else None
    connection.execute(SQL["cycle_end"], row)


@st.composite
def reports(draw: st.DrawFn) -> str:
    """Few ids, so that the same fill comes again: the same, corrected, with other fees."""
    fees = st.sampled_from(
        [
            [], [fee(None)], [fee("0")], [fee("1")], [fee("2")], [fee("1", "BNB")],
            [fee("1"), fee("3", "BNB")], [fee("1"), fee("2", "BTC"), fee("3", "BNB")],
        ]
    )  # fmt: skip
    item = reported(
        draw(st.sampled_from(["1", "2", "3", "4", "5", "1:BNB"])),
        draw(st.sampled_from(["buy", "buy", "sell"])),
        "1",
        draw(st.sampled_from(["100", "100", "101"])),
        draw(st.integers(1, 3)) * 1_000,
        draw(st.sampled_from([BTC, BTC, BTC, ETH])),
        fees=draw(fees),
        takerOrMaker=draw(st.sampled_from([None, "maker", "taker"])),
    )
    return draw(st.sampled_from([json.dumps(item)] * 9 + ['{"id": null}']))


@st.composite
def answers(draw: st.DrawFn) -> list[VenueResponse]:
    return [
        VenueResponse(
            Request(symbol, 0, draw(st.sampled_from([0, 0, 2_000]))),
            LATEST_MS,
            tuple(map(tuple, draw(st.lists(st.lists(reports(), max_size=5), max_size=3)))),
            draw(st.sampled_from([None, None, None, "BadResponse: cut short"])),
        )
        for symbol in (BTC, ETH)
    ]


@given(st.lists(answers(), min_size=1, max_size=4), st.sampled_from(TradeIds))
def test_outcomes_are_those_of_the_commit_whatever_the_venue_said(
    said: list[list[VenueResponse]], trade_ids: TradeIds
) -> None:
    connection = memory_ledger(trade_ids)
    for cycle_id, replies in enumerate(said, 1):
        cycle(connection, cycle_id, replies, trade_ids)
    changes = connection.total_changes
    for cycle_id, replies in enumerate(said, 1):
        found = xray(connection, cycle_id)
        check_against_the_ledger(connection, found)
        assert [line.raw for line in found.fills] == [
            raw for reply in replies for page in reply.pages for raw in page
        ]
        for line in found.fills:
            assert (line.reason is None) == bool(line.events)
    assert connection.total_changes == changes
    connection.close()


@given(st.lists(answers() | st.integers(0, 3), min_size=2, max_size=5), st.sampled_from(TradeIds))
def test_what_the_ledger_tells_at_once_is_what_booking_it_once_more_finds(
    said: list[list[VenueResponse] | int], trade_ids: TradeIds
) -> None:
    """A number stands for a replay: what an earlier cycle was told is told again."""
    connection = memory_ledger(trade_ids)
    told: list[list[VenueResponse]] = []
    for cycle_id, replies in enumerate(said, 1):
        repeated = told[-1 - replies % len(told)] if told and isinstance(replies, int) else []
        told.append(replies if isinstance(replies, list) else repeated)
        cycle(connection, cycle_id, told[-1], trade_ids)
    for cycle_id, replies in enumerate(told, 1):
        fills = [
            fill
            for reply in replies
            if reply.error is None
            for fill in read(reply, trade_ids).fills
        ]
        for number in (cycle_id, cycle_id - 1):
            outcomes = Outcomes(connection, number)
            assert list(outcomes.booked(fills)) == outcomes.rerun(fills)
    connection.close()


def test_only_fills_that_the_ledger_holds_otherwise_are_booked_once_more(
    ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [reported("1", fees=[fee("1")]), reported("2"), reported("3")]
    again = [*first, reported("3", price="7"), reported("4"), reported("4"), reported("5")]
    cycle(ledger, 1, [reply(*first)])
    cycle(ledger, 2, [reply(*again, reported("5", fees=[fee("2")]))])
    rerun, seen = Outcomes.rerun, list[str]()

    def watched(outcomes: Outcomes, fills: Sequence[Fill]) -> Any:
        seen.extend(fill.trade_id for fill in fills)
        return rerun(outcomes, fills)

    monkeypatch.setattr(Outcomes, "rerun", watched)
    check_against_the_ledger(ledger, xray(ledger, 1))
    assert seen == []
    check_against_the_ledger(ledger, xray(ledger, 2))
    assert seen == ["3", "3", "5", "5"]


# --- one thing at a time


@pytest.fixture
def ledger() -> Iterator[OpenLedger]:
    connection = memory_ledger()
    yield connection
    connection.close()


def reply(*items: Any, symbol: str = BTC, **more: Any) -> VenueResponse:
    texts = tuple(item if isinstance(item, str) else json.dumps(item) for item in items)
    return replace(VenueResponse(Request(symbol, 0, 0), LATEST_MS, (texts,)), **more)


def test_a_fill_has_its_figures_its_raw_text_and_its_events(ledger: OpenLedger) -> None:
    item = reported("1", "sell", "0.50", "3142.10", 7, fees=[fee("0.10"), fee("-2", "BNB")])
    cycle(ledger, 1, [reply(item)])
    (line,) = xray(ledger, 1).fills
    assert line == FillLine(
        symbol=BTC,
        position=BTC,
        raw=json.dumps(item),
        trade_id="1",
        ts_ms=T0 + 7,
        side="sell",
        qty="0.5",
        price="3142.1",
        fees={"USDT": "0.1", "BNB": "-2"},
        events=tuple(
            EventOutcome(event_id=event_id, type=kind, outcome="inserted", cycle_id=1)  # type: ignore[arg-type]
            for event_id, kind in (("fill:1", "FILL"), ("fee:1:USDT", "FEE"), ("fee:1:BNB", "FEE"))
        ),
    )


def test_what_was_ignored_names_the_cycle_that_had_inserted_it(ledger: OpenLedger) -> None:
    first, second = reported("1", fees=[fee("1")]), reported("2", ts=2_000)
    cycle(ledger, 3, [reply(first)])
    cycle(ledger, 5, [reply(first, second, second)])
    cycle(ledger, 9, [reply(first, second)])
    assert [said(line) for line in xray(ledger, 5).fills] == [
        [("fill:1", "ignored", 3), ("fee:1", "ignored", 3)],
        [("fill:2", "inserted", 5)],
        [("fill:2", "ignored", 5)],
    ]
    assert [event.cycle_id for event in events(xray(ledger, 9))] == [3, 3, 5]


def test_a_conflict_says_what_contradicts_the_ledger_and_whose_it_is(
    ledger: OpenLedger,
) -> None:
    cycle(ledger, 1, [reply(reported("1", price="3142.10", fees=[fee("1")]))])
    other = reported("1", price="3142.00", ts=9, fees=[fee("1"), fee("4", "BNB")])
    cycle(ledger, 2, [reply(other)])
    fill, usdt, bnb = events(xray(ledger, 2))
    assert (fill.outcome, fill.cycle_id) == ("conflicting", 1)
    assert fill.detail == (
        f"ts: ledger {T0 + 1_000}, venue {T0 + 9}; price: ledger 3142.1, venue 3142"
    )
    assert (usdt.outcome, usdt.cycle_id) == ("conflicting", 1)
    assert (bnb.outcome, bnb.cycle_id, bnb.detail) == ("conflicting", None, fill.detail)


def test_a_fee_that_the_venue_takes_back_is_a_conflict_of_the_fill(
    ledger: OpenLedger,
) -> None:
    cycle(ledger, 1, [reply(reported("1", fees=[fee("1")]))])
    cycle(ledger, 2, [reply(reported("1", fees=[fee("0")]))])
    (event,) = events(xray(ledger, 2))
    assert (event.outcome, event.detail) == ("conflicting", "fee:USDT: ledger 1, venue none")


def test_a_fee_that_came_later_is_inserted_by_the_cycle_that_brought_it(
    ledger: OpenLedger,
) -> None:
    cycle(ledger, 1, [reply(reported("1", fees=[]))])
    cycle(ledger, 2, [reply(reported("1", fees=[fee("1")]))])
    cycle(ledger, 3, [reply(reported("1", fees=[fee("1"), fee("5", "BNB")]))])
    cycle(ledger, 4, [reply(reported("1", fees=[fee("1"), fee("5", "BNB")]))])
    assert [said(line) for n in (1, 2, 3, 4) for line in xray(ledger, n).fills] == [
        [("fill:1", "inserted", 1)],
        [("fill:1", "ignored", 1), ("fee:1", "inserted", 2)],
        [("fill:1", "ignored", 1), ("fee:1:USDT", "ignored", 2), ("fee:1:BNB", "inserted", 3)],
        [("fill:1", "ignored", 1), ("fee:1:USDT", "ignored", 2), ("fee:1:BNB", "ignored", 3)],
    ]


def test_a_fee_that_the_same_answer_adds_to_a_fill_is_inserted(ledger: OpenLedger) -> None:
    two, three = [fee("1"), fee("3", "BNB")], [fee("1"), fee("3", "BNB"), fee("2", "BTC")]
    cycle(ledger, 1, [reply(reported("1", fees=two), reported("1", fees=three))])
    assert [event.outcome for event in events(xray(ledger, 1))] == (
        ["inserted"] * 3 + ["ignored"] * 3 + ["inserted"]
    )
    check_against_the_ledger(ledger, xray(ledger, 1))


def test_the_other_fees_of_a_report_in_conflict_are_ignored_with_it(ledger: OpenLedger) -> None:
    cycle(ledger, 1, [reply(reported("1", fees=[fee("2")]))])
    cycle(ledger, 2, [reply(reported("1", fees=[fee("1"), fee("3", "BNB")]))])
    found = xray(ledger, 2)
    assert said(found.fills[-1]) == [
        ("fill:1", "ignored", 1),
        ("fee:1:USDT", "conflicting", 1),
        ("fee:1:BNB", "ignored", None),
    ]
    check_against_the_ledger(ledger, found)


def test_a_fill_of_a_market_that_a_later_report_has_waiting_waits_with_it(
    ledger: OpenLedger,
) -> None:
    """Whatever the order of the reports: TX 1 looks at those that clash before what is new."""
    clash = [reported("4", "sell"), reported("4", "buy")]
    other = [reported("2", symbol=ETH), reported("4", "sell", symbol=ETH)]
    cycle(ledger, 1, [reply(*clash), reply(*other, symbol=ETH)])
    found = xray(ledger, 1)
    assert [outcome for _, outcome, _ in said(found.fills[2])] == ["unbooked"]
    check_against_the_ledger(ledger, found)


def test_what_cannot_be_read_or_is_left_out_says_why(ledger: OpenLedger) -> None:
    items = ["no JSON", reported("1", symbol=ETH), reported("2", ts=500), reported("3", ts=1_500)]
    asked = Request(BTC, T0 + 1_000, T0 + 1_000)
    cycle(ledger, 1, [reply(*items, request=asked)])
    found = xray(ledger, 1)
    assert [line.events == () for line in found.fills] == [True, True, True, False]
    garbage, foreign, early, _ = (line.reason or "" for line in found.fills)
    assert garbage.startswith("not JSON")
    assert "another market" in foreign
    assert "before" in early
    assert [line.status for line in found.fills] == [None, "left out", "left out", None]


@pytest.mark.parametrize("venue", ["fake", "recorded"])
def test_what_cannot_be_read_says_what_has_become_of_it_in_quarantine(
    ledger: OpenLedger, venue: str
) -> None:
    ledger.execute("UPDATE ledger_identity SET value = ? WHERE key = 'venue'", (venue,))
    items = ["no JSON", "{}", "[]"]
    cycle(ledger, 1, [reply(*items)])
    quarantine.keep(ledger, [quarantine.Undecided(BTC, item, "why") for item in items], 1)
    resolve(ledger, 1)
    resolve(ledger, 3, json.dumps(reported("1")))
    assert [(line.quarantine_id, line.status) for line in xray(ledger, 1).fills] == [
        (1, "dropped"),
        (2, "open"),
        (3, "replaced"),
    ]


def test_an_item_of_two_markets_has_the_status_it_has_in_its_own(
    ledger: OpenLedger,
) -> None:
    cycle(ledger, 1, [reply("no JSON"), reply("no JSON", symbol=ETH)])
    both = [quarantine.Undecided(symbol, "no JSON", "why") for symbol in (BTC, ETH)]
    quarantine.keep(ledger, both, 1)
    resolve(ledger, 1)
    assert [line.status for line in xray(ledger, 1).fills] == ["dropped", "open"]


def test_an_answer_that_is_not_complete_is_shown_and_nothing_of_it_was_booked(
    ledger: OpenLedger,
) -> None:
    whole, cut = reply(reported("1")), reply(reported("2", symbol=ETH), symbol=ETH)
    cycle(ledger, 1, [whole, replace(cut, error="BadResponse: cut short")])
    cycle(ledger, 2, [whole, cut])
    found = xray(ledger, 1)
    assert [said(line) for line in found.fills] == [
        [("fill:1", "inserted", 1)],
        [("fill:2", "unbooked", 2)],
    ]
    assert events(found)[1].detail == "the answer was not complete"
    btc, eth = found.windows
    assert (btc.error, btc.cursor_before, btc.cursor_after) == (None, None, T0 + 1_000)
    assert (eth.error, eth.cursor_after, eth.items, eth.pages) == (
        "BadResponse: cut short",
        None,
        1,
        1,
    )


def test_without_evidence_what_was_inserted_is_listed(ledger: OpenLedger) -> None:
    cycle(ledger, 1, [reply(reported("1", fees=[]), reported("2", "sell", "1", "7", 2_000))])
    cycle(ledger, 2, [reply(reported("1", fees=[fee("1")]), reported("3", fees=[fee("2")]))])
    for change in ("DELETE FROM input_items", "DELETE FROM cycle_inputs"):
        ledger.execute(change)
        found = xray(ledger, 2)
        assert (found.evidence, found.windows) == (False, ())
        late, new = sorted(found.fills, key=lambda line: line.trade_id)
        assert said(late) == [("fee:1", "inserted", 2)]
        assert (late.side, late.qty, late.price, late.fees) == ("buy", "1", "100", {"USDT": "1"})
        assert said(new) == [("fill:3", "inserted", 2), ("fee:3", "inserted", 2)]
        assert (new.raw, new.ts_ms) == ("", T0 + 1_000)
        assert totals(found)[1] == committed(found)[1]


def test_positions_are_those_before_and_after_the_cycle(ledger: OpenLedger) -> None:
    for number in (1, 2, 3):
        cycle(ledger, number, [reply(reported(str(number), ts=number))])
    found = xray(ledger, 2)
    assert found.positions_before[BTC].qty == "1"
    assert found.positions_after[BTC].qty == found.result.positions[BTC].qty == "2"
    assert xray(ledger, 1).positions_before == {}


@pytest.mark.parametrize("number", [0, 9, -1, 10**30])
def test_a_cycle_that_is_not_there_is_named(ledger: OpenLedger, number: int) -> None:
    cycle(ledger, 1, [reply(reported("1"))])
    with pytest.raises(NoSuchCycle, match=f"no cycle {number}$"):
        xray(ledger, number)


# --- cycles of a real engine


async def test_every_cycle_of_a_venue_at_its_worst_adds_up(tmp_path: Path) -> None:
    found = settings_in(tmp_path, sim={"mischief": MISCHIEF}, seed=3, retry_attempts=2)
    async with Engine(found) as engine:
        results = [await engine.cycle() for _ in range(20)]
        results.append(await engine.cycle(Kind.RECONCILE))
        results.append(await engine.replay(10))
    with opened(found.db) as connection:
        for result in results:
            looked = xray(connection, result.cycle_id)
            assert looked.evidence
            assert looked.result.cycle_id == result.cycle_id
            if result.committed:
                check_against_the_ledger(connection, looked)
        found_events = [e for r in results for e in events(xray(connection, r.cycle_id))]
    assert {event.outcome for event in found_events} >= {"inserted", "ignored"}
    assert any(line.error for r in results for line in looked_at(found.db, r.cycle_id).windows)


@pytest.fixture
def venue() -> FakeVenue:
    return FakeVenue(
        [reported("1", ts=1_000, fees=[fee("1")]), reported("2", ts=1_500, symbol=ETH)],
        marks={BTC: "100"},
    )


@pytest.fixture
def ladder(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, strategy="ladder", ladder={"order_notional": "100"})


async def test_orders_fees_and_pnl_of_the_cycle_are_there(
    ladder: Settings, venue: FakeVenue
) -> None:
    async with Engine(ladder, venue=venue) as engine:
        first = await engine.cycle()
        venue.marks[BTC] += 50
        second = await engine.cycle()
    placed = looked_at(ladder.db, first.cycle_id)
    assert len(placed.orders) == first.orders_submitted > 0
    assert {order.client_order_id for order in placed.orders} == {
        order.client_order_id for order in venue.sent[: first.orders_submitted]
    }
    assert not any(order.canceled for order in placed.orders)
    assert placed.fees == {"USDT": "1"}
    assert placed.pnl[BTC] == {"realized": "0", "net": "-1", "unrealized": "0"}
    moved = looked_at(ladder.db, second.cycle_id)
    assert sum(order.canceled for order in moved.orders) == second.orders_canceled > 0
    assert sum(not order.canceled for order in moved.orders) == second.orders_submitted
    with opened(ladder.db) as connection:
        connection.execute("DELETE FROM cycle_metrics")
    bare = looked_at(ladder.db, first.cycle_id)
    assert (bare.fees, bare.pnl, len(bare.orders)) == ({}, {}, first.orders_submitted)


async def test_an_order_that_was_refused_is_there_with_the_reason(
    tmp_path: Path, venue: FakeVenue
) -> None:
    strict = settings_in(tmp_path, strategy="ladder", risk={"kill_switch": True})
    async with Engine(strict, venue=venue) as engine:
        result = await engine.cycle()
    refused = looked_at(strict.db, 1).orders
    assert len(refused) == result.orders_refused > 0
    assert {(order.status, order.reason) for order in refused} == {
        ("refused", "kill_switch is set")
    }


async def test_a_cycle_that_failed_shows_what_it_did_not_book_and_who_did_later(
    ladder: Settings, venue: FakeVenue
) -> None:
    async with Engine(ladder, venue=venue) as engine:
        with opened(ladder.db) as connection:
            connection.execute(
                "CREATE TRIGGER broken BEFORE INSERT ON applied_fills "
                "BEGIN SELECT raise(ABORT, 'disk full'); END"
            )
            failed = await engine.cycle()
            connection.execute("DROP TRIGGER broken")
        before = looked_at(ladder.db, 1)
        await engine.cycle()
        await engine.replay(1)
    assert failed.status is CycleStatus.FAILED
    assert [said(line) for line in before.fills] == [
        [("fill:1", "unbooked", None), ("fee:1", "unbooked", None)],
        [("fill:2", "unbooked", None)],
    ]
    assert {event.detail for event in events(before)} == {"the cycle committed nothing"}
    assert [event.cycle_id for event in events(looked_at(ladder.db, 1))] == [2, 2, 2]
    assert looked_at(ladder.db, 1).replays == (3,)
    replay = looked_at(ladder.db, 3)
    assert totals(replay) == committed(replay) == (3, 0, 3, 0)
    assert [line.raw for line in replay.fills] == [line.raw for line in before.fills]


def test_a_cycle_that_still_runs_is_not_said_to_have_ended_without_a_commit(
    ledger: OpenLedger,
) -> None:
    cycle(ledger, 1, [reply(reported("1"))])
    ledger.execute("DELETE FROM ledger_commits")
    ledger.execute("DELETE FROM ledger_events")
    ledger.execute("UPDATE cycles SET status = 'running'")
    assert [event.detail for event in events(xray(ledger, 1))] == ["the cycle committed nothing"]
    ledger.execute("UPDATE lease SET holder = 'host:1'")
    assert [event.detail for event in events(xray(ledger, 1))] == ["the cycle still runs"]


async def test_a_cycle_that_could_not_ask_has_nothing_to_show(
    ladder: Settings, venue: FakeVenue
) -> None:
    venue.failing["fetch_time"] = VenueError("no clock")
    async with Engine(ladder, venue=venue) as engine:
        await engine.cycle()
    found = looked_at(ladder.db, 1)
    assert (found.evidence, found.windows, found.fills, found.orders) == (False, (), (), ())
    assert found.result.status is CycleStatus.FAILED


async def test_an_item_in_quarantine_holds_its_market_and_its_correction_is_applied_later(
    tmp_path: Path, venue: FakeVenue
) -> None:
    quiet = settings_in(tmp_path, strategy="none")
    garbled = reported("7", ts=1_200, amount="much")
    venue.reports.insert(1, garbled)
    async with Engine(quiet, venue=venue) as engine:
        await engine.cycle()
        held = looked_at(quiet.db, 1)
        with opened(quiet.db) as connection:
            better = json.dumps(garbled | {"amount": "3"})
            await engine.decide(resolution(1, better), "test")
            connection.execute(
                "CREATE TRIGGER broken BEFORE INSERT ON cycle_metrics "
                "BEGIN SELECT raise(ABORT, 'disk full'); END"
            )
            lost = await engine.cycle()
            connection.execute("DROP TRIGGER broken")
            await engine.cycle()
            await engine.cycle()
    assert [line.held for line in held.windows] == [True, False]
    assert [line.reason is not None for line in held.fills] == [False, True, False]
    assert not lost.metrics_persisted
    second, third, fourth = (looked_at(quiet.db, number) for number in (3, 4, 5))
    assert totals(second) == committed(second) == (4, 1, 3, 0)
    assert said(second.fills[2]) == [("fill:7", "inserted", 3)]
    assert second.fills[2].raw == better
    assert totals(third) == committed(third) == (4, 0, 4, 0)
    assert said(third.fills[2]) == [("fill:7", "ignored", 3)]
    assert totals(fourth) == committed(fourth) == (3, 0, 3, 0)
    assert len(fourth.fills) == 3


async def test_a_correction_is_shown_in_its_own_market_only(
    tmp_path: Path, venue: FakeVenue
) -> None:
    quiet = settings_in(tmp_path, strategy="none")
    venue.reports.append(reported("8", ts=1_300, price="dear"))
    async with Engine(quiet, venue=venue) as engine:
        await engine.cycle()
        better = json.dumps(reported("8", ts=1_300, symbol=ETH))
        await engine.decide(resolution(1, better), "test")
        await engine.cycle()
        await engine.replay(3)
    for number in (3, 4):
        found = looked_at(quiet.db, number)
        assert totals(found) == committed(found)
        assert [line.symbol for line in found.fills if line.raw == better] == [ETH]


async def test_a_venue_that_answers_on_several_pages_and_breaks_off(
    tmp_path: Path, venue: FakeVenue
) -> None:
    venue.page_size = 2
    venue.reports = [reported(str(n), ts=n) for n in range(1, 6)]
    quiet = settings_in(tmp_path, strategy="none")
    async with Engine(quiet, venue=venue) as engine:
        await engine.cycle()
        venue.failing[BTC] = VenueUnavailable("502")
        await engine.cycle()
    whole, broken = (looked_at(quiet.db, number) for number in (1, 2))
    assert [(line.pages, line.items) for line in whole.windows] == [(3, 5)]
    assert [(line.pages, line.items) for line in broken.windows] == [(1, 2)]
    assert broken.windows[0].error == "VenueUnavailable: 502"
    assert [said(line) for line in broken.fills] == [
        [("fill:1", "unbooked", 1)],
        [("fill:2", "unbooked", 1)],
    ]


async def test_history_looks_into_a_cycle_and_explains_it(
    ladder: Settings, venue: FakeVenue
) -> None:
    async with Engine(ladder, venue=venue) as engine:
        await engine.cycle()
    before = ladder.db.read_bytes()
    history = await History.open(ladder.db, "main")
    try:
        found = await history.xray(1)
        assert (found.result.account, totals(found)) == ("main", committed(found))
        assert (await history.explain(1, BTC)).matches
        with pytest.raises(NoSuchCycle):
            await history.xray(2)
        with pytest.raises(NoSuchCycle):
            await history.explain(2, BTC)
    finally:
        await history.close()
    assert ladder.db.read_bytes() == before


# --- hedged markets


async def test_a_fill_of_a_hedged_market_names_its_position_which_can_be_explained(
    tmp_path: Path,
) -> None:
    common: dict[str, Any] = {"symbol": "BTC/USDT:USDT", "contractSize": "1"}
    fills = [
        reported("1", ts=1_000, positionSide="long", **common),
        reported("2", "sell", ts=2_000, positionSide="short", **common),
    ]
    async with Engine(settings_in(tmp_path, serve(tmp_path / "f.jsonl", fills))) as engine:
        await engine.cycle()
    with opened(tmp_path / "ledger.db") as ledger:
        names = [line.position for line in xray(ledger, 1).fills]
        assert names == ["BTC/USDT:USDT long", "BTC/USDT:USDT short"]
        for name, qty in zip(names, ("1", "-1"), strict=True):
            explanation = explain(ledger, 1, name)
            assert (explanation.after.qty, explanation.matches) == (qty, True)
            assert len(explanation.steps) == 1


def test_account_events_are_told_in_words_with_the_reason(ledger: OpenLedger) -> None:
    adjusted = account_event(
        "ADJUST", 2_000, symbol=BTC, qty="1", cost="5", reason="found [/] a slip"
    )
    deposit = account_event("DEPOSIT", 3_000, asset="USDT", amount="7", wallet="earn")
    commit(ledger, [reported("1")], events=[adjusted, deposit])
    found = xray(ledger, 1)
    assert [line.words for line in found.account] == [
        "BTC/USDT 1 that cost 5: found [/] a slip", "USDT @earn 7",
    ]  # fmt: skip
    assert [line.trade_id for line in found.fills] == ["1"]
    explanation = explain(ledger, 1, BTC)
    assert explanation.matches
    assert [(step.type, step.d, step.reason) for step in explanation.steps] == [
        ("FILL", "1", ""), ("ADJUST", "1", "found [/] a slip"),
    ]  # fmt: skip
