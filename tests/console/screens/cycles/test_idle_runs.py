"""Runs of idle cycles as rows: none of their cycles has a row of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.kit.lines import Tone, plain
from console.screens.cycles.cycle_history import AllCycles
from console.screens.cycles.cycle_summary import CycleSummary
from console.screens.cycles.filtered_cycles import FilteredCycles
from console.screens.cycles.idle_runs import IdleRuns
from console.screens.shared.cycle_row import CycleRows, between
from engine import CycleFilter, History, IdleRun
from engine.clock import DAY_MS
from tests.builders import opened
from tests.console import published as p
from tests.console.traded import cycles_on, folded, lengthened

LAST, NOON = 2_000, p.NOON_MS
RUNS = [(5, 1_208), (1_300, 1_300), (1_400, 1_990)]


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    """2,000 cycles, of which many are in runs."""
    path = tmp_path / "ledger.db"
    await cycles_on(path, 2)
    lengthened(path, LAST)
    folded(path, RUNS, NOON)
    found = await History.open(path)
    yield found
    await found.close()


async def all_of(history: History) -> AllCycles:
    cycles = AllCycles(CycleRows())
    cycles.take(await history.results(3))
    cycles.row(len(cycles) - 1)
    await cycles.read(history)
    return cycles


def keys_of(cycles: AllCycles | FilteredCycles) -> list[int]:
    keys = [cycles.key_at(number) for number in range(len(cycles))]
    return [key for key in keys if key is not None]


def shown(cycles: AllCycles | FilteredCycles, key: int) -> str:
    number = cycles.number_of(key)
    assert number is not None
    row = cycles.row(number)
    assert row is not None
    return " ".join(" ".join(plain(cell) for cell in row.cells).split())


async def test_a_run_is_one_dim_row_under_its_last_number(history: History) -> None:
    cycles = await all_of(history)
    assert len(cycles) == LAST - sum(last - first for first, last in RUNS)
    assert shown(cycles, 1_000) == "1,208 1,204 idle cycles · 12:00–12:20"
    assert shown(cycles, 1_300) == "1,300 1 idle cycle · 12:21"
    row = cycles.row(cycles.number_of(5) or 0)
    assert row is not None
    assert (row.spans, {tone for cell in row.cells for _, tone in cell}) == (True, {Tone.DIM})


async def test_every_cycle_has_a_row_or_is_in_the_run_that_has_it(history: History) -> None:
    cycles = await all_of(history)
    keys = keys_of(cycles)
    assert keys == sorted({*keys}, reverse=True)
    for cycle_id in range(1, LAST + 1):
        run = cycles.run(cycle_id)
        assert (run is not None) is any(first <= cycle_id <= last for first, last in RUNS)
        number = cycles.number_of(cycle_id)
        assert number is not None
        assert keys[number] == (run.first if run else cycle_id)


async def test_pages_beside_a_run_are_read_once(history: History) -> None:
    cycles = await all_of(history)
    for number in range(len(cycles)):
        cycles.row(number)
        while cycles.wanting:
            await cycles.read(history)
    cycles.take(await history.results(3))
    cycles.row(len(cycles) - 1)
    assert not cycles.wanting


async def test_runs_that_grow_and_begin_are_read_on(history: History, tmp_path: Path) -> None:
    runs = IdleRuns()
    await runs.read(history)
    folded(tmp_path / "ledger.db", [(1_991, 1_995)], NOON)
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.execute("DELETE FROM idle_runs WHERE first = 1991")
        ledger.execute("UPDATE idle_runs SET last = 1995, count = 596 WHERE first = 1400")
    folded(tmp_path / "ledger.db", [(1_997, 1_998)], NOON)
    await runs.read(history)
    assert len(runs) == 4
    assert [run[:2] for run in runs.between(1_300, 1_997)] == [
        (1_997, 1_998),
        (1_400, 1_995),
        (1_300, 1_300),
    ]
    assert runs.between(1_209, 1_299) == []


async def passing(history: History, only: CycleFilter, top: int | None = None) -> FilteredCycles:
    cycles = FilteredCycles(CycleRows(), only, top)
    while cycles.wanting:
        await cycles.read(history)
        cycles.row(len(cycles) - 1)
    return cycles


async def test_runs_lie_between_the_cycles_that_pass_where_an_idle_one_would(
    history: History,
) -> None:
    cycles = await passing(history, CycleFilter(kinds=("reconcile",)))
    keys = keys_of(cycles)
    assert keys == sorted({*keys}, reverse=True)
    assert {5, 1_300, 1_400} <= {*keys}
    assert shown(cycles, 700) == "1,208 1,204 idle cycles · 12:00–12:20"
    assert cycles.note == f"all {len(keys) - 3} found"


async def test_a_jump_in_a_filtered_list_begins_with_the_run(history: History) -> None:
    cycles = await passing(history, CycleFilter(kinds=("reconcile",)), top=1_000)
    assert (cycles.key_at(0), cycles.run(1_000)) == (5, cycles.run(5))


@pytest.mark.parametrize(
    "only", [CycleFilter(trouble=True), CycleFilter(text="locked"), CycleFilter(kinds=("replay",))]
)
async def test_what_idle_cycles_are_not_known_to_have_been_is_said_to_be_of_the_others(
    history: History, only: CycleFilter
) -> None:
    cycles = await passing(history, only)
    assert cycles.number_of(5) is None
    assert cycles.note.endswith("without idle ones that are no longer kept")


def test_a_run_of_days_is_told_with_dates() -> None:
    assert between(IdleRun(1, 9, NOON, NOON + DAY_MS)) == "2026-01-31 12:00 – 2026-02-01 12:00"


def test_the_summary_of_a_run_says_that_its_cycles_changed_nothing() -> None:
    summary = CycleSummary()
    summary._run = IdleRun(5, 1_208, NOON, NOON + 1_200_000)
    text = " ".join(plain(row) for row in summary.lines(80))
    assert "1,204 idle cycles  12:00–12:20" in text
    assert "no fill was new, no cursor moved" in text
    assert summary._title() == "cycles 5 to 1,208 · idle"
