"""When cycles run: without drift, one at a time, now and on demand, and to a clean end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import CycleResult, CycleStatus, Engine, EngineState, Kind, Settings
from engine.clock import now_ms
from engine.cycles.scheduler import Scheduler, next_due
from engine.errors import EngineClosing, LeaseLost, VenueUnavailable
from tests.attaching import until
from tests.builders import BTC, cycles, opened, reported, settings_in
from tests.fakes import FakeVenue

HOUR = "1h"


@given(st.integers(0, 1_000), st.integers(1, 100), st.lists(st.integers(0, 500), max_size=30))
def test_cycles_stay_on_one_raster_whatever_each_takes(
    start: int, interval: int, takes: list[int]
) -> None:
    due = start
    for taken in takes:
        now = due + taken
        due = round(next_due(due, now, interval))
        assert (due - start) % interval == 0
        assert now <= due <= now + interval


@pytest.mark.parametrize(
    ("now", "due"), [(10.0, 12.0), (11.9, 12.0), (12.5, 14.0), (15.0, 16.0), (99.0, 100.0)]
)
def test_points_that_were_missed_are_left_out(now: float, due: float) -> None:
    assert next_due(10.0, now, 2.0) == due


class Gated(FakeVenue):
    """Each cycle's fetch waits for `gate`; `begun` tells that one is under way."""

    def __init__(self) -> None:
        super().__init__([reported("1", ts=1_000)])
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.inside = 0

    async def fetch_time(self) -> int:
        self.inside += 1
        assert self.inside == 1, "two cycles at once"
        self.begun.set()
        await self.gate.wait()
        self.inside -= 1
        return await super().fetch_time()


async def test_run_ends_after_the_number_of_cycles_and_reports_each(tmp_path: Path) -> None:
    got: list[CycleResult] = []
    async with Engine(settings_in(tmp_path), venue=FakeVenue()) as engine:
        await engine.run(3, got.append)
    assert [result.cycle_id for result in got] == [1, 2, 3]


async def test_a_trigger_runs_right_after_the_running_cycle_and_never_beside_it(
    tmp_path: Path,
) -> None:
    venue = Gated()
    async with Engine(settings_in(tmp_path, interval=HOUR), venue=venue) as engine:
        running = asyncio.create_task(engine.run())
        await venue.begun.wait()
        triggered = [asyncio.create_task(engine.cycle()) for _ in range(2)]
        await asyncio.sleep(0)
        venue.gate.set()
        results = await asyncio.gather(*triggered)
        engine.stop()
        await running
    assert [result.cycle_id for result in results] == [2, 3]


async def test_stop_ends_the_loop_after_the_running_cycle(tmp_path: Path) -> None:
    venue = Gated()
    got: list[CycleResult] = []
    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        running = asyncio.create_task(engine.run(None, got.append))
        await venue.begun.wait()
        engine.stop()
        venue.gate.set()
        await running
    assert [result.status for result in got] == [CycleStatus.OK]


async def test_stop_ends_a_long_wait_at_once(tmp_path: Path) -> None:
    first = asyncio.Event()
    async with Engine(settings_in(tmp_path, interval=HOUR), venue=FakeVenue()) as engine:
        running = asyncio.create_task(engine.run(None, lambda result: first.set()))
        await first.wait()
        engine.stop()
        async with asyncio.timeout(20):
            await running


async def test_a_paused_loop_runs_nothing_until_it_is_resumed_and_triggers_still_do(
    tmp_path: Path,
) -> None:
    got: list[CycleResult] = []
    async with Engine(settings_in(tmp_path), venue=FakeVenue()) as engine:
        engine.pause()
        running = asyncio.create_task(engine.run(1, got.append))
        triggered = await engine.cycle()
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert got == []
        engine.resume()
        await running
    assert triggered.cycle_id == 1
    assert [result.cycle_id for result in got] == [2]


async def test_resuming_runs_a_cycle_at_once_not_after_the_interval(tmp_path: Path) -> None:
    async with Engine(settings_in(tmp_path, interval=HOUR), venue=FakeVenue()) as engine:
        engine.pause()
        running = asyncio.create_task(engine.run(1))
        await asyncio.sleep(0)
        engine.resume()
        async with asyncio.timeout(20):
            await running


async def test_resuming_what_was_not_paused_runs_no_cycle_early(tmp_path: Path) -> None:
    got: list[CycleResult] = []
    first = asyncio.Event()

    def report(result: CycleResult) -> None:
        got.append(result)
        first.set()

    async with Engine(settings_in(tmp_path, interval=HOUR), venue=FakeVenue()) as engine:
        running = asyncio.create_task(engine.run(None, report))
        await first.wait()
        engine.resume()
        for _ in range(20):
            await asyncio.sleep(0.001)
        engine.stop()
        await running
    assert len(got) == 1


async def test_resuming_before_a_cycle_was_due_begins_the_raster_anew(tmp_path: Path) -> None:
    """The one that began early is the one that was due: the next follows after one interval."""
    got: list[CycleResult] = []
    async with Engine(settings_in(tmp_path, interval=HOUR), venue=FakeVenue()) as engine:
        scheduler = engine._up.scheduler
        running = asyncio.create_task(engine.run(None, got.append))
        await until(lambda: scheduler.next_cycle_ms is not None)
        engine.pause()
        engine.resume()
        resumed = now_ms()
        await until(lambda: len(got) == 2 and scheduler.next_cycle_ms is not None)
        assert abs((scheduler.next_cycle_ms or 0) - (resumed + 3_600_000)) < 10_000
        engine.stop()
        await running


@pytest.mark.parametrize("paused", [False, True])
async def test_a_loop_that_waits_ends_when_a_command_stops_the_engine_for_good(
    tmp_path: Path, paused: bool
) -> None:
    first = asyncio.Event()
    settings = settings_in(tmp_path, interval=HOUR)
    async with Engine(settings, venue=FakeVenue()) as engine:
        if paused:
            engine.pause()
            first.set()
        running = asyncio.create_task(engine.run(None, lambda result: first.set()))
        await first.wait()
        with opened(settings.db) as ledger:
            ledger.execute("UPDATE lease SET epoch = epoch + 1")
        assert (await engine.cycle()).status is CycleStatus.FENCED
        with pytest.raises(LeaseLost):
            async with asyncio.timeout(20):
                await running
        assert engine._up.scheduler.state is EngineState.STOPPING


# --- what can be seen of it


def seen(scheduler: Scheduler) -> tuple[str, int | None, bool]:
    """State, the running cycle, and whether the next one's time is known."""
    running = scheduler.running
    state = scheduler.state.value
    return state, running.cycle_id if running else None, scheduler.next_cycle_ms is not None


async def test_every_change_of_state_is_told_when_it_happens(tmp_path: Path) -> None:
    venue, told = Gated(), []
    async with Engine(settings_in(tmp_path, interval=HOUR), venue=venue) as engine:
        scheduler = engine._up.scheduler
        scheduler.on_change = lambda: told.append(seen(scheduler))
        assert seen(scheduler) == ("running", None, False)
        running = asyncio.create_task(engine.run())
        await venue.begun.wait()
        engine.pause()
        engine.resume()
        engine.resume()
        venue.gate.set()
        while told[-1][1] == 1:  # noqa: ASYNC110 - what is told is what is waited for
            await asyncio.sleep(0)
        engine.stop()
        await running
    assert told[:7] == [
        ("running", None, True),
        ("running", 1, False),
        ("paused", 1, False),
        ("running", 1, False),
        ("running", None, True),
        ("running", None, True),
        ("stopping", None, False),
    ]
    assert {state for state, _, _ in told[7:]} <= {"stopping"}


async def test_the_next_cycle_is_due_an_interval_after_the_last_one_began(tmp_path: Path) -> None:
    ended = asyncio.Event()
    async with Engine(settings_in(tmp_path, interval=HOUR), venue=FakeVenue()) as engine:
        scheduler = engine._up.scheduler
        assert scheduler.next_cycle_ms is None
        began = now_ms()
        running = asyncio.create_task(engine.run(None, lambda result: ended.set()))
        await ended.wait()
        await asyncio.sleep(0)
        assert abs((scheduler.next_cycle_ms or 0) - (began + 3_600_000)) < 1_000
        engine.pause()
        assert scheduler.next_cycle_ms is None
        engine.stop()
        await running
        assert scheduler.state is EngineState.STOPPING


async def test_a_closing_engine_begins_nothing_and_says_so(tmp_path: Path) -> None:
    venue = Gated()
    engine = Engine(settings_in(tmp_path), venue=venue)
    await engine.open()
    cycle = asyncio.create_task(engine.cycle())
    await venue.begun.wait()
    waiting = [engine.cycle(), engine.replay(1), engine.preview(1)]
    tasks = [asyncio.create_task(work) for work in waiting]
    await asyncio.sleep(0)
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    venue.gate.set()
    await closing
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all("engine is closing" in str(outcome) for outcome in outcomes)
    assert {type(outcome) for outcome in outcomes} == {EngineClosing}
    assert (await cycle).status is CycleStatus.OK


async def test_closing_lets_the_running_cycle_end(tmp_path: Path) -> None:
    venue = Gated()
    engine = Engine(settings_in(tmp_path), venue=venue)
    await engine.open()
    cycle = asyncio.create_task(engine.cycle())
    await venue.begun.wait()
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    venue.gate.set()
    await closing
    assert (await cycle).status is CycleStatus.OK


async def test_closing_waits_only_so_long_for_a_cycle_that_hangs(tmp_path: Path) -> None:
    venue = Gated()
    engine = Engine(settings_in(tmp_path, stop_timeout="20ms"), venue=venue)
    await engine.open()
    cycle = asyncio.create_task(engine.cycle())
    await venue.begun.wait()
    async with asyncio.timeout(20):
        await engine.close()
    with pytest.raises(asyncio.CancelledError):
        await cycle
    (again,) = await cycles(settings_in(tmp_path), venue=FakeVenue([reported("1")]))
    assert (again.status, again.fills_count) == (CycleStatus.OK, 1)


async def test_the_result_of_a_cycle_that_ends_while_the_engine_closes_is_delivered(
    tmp_path: Path,
) -> None:
    venue, got = Gated(), []
    engine = Engine(settings_in(tmp_path), venue=venue)
    await engine.open()

    async def follow() -> None:
        got.extend([result.cycle_id async for result in engine.subscribe()])

    following = asyncio.create_task(follow())
    cycle = asyncio.create_task(engine.cycle())
    await venue.begun.wait()
    closing = asyncio.create_task(engine.close())
    for _ in range(3):
        await asyncio.sleep(0)
    venue.gate.set()
    await asyncio.gather(closing, cycle, following)
    assert got == [1]


# --- back-off, by the pure part of the scheduler


class Failing:
    """Stands for the cycle runner: fails as told."""

    fatal = None

    def __init__(self, status: CycleStatus) -> None:
        self.status = status

    async def run(self, kind: Kind) -> Any:
        return self


@pytest.mark.parametrize("status", [CycleStatus.FAILED, CycleStatus.SKIPPED])
async def test_failures_in_a_row_are_waited_out_longer_and_longer_up_to_a_bound(
    tmp_path: Path, status: CycleStatus
) -> None:
    cycles_: Any = Failing(status)
    scheduler = Scheduler(cycles_, settings_in(tmp_path, interval="1s"), None)
    waits = []
    for _ in range(12):
        await scheduler.cycle()
        waits.append(scheduler._backoff(1.0))
    bounds = [min(2.0**n, 60.0) for n in range(1, 13)]
    for wait, bound in zip(waits, bounds, strict=True):
        assert bound / 2 <= wait <= bound
    cycles_.status = CycleStatus.OK
    await scheduler.cycle()
    assert scheduler._backoff(1.0) == 0.0


async def test_a_failing_venue_delays_the_loop_and_does_not_end_it(tmp_path: Path) -> None:
    venue, got = FakeVenue([reported("1")]), []
    venue.failing["fetch_time"] = VenueUnavailable("502")

    def report(result: CycleResult) -> None:
        got.append(result.status)
        if len(got) == 2:
            venue.failing.clear()

    async with Engine(settings_in(tmp_path), venue=venue) as engine:
        await engine.run(3, report)
    assert got == [CycleStatus.FAILED, CycleStatus.FAILED, CycleStatus.OK]


async def test_every_so_often_a_cycle_looks_back_further(tmp_path: Path) -> None:
    got: list[CycleResult] = []
    settings = settings_in(tmp_path, reconcile_every="1ms", interval="3ms")
    async with Engine(settings, venue=FakeVenue([reported("1", symbol=BTC)])) as engine:
        await engine.run(4, got.append)
    assert Kind.RECONCILE in [result.kind for result in got]


async def test_reconciling_can_be_turned_off(tmp_path: Path) -> None:
    got: list[CycleResult] = []
    async with Engine(settings_in(tmp_path, reconcile_every=0), venue=FakeVenue()) as engine:
        await engine.run(4, got.append)
    assert {result.kind for result in got} == {Kind.LIVE}


def aged(ledger: Path, by_ms: int) -> None:
    with opened(ledger) as connection:
        connection.execute("UPDATE cycles SET started_ms = started_ms - ?", (by_ms,))


async def kinds(settings: Settings, venue: FakeVenue, count: int = 1) -> list[str]:
    """Kind and status of the first cycles of an engine of its own."""
    got: list[str] = []
    async with Engine(settings, venue=venue) as engine:
        await engine.run(count, lambda result: got.append(f"{result.kind} {result.status}"))
    return got


async def test_sessions_shorter_than_the_time_between_reconciles_add_up(tmp_path: Path) -> None:
    """From the ledger's first cycle on, and not from each start on."""
    settings, venue = settings_in(tmp_path, reconcile_every=HOUR), FakeVenue([reported("1")])
    assert await kinds(settings, venue) == ["live ok"]
    aged(settings.db, by_ms=1_800_000)
    assert await kinds(settings, venue) == ["live ok"]
    aged(settings.db, by_ms=1_800_000)
    assert await kinds(settings, venue, 2) == ["reconcile ok", "live ok"]
    assert await kinds(settings, venue) == ["live ok"]


async def test_a_reconcile_that_did_not_commit_is_made_up_for_after_a_cycle_that_did(
    tmp_path: Path,
) -> None:
    """Not at once: what fails may be the long look back, and the cycles between have to go on."""
    settings, venue = settings_in(tmp_path, reconcile_every=HOUR), FakeVenue([reported("1")])
    await kinds(settings, venue)
    aged(settings.db, by_ms=3_600_000)
    got: list[str] = []

    def report(result: CycleResult) -> None:
        got.append(f"{result.kind} {result.status}")
        venue.failing.clear()

    venue.failing["fetch_time"] = VenueUnavailable("502")
    async with Engine(settings, venue=venue) as engine:
        await engine.run(4, report)
    assert got == ["reconcile failed", "live ok", "reconcile ok", "live ok"]


async def test_a_reconcile_that_did_not_commit_is_none_to_the_next_start(tmp_path: Path) -> None:
    settings, venue = settings_in(tmp_path, reconcile_every=HOUR), FakeVenue([reported("1")])
    await kinds(settings, venue)
    aged(settings.db, by_ms=3_600_000)
    venue.failing["fetch_time"] = VenueUnavailable("502")
    assert await kinds(settings, venue) == ["reconcile failed"]
    venue.failing.clear()
    assert await kinds(settings, venue) == ["reconcile ok"]
    assert await kinds(settings, venue) == ["live ok"]
