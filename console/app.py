"""The app on a ledger: four screens on one deck, the keys they share, and what comes of them."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from console import asking
from console.console_app import ConsoleApp, literal
from console.deck import Deck, NoEngine
from console.lines import Tone
from console.screens.confirm import ConfirmScreen, Question
from console.screens.deck_screen import DeckScreen
from console.view import View

if TYPE_CHECKING:
    from engine import Action, History, Reply

# At most so often a second is drawn what changed, however fast cycles end.
FRAMES = 20


def _watch() -> Screen[Any]:
    from console.screens.watch import WatchScreen

    return WatchScreen()


def _cycles() -> Screen[Any]:
    from console.screens.cycles import CyclesScreen

    return CyclesScreen()


def _tables() -> Screen[Any]:
    from console.screens.tables import TablesScreen

    return TablesScreen()


def _health() -> Screen[Any]:
    from console.screens.health import HealthScreen

    return HealthScreen()


class CycledeckApp(ConsoleApp):
    MODES: ClassVar[dict[str, Any]] = {
        "watch": _watch,
        "cycles": _cycles,
        "tables": _tables,
        "health": _health,
    }
    DEFAULT_MODE = "watch"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "switch_mode('watch')", "Watch"),
        Binding("2", "switch_mode('cycles')", "Cycles"),
        Binding("3", "switch_mode('tables')", "Tables"),
        Binding("4", "switch_mode('health')", "Health"),
        Binding("t", "trigger", "Trigger"),
        Binding("r", "replay", "Replay"),
        Binding("R", "rehearse", "Rehearse", show=False),
        Binding("m", "backfill", "Metrics", show=False),
        Binding("p", "pause", "Pause"),
        Binding("K", "kill", "Stop orders", show=False),
        Binding("E", "restart", "Start engine again", show=False),
        Binding("space", "freeze", "Freeze"),
        Binding("left_square_bracket", "older", "Older", key_display="[", show=False),
        Binding("right_square_bracket", "newer", "Newer", key_display="]", show=False),
        Binding("end", "live", "Back to live", show=False, priority=True),
    ]

    def __init__(self, deck: Deck, *, keep_running: bool = False) -> None:
        super().__init__()
        self.deck = deck
        self._keep_running = keep_running
        self._present_due = False
        self._presented = 0.0
        self._asked_of: tuple[bool, ...] = ()
        self._working: asyncio.Task[None] | None = None

    # --- what screens use

    @property
    def view(self) -> View:
        return self.deck.view

    @property
    def history(self) -> "History | None":
        return self.deck.history

    @property
    def db(self) -> Path | None:
        return self.deck.settings.db if self.deck.settings else None

    def open_cycle(self, cycle_id: int) -> None:
        """Open a cycle's x-ray, in the place of one that is open already."""
        self.call_later(self._open_cycle, cycle_id)

    async def _open_cycle(self, cycle_id: int) -> None:
        from console.screens.xray import XrayScreen

        await self.switch_mode("cycles")
        if isinstance(self.screen, XrayScreen):
            await self.switch_screen(XrayScreen(cycle_id))
        else:
            await self.push_screen(XrayScreen(cycle_id))

    def open_table(self, table: str, column: str = "", value: str = "") -> None:
        """Open a table, narrowed to the rows where a column has a value."""
        self.call_later(self._open_table, table, column, value)

    async def _open_table(self, table: str, column: str, value: str) -> None:
        from console.screens.tables import TablesScreen

        await self.switch_mode("tables")
        if isinstance(self.screen, TablesScreen):
            self.screen.open_table(table, column, value)

    # --- life

    def on_mount(self) -> None:
        super().on_mount()
        self.call_after_refresh(self._start_deck)

    async def on_unmount(self) -> None:
        """The deck's connections end before the program does."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)

    def _start_deck(self) -> None:
        self._working = asyncio.create_task(self._run_deck())

    async def _run_deck(self) -> None:
        from engine import SettingsError

        try:
            await self.deck.run(self._heard)
        except SettingsError as error:
            self.exit(return_code=2, message=f"error: {literal(str(error))}")
        except Exception as error:  # noqa: BLE001 - a task's error is nobody's else
            self._handle_exception(error)

    def _heard(self, view: View) -> None:
        """Draw soon, but not more often than the eye can follow."""
        if self._present_due:
            return
        self._present_due = True
        wait = 1 / FRAMES - (time.monotonic() - self._presented)
        if wait <= 0:
            self.call_later(self._present)
        else:
            self.set_timer(wait, self._present)

    def _present(self) -> None:
        self._present_due = False
        self._presented = time.monotonic()
        if not self.screen_stack:
            return  # The program ends, or another screen is about to be there.
        asked = (self.view.attached, self.view.past is None, self._engine_ended)
        if asked != self._asked_of:
            self._asked_of = asked
            self.refresh_bindings()
        self.present()

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What needs an engine is greyed while there is none to ask."""
        view = self.view
        if action in {"trigger", "replay", "pause", "kill", "backfill"}:
            return True if view.attached else None
        if action == "live":
            return view.past is not None
        if action == "restart":
            return self._engine_ended
        return True

    @property
    def _engine_ended(self) -> bool:
        child = self.deck.child
        return child is not None and child.exit_code is not None and not self.view.attached

    def action_trigger(self) -> None:
        self.trigger()

    def trigger(self) -> None:
        from engine import Action

        self._confirm_and_ask(asking.trigger(self.view), Action.TRIGGER)

    def action_pause(self) -> None:
        from engine import Action, EngineState

        beat = self.view.beat
        paused = beat is not None and beat.state is EngineState.PAUSED
        question = asking.resume(self.view) if paused else asking.pause(self.view)
        self._confirm_and_ask(question, Action.RESUME if paused else Action.PAUSE)

    def action_kill(self) -> None:
        from engine import Action

        killed = self.view.beat is not None and self.view.beat.killed
        question = asking.revive(self.view) if killed else asking.kill(self.view)
        self._confirm_and_ask(question, Action.REVIVE if killed else Action.KILL)

    def action_backfill(self) -> None:
        self.backfill()

    def backfill(self) -> None:
        from engine import Action

        self._confirm_and_ask(asking.backfill(self.view), Action.BACKFILL)

    def action_replay(self) -> None:
        if (cycle_id := self._selected_cycle) is not None:
            self.replay(cycle_id)

    def replay(self, cycle_id: int) -> None:
        self._replay(cycle_id)

    @work
    async def _replay(self, cycle_id: int) -> None:
        """First what it would do; then, when that was seen and confirmed, the real thing."""
        from engine import Action

        reply = await self._asked(Action.PREVIEW, cycle_id)
        if reply is None:
            return
        if reply.preview is None:
            self.tell(reply.message, Tone.DANGER)
            return
        question = asking.replay(self.view, reply.preview)
        if await self.push_screen_wait(ConfirmScreen(question)):
            self._tell_outcome(await self._asked(Action.REPLAY, cycle_id))

    def action_rehearse(self) -> None:
        if (cycle_id := self._selected_cycle) is not None:
            self.rehearse(cycle_id)

    def rehearse(self, cycle_id: int) -> None:
        self._rehearse(cycle_id)

    @work(exclusive=True, group="rehearse")
    async def _rehearse(self, cycle_id: int) -> None:
        from console.errands import ErrandFailed, rehearse

        self.tell(f"Rehearsing cycle {cycle_id} on a copy of the state before it …")
        try:
            found = await rehearse(self.deck.target, cycle_id)
        except ErrandFailed as error:
            self.tell(str(error), Tone.DANGER)
            return
        differences = len(found["differences"])
        if hasattr(self.screen, "show_rehearsal"):
            self.screen.show_rehearsal(found)
        tone = Tone.ATTENTION if differences else Tone.OK
        self.tell(f"Cycle {cycle_id} rehearsed: {differences or 'no'} differences", tone)

    def action_freeze(self) -> None:
        self.deck.freeze()

    def action_older(self) -> None:
        self._travel(self.deck.older)

    def action_newer(self) -> None:
        self._travel(self.deck.newer)

    def action_live(self) -> None:
        self.travel(None)

    def travel(self, cycle_id: int | None) -> None:
        """Show the state as of a cycle on every screen; null is the present."""
        self._travel(lambda: self.deck.travel(cycle_id))

    @work(exclusive=True, group="travel")
    async def _travel(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        from engine import CycledeckError

        try:
            await step()
        except CycledeckError as error:
            self.tell(str(error), Tone.ATTENTION)

    def action_restart(self) -> None:
        self.deck.restart()

    def action_leave(self) -> None:
        """Quit; an engine that ends with it, and trades for real, is asked about first."""
        self._leave()

    @work(exclusive=True, group="leave")
    async def _leave(self) -> None:
        real = self.view.hello is not None and self.view.hello.mode != "sim"
        if self.view.owns_engine and real and not self._keep_running:
            question = asking.quit_with_engine(self.view)
            if not await self.push_screen_wait(ConfirmScreen(question)):
                return
        self.exit()

    # --- asking the engine

    @property
    def _selected_cycle(self) -> int | None:
        screen = self.screen
        return screen.selected_cycle if isinstance(screen, DeckScreen) else None

    @work
    async def _confirm_and_ask(self, question: Question, action: "Action") -> None:
        if await self.push_screen_wait(ConfirmScreen(question)):
            self._tell_outcome(await self._asked(action))

    async def _asked(self, action: "Action", cycle_id: int | None = None) -> "Reply | None":
        from engine import ChannelError

        try:
            return await self.deck.ask(action, cycle_id)
        except (NoEngine, ChannelError) as error:
            self.tell(f"{action.value}: {error}. Nothing was changed by this console.", Tone.DANGER)
            return None

    def _tell_outcome(self, reply: "Reply | None") -> None:
        if reply is not None:
            self.tell(reply.message, Tone.OK if reply.ok else Tone.DANGER)
