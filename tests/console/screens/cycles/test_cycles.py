"""The Cycles screen, on ledgers that real engines made."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from shutil import copyfile

import pytest
from textual.pilot import Pilot

from console.app.ledger_app import CycledeckApp
from console.screens.cycles.cycle_grid import CycleGrid
from console.screens.cycles.cycles import CyclesScreen
from console.screens.xray.xray import XrayScreen
from engine import CycleFilter, CycleResult, Engine, History, Settings
from engine.errors import StoreLocked
from tests.builders import opened
from tests.cases import mostly_long
from tests.console.running import console, until, written
from tests.console.seen import cells, inside, rows, text
from tests.console.traded import HOSTILE, NOW_MS, SHOWN, folded, lengthened, told
from tests.fakes import FakeVenue

LAST = 5_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return told(tmp_path_factory.mktemp("told") / "ledger.db")


@pytest.fixture
def db(made: Path, tmp_path: Path) -> Path:
    """A copy of 12 cycles, for the test alone."""
    return Path(copyfile(made, tmp_path / "ledger.db"))


@pytest.fixture
def long(db: Path) -> Path:
    """5,000 cycles: what comes after the 12 was skipped, every hundredth with an error."""
    lengthened(db, LAST)
    return db


def app_of(pilot: Pilot[None]) -> CycledeckApp:
    assert isinstance(pilot.app, CycledeckApp)
    return pilot.app


def screen_of(pilot: Pilot[None]) -> CyclesScreen:
    assert isinstance(pilot.app.screen, CyclesScreen)
    return pilot.app.screen


def history(pilot: Pilot[None]) -> str:
    return cells(pilot.app, "#history") if pilot.app.screen.query("#history") else ""


def in_history(pilot: Pilot[None], words: str) -> bool:
    return words in history(pilot)


async def typed(pilot: Pilot[None], key: str, words: str) -> None:
    """Open the line with a key, type, and answer."""
    await pilot.press(key)
    await until(pilot, lambda: pilot.app.screen.query_one("#prompt").display)
    await written(pilot, words)
    await pilot.press("enter")
    await pilot.pause()


def first_cells(pilot: Pilot[None], word: str) -> list[str]:
    """The numbers of the cycles in rows that say a word."""
    found = (row.strip("│ ").split() for row in inside(pilot.app, "#history") if word in row)
    return [row[0] for row in found]


# --- the list


async def test_all_cycles_are_listed_newest_first_with_what_went_wrong(db: Path) -> None:
    async with console(db, keys="2", size=(160, 40)) as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        assert first_cells(pilot, "●") == ["12", "10", "9", "8", "7", "6", "5", "4", "3", "2", "1"]
        assert "failed" in history(pilot) or "FetchFailed" in history(pilot)
        assert "replay" in history(pilot)
        assert screen_of(pilot).selected_cycle == 12
        assert "cycles" in rows(pilot.app)[0]


async def test_an_empty_ledger_says_so(tmp_path: Path) -> None:
    async with Engine(Settings(db=tmp_path / "l.db", log={"level": "error"}), venue=FakeVenue()):
        pass
    async with console(tmp_path / "l.db", keys="2") as pilot:
        await until(pilot, lambda: "no cycle yet" in history(pilot))
        assert screen_of(pilot).selected_cycle is None
        await pilot.press("enter", "y", "e", "j", "slash", "escape", "colon", "escape")


async def test_any_length_of_history_is_reached_and_read_as_it_is_seen(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    reads = History.results

    async def noted(
        self: History, limit: int, before: int | None = None, only: CycleFilter | None = None
    ) -> Sequence[CycleResult]:
        asked.append(before)
        return await reads(self, limit, before, only)

    async with console(long, keys="2") as pilot:
        await until(pilot, lambda: "all 5,000" in history(pilot))
        monkeypatch.setattr(History, "results", noted)
        await pilot.press("G")
        await until(pilot, lambda: first_cells(pilot, "≠ 1")[-1:] == ["3"])
        assert screen_of(pilot).selected_cycle == 1
        await typed(pilot, "colon", "2,500")
        await until(pilot, lambda: "2,500" in first_cells(pilot, "skipped"))
        assert screen_of(pilot).selected_cycle == 2_500
        assert len([before for before in asked if before is not None]) < 8
        await pilot.press("g")
        assert screen_of(pilot).selected_cycle == LAST


async def test_idle_cycles_that_are_no_longer_kept_are_a_row_that_opens(long: Path) -> None:
    folded(long, [(100, LAST - 3)], NOW_MS)
    async with console(long, keys="2", size=(120, 40)) as pilot:
        await until(pilot, lambda: "4,898 idle cycles" in history(pilot))
        await pilot.press("j", "j", "j")
        assert screen_of(pilot).selected_cycle == 100
        await until(pilot, lambda: "They changed nothing" in cells(pilot.app, "#summary"))
        await pilot.press("j")
        assert screen_of(pilot).selected_cycle == 99
        await pilot.press("g")
        await typed(pilot, "colon", "2,500")
        assert screen_of(pilot).selected_cycle == 100
        await pilot.press("enter")
        await until(pilot, lambda: "cycle 100 was idle, as were" in text(pilot.app))


async def test_a_jump_beyond_the_newest_ends_there_and_words_are_refused(db: Path) -> None:
    async with console(db, keys="2") as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        await typed(pilot, "colon", "5")
        assert screen_of(pilot).selected_cycle == 5
        await typed(pilot, "colon", "99")
        assert screen_of(pilot).selected_cycle == 12
        await typed(pilot, "colon", "0")
        assert screen_of(pilot).selected_cycle == 1
        await typed(pilot, "colon", "abc[/]")
        await until(pilot, lambda: "abc[/] is no cycle number" in text(pilot.app))
        assert screen_of(pilot).selected_cycle == 1


async def test_a_number_without_a_record_keeps_its_row(db: Path) -> None:
    with opened(db) as connection:
        connection.execute("DELETE FROM cycles WHERE cycle_id = 11")
    async with console(db, keys="2") as pilot:
        await until(pilot, lambda: first_cells(pilot, "not recorded") == ["11"])


# --- filters


async def test_a_filter_keeps_a_kind_and_esc_shows_all_again(db: Path) -> None:
    async with console(db, keys="2") as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        await typed(pilot, "slash", "replay")
        await until(pilot, lambda: "all 1 found" in history(pilot))
        assert "cycles · replay" in history(pilot)
        assert screen_of(pilot).selected_cycle == 10
        await pilot.press("escape")
        await until(pilot, lambda: "all 12 ·" in history(pilot))
        assert screen_of(pilot).selected_cycle == 10


FOUND = {
    "failed": ["11"],
    "live failed": ["11"],
    "replay failed": [],
    "trouble replay": ["10"],
    "oversold": ["2"],
    '"no market\'s fills"': ["11"],
    "nothing like it [/]": [],
}


async def test_words_of_a_filter(db: Path) -> None:
    async with console(db, keys="2") as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        for words, found in FOUND.items():
            await typed(pilot, "slash", words)
            for title in (f"cycles · {words} ", said_of(found)):
                await until(pilot, partial(in_history, pilot, title))
            assert [number for number in first_cells(pilot, ":") if number.isdigit()] == found
            assert ("no cycle like that" in history(pilot)) is (not found)
            await pilot.press("escape")


async def test_it_is_said_how_a_filter_is_understood_while_it_is_typed(db: Path) -> None:
    async with console(db, keys="2") as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        await pilot.press("slash")
        await written(pilot, "replay trouble x")
        await until(pilot, lambda: "replay · with trouble" in cells(pilot.app, "#prompt"))
        assert "say “x”" in cells(pilot.app, "#prompt")
        await pilot.press("escape")
        assert not pilot.app.screen.query_one("#prompt").display
        assert "all 12" in history(pilot)


async def test_counts_are_honest_until_the_end_was_seen(long: Path) -> None:
    async with console(long, keys="2") as pilot:
        await until(pilot, lambda: "all 5,000" in history(pilot))
        await typed(pilot, "slash", "skipped")
        await until(pilot, lambda: "≥ 200 found" in history(pilot))
        await pilot.press("G")
        await until(pilot, lambda: "≥ 400 found" in history(pilot))
        await typed(pilot, "slash", "")
        await typed(pilot, "slash", "was locked")
        await until(pilot, lambda: "all 50 found" in history(pilot))


async def test_a_jump_within_a_filter_goes_on_from_there(long: Path) -> None:
    async with console(long, keys="2") as pilot:
        await until(pilot, lambda: "all 5,000" in history(pilot))
        await typed(pilot, "slash", "locked")
        await until(pilot, lambda: "all 50 found" in history(pilot))
        await typed(pilot, "colon", "2550")
        await until(pilot, lambda: "all 25 found up to 2,550" in history(pilot))
        assert screen_of(pilot).selected_cycle == 2_500


async def test_cycles_that_end_while_one_looks_are_found_too(db: Path) -> None:
    async with console(db, keys="2") as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        await typed(pilot, "slash", "locked")
        await until(pilot, lambda: "no cycle like that" in history(pilot))
        lengthened(db, 100, troubled_every=50)
        await until(pilot, lambda: "all 2 found" in history(pilot))
        assert first_cells(pilot, "skipped") == ["100", "50"]


# --- live


async def test_new_cycles_do_not_move_the_row_under_the_cursor(db: Path) -> None:
    async with console(db, keys="2", size=(120, 24)) as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        await pilot.press("j", "j", "j")
        screen = screen_of(pilot)
        grid = screen.query_one(CycleGrid)
        assert screen.selected_cycle == 9
        at = next(n for n, row in enumerate(rows(pilot.app)) if row.strip("│ ").startswith("9 "))
        lengthened(db, 14)
        await until(pilot, lambda: "all 14" in history(pilot))
        assert screen.selected_cycle == 9
        assert rows(pilot.app)[at].strip("│ ").startswith("9 ")
        await pilot.press("g")
        await pilot.pause()
        assert screen.selected_cycle == 14
        lengthened(db, 15)
        await until(pilot, lambda: "all 15" in history(pilot))
        assert screen.selected_cycle == 15
        assert grid.scroll_offset.y == 0


async def test_metrics_that_come_later_are_seen(long: Path) -> None:
    """Also of a cycle that is long past."""
    with opened(long) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM cycle_metrics WHERE cycle_id = 9")
        connection.execute("DELETE FROM cycle_metrics WHERE cycle_id = 9")
    async with console(long, keys="2") as pilot:
        await until(pilot, lambda: "all 5,000" in history(pilot))
        await typed(pilot, "colon", "9")
        await until(pilot, lambda: any("◆" in row for row in row_of(pilot, "9")))
        with opened(long) as connection:
            connection.execute("INSERT INTO cycle_metrics SELECT * FROM kept")
        lengthened(long, LAST + 1)
        await until(pilot, lambda: row_of(pilot, "9") and "◆" not in row_of(pilot, "9")[0])


def row_of(pilot: Pilot[None], number: str) -> list[str]:
    shown = [row.strip("│ ") for row in inside(pilot.app, "#history")]
    return [row for row in shown if row.startswith(number + " ")]


async def test_traveling_through_time_takes_the_cursor_along(db: Path) -> None:
    async with console(db, keys="2") as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        await app_of(pilot).deck.travel(4)
        await until(pilot, lambda: screen_of(pilot).selected_cycle == 4)
        await pilot.press("[")
        await until(pilot, lambda: screen_of(pilot).selected_cycle == 3)


# --- one cycle


@mostly_long("how", ["enter", "click"])
async def test_a_row_opens_its_xray(db: Path, how: str) -> None:
    async with console(db, keys="2") as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        if how == "enter":
            await pilot.press("j", "enter")
        else:
            await pilot.click("#history", offset=(10, 3), times=2)
        await until(pilot, lambda: isinstance(pilot.app.screen, XrayScreen))
        assert pilot.app.screen.selected_cycle == 11  # type: ignore[attr-defined]


async def test_beside_the_list_stands_what_the_cycle_under_the_cursor_did(db: Path) -> None:
    async with console(db, keys="2", size=(160, 50)) as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        await typed(pilot, "colon", "3")
        found = cells(pilot.app, "#summary")
        assert "cycle 3 · live" in found
        assert "attempted 52 = inserted 4 + ignored 47 + conflicting 1" in found
        assert "fills 2 · orders 2 · fills/order 1.00" in found
        assert "▲ warning inputs cursor_held ETH/USDT" in found
        assert "52 attempted 4 inserted 47 ignored" in cells(pilot.app, "#dedupe")
        assert "last 3 cycles" in cells(pilot.app, "#dedupe")
        await typed(pilot, "colon", "11")
        await until(pilot, lambda: "✕ nothing committed" in cells(pilot.app, "#summary"))
        assert "■ error fetch FetchFailed" in cells(pilot.app, "#summary")


@mostly_long(
    ("size", "seen"),
    [
        ((60, 18), set()),
        ((80, 40), {"summary"}),
        ((80, 24), set()),
        ((120, 30), {"summary", "dedupe", "second-chart"}),
        ((200, 60), {"summary", "dedupe", "second-chart"}),
    ],
    usual=2,
)
async def test_small_terminals_lose_panels_and_never_the_list(
    db: Path, size: tuple[int, int], seen: set[str]
) -> None:
    async with console(db, keys="2", size=size) as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        panels = {"summary", "dedupe", "second-chart"}
        shown = {name for name in panels if pilot.app.screen.query_one(f"#{name}").region.height}
        assert shown == seen
        assert "12" in first_cells(pilot, "●")
        assert all(len(row) <= size[0] for row in rows(pilot.app))


async def test_hostile_errors_are_seen_as_they_are(db: Path) -> None:
    notice = {"step": HOSTILE, "type": HOSTILE, "message": HOSTILE, "symbol": HOSTILE}
    with opened(db) as connection:
        values = (json.dumps([notice]),)
        connection.execute("UPDATE cycles SET errors_json = ? WHERE cycle_id = 12", values)
    async with console(db, keys="2", size=(200, 60)) as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        assert SHOWN in cells(pilot.app, "#summary")
        assert SHOWN in history(pilot)
        assert "".join(rows(pilot.app)).isprintable()


async def test_y_copies_the_result_and_e_writes_the_rows_that_are_seen(
    db: Path, tmp_path: Path
) -> None:
    async with console(db, keys="2", size=(120, 40)) as pilot:
        await until(pilot, lambda: "all 12" in history(pilot))
        await pilot.press("j", "j")
        assert json.loads(str(screen_of(pilot).copied()))["cycle_id"] == 10
        await pilot.press("e")
        path = tmp_path / "cycles-1-12.jsonl"
        await until(pilot, path.exists)
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert [line["cycle_id"] for line in lines] == list(range(12, 0, -1))


async def test_a_file_that_cannot_be_read_is_said_and_read_when_it_can(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = History.results

    async def locked(self: History, *asked: object, **more: object) -> None:
        raise StoreLocked("locked by [/] a backup")

    async with console(long, keys="2") as pilot:
        await until(pilot, lambda: "all 5,000" in history(pilot))
        monkeypatch.setattr(History, "results", locked)
        await typed(pilot, "colon", "100")
        await until(pilot, lambda: "not read: locked by [/] a backup" in history(pilot))
        assert screen_of(pilot).selected_cycle == 100
        monkeypatch.setattr(History, "results", reads)
        await until(pilot, lambda: "100" in first_cells(pilot, "skipped"))


def said_of(found: list[str]) -> str:
    return f"all {len(found)} found" if found else "none found"
