"""A cycle's x-ray, on ledgers that real engines made."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from shutil import copyfile

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget

from console.app.ledger_app import CycledeckApp
from console.browser.ui.tables import TablesScreen
from console.screens.watch.watch import WatchScreen
from console.screens.xray.explain import ExplainPanel
from console.screens.xray.fills import FillsGrid
from console.screens.xray.xray import XrayScreen
from engine import Engine, History, Kind, Verdict
from engine.errors import StoreLocked
from tests.builders import BTC, ETH, cycledeck, opened, resolve, settings_in
from tests.cases import mostly_long
from tests.console.published import result
from tests.console.running import console, ran, until
from tests.console.seen import cells, rows, text
from tests.console.traded import SHOWN, cycles_on, fill, lengthened, told
from tests.fakes import FakeVenue


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return told(tmp_path_factory.mktemp("told") / "ledger.db")


@pytest.fixture
def db(made: Path, tmp_path: Path) -> Path:
    """A copy, for the test alone."""
    return Path(copyfile(made, tmp_path / "ledger.db"))


@asynccontextmanager
async def xray(
    db: Path, cycle_id: int, size: tuple[int, int] = (120, 42)
) -> AsyncIterator[Pilot[None]]:
    """A cycle's x-ray, read, explained and drawn."""
    async with console(db, size=size) as pilot:
        app_of(pilot).open_cycle(cycle_id)
        await until(pilot, lambda: is_read(pilot, cycle_id))
        await pilot.pause()
        yield pilot


def app_of(pilot: Pilot[None]) -> CycledeckApp:
    assert isinstance(pilot.app, CycledeckApp)
    return pilot.app


def is_read(pilot: Pilot[None], cycle_id: int) -> bool:
    screen = pilot.app.screen
    if not isinstance(screen, XrayScreen) or screen.selected_cycle != cycle_id:
        return False
    return "as of" in screen.crumb and not screen.query_one(ExplainPanel).reading


def panel(pilot: Pilot[None], selector: str) -> str:
    """A panel's text; what goes on in the next row is read on."""
    return " ".join(cells(pilot.app, selector).replace("│", " ").split())


async def focus(pilot: Pilot[None], selector: str) -> None:
    pilot.app.screen.query_one(selector).focus()
    await pilot.pause()


# --- what the venue said, and what TX 1 did


async def test_each_fill_says_what_the_ledger_did_with_it_and_where_it_came_from(db: Path) -> None:
    async with xray(db, 3, (200, 60)) as pilot:
        found = panel(pilot, "#fills")
        assert "884200 BTC/USDT buy 0.004" in found
        assert "+ fill +fee" in found
        assert "884100 ETH/USDT sell 0.4 3,142.1 = ignored from 2" in found
        assert "≠ conflict price: ledger 3142.1, venue 3142" in found
        assert "◆ quarantined amount: 'oops'" in found
        assert "attempted 52 = inserted 4 + ignored 47 + conflicting 1" in found
        assert "1 quarantined · 26 fetched · 2 new · 23 seen before · 1 conflict" in found


async def test_the_cursor_begins_on_what_is_most_worth_a_look(db: Path) -> None:
    async with xray(db, 3, (80, 24)) as pilot:
        assert "▸ ≠ conflict price: ledger 3142.1, venue 3142 = fee from 2" in panel(
            pilot, "#fills"
        )


async def test_what_waits_in_quarantine_says_what_resolves_it_until_it_is(db: Path) -> None:
    async with xray(db, 3, (120, 60)) as pilot:
        await pilot.press("end")
        await until(pilot, lambda: "quarantine resolve 1 --drop" in panel(pilot, "#fills"))
    with opened(db) as connection:
        resolve(connection, 1)
    async with xray(db, 3, (120, 60)) as pilot:
        await pilot.press("end")
        await until(pilot, lambda: "▸ · dropped amount: 'oops'" in panel(pilot, "#fills"))
        assert "1 dropped · 26 fetched" in panel(pilot, "#fills")
        assert "resolves it" not in panel(pilot, "#fills")


async def test_runs_of_ignored_fills_are_folded_until_they_are_asked_for(db: Path) -> None:
    async with xray(db, 3, (120, 60)) as pilot:
        await until(pilot, lambda: "… 18 more ignored" in panel(pilot, "#fills"))
        assert "884010" not in panel(pilot, "#fills")
        await pilot.press("a")
        await until(pilot, lambda: "more ignored" not in panel(pilot, "#fills"))
        await pilot.press("home")
        assert "884010 BTC/USDT" in panel(pilot, "#fills")
        await pilot.press("a")
        await until(pilot, lambda: "… 18 more ignored" in panel(pilot, "#fills"))


async def test_enter_unfolds_one_run(db: Path) -> None:
    async with xray(db, 3, (120, 60)) as pilot:
        await pilot.press("home", "j", "j", "enter")
        await until(pilot, lambda: "884002 BTC/USDT" in panel(pilot, "#fills"))
        assert "more ignored" not in panel(pilot, "#fills")
        assert pilot.app.screen.query_one(FillsGrid).cursor == 2


async def test_enter_on_an_ignored_fill_opens_the_cycle_that_had_booked_it(db: Path) -> None:
    async with xray(db, 3) as pilot:
        await pilot.press("k", "enter")
        await until(pilot, lambda: is_read(pilot, 2))
        assert "attempted 48 = inserted 8 + ignored 40" in panel(pilot, "#fills")
        await pilot.press("escape")
        await until(pilot, lambda: is_read(pilot, 3))


async def test_enter_on_a_new_fill_explains_its_market(db: Path) -> None:
    async with xray(db, 3) as pilot:
        await pilot.press("home", "j", "j", "j", "enter")
        assert pilot.app.screen.query_one(ExplainPanel).has_focus_within


async def test_a_replays_xray_shows_what_it_ran_on(db: Path) -> None:
    async with xray(db, 10, (120, 60)) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "more ignored" not in panel(pilot, "#fills"))
        assert "884200 BTC/USDT buy 0.004 64,840 = ignored from 3" in panel(pilot, "#fills")
        assert "a replay of cycle 3" in panel(pilot, "#xray-replay")
        assert "a replay never sends orders" in panel(pilot, "#xray-orders")
        await focus(pilot, "#xray-replay")
        await pilot.press("enter")
        await until(pilot, lambda: is_read(pilot, 3))


# --- raw text


async def test_v_shows_the_text_as_the_venue_sent_it_and_it_follows_the_cursor(db: Path) -> None:
    async with xray(db, 3) as pilot:
        await pilot.press("v")
        await until(pilot, lambda: '"id": "884101"' in panel(pilot, "#raw"))
        assert '"price": "3142.00"' in panel(pilot, "#raw")
        assert not pilot.app.screen.query_one("#xray-cursors").display
        await pilot.press("j")
        await until(pilot, lambda: '"id": "884102"' in panel(pilot, "#raw"))
        await pilot.press("escape")
        assert pilot.app.screen.query_one("#xray-cursors").display
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, WatchScreen))


async def test_the_row_under_the_cursor_stays_in_sight_beside_its_raw_text(db: Path) -> None:
    async with xray(db, 3, (80, 24)) as pilot:
        await pilot.press("v")
        await until(pilot, lambda: '"id": "884101"' in panel(pilot, "#raw"))
        assert "884101 ETH/USDT" in panel(pilot, "#fills")


async def test_hostile_text_is_seen_as_it_is_everywhere(db: Path) -> None:
    async with xray(db, 3, (200, 60)) as pilot:
        await pilot.press("end", "v")
        await until(pilot, lambda: '"note": "[red]x[/]' in panel(pilot, "#raw"))
        assert "\\u001b]0;pwn\\u0007 \\u202eevil\\u200b" in panel(pilot, "#raw")
        assert "".join(rows(pilot.app)).isprintable()
        app_of(pilot).open_cycle(11)
        await until(pilot, lambda: is_read(pilot, 11))
        assert f"VenueUnavailable: 503 {SHOWN}" in panel(pilot, "#xray-orders")
        assert SHOWN.split()[0] in panel(pilot, "#xray-cursors")
        assert "".join(rows(pilot.app)).isprintable()


# --- explain


async def test_explain_tells_the_fold_step_by_step_and_that_it_is_what_is_stored(db: Path) -> None:
    async with xray(db, 5, (200, 60)) as pilot:
        found = panel(pilot, "#explain")
        history = app_of(pilot).history
        assert history is not None
        explained = await history.explain(5, BTC)
        step = explained.steps[0]
        assert f"explain · {BTC}" in found
        assert f"+ {step.event_id}" in found
        assert "- 0.002" not in found
        assert "-0.002" in found
        assert str(step.released) in found
        assert f"+{step.realized}" in found
        assert explained.after.cost.replace("1620", "1,620") in found
        assert f"fold of {explained.folded} events before + 2 steps = stored ✓" in found


async def test_figures_that_do_not_fit_are_cut_in_the_table_and_told_in_full_below(
    db: Path,
) -> None:
    async with xray(db, 5, (80, 40)) as pilot:
        await pilot.press("home", "x")
        history = app_of(pilot).history
        assert history is not None
        released = str((await history.explain(5, BTC)).steps[0].released)
        found = panel(pilot, "#explain")
        assert f"▸ released {released}" in found
        assert f"{released[:8]}" in found.partition("▸")[0]
        assert "…" in found.partition("▸")[0]


async def test_the_steps_are_seen_before_every_digit_of_the_positions(db: Path) -> None:
    async with xray(db, 3, (120, 36)) as pilot:
        found = panel(pilot, "#explain")
        for name in ("fill:884200", "fee:884200", "fill:884201", "fee:884201"):
            assert f"+ {name}" in found
    async with xray(db, 5, (120, 42)) as pilot:
        assert "cost 1,750.202016206896551724" in panel(pilot, "#explain")


async def test_left_and_right_go_to_the_other_markets(db: Path) -> None:
    async with xray(db, 3) as pilot:
        await pilot.press("home", "x")
        assert pilot.app.screen.query_one(ExplainPanel).symbol == BTC
        await pilot.press("right")
        await until(pilot, lambda: "no event of this cycle moved it" in panel(pilot, "#explain"))
        assert f"explain · {ETH}" in panel(pilot, "#explain")
        assert "position 2 of 2" in panel(pilot, "#explain")
        await pilot.press("h")
        await until(pilot, lambda: "+ fill:884200" in panel(pilot, "#explain"))


async def test_x_explains_the_market_of_the_fill_under_the_cursor(db: Path) -> None:
    async with xray(db, 3) as pilot:
        assert f"explain · {BTC}" in panel(pilot, "#explain")
        await pilot.press("x")
        await until(pilot, lambda: f"explain · {ETH}" in panel(pilot, "#explain"))
        assert "▲ oversold" in panel(pilot, "#explain")


async def test_a_fold_that_does_not_match_is_said_so_with_what_to_do(db: Path) -> None:
    with opened(db) as connection:
        connection.execute(
            "UPDATE position_history SET qty = '77' WHERE symbol = ? AND commit_seq = 5", (BTC,)
        )
    async with xray(db, 5, (120, 60)) as pilot:
        found = panel(pilot, "#explain")
        assert "≠ stored: it does not match" in found
        assert "stored qty 77" in found
        assert "cycledeck verify" in found


async def test_what_committed_nothing_explains_nothing(db: Path) -> None:
    async with xray(db, 10) as pilot:
        await pilot.press("]")
        await until(pilot, lambda: is_read(pilot, 11))
        assert "market" not in panel(pilot, "#explain")
        assert "this cycle committed nothing" in panel(pilot, "#explain")
        assert "■ nothing was committed" in panel(pilot, "#fills")
        assert "nothing was committed" in panel(pilot, "#xray-cursors")
        assert "not complete" in panel(pilot, "#xray-cursors")


# --- cursors, orders, metrics, replays


async def test_cursors_say_how_far_they_moved_and_what_was_asked(db: Path) -> None:
    async with xray(db, 3, (200, 60)) as pilot:
        found = panel(pilot, "#xray-cursors")
        assert "22:13:27.600 → 2023-11-14 22:13:32.100" in found
        assert "asked since 2023-11-14 22:03:27.600 (−10 m)" in found
        assert "1 page · 22 items · complete" in found
        assert "◆ held: an item in quarantine" in found


async def test_a_decision_is_no_cycle_whose_evidence_went(db: Path) -> None:
    how = ("adjust", "--asset", "USDT", "--amount", "1", "--reason", "a fork", "--db", db)
    assert (await asyncio.to_thread(cycledeck, *how)).code == 0
    async with xray(db, 13, (120, 50)) as pilot:
        assert "decided at TX 1: adjust USDT 1, by" in panel(pilot, "#cycle")
        assert "a decision asks the venue nothing" in panel(pilot, "#fills")
        assert "no market was asked for its fills" in panel(pilot, "#xray-cursors")
        assert "decision 10 · cycledeck decisions list" in panel(pilot, "#xray-replay")
        assert "evidence" not in text(pilot.app)


async def test_no_time_is_broken_in_two_and_more_markets_below_have_a_scrollbar(db: Path) -> None:
    async with xray(db, 3, (120, 42)) as pilot:
        found = [row.strip(" │") for row in cells(pilot.app, "#xray-cursors").splitlines()]
        assert "→ 2023-11-14 22:13:32.100" in " ".join(found)
        assert not [row for row in found if row.endswith("2023-11-14")]
        assert "2 markets · 1 held" in panel(pilot, "#xray-cursors")
        assert pilot.app.screen.query_one("#xray-cursors").show_vertical_scrollbar


async def test_orders_say_what_became_of_them_and_why(db: Path) -> None:
    async with xray(db, 3, (160, 60)) as pilot:
        found = panel(pilot, "#xray-orders")
        assert "intent buy 0.01 BTC/USDT @ 64,850 ✓ accepted → open cd" in found
        assert "fills 2 · orders 2 · fills/order 1.00" in found
        assert "▲ warning tx1 ledger_conflict events against the ledger: 1" in found
        await pilot.press("]", "]")
        await until(pilot, lambda: is_read(pilot, 5))
        found = panel(pilot, "#xray-orders")
        assert "sell 0.01 BTC/USDT @ 64,910 ◆ refused" in found
        assert "max_open_orders: 4 of 4 are open" in found


async def test_metrics_that_are_missing_are_read_again_once_they_are_there(db: Path) -> None:
    with opened(db) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM cycle_metrics WHERE cycle_id = 12")
        connection.execute("DELETE FROM cycle_metrics WHERE cycle_id = 12")
    async with xray(db, 12) as pilot:
        assert "◆ not persisted m rebuilds them" in panel(pilot, "#xray-orders")
        with opened(db) as connection:
            connection.execute("INSERT INTO cycle_metrics SELECT * FROM kept")
        await until(pilot, lambda: "fills/order" in panel(pilot, "#xray-orders"))


async def test_replays_stand_beside_the_original(db: Path) -> None:
    async with xray(db, 3, (120, 60)) as pilot:
        found = panel(pilot, "#xray-replay")
        assert "original cycle 10" in found
        assert "inserted 4 0" in found
        assert "ignored 47 51" in found
        assert "verdict ≠ conflict" in found
        assert "orders never sent by a replay" in found


async def test_a_replay_made_while_one_looks_appears_with_its_verdict(db: Path) -> None:
    async with xray(db, 4, (120, 60)) as pilot:
        assert "not replayed yet" in panel(pilot, "#xray-replay")
        async with Engine(settings_in(db.parent, db=db), venue=FakeVenue()) as engine:
            await engine.replay(4)
        await until(pilot, lambda: "original cycle 13" in panel(pilot, "#xray-replay"))
        assert "verdict" in panel(pilot, "#xray-replay")


async def test_a_clean_replay_says_that_positions_are_unchanged(db: Path) -> None:
    async with xray(db, 6, (120, 60)) as pilot:
        screen, deck = pilot.app.screen, app_of(pilot).deck
        replay = result(13, kind=Kind.REPLAY, replay_of=6, verdict=Verdict.CLEAN)
        assert isinstance(screen, XrayScreen)
        deck.live = deck.view = deck.live.with_results([replay])
        screen.present()
        await pilot.pause()
        found = panel(pilot, "#xray-replay")
        assert "positions unchanged" in found
        assert "verdict = clean" in found


async def test_a_rehearsal_shows_its_differences_or_that_there_are_none(db: Path) -> None:
    async with xray(db, 3, (120, 60)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, XrayScreen)
        screen.show_rehearsal({"cycle_id": 4, "differences": []})
        await pilot.pause()
        assert "no differences" not in panel(pilot, "#xray-replay")
        screen.show_rehearsal({"cycle_id": 3, "differences": []})
        await pilot.pause()
        assert "✓ no differences" in panel(pilot, "#xray-replay")
        other = {"what": "event", "key": "fill:[/]\x1b", "recorded": None, "now": "ab"}
        screen.show_rehearsal({"cycle_id": 3, "differences": [other]})
        await pilot.pause()
        assert "≠ 1 difference" in panel(pilot, "#xray-replay")
        screen.query_one("#xray-replay").scroll_end(animate=False)
        await pilot.pause()
        assert "event fill:[/]\\x1b recorded – now ab" in panel(pilot, "#xray-replay")


async def test_R_rehearses_this_cycle_in_a_process_of_its_own(db: Path) -> None:  # noqa: N802
    async with xray(db, 2, (120, 60)) as pilot:
        await pilot.press("R")
        await until(pilot, lambda: "✓ no differences" in panel(pilot, "#xray-replay"))


# --- evidence that is gone, cycles that are not there


async def test_without_evidence_what_was_inserted_is_listed_and_said_so(db: Path) -> None:
    with opened(db) as connection:
        connection.execute("DELETE FROM cycle_inputs")
    async with xray(db, 3, (120, 60)) as pilot:
        found = panel(pilot, "#fills")
        assert "evidence no longer kept" in found
        assert "+ fill +fee" in found
        assert "ignored from" not in found
        assert "evidence no longer kept" in panel(pilot, "#xray-cursors")
        await pilot.press("v")
        await until(pilot, lambda: "no raw text for this row" in panel(pilot, "#raw"))


async def test_idle_cycles_that_are_no_longer_kept_are_told_once_and_passed_at_once(
    db: Path,
) -> None:
    with opened(db) as connection:
        for table in ("cycles", "ledger_commits"):
            connection.execute(f"DELETE FROM {table} WHERE cycle_id BETWEEN 9 AND 11")
        connection.execute("INSERT INTO idle_runs VALUES (9, 11, 3, 1, 1, 0)")
    async with xray(db, 12) as pilot:
        await pilot.press("[")
        await until(pilot, lambda: "cycle 11 was idle" in panel(pilot, "#calm"))
        assert "from 9 to 11" in panel(pilot, "#calm")
        await pilot.press("[")
        await until(pilot, lambda: is_read(pilot, 8))
        await pilot.press("]")
        await until(pilot, lambda: "cycle 9 was idle" in panel(pilot, "#calm"))
        await pilot.press("]")
        await until(pilot, lambda: is_read(pilot, 12))


async def test_a_cycle_that_is_not_there_is_said_calmly(db: Path) -> None:
    with opened(db) as connection:
        connection.execute("DELETE FROM cycles WHERE cycle_id = 11")
    async with xray(db, 12) as pilot:
        await pilot.press("[")
        await until(pilot, lambda: "there is no cycle 11" in panel(pilot, "#calm"))
        assert "[ and ] go on" in panel(pilot, "#calm")
        await pilot.press("[")
        await until(pilot, lambda: is_read(pilot, 10))
        assert not pilot.app.screen.query_one("#calm").display


async def test_a_file_that_cannot_be_read_is_said_calmly_and_read_when_it_can(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(db, size=(120, 42)) as pilot:
        app, reads = app_of(pilot), History.xray

        async def locked(self: History, cycle_id: int) -> None:
            raise StoreLocked("the file is locked by a backup")

        monkeypatch.setattr(History, "xray", locked)
        app.open_cycle(3)
        await until(pilot, lambda: "locked by a backup" in text(app))
        assert "Nothing was changed" in panel(pilot, "#calm")
        monkeypatch.setattr(History, "xray", reads)
        await until(pilot, lambda: is_read(pilot, 3))


async def test_while_it_is_read_it_says_so_and_keys_are_answered(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, may = History.xray, asyncio.Event()

    async def slow(self: History, cycle_id: int) -> object:
        await may.wait()
        return await reads(self, cycle_id)

    monkeypatch.setattr(History, "xray", slow)
    async with console(db, size=(120, 42)) as pilot:
        app_of(pilot).open_cycle(3)
        await until(pilot, lambda: "3 reading…" in " ".join(rows(pilot.app)[0].split()))
        assert "reading…" in panel(pilot, "#fills")
        await pilot.press("v", "a", "x", "j", "enter", "y", "o")
        may.set()
        await until(pilot, lambda: is_read(pilot, 3))


async def test_a_read_that_was_given_up_for_a_file_that_is_not_there_begins_again(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, may = History.xray, asyncio.Event()

    async def slow(self: History, cycle_id: int) -> object:
        await may.wait()
        return await reads(self, cycle_id)

    monkeypatch.setattr(History, "xray", slow)
    async with console(db, size=(120, 42)) as pilot:
        app = app_of(pilot)
        app.open_cycle(3)
        await until(pilot, lambda: "3 reading…" in " ".join(rows(app)[0].split()))
        history, app.deck.history = app.deck.history, None
        await pilot.press("[")
        await until(pilot, lambda: "no ledger file" in panel(pilot, "#calm"))
        app.deck.history = history
        may.set()
        await until(pilot, lambda: is_read(pilot, 2))


# --- walking, copying, following, exporting


async def test_brackets_walk_from_cycle_to_cycle_and_stop_at_the_ends(db: Path) -> None:
    async with xray(db, 2) as pilot:
        await pilot.press("[")
        await until(pilot, lambda: is_read(pilot, 1))
        assert "cycles › 1 as of" in " ".join(rows(pilot.app)[0].split())
        assert "11 cycles ago" in rows(pilot.app)[0]
        await pilot.press("[")
        await until(pilot, lambda: "This is the first cycle" in text(pilot.app))
        await pilot.press("]")
        await until(pilot, lambda: is_read(pilot, 2))
        app_of(pilot).open_cycle(11)
        await until(pilot, lambda: is_read(pilot, 11))
        await pilot.press("]")
        await until(pilot, lambda: is_read(pilot, 12))
        await pilot.press("]")
        await until(pilot, lambda: "This is the newest cycle" in text(pilot.app))
        assert app_of(pilot).view.past is None


async def test_y_copies_the_evidence_the_step_or_the_whole_result(db: Path) -> None:
    async with xray(db, 3) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, XrayScreen)
        assert '"price": "3142.00"' in str(screen.copied())
        await pilot.press("home", "x")
        assert '"event_id":"fill:884200"' in str(screen.copied())
        await focus(pilot, "#xray-orders")
        assert '"cycle_id":3' in str(screen.copied())


async def test_e_writes_the_whole_xray(db: Path, tmp_path: Path) -> None:
    async with xray(db, 3) as pilot:
        await pilot.press("e")
        path = tmp_path / "cycle-3.json"
        await until(pilot, path.exists)
        assert '"conflicting"' in path.read_text("utf-8")


async def test_o_opens_the_event_in_tables(db: Path) -> None:
    async with xray(db, 3) as pilot:
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, TablesScreen))
        await until(pilot, lambda: "fill:884101" in text(pilot.app))


# --- sizes and amounts


def in_view(app: App[None], panel: Widget) -> bool:
    return app.screen.region.overlaps(panel.region)


@mostly_long("size", [(60, 18), (120, 40), (80, 24), (80, 50), (120, 24), (200, 60)])
async def test_every_panel_is_reached_by_tab_at_every_size(db: Path, size: tuple[int, int]) -> None:
    async with xray(db, 3, size) as pilot:
        app, seen = pilot.app, set()
        for _ in range(6):
            focused = app.focused
            assert focused is not None
            found = next(
                w
                for w in focused.ancestors_with_self
                if isinstance(w, Widget) and w.has_class("panel")
            )
            seen.add(found.id)
            await until(pilot, partial(in_view, app, found))
            await pilot.press("tab")
            await pilot.pause()
        assert seen == {"fills", "xray-cursors", "explain", "xray-replay", "xray-orders"}
        assert all(len(row) <= size[0] for row in rows(app))


@pytest.mark.long
async def test_ten_thousand_fills_are_shown_and_walked_through(tmp_path: Path) -> None:
    db = tmp_path / "ledger.db"
    many = [fill(n, "buy", "0.001", n) for n in range(10_000)]
    await cycles_on(db, 1, lambda number: many)
    async with xray(db, 1) as pilot:
        assert "10,000 fetched · 10,000 new · 0 seen before" in panel(pilot, "#fills")
        await pilot.press("end")
        await until(pilot, lambda: "893999 BTC/USDT" in panel(pilot, "#fills"))
        found = panel(pilot, "#explain")
        assert "fold of 0 events before + 20,000 steps = stored ✓" in found
        assert "… 19,500 more steps, not listed, are folded all the same" in found


@pytest.fixture
def _in_tokyo() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_tokyo")
async def test_times_are_local_once_that_is_asked_for(db: Path) -> None:
    async with xray(db, 3, (200, 60)) as pilot:
        assert "22:13:32 884200" in panel(pilot, "#fills")
        app_of(pilot)._toggle_time()
        await until(pilot, lambda: "07:13:32 884200" in panel(pilot, "#fills"))
        assert "+ fill:884200 07:13:32" in panel(pilot, "#explain")
        assert "2023-11-15 07:13:32.100" in panel(pilot, "#xray-cursors")


async def test_it_says_how_long_ago_while_cycles_go_on(db: Path) -> None:
    async with xray(db, 12) as pilot:
        assert "ago" not in rows(pilot.app)[0].partition("│")[0].partition("last cycle")[0]
        lengthened(db, 15)
        await until(pilot, lambda: "3 cycles ago" in rows(pilot.app)[0])


async def test_of_another_file_in_the_ledgers_place_its_own_cycle_is_read(
    db: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    await ran(other, 3)
    async with xray(db, 3) as pilot:
        assert "884200" in panel(pilot, "#fills")
        other.replace(db)
        await until(pilot, lambda: "884200" not in panel(pilot, "#fills"))
