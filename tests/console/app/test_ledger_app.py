"""The keys of every screen, on a real engine: what they do, and that nothing is done unasked."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from console.app.browse_app import BrowseApp
from console.app.ledger_app import CycledeckApp
from console.app.preferences import Preferences
from console.browser.ui.tables import TablesScreen
from console.kit.confirm import ConfirmScreen
from console.kit.lines import line
from console.kit.question import Question
from console.screens.cycles.cycles import CyclesScreen
from console.screens.health.health import HealthScreen
from console.screens.watch.watch import WatchScreen
from console.screens.xray.xray import XrayScreen
from tests.cases import mostly_long
from tests.console.running import console, ran, until, written
from tests.console.seen import cells, text

# An engine that runs a cycle only when it is asked to.
ASKED_ONLY = "1h"
EAGER_TASKS: Any = getattr(asyncio, "eager_task_factory", None)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "l.db"


def app_of(pilot: Pilot[None]) -> CycledeckApp:
    assert isinstance(pilot.app, CycledeckApp)
    return pilot.app


def shows(pilot: Pilot[None], selector: str, words: str) -> bool:
    return words in cells(pilot.app, selector)


def is_on(pilot: Pilot[None], screen: type[Screen[Any]]) -> bool:
    return isinstance(pilot.app.screen, screen)


def is_as_full(pilot: Pilot[None], before: str) -> bool:
    return len(text(pilot.app)) >= len(before) * 0.8


def newest(pilot: Pilot[None]) -> int:
    latest = app_of(pilot).view.latest
    return latest.cycle_id if latest else 0


async def asked(pilot: Pilot[None], key: str) -> str:
    """Press a key that asks, and give the question's text."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
    await pilot.pause()
    return cells(pilot.app, "#dialog")


async def previewed(pilot: Pilot[None]) -> str:
    """Ask for a replay, and give the question once it says what that would do."""
    await asked(pilot, "r")
    await until(pilot, lambda: "would insert" in cells(pilot.app, "#dialog"))
    return cells(pilot.app, "#dialog")


async def answered(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    await pilot.press("y")
    await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmScreen))
    await until(pilot, condition)


def audited(db: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute("SELECT action, outcome FROM audit ORDER BY id").fetchall()


async def test_t_runs_a_cycle_when_confirmed(db: Path) -> None:
    async with console(db, engine=True, interval=ASKED_ONLY) as pilot:
        await until(pilot, lambda: newest(pilot) == 1)
        question = await asked(pilot, "t")
        assert "run one cycle now" in question
        assert "main SIM" in question
        await answered(pilot, lambda: newest(pilot) == 2)
        await until(pilot, lambda: "cycle 2" in text(pilot.app))
    assert [action for action, _ in audited(db)] == ["trigger"]


@mostly_long(
    ("key", "no"),
    [("t", "same"), ("K", "n"), ("t", "enter"), ("p", "escape"), ("m", "enter"), ("m", "same")],
)
async def test_nothing_happens_unless_it_is_confirmed_by_another_key(
    db: Path, key: str, no: str
) -> None:
    async with console(db, engine=True, interval=ASKED_ONLY) as pilot:
        await until(pilot, lambda: newest(pilot) == 1)
        await asked(pilot, key)
        await pilot.press(key if no == "same" else no)
        if no == "same":
            assert isinstance(pilot.app.screen, ConfirmScreen)
            await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmScreen))
        assert newest(pilot) == 1
    assert audited(db) == []


async def test_r_shows_what_a_replay_would_do_and_then_does_it(db: Path) -> None:
    await ran(db, 4)
    async with console(db, engine=True, interval=ASKED_ONLY) as pilot:
        await until(pilot, lambda: app_of(pilot)._selected_cycle == 5)
        question = await previewed(pilot)
        assert "replay cycle 5" in question
        assert "would insert 0" in question
        assert "cursors unchanged" in question
        assert "positions unchanged" in question
        await answered(pilot, lambda: newest(pilot) == 6)
        assert app_of(pilot).view.results[0].verdict == "clean"
        await until(pilot, lambda: "clean" in text(pilot.app))
    assert [action for action, _ in audited(db)] == ["preview", "replay"]


async def test_a_replay_is_of_the_cycle_the_question_named_however_rows_move(db: Path) -> None:
    await ran(db, 4)
    async with console(db, engine=True, interval="100ms") as pilot:
        await until(pilot, lambda: newest(pilot) > 5)
        await pilot.press("j", "j")
        pinned = app_of(pilot)._selected_cycle
        assert f"replay cycle {pinned}" in await previewed(pilot)
        before = newest(pilot)
        await until(pilot, lambda: newest(pilot) > before + 3)
        await pilot.press("y")
        await until(pilot, lambda: any(r.replay_of for r in app_of(pilot).view.results))
        replays = [r.replay_of for r in app_of(pilot).view.results if r.replay_of]
        assert replays == [pinned]


async def test_a_replay_cannot_be_confirmed_before_it_is_known_what_it_would_do(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ran(db, 2)
    async with console(db, engine=True, interval=ASKED_ONLY) as pilot:
        await until(pilot, lambda: app_of(pilot)._selected_cycle == 3)
        deck, known = app_of(pilot).deck, asyncio.Event()
        ask = deck.ask

        async def slow(*asked: Any) -> Any:
            await known.wait()
            return await ask(*asked)

        monkeypatch.setattr(deck, "ask", slow)
        question = await asked(pilot, "r")
        assert "replay cycle 3" in question
        assert "Finding out" in question
        await pilot.press("y", "enter")
        assert not isinstance(pilot.app.screen, ConfirmScreen)  # Enter was for Cancel.
        await asked(pilot, "r")
        await pilot.press("y")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        known.set()
        await until(pilot, lambda: "would insert" in cells(pilot.app, "#dialog"))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmScreen))
    assert "replay" not in [action for action, _ in audited(db)]


async def test_a_replay_that_cannot_be_previewed_takes_its_question_back(db: Path) -> None:
    await ran(db, 2)
    async with console(db, engine=True, interval=ASKED_ONLY) as pilot:
        await until(pilot, lambda: newest(pilot) == 3)
        with closing(sqlite3.connect(db)) as connection, connection:
            connection.execute("DELETE FROM cycle_inputs WHERE cycle_id = 3")
        await pilot.press("r")
        await until(pilot, lambda: told(pilot))
        await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmScreen))


async def test_frozen_keys_go_by_how_the_engine_is_now(db: Path) -> None:
    async with console(db, engine=True, interval=ASKED_ONLY) as pilot:
        await until(pilot, lambda: newest(pilot) == 1)
        await pilot.press("space")
        await until(pilot, lambda: app_of(pilot).view.frozen)
        assert "stop all new orders" in await asked(pilot, "K")
        await answered(pilot, Path(f"{db}.kill").exists)
        await until(pilot, lambda: app_of(pilot).deck.live.beat.killed)  # type: ignore[union-attr]
        assert "allow orders again" in await asked(pilot, "K")
        await pilot.press("escape")
        deck = app_of(pilot).deck
        assert deck.process is not None
        os.kill(deck.process.pid, signal.SIGKILL)
        await until(pilot, lambda: "E starts" in cells(pilot.app, "#banner"))
        assert "start the engine again" in await asked(pilot, "E")
        await answered(pilot, lambda: deck.live.attached)
        assert app_of(pilot).view.frozen


async def test_p_pauses_and_resumes(db: Path) -> None:
    async with console(db, engine=True) as pilot:
        await until(pilot, lambda: newest(pilot) > 2)
        assert "pause the engine" in await asked(pilot, "p")
        await answered(pilot, lambda: "paused" in cells(pilot.app, "#header"))
        assert "resume the engine" in await asked(pilot, "p")
        await answered(pilot, lambda: "running" in cells(pilot.app, "#header"))
        stood = newest(pilot)
        await until(pilot, lambda: newest(pilot) > stood + 1)


async def test_capital_k_stops_new_orders_and_allows_them_again(db: Path) -> None:
    async with console(db, engine=True) as pilot:
        assert "stop all new orders" in await asked(pilot, "K")
        await answered(pilot, lambda: "No orders are sent" in cells(pilot.app, "#banner"))
        assert Path(f"{db}.kill").exists()
        assert "allow orders again" in await asked(pilot, "K")
        await answered(pilot, lambda: not pilot.app.screen.query_one("#banner").display)
        assert not Path(f"{db}.kill").exists()


async def test_m_rebuilds_metrics_that_are_missing(db: Path) -> None:
    await ran(db, 3)
    async with console(db, engine=True, interval=ASKED_ONLY) as pilot:
        await until(pilot, lambda: newest(pilot) == 4)
        with closing(sqlite3.connect(db)) as connection, connection:
            connection.execute("DELETE FROM cycle_metrics WHERE cycle_id = 2")
        await asked(pilot, "m")
        await answered(pilot, lambda: "1" in text(pilot.app))
        with closing(sqlite3.connect(db)) as connection:
            (rows,) = connection.execute("SELECT count(*) FROM cycle_metrics").fetchone()
        assert rows == 4


async def test_without_an_engine_its_keys_do_nothing_and_are_greyed(db: Path) -> None:
    await ran(db)
    async with console(db) as pilot:
        await until(pilot, lambda: "No engine is running" in cells(pilot.app, "#banner"))
        for key in ("t", "p", "K", "m", "r"):
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(pilot.app.screen, WatchScreen)
        bindings = pilot.app.screen.active_bindings
        assert not bindings["t"].enabled
        assert bindings["2"].enabled


async def test_capital_r_rehearses_with_or_without_an_engine(db: Path) -> None:
    await ran(db)
    async with console(db) as pilot:
        await until(pilot, lambda: app_of(pilot)._selected_cycle == 3)
        await pilot.press("R")
        await until(pilot, lambda: "rehearsed: no differences" in " ".join(told(pilot)))


async def test_space_freezes_the_screen_while_the_engine_goes_on(db: Path) -> None:
    async with console(db, engine=True) as pilot:
        await until(pilot, lambda: newest(pilot) > 2)
        await pilot.press("space")
        await until(pilot, lambda: "frozen" in cells(pilot.app, "#header"))
        stood = cells(pilot.app, "#cycles")
        await until(pilot, lambda: app_of(pilot).view.behind > 3)
        assert cells(pilot.app, "#cycles") == stood
        await pilot.press("space")
        await until(pilot, lambda: "frozen" not in cells(pilot.app, "#header"))
        await until(pilot, lambda: cells(pilot.app, "#cycles") != stood)


async def test_brackets_walk_through_time_and_end_returns(db: Path) -> None:
    await ran(db, 5)
    async with console(db) as pilot:
        await until(pilot, lambda: newest(pilot) == 5)
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: "as of" in cells(pilot.app, "#header"))
        await until(pilot, lambda: "cycle 3 " in cells(pilot.app, "#header"))
        assert "2 cycles ago" in cells(pilot.app, "#header")
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "cycle 4 " in cells(pilot.app, "#header"))
        await pilot.press("end")
        await until(pilot, lambda: "as of" not in cells(pilot.app, "#header"))


async def test_what_is_of_now_says_so_while_one_walks_through_time(db: Path) -> None:
    await ran(db, 5)
    async with console(db) as pilot:
        await until(pilot, lambda: newest(pilot) == 5)
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: "cycle 3 as of" in cells(pilot.app, "#header"))
        for key, crumb in (("4", "health › now"), ("3", "› now")):
            await pilot.press(key)
            await until(pilot, partial(shows, pilot, "#header", crumb))
            assert "as of" not in cells(pilot.app, "#header")
        app_of(pilot).open_cycle(2)
        await until(pilot, lambda: "cycles › 2 as of" in cells(pilot.app, "#header"))
        assert cells(pilot.app, "#header").count("as of") == 1
        await pilot.press("1")
        await until(pilot, lambda: "cycle 3 as of" in cells(pilot.app, "#header"))


async def test_end_in_a_prompt_is_for_the_text(db: Path) -> None:
    await ran(db, 5)
    async with console(db) as pilot:
        await until(pilot, lambda: newest(pilot) == 5)
        await pilot.press("left_square_bracket", "2", "slash")
        await written(pilot, "text")
        await pilot.press("home", "end")
        assert app_of(pilot).view.past is not None


async def test_numbers_open_the_four_screens(db: Path) -> None:
    await ran(db)
    async with console(db) as pilot:
        for key, screen in (
            ("2", CyclesScreen),
            ("3", TablesScreen),
            ("4", HealthScreen),
            ("1", WatchScreen),
        ):
            await pilot.press(key)
            await until(pilot, partial(is_on, pilot, screen))


async def test_enter_opens_a_cycle_and_escape_goes_back_to_where_it_was_opened(db: Path) -> None:
    await ran(db)
    async with console(db) as pilot:
        await until(pilot, lambda: app_of(pilot)._selected_cycle == 3)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, XrayScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, WatchScreen))
        await pilot.press("2", "down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, XrayScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, CyclesScreen))


async def test_a_cycle_opened_in_the_place_of_another_goes_back_to_its_own_screen(
    db: Path,
) -> None:
    await ran(db)
    async with console(db) as pilot:
        await until(pilot, lambda: app_of(pilot)._selected_cycle == 3)
        await pilot.press("2", "down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, XrayScreen))
        await pilot.press("1")
        await until(pilot, lambda: isinstance(pilot.app.screen, WatchScreen))
        await pilot.press("enter")
        await until(pilot, lambda: app_of(pilot)._selected_cycle == 3)
        await until(pilot, lambda: isinstance(pilot.app.screen, XrayScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, WatchScreen))
        await pilot.press("2")
        await until(pilot, lambda: isinstance(pilot.app.screen, CyclesScreen))


async def test_help_lists_the_keys_that_work_on_this_screen(db: Path) -> None:
    await ran(db)
    async with console(db, size=(120, 60)) as pilot:
        for key, own in (("1", "Chart"), ("4", "Verify")):
            await pilot.press(key, "question_mark")
            await until(pilot, partial(shows, pilot, "#dialog", own))
            shown = cells(pilot.app, "#dialog")
            for expected in ("Trigger", "Replay", "Freeze", "Older", "Quit", "Stop orders"):
                assert expected in shown
            await pilot.press("escape")
            await pilot.pause()


async def test_the_palette_offers_every_key_and_does_what_is_chosen(db: Path) -> None:
    await ran(db)
    async with console(db) as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause()
        await written(pilot, "Health")
        await until(pilot, lambda: "Key 4" in text(pilot.app))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, HealthScreen))


async def test_the_theme_and_the_times_chosen_are_remembered(db: Path) -> None:
    await ran(db)
    async with console(db) as pilot:
        pilot.app.theme = "cycledeck-colour-blind-safe"
        app_of(pilot)._toggle_time()
        await pilot.pause()
    assert Preferences()["theme"] == "cycledeck-colour-blind-safe"
    assert Preferences()["local_time"] is True
    async with console(db) as pilot:
        assert pilot.app.theme == "cycledeck-colour-blind-safe"


async def test_a_hint_is_shown_until_the_first_key_and_never_again(db: Path) -> None:
    await ran(db)
    for expected in (True, False):
        async with console(db) as pilot:
            await until(pilot, lambda: newest(pilot) == 3)
            app = app_of(pilot)
            assert bool(app.hint) is expected
            await pilot.press("down")
            assert not app.hint


async def test_q_quits(db: Path) -> None:
    await ran(db)
    async with console(db) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running)


@mostly_long("mode", ["tables", "cycles", "health"])
async def test_a_screen_that_is_opened_as_the_app_ends_is_no_crash(db: Path, mode: str) -> None:
    await ran(db)
    async with console(db) as pilot:
        pilot.app.exit()
        pilot.app.switch_mode(mode)
        await until(pilot, lambda: not pilot.app.is_running)
    assert pilot.app.return_code == 0


async def test_no_message_lies_over_a_question(db: Path) -> None:
    await ran(db)
    async with console(db) as pilot:
        pilot.app.notify("something that was told before", timeout=60)
        await until(pilot, lambda: "told before" in text(pilot.app))
        pilot.app.push_screen(ConfirmScreen(Question("do this", (line("Anything."),), "Do it")))
        await until(pilot, lambda: "do this" in text(pilot.app))
        await pilot.pause()
        assert not pilot.app.screen.query("Toast")


async def test_real_money_asks_for_the_accounts_name(db: Path) -> None:
    from console.session.confirmations import Confirmations
    from tests.console.published import hello, result, view

    live = view(result(1), hello=hello(mode="live"))
    await ran(db)
    async with console(db) as pilot:
        answers: list[bool | None] = []
        pilot.app.push_screen(ConfirmScreen(Confirmations(live).trigger()), answers.append)
        await pilot.pause()
        assert "Type the account's name" in cells(pilot.app, "#dialog")
        await written(pilot, "paper-02")
        await pilot.press("enter")
        assert answers == []
        await pilot.press("backspace", "1", "enter")
        await until(pilot, lambda: answers == [True])


async def test_real_money_is_confirmed_by_enter_for_y_is_part_of_a_name(db: Path) -> None:
    from console.session.confirmations import Confirmations
    from tests.console.published import hello, result, view

    live = view(result(1), hello=hello(mode="live"))
    await ran(db)
    async with console(db) as pilot:
        pilot.app.push_screen(ConfirmScreen(Confirmations(live).trigger()))
        await pilot.pause()
        assert "Run it  enter" in text(pilot.app)
        assert "Run it  y" not in text(pilot.app)


@mostly_long("size", [(40, 12), (80, 24)])
async def test_a_question_of_any_length_can_be_read_and_answered(
    db: Path, size: tuple[int, int]
) -> None:
    facts = [
        line(f"fact {number} " + "that goes on and on " * 5 + "to its end") for number in range(9)
    ]
    await ran(db)
    async with console(db, size=size) as pilot:
        pilot.app.push_screen(ConfirmScreen(Question("much to know", facts, "Go")))
        await until(pilot, lambda: "esc" in text(pilot.app))
        assert "to its end" in " ".join(text(pilot.app).split())
        assert "fact 8" not in text(pilot.app)
        await pilot.press(*["down"] * 40)
        await until(pilot, lambda: "fact 8" in text(pilot.app))
        assert "esc" in text(pilot.app)


async def test_a_terminal_made_tiny_and_back_shows_the_same_again(db: Path) -> None:
    await ran(db)
    async with console(db, size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 " in cells(pilot.app, "#cycles"))
        for key in ("1", "2", "3", "4"):
            await pilot.press(key)
            await pilot.pause(0.3)
            before = text(pilot.app)
            await pilot.resize_terminal(40, 10)
            await pilot.pause()
            assert text(pilot.app).strip()
            await pilot.resize_terminal(120, 40)
            await until(pilot, partial(is_as_full, pilot, before))


def told(pilot: Pilot[None]) -> list[str]:
    return [found.message for found in pilot.app._notifications]


@pytest.mark.skipif(EAGER_TASKS is None, reason="new in Python 3.12")
async def test_an_app_has_its_first_screen_before_that_is_mounted_on_every_python(
    db: Path,
) -> None:
    """Textual has tasks begin at once where they can, a screen's before the app has the screen."""
    await ran(db)
    loop = asyncio.get_running_loop()
    loop.set_task_factory(EAGER_TASKS)
    app = BrowseApp(db)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: "ledger_events" in text(app))
    loop.set_task_factory(EAGER_TASKS)
    async with console(db, keys="1234") as pilot:
        assert loop.get_task_factory() is None
        assert isinstance(pilot.app.screen, HealthScreen)
