"""Lines that lie before the window that is read: booked, or told with what books them."""

import asyncio
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import CycleResult, Engine, Settings
from engine.clock import DAY_MS, parse_duration
from engine.ledger.quarantine_decisions import quarantined
from engine.venue import SeesAll
from engine.venues.recorded import RecordedVenue
from tests.builders import (
    BTC,
    ETH,
    T0,
    cycles,
    opened,
    reported,
    resolve,
    serve,
    settings_in,
    shared,
    verified,
)
from tests.fakes import FakeVenue

OLD, NEW = reported("old", ts=0), reported("new", price="120", ts=400 * DAY_MS)
COMMAND = re.compile(r"--lookback (\d+d)")


def told(result: CycleResult) -> list[tuple[str, str | None]]:
    return [(warning.type, warning.symbol) for warning in result.warnings]


def told_lookback(result: CycleResult) -> str:
    """The lookback that the warning names."""
    (message,) = [w.message for w in result.warnings if w.type == "left_out"]
    match = COMMAND.search(message)
    assert match is not None
    return match[1]


async def booked(path: Path, *items: Any, **more: Any) -> Settings:
    """Settings of a ledger that has booked the lines of a file."""
    settings = settings_in(path.parent, serve(path, items), **more)
    (first,) = await cycles(settings)
    assert first.warnings == ()
    return settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "f.jsonl"


async def test_older_lines_put_in_front_of_a_file_are_told_with_the_lookback_that_books_them(
    path: Path,
) -> None:
    settings = await booked(path, NEW)
    serve(path, [OLD, NEW])
    for result in await cycles(settings, 2) + await cycles(settings):
        assert (result.status.value, result.fills_count) == ("attention", 0)
        assert told(result) == [("left_out", BTC)]
        message = "1 line lies before the window that is read, from 2023-07-22T04:26:40.000Z on"
        assert message in result.warnings[0].message
    lookback = told_lookback(result)
    assert parse_duration(lookback) == 400 * DAY_MS
    booking, after = await cycles(settings.model_copy(update={"lookback": 400 * DAY_MS}), 2)
    assert (booking.status.value, booking.fills_count, told(booking)) == ("ok", 1, [])
    assert (booking.positions[BTC].qty, booking.positions[BTC].cost) == ("2", "220")
    (later,) = await cycles(settings)
    assert [(r.status.value, told(r)) for r in (after, later)] == [("ok", [])] * 2
    assert verified(settings.db).ok


async def test_what_was_booked_quarantined_or_decided_is_not_told_again(path: Path) -> None:
    """Whatever an engine that starts anew knows of what earlier ones were served."""
    bad, twice = reported("bad", amount="0"), reported("2", ts=5)
    settings = settings_in(path.parent, serve(path, [bad, twice, twice, "{broken"]))
    (first,) = await cycles(settings)
    assert "left_out" not in dict(told(first))
    with opened(settings.db) as ledger:
        for item in quarantined(ledger):
            resolve(ledger, item.id)
    serve(path, [bad, twice, twice, "{broken", NEW])
    for result in await cycles(settings, 2) + await cycles(settings):
        assert (result.status.value, told(result)) == ("ok", [])


@pytest.mark.parametrize("trade_ids", ["account", "market", "none"])
async def test_it_is_told_however_trades_are_numbered(path: Path, trade_ids: str) -> None:
    more = {"recorded": {"trade_ids": trade_ids}}
    kept = [reported(n, ts=n) for n in range(3)]
    settings = await booked(path, *kept, NEW, reported(7, symbol=ETH, ts=0), **more)
    (same,) = await cycles(settings)
    assert "left_out" not in dict(told(same))
    serve(path, [reported(9, ts=1), *kept, NEW, reported(7, symbol=ETH, ts=0)])
    (result,) = await cycles(settings)
    assert ("left_out", BTC) in told(result)
    assert ("left_out", ETH) not in told(result)
    wide = settings.model_copy(update={"lookback": parse_duration(told_lookback(result))})
    (booking,) = await cycles(wide)
    assert (booking.fills_count, "left_out" in dict(told(booking))) == (1, False)


async def test_an_identical_row_that_is_added_is_one_fill_more_where_rows_have_no_ids(
    path: Path,
) -> None:
    row = reported(None, ts=1)
    async with Engine(await booked(path, row, NEW, recorded={"trade_ids": "none"})) as engine:
        assert "left_out" not in dict(told(await engine.cycle()))
        serve(path, [row, row, NEW])
        assert ("left_out", BTC) in told(await engine.cycle())


async def test_a_line_that_comes_out_after_its_window_has_passed_is_told(path: Path) -> None:
    late = reported("late", ts=1, visible_at=T0 + 5 * DAY_MS // 2)
    items = [reported("1", ts=0), late, reported("2", ts=DAY_MS // 2)]
    settings = settings_in(path.parent, serve(path, items), recorded={"step": "1d"})
    results = await cycles(settings, 3)
    assert [(r.fills_count, told(r)) for r in results] == [
        (2, []), (0, []), (0, [("left_out", BTC)]),
    ]  # fmt: skip


async def test_what_lies_before_the_start_that_was_chosen_is_left_out_without_a_word(
    path: Path,
) -> None:
    settings = settings_in(path.parent, serve(path, [OLD, NEW]), start_from=str(T0 + DAY_MS))
    for start in (settings.start_from, None):
        chosen = {} if start is None else {"start_from": start}
        (result,) = await cycles(settings_in(path.parent, path, **chosen))
        assert (result.status.value, told(result)) == ("ok", [])


async def test_a_wider_start_than_the_ledgers_is_told_with_what_books_it(path: Path) -> None:
    settings = settings_in(path.parent, serve(path, [OLD, NEW]), start_from=str(T0 + DAY_MS))
    await cycles(settings)
    (result,) = await cycles(settings_in(path.parent, path, start_from="beginning"))
    (warning,) = [w for w in result.warnings if w.type == "start_is_fixed"]
    assert "1 line lies before 2023-07-23" in warning.message
    assert "start_from = 'beginning' does not move that, but a new ledger" in warning.message


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_served_and_left_out_are_all_that_a_file_has(first: set[int], second: set[int]) -> None:
    """Of any file, asked from anywhere, a venue leaves out what it has not served before."""

    async def asked(venue: RecordedVenue, since: int) -> list[str]:
        pages = [page async for page in venue.fetch_fills(BTC, T0 + since)]
        return [json.loads(item)["id"] for page in pages for item in page.items]

    async def check(folder: Path) -> None:
        path = serve(folder, [reported(n, ts=n) for n in first])
        venue = RecordedVenue(path)
        await venue.open()
        served = set(await asked(venue, 20))
        serve(path, [reported(n, ts=n) for n in first | second])
        served |= set(await asked(venue, 30))
        left = {item.trade_id for item in venue.left_out(BTC)}
        assert left == {str(n) for n in first | second if n < 30} - set(map(str, served))
        venue.settle(venue.left_out(BTC))
        await asked(venue, 30)
        assert venue.left_out(BTC) == []
        path.unlink()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder) / "f.jsonl"))


def test_only_a_venue_that_sees_its_whole_history_is_asked(tmp_path: Path) -> None:
    assert isinstance(RecordedVenue(tmp_path), SeesAll)
    assert not isinstance(FakeVenue(), SeesAll)


async def test_the_reported_case_comes_out_as_it_should(path: Path) -> None:
    folder = shared("data/cases/12-older-history-added-later")
    old, new = ((folder / name).read_text() for name in ("old.jsonl", "new.jsonl"))
    path.write_text(new)
    await cycles(settings_in(path.parent, path))
    path.write_text(old + new)
    (result,) = await cycles(settings_in(path.parent, path))
    assert result.status.value == "attention"
    (booking,) = await cycles(settings_in(path.parent, path, lookback=told_lookback(result)))
    position = booking.positions["ETH/EUR"]
    assert (position.qty, position.realized_pnl) == ("0", "2000")
