"""Replays run phase 1 again on what the venue said; rehearsals do so on a copy."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine import CycleStatus, Engine, Kind, Page, Settings, Verdict, rehearse_cycle, replay_cycle
from engine.cycles.rehearsal import rehearse
from engine.errors import LeaseHeld, NoSuchCycle, StoreCorrupt, StoreError, VenueUnavailable
from engine.history.xray import xray
from engine.ingest import inputs
from engine.store.store import Store
from tests.builders import (
    BTC,
    ETH,
    T0,
    adds_up,
    fee,
    opened,
    reported,
    resolve,
    rows,
    settings_in,
    verified,
)
from tests.fakes import FakeVenue
from tests.golden.golden_ledger import FOLDER, unpack


@pytest.fixture
def venue() -> FakeVenue:
    return FakeVenue(
        [
            reported("1", ts=1_000, fees=[fee("1")]),
            reported("2", "sell", "0.5", "120", 2_000, fees=[fee("0.1", "BNB")]),
            reported("3", ts=1_500, symbol=ETH),
        ],
        marks={BTC: "100"},
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, strategy="ladder")


async def run(settings: Settings, venue: FakeVenue, count: int = 2) -> list[Any]:
    async with Engine(settings, venue=venue) as engine:
        return [await engine.cycle() for _ in range(count)]


def change(settings: Settings, *statements: str) -> None:
    with opened(settings.db) as ledger:
        for statement in statements:
            ledger.execute(statement)


async def test_a_replay_of_sound_books_is_clean_and_changes_nothing(
    settings: Settings, venue: FakeVenue
) -> None:
    first, second = await run(settings, venue)
    sent = len(venue.sent)
    result = await replay_cycle(settings, 1)
    assert (result.kind, result.verdict, result.replay_of) == (Kind.REPLAY, Verdict.CLEAN, 1)
    assert result.cycle_id == 3
    assert (result.ledger_events_attempted, result.ledger_events_inserted) == (5, 0)
    assert result.ledger_events_ignored == first.ledger_events_attempted
    assert result.positions_digest == second.positions_digest
    assert result.orders_submitted == 0
    assert len(venue.sent) == sent
    assert verified(settings.db).ok


async def test_a_replay_may_be_replayed_and_says_what_it_replays(
    settings: Settings, venue: FakeVenue
) -> None:
    await run(settings, venue)
    again = await replay_cycle(settings, (await replay_cycle(settings, 1)).cycle_id)
    assert (again.verdict, again.replay_of) == (Verdict.CLEAN, 1)


async def test_the_engine_itself_replays_too(settings: Settings, venue: FakeVenue) -> None:
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        result = await engine.replay(1)
        after = await engine.cycle()
    assert (result.verdict, after.cycle_id, after.status) == (Verdict.CLEAN, 3, CycleStatus.OK)


async def test_what_a_failed_commit_did_not_take_in_is_recovered_from_its_inputs(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        change(
            settings,
            "CREATE TRIGGER broken BEFORE INSERT ON applied_fills "
            "BEGIN SELECT raise(ABORT, 'disk full'); END",
        )
        failed = await engine.cycle()
        change(settings, "DROP TRIGGER broken")
    assert (failed.status, failed.committed) == (CycleStatus.FAILED, False)
    result = await replay_cycle(settings, 1)
    assert result.verdict is Verdict.RECOVERED
    assert (result.ledger_events_inserted, result.fills_count) == (5, 3)
    assert result.cursors[f"fills_cursor:{BTC}"].after == T0 + 2_000
    assert adds_up(result)
    assert verified(settings.db).violations == ()
    assert (await replay_cycle(settings, 1)).verdict is Verdict.CLEAN


async def test_lost_rows_are_recovered(settings: Settings, venue: FakeVenue) -> None:
    (first, _) = await run(settings, venue)
    change(
        settings,
        "DELETE FROM ledger_events WHERE event_id = 'fill:2'",
        "DELETE FROM applied_fills WHERE fill_id = '2'",
    )
    result = await replay_cycle(settings, 1)
    assert (result.verdict, result.ledger_events_inserted) == (Verdict.RECOVERED, 1)
    assert result.positions == first.positions | {
        symbol: view.model_copy(update={"mark": None, "unrealized": None})
        for symbol, view in first.positions.items()
    }
    with opened(settings.db) as ledger:
        assert rows(ledger, "SELECT cycle_id FROM ledger_events WHERE event_id = 'fill:2'") == [3]


async def test_a_ledger_that_says_otherwise_is_a_conflict(
    settings: Settings, venue: FakeVenue
) -> None:
    await run(settings, venue)
    change(settings, "UPDATE ledger_events SET price = '7', hash = x'07' WHERE event_id = 'fill:1'")
    result = await replay_cycle(settings, 1)
    assert (result.verdict, result.ledger_events_conflicting) == (Verdict.CONFLICT, 1)


@pytest.mark.parametrize("cycle", [0, 99])
async def test_a_cycle_that_does_not_exist_is_named(
    settings: Settings, venue: FakeVenue, cycle: int
) -> None:
    await run(settings, venue, 1)
    with pytest.raises(NoSuchCycle, match=f"cycle {cycle} does not exist"):
        await replay_cycle(settings, cycle)
    with pytest.raises(NoSuchCycle, match=f"cycle {cycle} does not exist"):
        await rehearse_cycle(settings, cycle)


async def test_evidence_that_is_not_whole_any_more_is_none(
    settings: Settings, venue: FakeVenue
) -> None:
    await run(settings, venue, 1)
    change(settings, "DELETE FROM input_items WHERE raw LIKE '%sell%'")
    for replayed in (replay_cycle(settings, 1), rehearse_cycle(settings, 1)):
        with pytest.raises(NoSuchCycle, match="its inputs are not kept"):
            await replayed


async def test_a_replay_needs_a_ledger_and_its_lease(settings: Settings, venue: FakeVenue) -> None:
    with pytest.raises(StoreError, match="there is no ledger"):
        await replay_cycle(settings, 1)
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        with pytest.raises(LeaseHeld):
            await replay_cycle(settings, 1)


async def test_only_what_was_answered_completely_is_replayed(
    settings: Settings, venue: FakeVenue
) -> None:
    venue.failing[ETH] = VenueUnavailable("502")
    await run(settings, venue, 1)
    result = await replay_cycle(settings, 1)
    assert result.cursors.keys() == {f"fills_cursor:{BTC}"}
    assert result.verdict is Verdict.CLEAN


# --- rehearsals


async def test_a_rehearsal_finds_no_difference_and_never_writes(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        venue.reports += [
            reported("4", ts=1_200, fees=[]),
            reported("1", ts=1_000, price="7"),
            reported("5", ts=9_000, symbol=ETH, fees=[fee("0.01", "ETH")]),
        ]
        await engine.cycle()
        venue.reports.append(reported("4", ts=1_200, fees=[fee("3")]))
        recorded = await engine.cycle()
        with opened(settings.db) as ledger:
            before = rows(ledger, "SELECT count(*), max(commit_seq) FROM ledger_commits")
        for cycle in (1, 2, 3):
            found = await rehearse_cycle(settings, cycle)
            assert found.differences == ()
        assert found.inserted == recorded.ledger_events_inserted == 1
        with opened(settings.db) as ledger:
            assert rows(ledger, "SELECT count(*), max(commit_seq) FROM ledger_commits") == before


REHEARSED_AND_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from engine.cycles.rehearsal import rehearse

def report(step):
    if step == "running the cycle again":
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(rehearse(Path(sys.argv[1]), 1, 1_000, report))
"""


async def test_a_rehearsal_that_is_killed_leaves_no_copy_behind(
    settings: Settings, venue: FakeVenue, tmp_path: Path
) -> None:
    await run(settings, venue, 1)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", REHEARSED_AND_KILLED, str(settings.db)],
        env=os.environ | {"TMPDIR": str(temporary), "SQLITE_TMPDIR": str(temporary)},
    )
    assert ended.returncode == -signal.SIGKILL
    assert list(temporary.iterdir()) == []


async def test_a_rehearsal_shows_what_comes_out_otherwise(
    settings: Settings, venue: FakeVenue
) -> None:
    await run(settings, venue)
    change(
        settings,
        "UPDATE ledger_events SET qty = '9', hash = x'07' WHERE event_id = 'fill:1'",
        "UPDATE position_history SET qty = '9' WHERE symbol = 'BTC/USDT'",
    )
    found = {(d.what, d.key) for d in (await rehearse_cycle(settings, 1)).differences}
    assert found == {("event", "fill:1"), ("position", BTC)}


async def test_a_rehearsal_shows_a_cursor_that_comes_out_otherwise(
    settings: Settings, venue: FakeVenue
) -> None:
    await run(settings, venue)
    change(settings, "UPDATE ledger_commits SET cursors_json = replace(cursors_json, 2000, 2001)")
    (difference,) = (await rehearse_cycle(settings, 1)).differences
    assert (difference.what, difference.key) == ("commit", "cursors_json")


async def test_a_rehearsal_of_a_cycle_that_committed_nothing_shows_what_it_would_have(
    settings: Settings, venue: FakeVenue
) -> None:
    async with Engine(settings, venue=venue) as engine:
        change(
            settings,
            "CREATE TRIGGER broken BEFORE INSERT ON applied_fills "
            "BEGIN SELECT raise(ABORT, 'disk full'); END",
        )
        await engine.cycle()
        change(settings, "DROP TRIGGER broken")
    found = await rehearse_cycle(settings, 1)
    assert found.inserted == 5
    assert ("event", "fill:1") in {(d.what, d.key) for d in found.differences}


async def test_items_come_back_as_they_were_received(settings: Settings) -> None:
    """Any text at all: the evidence must be what the venue said."""
    weird = ['{"id": "\x00"}', '{"id": "\\ud800"}', "\u202e\U0001f600 broken", "", "'", '{"a":1}']

    class Weird(FakeVenue):
        async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
            yield Page(tuple(weird), last=False)
            yield Page((weird[3], weird[0], weird[0]), last=False)
            yield Page((), last=True)

    async with Engine(settings, venue=Weird(marks={BTC: "100"})) as engine:
        result = await engine.cycle()
    assert result.held == (BTC,)
    with opened(settings.db) as ledger:
        (reply,) = inputs.load(ledger, 1)
    assert reply.pages == (tuple(weird), (weird[3], weird[0], weird[0]), ())


async def test_text_that_no_database_takes_is_kept_as_escapes_and_loses_no_other_fill(
    settings: Settings,
) -> None:
    class Broken(FakeVenue):
        async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
            yield Page((json.dumps(reported("1")), '{"id": "\ud800"}'), last=True)

    async with Engine(settings, venue=Broken(marks={BTC: "100"})) as engine:
        result = await engine.cycle()
    assert (result.fills_count, result.held) == (1, (BTC,))
    assert [warning.type for warning in result.warnings] == ["cursor_held"]
    with opened(settings.db) as ledger:
        assert rows(ledger, "SELECT raw FROM quarantine") == ['{"id": "\\ud800"}']
    assert (await replay_cycle(settings, 1)).verdict is Verdict.CLEAN


# --- rehearsals of cycles that quarantine had a part in

CORRECTED = json.dumps(reported("9", ts=2_500, fees=[fee("0.2")]))


async def resolved(settings: Settings, venue: FakeVenue, at_ms: int | None = None) -> None:
    """A cycle that quarantines an item, which the operator then replaces by a fill."""
    venue.reports.append(reported("9", ts=2_500, price="NaN"))
    await run(settings, venue, 1)
    with opened(settings.db) as ledger:
        resolve(ledger, 1, CORRECTED, at_ms)


async def rehearsed(settings: Settings) -> dict[int, Any]:
    """The differences of every cycle's rehearsal, but for failed ones."""
    with opened(settings.db) as ledger:
        committed = rows(
            ledger,
            "SELECT cycle_id FROM ledger_commits WHERE decision_json IS NULL"
            " UNION SELECT cycle_id FROM cycles WHERE committed = 'nothing'",
        )
    return {n: (await rehearse_cycle(settings, n)).differences for n in committed}


async def test_a_correction_is_of_the_cycle_it_was_given_to_whoever_noted_that(
    settings: Settings, venue: FakeVenue
) -> None:
    await resolved(settings, venue)
    change(
        settings,
        "CREATE TRIGGER broken BEFORE INSERT ON cycle_metrics "
        "BEGIN SELECT raise(ABORT, 'disk full'); END",
    )
    (second,) = await run(settings, venue, 1)
    change(settings, "DROP TRIGGER broken")
    await run(settings, venue, 1)
    assert second.fills_count == 1
    with opened(settings.db) as ledger:
        assert rows(ledger, "SELECT applied_cycle_id FROM quarantine") == [4]
    assert await rehearsed(settings) == {1: (), 3: (), 4: ()}


async def test_a_replay_of_a_cycle_with_corrections_is_rehearsed_with_them(
    settings: Settings, venue: FakeVenue
) -> None:
    await resolved(settings, venue)
    await run(settings, venue, 1)
    assert (await replay_cycle(settings, 3)).verdict is Verdict.CLEAN
    assert await rehearsed(settings) == {1: (), 3: (), 4: ()}


@pytest.mark.parametrize("jumped_to", [T0, 4_000_000_000_000])
async def test_what_a_cycle_knew_of_quarantine_does_not_hang_on_the_clock(
    settings: Settings, venue: FakeVenue, jumped_to: int
) -> None:
    await resolved(settings, venue, at_ms=jumped_to)
    await run(settings, venue, 2)
    assert await rehearsed(settings) == {1: (), 3: (), 4: ()}
    with opened(settings.db) as ledger:
        shown = [[fill.trade_id for fill in xray(ledger, n).fills] for n in (1, 3, 4)]
    assert [ids.count("9") for ids in shown] == [0, 1, 0]


async def test_of_damaged_rows_a_rehearsal_says_so(settings: Settings, venue: FakeVenue) -> None:
    await run(settings, venue)
    change(settings, "UPDATE ledger_commits SET cursors_json = '{'")
    with pytest.raises(StoreCorrupt, match="not what this program writes"):
        await rehearse_cycle(settings, 1)


@pytest.mark.parametrize("kind", ["recorded-account", "recorded-market", "recorded-none"])
async def test_an_earlier_programs_cycles_come_out_as_they_were(tmp_path: Path, kind: str) -> None:
    unpack(FOLDER / "0.1.0" / kind, tmp_path)
    path = tmp_path / "ledger.db"
    with pytest.raises(StoreError, match="brings it up to date"):
        await rehearse(path, 1, 5_000)
    await (await Store.open(path)).close()
    with opened(path) as connection:
        cycle_ids = rows(connection, "SELECT DISTINCT cycle_id FROM cycle_inputs")
    assert len(cycle_ids) > 2
    for cycle_id in cycle_ids:
        assert (await rehearse(path, cycle_id, 5_000)).differences == ()
