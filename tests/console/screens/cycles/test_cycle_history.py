"""The history as a grid's source: what is read, when, and how much of it is kept."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.kit.lines import plain
from console.screens.cycles.cycle_history import MOST_PAGES, PAGE, AllCycles
from console.screens.cycles.filtered_cycles import FilteredCycles
from console.screens.shared.cycle_row import CycleRows
from engine import CycleFilter, History, StoreError
from tests.console.traded import cycles_on, lengthened

LAST = 8_000


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    """8,000 cycles."""
    await cycles_on(tmp_path / "ledger.db", 2)
    lengthened(tmp_path / "ledger.db", LAST)
    found = await History.open(tmp_path / "ledger.db")
    yield found
    await found.close()


@pytest.fixture
async def cycles(history: History) -> AllCycles:
    found = AllCycles(CycleRows())
    found.take(await history.results(10))
    return found


def words(source: AllCycles | FilteredCycles, number: int) -> str:
    found = source.row(number)
    assert found is not None
    return " ".join(plain(cell) for cell in found.cells).strip()


async def test_every_cycle_has_a_row_before_it_is_read(cycles: AllCycles) -> None:
    assert len(cycles) == LAST
    assert words(cycles, 0).startswith("8,000")
    assert not cycles.row(LAST)
    found = cycles.row(LAST - 1)
    assert found is not None
    assert found.key == 1
    assert words(cycles, LAST - 1).endswith("…")
    assert cycles.number_of(1) == LAST - 1
    assert cycles.number_of(0) is cycles.number_of(LAST + 1) is cycles.number_of("1") is None


async def test_what_is_looked_at_is_read_with_what_is_near(
    history: History, cycles: AllCycles
) -> None:
    cycles.row(LAST - 1)
    assert cycles.wanting
    while cycles.wanting:
        await cycles.read(history)
    assert cycles.result(1) is not None
    assert cycles.result(PAGE) is not None
    assert cycles.result(PAGE + 1) is None
    cycles.row(LAST - 1)
    assert not cycles.wanting


async def test_what_was_scrolled_past_is_not_read_and_what_was_read_is_not_kept_for_ever(
    history: History, cycles: AllCycles
) -> None:
    reads = 0
    for number in range(0, LAST, 10):
        cycles.row(number)
    while cycles.wanting:
        await cycles.read(history)
        reads += 1
    assert reads <= 3
    for number in range(0, LAST, PAGE):
        cycles.row(number)
        while cycles.wanting:
            await cycles.read(history)
    assert cycles.result(1) is not None
    assert sum(cycles.result(n) is not None for n in range(1, LAST + 1)) <= MOST_PAGES * PAGE + 10


async def test_found_cycles_are_read_a_page_at_a_time(history: History) -> None:
    found = FilteredCycles(CycleRows(), CycleFilter(kinds=("reconcile",)))
    assert found.wanting
    await found.read(history)
    assert found.note == "≥ 200 found"
    assert found.row(0) is not None
    assert not found.wanting
    found.row(190)
    assert found.wanting
    while True:
        found.row(len(found) - 1)
        if not found.wanting:
            break
        await found.read(history)
    assert found.note == f"all {len(found):,} found"
    assert found.note == f"all {LAST // 7:,} found"
    newest = LAST - LAST % 7
    assert found.number_of(newest) == 0
    assert found.number_of(newest - 7) == 1
    assert found.number_of(newest - 1) is None


async def test_found_cycles_stay_when_newer_ones_come(history: History, tmp_path: Path) -> None:
    found = FilteredCycles(CycleRows(), CycleFilter(kinds=("reconcile",)))
    for _ in range(2):
        await found.read(history)
        found.row(len(found) - 1)
    assert found.note == "≥ 400 found"
    lengthened(tmp_path / "ledger.db", LAST + 14)
    found.take(())
    await found.read(history)
    assert found.note == "≥ 402 found"
    lengthened(tmp_path / "ledger.db", LAST + 14 + 7 * 300)
    found.take(())
    await found.read(history)
    assert found.note == "≥ 200 found"
    assert found.key_at(0) == LAST + 14 + 7 * 300 - (LAST + 14) % 7


async def test_a_filter_reads_once_more_for_a_cycle_that_ends_during_a_read(
    history: History,
) -> None:
    filtered = FilteredCycles(CycleRows(), CycleFilter(kinds=("reconcile",)))
    filtered.take(())
    reading = asyncio.ensure_future(filtered.read(history))
    await asyncio.sleep(0)
    filtered.take(())
    await reading
    assert filtered.wanting
    await filtered.read(history)
    assert not filtered.wanting


async def test_newer_cycles_that_could_not_be_read_are_still_wanted(history: History) -> None:
    filtered = FilteredCycles(CycleRows(), CycleFilter(kinds=("reconcile",)))
    await filtered.read(history)
    filtered.take(())
    await history.close()
    with pytest.raises(StoreError):
        await filtered.read(history)
    assert filtered.wanting
