"""What is said of a ledger's growth, against how its file grows."""

import asyncio
from pathlib import Path

from engine import Engine
from engine.clock import DAY_MS, now_ms
from engine.history.growth import LEAST_MS, LedgerGrowth, read_growth
from tests.builders import BTC, ETH, cycledeck, fee, opened, reported, rows, settings_in
from tests.fakes import FakeVenue

HOURS = 12
# An estimate: pages are never quite full.
OFF_BY = 0.3


def in_use(path: Path) -> int:
    with opened(path) as ledger:
        pages = rows(ledger, "PRAGMA page_count")[0] - rows(ledger, "PRAGMA freelist_count")[0]
        return int(pages * rows(ledger, "PRAGMA page_size")[0])


def spread(path: Path, hours: float) -> None:
    """Let the cycles have begun at even distances, the last one now."""
    with opened(path) as ledger, ledger:
        last = rows(ledger, "SELECT max(cycle_id) FROM cycles")[0]
        apart = hours * 3_600_000 / (last - 1)
        ledger.execute(
            "UPDATE cycles SET started_ms = cast(? - (? - cycle_id) * ? AS INTEGER)",
            (now_ms(), last, apart),
        )


async def lived(folder: Path, cycles: int, busy_every: int) -> tuple[Path, int]:
    """A ledger of so many cycles, and the bytes that it grew by after the first one."""
    venue = FakeVenue([], marks={BTC: "100", ETH: "10"})
    settings = settings_in(folder)
    async with Engine(settings, venue=venue) as engine:
        await engine.cycle()
        before = in_use(settings.db)
        for number in range(1, cycles):
            if number % busy_every == 0:
                for symbol in (BTC, ETH):
                    venue.reports.append(
                        reported(f"{symbol}{number}", ts=number, symbol=symbol, fees=[fee("0.1")])
                    )
            await engine.cycle()
    return settings.db, in_use(settings.db) - before


def growth_of(path: Path) -> LedgerGrowth | None:
    with opened(path) as ledger:
        return read_growth(ledger)


async def test_a_days_growth_is_what_the_file_grew_by_table_by_table(tmp_path: Path) -> None:
    """FAULTS 50."""
    path, grew = await lived(tmp_path, 200, busy_every=2)
    spread(path, HOURS)
    growth = growth_of(path)
    assert growth is not None
    items = growth.per_day.pop("input_items")  # They are of a day, however many hours there are.
    estimated = sum(growth.per_day.values()) * HOURS / 24 + items
    assert abs(estimated - grew) < OFF_BY * grew
    with opened(path) as ledger:
        tables = {name: rows(ledger, f"SELECT count(*) FROM {name}")[0] for name in growth.per_day}
    assert all(tables.values())
    assert list(growth.per_day.values()) == sorted(growth.per_day.values(), reverse=True)
    assert growth.month == 30 * (sum(growth.per_day.values()) + items)
    assert 0 < growth.month_stays < growth.month


async def test_of_an_idle_ledger_nothing_stays(tmp_path: Path) -> None:
    path, _ = await lived(tmp_path, 60, busy_every=1_000)
    spread(path, HOURS)
    with opened(path) as ledger, ledger:
        ledger.execute("DELETE FROM cycles WHERE cycle_id = 1")
        ledger.execute("DELETE FROM ledger_commits")
    growth = growth_of(path)
    assert growth is not None
    assert set(growth.per_day) == {"cycles", "cycle_metrics", "cycle_inputs"}
    assert growth.month_stays == 0


async def test_of_too_few_cycles_or_too_short_a_time_nothing_is_said(tmp_path: Path) -> None:
    path, _ = await lived(tmp_path, 40, busy_every=2)
    assert growth_of(path) is None  # They ran within a second.
    spread(path, LEAST_MS / 3_600_000 / 2)
    assert growth_of(path) is None
    ran = await asyncio.to_thread(cycledeck, "status", "--db", path)
    assert "growth" not in ran.out
    spread(path, 2)
    assert growth_of(path) is not None
    with opened(path) as ledger, ledger:
        ledger.execute("DELETE FROM cycles WHERE cycle_id < 30")
    assert growth_of(path) is None


async def test_only_the_last_day_counts_whatever_was_before_it(tmp_path: Path) -> None:
    path, _ = await lived(tmp_path, 100, busy_every=2)
    spread(path, 10)
    today = growth_of(path)
    with opened(path) as ledger, ledger:
        ledger.execute(
            "UPDATE cycles SET started_ms = started_ms - ? WHERE cycle_id <= 50", (3 * DAY_MS,)
        )
    growth = growth_of(path)
    assert growth is not None
    assert today is not None
    assert growth.span_ms < today.span_ms
    assert abs(growth.per_day["cycles"] / today.per_day["cycles"] - 1) < 0.05


async def test_status_says_the_growth_and_the_month_to_come(tmp_path: Path) -> None:
    path, _ = await lived(tmp_path, 60, busy_every=2)
    spread(path, HOURS)
    told = (await asyncio.to_thread(cycledeck, "status", "--json", "--db", path)).json["growth"]
    assert told["month"] == 30 * sum(told["per_day"].values())
    lines = (await asyncio.to_thread(cycledeck, "status", "--db", path)).out.splitlines()
    (a_day,) = [text for text in lines if text.startswith("growth ")]
    (month,) = [text for text in lines if "the month to come" in text]
    assert all(table in a_day for table in list(told["per_day"])[:3])
    assert "a day at today's rate" in a_day
    assert "stay; the rest goes after keep_idle_cycles and keep_inputs" in month
