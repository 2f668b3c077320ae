import json
import re
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from console.screens.watch.cycle_list import CycleList
from console.screens.watch.watch import WatchScreen
from console.session.view import ConsoleState, CursorMark, Past, Trouble
from engine.cycles.results import CycleStatus, Kind, Verdict
from tests.cases import mostly_long
from tests.console import published as p
from tests.console import seen
from tests.console.hosting import Host
from tests.console.running import until

SIZES = [(80, 24), (40, 10), (120, 40), (200, 60), (100, 34), (60, 20), (120, 24), (20, 5)]

Watched = tuple[Host, Pilot[None]]


@asynccontextmanager
async def watching(view: ConsoleState, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Any]:
    app = Host(WatchScreen(), view)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.pause()
        yield app, pilot


def last_forty(*more: Any) -> ConsoleState:
    """Forty cycles and those given, SOL held by quarantine."""
    results = [*(p.result(number) for number in range(1_245, 1_285)), *more]
    now_ms = results[-1].started_ms
    return p.view(
        *results,
        cursors={
            f"fills_cursor:{p.BTC}": CursorMark(now_ms - 700, now_ms),
            f"fills_cursor:{p.ETH}": CursorMark(now_ms - 900, now_ms),
            f"fills_cursor:{p.SOL}": CursorMark(now_ms - 660_000, now_ms - 660_000, held=True),
        },
    )


# --- what is seen


async def test_the_last_cycle_is_shown_as_the_path_it_took() -> None:
    async with watching(last_forty()) as (app, _):
        shown = seen.cells(app, "#cycle")
        assert "cycle 1,284 · live" in shown
        assert "● committed" in shown
        assert "● metrics" in shown
        assert "41 ms · 12:21:24.000 UTC" in shown
        assert "ok · 3 new of 24 fetched" in shown


async def test_markets_that_are_not_ok_are_counted_and_their_positions_marked() -> None:
    clash = p.notice("tx1", "clash_open", "one content", p.ETH)
    odd = p.result(1_285, held=(p.SOL,), warnings=(clash,))
    async with watching(last_forty(odd, p.failed(1_286))) as (app, _):
        positions = seen.cells(app, "#positions")
        assert "positions · ◆ 1 held, 1 at attention · 4 says why" in positions
        assert "ETH/USDT ◆" in positions
        assert "SOL/USDT ◆" in positions
        assert "BTC/USDT 0.074" in positions
    async with watching(last_forty(odd, p.result(1_286))) as (app, _):
        assert "◆" not in seen.cells(app, "#positions")


async def test_dedupe_is_told_for_this_cycle_and_for_those_in_the_chart() -> None:
    async with watching(last_forty()) as (app, _):
        shown = seen.cells(app, "#dedupe")
        assert "48 attempted 6 inserted 42 ignored" in shown
        assert "0 conflicting · dedupe 87.5 %" in shown
        (many,) = re.findall(r"last (\d+) cycles", shown)
        assert f"last {many}: {6 * int(many)} of {48 * int(many):,} ins" in shown
        bars = max(row.count("█") for row in seen.inside(app, "#dedupe"))
        assert bars == int(many)


async def test_where_words_are_short_they_are_the_same_cycle_after_cycle() -> None:
    """And never `new`, which are fills in the list below."""
    view = last_forty(p.result(1_285, ledger_events_attempted=1_048, ledger_events_ignored=1_042))
    async with watching(view, (80, 24)) as (app, pilot):
        assert "1,048 att 6 ins 1,042 ign" in seen.cells(app, "#dedupe")
        assert re.search(r"last 36: 216 of 2,728 ins ", seen.cells(app, "#dedupe"))
        app.give(app.view.with_results([p.result(1_286)]))
        await pilot.pause()
        assert "48 att 6 ins 42 ign" in seen.cells(app, "#dedupe")


async def test_fill_rate_is_told_and_drawn() -> None:
    async with watching(last_forty()) as (app, _):
        shown = seen.cells(app, "#fill-rate")
        assert "0.75 fills/order +1.8 bps slip" in shown
        assert "4 orders · 0 rejects · 1.2 s to fill" in shown
        assert "fills per submitted order" in shown


async def test_without_orders_there_is_no_fill_rate() -> None:
    none = p.result(
        1_285,
        orders_submitted=0,
        fills_per_submitted_order=None,
        slippage_bps_avg=None,
        avg_time_to_fill=None,
    )
    async with watching(last_forty(none)) as (app, _):
        shown = seen.cells(app, "#fill-rate")
        assert "– fills/order – bps slip" in shown
        assert "0 orders · 0 rejects · – to fill" in shown


async def test_cursors_have_their_time_their_lag_and_their_window() -> None:
    async with watching(last_forty()) as (app, _):
        rows = seen.inside(app, "#cursors")
        assert "SOL/USDT 12:10:24.000" in rows[1]
        assert "◆ held 11 m" in rows[1]
        assert "━◆─" in rows[2]
        assert "BTC/USDT 12:21:23.300" in rows[3]
        assert "lag 0.7 s" in rows[3]
        assert "━●" in rows[4]
        assert "lookback 10 m" in rows[-1]


async def test_positions_have_every_figure_and_totals_by_currency() -> None:
    async with watching(last_forty()) as (app, _):
        rows = [" ".join(row.split()) for row in seen.inside(app, "#positions")]
        assert rows[2] == ("│ BTC/USDT 0.074 64,211.4 64,880.1 ▲ +49.4838 ▲ +31.07 2.91 USDT │")
        assert "▼ -25.62 ▲ +12.4 1.17 USDT · 0.0021 BNB" in rows[3]
        assert "SOL/USDT 0 – 151.22 0 ▼ -6.35" in rows[4]
        assert "net +33.04 USDT · fees 4.08 USDT, 0.0021 BNB, 0.002 SOL" in rows[5]


async def test_cycles_are_listed_newest_first() -> None:
    replay = p.result(1_285, kind=Kind.REPLAY, verdict=Verdict.CLEAN, replay_of=1_270)
    async with watching(last_forty(replay, p.failed(1_286))) as (app, _):
        rows = [" ".join(row.split()) for row in seen.inside(app, "#cycles")]
        assert rows[2].startswith("│ 1,286 12:21:26 live ✕ –")
        assert "store locked" in rows[2]
        assert rows[3].startswith("│ 1,285 12:21:25 replay ● ●")
        assert "= clean" in rows[3]
        assert rows[4].startswith("│ 1,284 12:21:24 live ● ● 24 3 6 42 4 0.75 +1.8 41")


@mostly_long("size", SIZES)
async def test_before_the_first_cycle_every_panel_says_what_it_waits_for(
    size: tuple[int, int],
) -> None:
    async with watching(ConsoleState(), size) as (app, _):
        shown = seen.text(app)
        assert "waiting" in shown or size == (20, 5)
        if size[1] >= 24 and size[0] >= 80:
            assert "no market has a cursor yet" in shown
            assert "no positions yet" in shown
            assert "waiting for the first cycle" in seen.cells(app, "#dedupe")


# --- sizes


@mostly_long("size", SIZES, usual=2)
async def test_with_a_banner_it_fits_as_well(size: tuple[int, int]) -> None:
    trouble = Trouble("No engine is running. " * 9, "Start an engine with: cycledeck run. " * 9)
    async with watching(replace(last_forty(), trouble=trouble), size) as (app, _):
        assert not app.screen.show_vertical_scrollbar
        if size[1] >= 10:
            assert app.screen.max_scroll_y == 0
            assert "cycle 1,284" in seen.cells(app, "#cycle")
            assert " 1,284 " in seen.inside(app, "#cycles")[2]


@mostly_long("size", SIZES, usual=2)
async def test_it_is_drawn_at_every_size(size: tuple[int, int]) -> None:
    async with watching(last_forty(), size) as (app, _):
        shown = seen.rows(app)
        assert len(shown) == size[1]
        if size[1] >= 10:
            assert "cycle 1,284" in seen.text(app)
            assert "1,283" in seen.text(app)


async def test_at_80_by_24_nothing_that_matters_is_missing() -> None:
    async with watching(last_forty(), (80, 24)) as (app, _):
        assert "TX 1 ━ 4.1 ●" in seen.cells(app, "#cycle")
        assert "48 attempted 6 inserted 42 ignored" in seen.cells(app, "#dedupe")
        for symbol in p.SYMBOLS:
            assert symbol in seen.cells(app, "#cursors")
            assert symbol in seen.cells(app, "#positions")
        assert "◆ held 11 m" in seen.cells(app, "#cursors")
        listed = seen.cells(app, "#cycles")
        assert all(str(number) in listed.replace(",", "") for number in range(1_280, 1_285))


async def test_a_failure_takes_the_place_of_the_path_where_there_is_one_row() -> None:
    async with watching(last_forty(p.failed(1_285)), (80, 24)) as (app, _):
        shown = seen.cells(app, "#cycle")
        assert "✕ nothing committed failed · store locked at TX 1: database is locked" in shown


async def test_wide_screens_have_two_charts_side_by_side() -> None:
    async with watching(last_forty(), (200, 60)) as (app, pilot):
        assert "slippage, bps" in seen.cells(app, "#second-chart")
        assert "█" in seen.cells(app, "#second-chart")
        await pilot.press("c")
        await pilot.pause()
        assert "slippage, bps · c next" in seen.cells(app, "#fill-rate")
        assert "PnL, USDT" in seen.cells(app, "#second-chart")


async def test_charts_come_back_when_the_terminal_grows() -> None:
    async with watching(last_forty(), (80, 24)) as (app, pilot):
        assert "█" not in seen.text(app)
        await pilot.resize_terminal(200, 60)
        await pilot.pause()
        await pilot.pause()
        for panel in ("#dedupe", "#fill-rate", "#second-chart"):
            assert "█" in seen.cells(app, panel), panel
        await pilot.resize_terminal(120, 24)
        await pilot.pause()
        await pilot.pause()
        assert "c next" not in seen.text(app)
        assert "0.75 fills/order" in seen.text(app)


def shows(app: Host, panel: str, words: str) -> bool:
    return words in seen.cells(app, panel)


async def test_300_markets_scroll_and_those_to_look_at_come_first() -> None:
    now_ms = p.result(1).started_ms
    marks = {
        f"fills_cursor:M{n:03d}/USDT": CursorMark(now_ms - n, now_ms, held=n == 250)
        for n in range(300)
    }
    positions = {f"M{n:03d}/USDT": p.position() for n in range(300)}
    view = p.view(p.result(1, positions=positions), cursors=marks)
    async with watching(view) as (app, pilot):
        assert "M250/USDT" in seen.inside(app, "#cursors")[1]
        assert "300 markets · lookback 10 m" in seen.cells(app, "#cursors")
        assert "positions · 300" in seen.cells(app, "#positions")
        for panel, last in (("#cursors", "M299/USDT"), ("#positions", "M299/USDT")):
            assert last not in seen.cells(app, panel)
            app.screen.query_one(panel, Widget).focus()
            await pilot.press("end")
            # Scrolling there is animated, and has begun by the next pause only where there is time.
            await until(pilot, partial(shows, app, panel, last))


# --- keys


async def test_c_shows_one_chart_after_the_other() -> None:
    async with watching(last_forty()) as (app, pilot):
        shown = []
        for _ in range(5):
            shown += re.findall(r"(\w[\w, ]+) · c next", seen.cells(app, "#fill-rate"))
            await pilot.press("c")
            await pilot.pause()
        assert shown == [
            "fills per submitted order",
            "slippage, bps",
            "PnL, USDT",
            "time by phase",
            "fills per submitted order",
        ]


async def test_c_is_offered_where_a_chart_is_seen() -> None:
    async with watching(last_forty(), (80, 24)) as (app, pilot):
        for size, offered in (((120, 40), True), ((120, 24), False), ((200, 60), True)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            await pilot.pause()
            assert ("c Chart" in seen.cells(app, "#keys")) is offered
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await pilot.pause()
        assert "c Chart" not in seen.cells(app, "#keys")


async def test_enter_opens_the_cycle_under_the_cursor() -> None:
    async with watching(last_forty()) as (app, pilot):
        await pilot.press("j", "j", "enter")
        assert app.asked == [("open_cycle", 1_282)]


async def test_the_selected_cycle_stays_selected_while_rows_move() -> None:
    async with watching(last_forty()) as (app, pilot):
        assert app.screen.selected_cycle == 1_284
        await pilot.press("j")
        app.give(app.view.with_results([p.result(1_285), p.result(1_286)]))
        await pilot.pause()
        assert app.screen.selected_cycle == 1_283
        await pilot.press("g")
        app.give(app.view.with_results([p.result(1_287)]))
        await pilot.pause()
        assert app.screen.selected_cycle == 1_287


async def test_while_the_list_stands_still_it_says_how_many_cycles_are_newer() -> None:
    async with watching(last_forty(), (80, 24)) as (app, pilot):
        await pilot.press("j")
        assert "newer" not in seen.cells(app, "#cycles")
        app.give(app.view.with_results([p.result(number) for number in range(1_285, 1_324)]))
        await pilot.pause()
        assert "cycles · 39 newer · g" in seen.cells(app, "#cycles")
        await pilot.press("g")
        await pilot.pause()
        assert "newer" not in seen.cells(app, "#cycles")
        assert "1,323" in seen.cells(app, "#cycles")


async def test_enter_on_a_position_opens_its_rows() -> None:
    async with watching(last_forty()) as (app, pilot):
        app.screen.query_one("#positions").focus()
        await pilot.press("down", "enter")
        assert app.asked == [("open_table", "stage4_positions", "symbol", p.ETH)]


async def test_enter_on_one_side_of_a_hedged_position_opens_its_market() -> None:
    name = "GMT Token/USDT:USDT short isolated @earn"
    view = last_forty(p.result(1_285, positions={name: p.position()}))
    async with watching(view) as (app, pilot):
        app.screen.query_one("#positions").focus()
        await pilot.press("enter")
        market = "GMT Token/USDT:USDT"
        assert app.asked == [("open_table", "stage4_positions", "symbol", market)]


async def test_what_is_copied_and_exported_has_every_digit() -> None:
    async with watching(last_forty()) as (app, pilot):
        await pilot.press("j")
        assert json.loads(app.screen.copied())["cycle_id"] == 1_283
        name, text = app.screen.exported()
        assert name == "cycles.jsonl"
        assert [json.loads(line)["cycle_id"] for line in text.splitlines()][:2] == [1_284, 1_283]
        app.screen.query_one("#positions").focus()
        await pilot.pause()
        assert json.loads(app.screen.copied())["unrealized"] == "49.4838"


async def test_times_are_local_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        async with watching(last_forty()) as (app, pilot):
            assert "12:21:24" in seen.cells(app, "#cycles")
            app.local_time = True
            app.give(app.view)
            await pilot.pause()
            for panel in ("#cycle", "#cycles", "#cursors"):
                assert "17:51:2" in seen.cells(app, panel), panel
            assert "UTC" not in seen.cells(app, "#cycle")
    finally:
        monkeypatch.undo()
        time.tzset()


# --- time travel


async def test_back_in_time_every_panel_shows_the_state_as_of_that_cycle() -> None:
    then = p.result(
        1_270,
        ledger_events_attempted=10,
        ledger_events_inserted=1,
        ledger_events_ignored=9,
        orders_submitted=2,
        fills_per_submitted_order=1.5,
        positions={p.BTC: p.position(qty="777")},
        cursors={},
    )
    cursors = {f"fills_cursor:{p.BTC}": p.NOON_MS}
    before = [p.result(number, positions={}) for number in range(1_269, 1_240, -1)]
    async with watching(last_forty()) as (app, pilot):
        app.give(replace(app.view, past=Past(then, (then, *before), cursors)))
        await pilot.pause()
        assert "cycle 1,270" in seen.cells(app, "#cycle")
        assert "10 attempted 1 inserted 9 ignored" in seen.cells(app, "#dedupe")
        assert "1.50 fills/order" in seen.cells(app, "#fill-rate")
        assert "777" in seen.cells(app, "#positions")
        assert "ETH" not in seen.cells(app, "#positions")
        assert "BTC/USDT 12:00:00.000" in seen.cells(app, "#cursors")
        assert "SOL" not in seen.cells(app, "#cursors")
        assert "1,271" not in seen.cells(app, "#cycles")
        app.give(replace(app.view, past=None))
        await pilot.pause()
        assert "cycle 1,284" in seen.cells(app, "#cycle")
        assert "1,284" in seen.cells(app, "#cycles")


async def test_metrics_that_are_rebuilt_turn_the_lamp_green() -> None:
    missing = p.result(1_285, metrics_persisted=False)
    async with watching(last_forty(missing)) as (app, pilot):
        assert "◆ metrics missing · m rebuilds" in seen.cells(app, "#cycle")
        assert "m rebuilds" in seen.cells(app, "#cycles")
        app.give(app.view.with_results([p.result(1_285)]))
        await pilot.pause()
        assert "m rebuilds" not in seen.text(app)


# --- hostile text

HOSTILE = [
    "BTC[/]",
    "\x1b]0;pwn\x07",
    "[red]x[/red]",
    "‮txt.exe",
    "zero​width⁠",
    "x" * 10_000,
    "line\nbreak\ttab",
]


def hostile_view(text: str) -> ConsoleState:
    notices = (p.notice("fetch", text, text, text),)
    position = p.position(fees={text: "1"}, oversold=True)
    result = p.result(
        1,
        status=CycleStatus.PARTIAL,
        held=(text,),
        errors=notices,
        warnings=notices,
        positions={text: position, f"A/{text}": position},
        cursors={f"fills_cursor:{text}": p.moved(p.NOON_MS)},
        timings_ms={"fetch": 1.0, text: 2.0},
    )
    return p.view(result, account=text, hello=p.hello(account=text, venue=text, symbols=(text,)))


@mostly_long("text", HOSTILE, ids=range(len(HOSTILE)))
@mostly_long("size", [(80, 24), (200, 60)])
async def test_text_from_outside_is_shown_and_never_obeyed(
    text: str, size: tuple[int, int]
) -> None:
    async with watching(hostile_view(text), size) as (app, pilot):
        for _ in range(4):
            for row in seen.rows(app):
                unfit = [c for c in row if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}]
                assert unfit == []
            await pilot.press("c")
            await pilot.pause()
        known = text.encode("unicode_escape").decode() if not text.isprintable() else text
        assert known[:6] in seen.cells(app, "#cursors")
        assert known[:6] in seen.cells(app, "#positions")


# --- what it costs


def refreshed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is drawn from now on, by widget; the header is not this screen's."""
    drawn: list[str] = []
    original = Widget.refresh

    def refresh(self: Widget, *regions: Any, **more: Any) -> Any:
        if self.id != "header":
            drawn.append(self.id or type(self).__name__)
        return original(self, *regions, **more)

    monkeypatch.setattr(Widget, "refresh", refresh)
    return drawn


@mostly_long("size", SIZES)
async def test_nothing_is_drawn_when_nothing_changed(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(last_forty(), size) as (app, pilot):
        await pilot.pause()
        drawn = refreshed(monkeypatch)
        for second in range(1, 4):
            now_ms = app.view.heard_ms + 1_000 * second
            app.give(replace(app.view, heard_ms=now_ms, beat=p.beat(now_ms)))
            await pilot.pause()
        assert drawn == []


async def test_a_new_cycle_draws_each_panel_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(last_forty()) as (app, pilot):
        drawn = refreshed(monkeypatch)
        app.give(app.view.with_results([p.result(1_285, ledger_events_inserted=5)]))
        await pilot.pause()
        assert drawn.count("cycles") == 1
        assert drawn.count("cursors") <= 1
        assert drawn.count("Chart") <= 2
        assert "positions" not in drawn


async def test_more_cycles_do_not_lay_the_screen_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watching(last_forty()) as (app, pilot):
        laid_out: list[object] = []
        original = type(app.screen)._refresh_layout

        def laid(screen: WatchScreen, *size: Any, **more: Any) -> None:
            laid_out.append(screen)
            original(screen, *size, **more)

        monkeypatch.setattr(type(app.screen), "_refresh_layout", laid)
        for number in range(1_285, 1_290):
            app.give(app.view.with_results([p.result(number)]))
            await pilot.pause()
        assert laid_out == []
        assert app.screen.query_one(CycleList).virtual_size.height == 46
