"""A cursor is the end of what is fully decided: no fill carries it past the venue's clock."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Engine, rehearse_cycle, replay_cycle
from engine.clock import DAY_MS
from engine.ingest.paging import Request, VenueResponse
from engine.ingest.prepare import prepare
from tests.builders import BTC, T0, commit, cycles, memory_ledger, reported, settings_in, verified
from tests.fakes import FakeVenue

KEY = f"fills_cursor:{BTC}"
HOUR_MS = 3_600_000


@given(
    st.lists(st.tuples(st.integers(0, 99), st.lists(st.integers(0, 99), max_size=4)), max_size=6)
)
def test_whatever_is_dated_ahead_a_cursor_never_passes_the_clock_and_never_goes_back(
    told: list[tuple[int, list[int]]],
) -> None:
    ledger, before = memory_ledger(), 0
    for cycle_id, (clock, times) in enumerate(told, 1):
        fills = [reported(f"{cycle_id}.{n}", ts=ts) for n, ts in enumerate(times)]
        made = commit(ledger, fills, cycle_id=cycle_id, clock_ms=T0 + clock, symbols=[BTC])
        after = made.cursors[KEY].after
        latest = max((T0 + ts for ts in times), default=0)
        assert made.fills_count == len(times)
        assert after == max(before, min(latest, T0 + clock))
        before = after


def test_a_cycle_of_0_1_0_is_run_again_as_it_was_with_no_clock_to_hold_it() -> None:
    answer = VenueResponse(Request(BTC, 0, 0), T0 + DAY_MS, (('{"id": "1"}',),))
    ledger = memory_ledger()
    clocks = [
        prepare(ledger, [answer], clock_ms=T0, cycle_id=1, edge=edge).markets[0].clock_ms
        for edge in (1, 2)
    ]
    assert clocks == [None, T0]
    assert commit(ledger, [reported("1", ts=9)]).cursors[KEY].after == T0 + 9


async def test_a_fill_dated_ahead_never_carries_a_cursor_past_the_venues_clock(
    tmp_path: Path,
) -> None:
    venue = FakeVenue()
    ahead = venue.now_ms + 12 * HOUR_MS - T0
    venue.reports = [reported("ahead", ts=ahead)]
    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        first = await engine.cycle()
        assert (first.fills_count, first.cursors[KEY].after) == (1, first.venue_ms)
        venue.now_ms += HOUR_MS
        venue.reports.append(reported("2", ts=venue.now_ms - T0))
        second = await engine.cycle()
        assert (second.fills_count, second.cursors[KEY].after) == (1, second.venue_ms)
        venue.now_ms += DAY_MS
        assert (await engine.cycle()).cursors[KEY].after == T0 + ahead
    assert verified(tmp_path / "ledger.db").ok


@pytest.mark.parametrize("replayed", [1, 2])
async def test_a_replay_goes_by_the_clock_of_the_cycle_that_it_runs_again(
    tmp_path: Path, replayed: int
) -> None:
    venue = FakeVenue()
    venue.reports = [reported("ahead", ts=venue.now_ms + HOUR_MS - T0)]
    settings = settings_in(tmp_path)
    (first,) = await cycles(settings, venue=venue)
    for cycle_id in range(1, replayed + 1):
        result = await replay_cycle(settings, cycle_id)
        assert result.cursors[KEY].after == first.venue_ms
        assert not (await rehearse_cycle(settings, cycle_id)).differences
        assert not (await rehearse_cycle(settings, result.cycle_id)).differences
    assert verified(settings.db).ok
