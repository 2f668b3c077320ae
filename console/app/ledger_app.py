"""The app on a ledger: four screens on one deck, the keys they share, and what comes of them."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from console.app.base_app import ConsoleApp, literal
from console.app.screens import SCREENS
from console.kit.lines import Tone
from console.kit.question import Find, Question
from console.screens.shared.session_screen import SessionHost, SessionScreen
from console.session.confirmations import Confirmations
from console.session.session import Deck, NoEngine
from console.session.target import Target
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import History, Reply

# At most so often a second is drawn what changed, however fast cycles end.
FRAMES = 20


class CycledeckApp(ConsoleApp):
    MODES: ClassVar[dict[str, Any]] = {entry.mode: entry.create for entry in SCREENS}
    DEFAULT_MODE = SCREENS[0].mode
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(entry.key, f"switch_mode('{entry.mode}')", entry.title) for entry in SCREENS),
        Binding("t", "trigger", "Trigger", tooltip="One cycle, now"),
        Binding(
            "r",
            "replay",
            "Replay",
            tooltip="The cycle's first phase again, on what the venue said then; never orders",
        ),
        Binding(
            "R",
            "rehearse",
            "Rehearse",
            show=False,
            tooltip="The same on a copy of the state before it; changes nothing",
        ),
        Binding(
            "m",
            "backfill",
            "Rebuild metrics",
            show=False,
            tooltip="Rows of cycle_metrics that are missing, from what the ledger holds",
        ),
        Binding("p", "pause", "Pause", tooltip="No cycle begins by itself until it is resumed"),
        Binding(
            "K",
            "kill",
            "Stop orders",
            show=False,
            tooltip="The kill switch: no new order is sent, accounting goes on",
        ),
        Binding("E", "restart", "Start engine again", show=False, tooltip="After it has ended"),
        Binding("space", "freeze", "Freeze", tooltip="The screen stands still, the engine goes on"),
        Binding(
            "left_square_bracket",
            "older",
            "Older",
            key_display="[",
            show=False,
            tooltip="Watch as of the cycle before",
        ),
        Binding(
            "right_square_bracket",
            "newer",
            "Newer",
            key_display="]",
            show=False,
            tooltip="Watch as of the cycle after",
        ),
        Binding("end", "live", "Back to live", show=False, priority=True),
    ]

    def __init__(self, deck: Deck, *, keep_running: bool = False) -> None:
        super().__init__()
        self.deck = deck
        self._keep_running = keep_running
        self._leaving = False
        self._opened_from = self.DEFAULT_MODE
        self._present_due = False
        self._presented = 0.0
        self._bindings_for: tuple[bool, ...] = ()
        self._session_task: asyncio.Task[None] | None = None

    # --- what screens use

    @property
    def view(self) -> ConsoleState:
        return self.deck.view

    @property
    def history(self) -> "History | None":
        return self.deck.history

    @property
    def target(self) -> Target:
        return self.deck.target

    @property
    def frozen(self) -> bool:
        return self.view.frozen

    @property
    def db(self) -> Path | None:
        return self.deck.settings.db if self.deck.settings else None

    def open_cycle(self, cycle_id: int) -> None:
        self.call_later(self._open_cycle, cycle_id)

    async def _open_cycle(self, cycle_id: int) -> None:
        from console.screens.xray.xray import XrayScreen

        if not isinstance(self.screen, XrayScreen):
            self._opened_from = self.current_mode
        await self.switch_mode("cycles")
        if isinstance(self.screen, XrayScreen):
            await self.pop_screen()
        await self.push_screen(XrayScreen(cycle_id), lambda _: self._went_back())

    def _went_back(self) -> None:
        """From a cycle, to the screen where it was opened; unless another is looked at."""
        if self.current_mode == "cycles" != self._opened_from:
            self.switch_mode(self._opened_from)

    def open_table(self, table: str, column: str = "", value: str = "") -> None:
        self.call_later(self._open_table, table, column, value)

    async def _open_table(self, table: str, column: str, value: str) -> None:
        from console.screens.tables.tables import LedgerTablesScreen

        await self.switch_mode("tables")
        if isinstance(self.screen, LedgerTablesScreen):
            self.screen.open_table(table, column, value)

    # --- life

    def on_mount(self) -> None:
        self.call_after_refresh(self._start_deck)

    async def on_unmount(self) -> None:
        """The deck's connections end before the program does."""
        if self._session_task is not None:
            self._session_task.cancel()
            await asyncio.gather(self._session_task, return_exceptions=True)

    def _start_deck(self) -> None:
        self._session_task = asyncio.create_task(self._run_deck())

    async def _run_deck(self) -> None:
        from engine import SettingsError

        try:
            await self.deck.run(self._present_soon)
        except SettingsError as error:
            self.exit(return_code=2, message=f"error: {literal(str(error))}")
        except Exception as error:  # noqa: BLE001 - a task's error is nobody's else
            self.fail(error)

    def _present_soon(self, _: ConsoleState) -> None:
        """But not more often than the eye can follow."""
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
        bindings_for = (self.deck.live.attached, self.view.past is None, self._engine_ended)
        if bindings_for != self._bindings_for:
            self._bindings_for = bindings_for
            self.refresh_bindings()
        self.present()

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What needs an engine is greyed while there is none to ask."""
        if action in {"trigger", "replay", "pause", "kill", "backfill"}:
            return True if self.deck.live.attached else None
        if action == "live":
            from textual.widgets import Input, TextArea

            typing = isinstance(self.focused, Input | TextArea)
            return self.view.past is not None and not typing
        if action == "restart":
            return self._engine_ended
        return True

    @property
    def _engine_ended(self) -> bool:
        process = self.deck.process
        ended = process is not None and process.exit_code is not None
        return ended and not self.deck.live.attached

    def action_trigger(self) -> None:
        self._confirm_and_ask(Confirmations.trigger, "trigger")

    def action_pause(self) -> None:
        beat = self.deck.live.beat
        if beat is not None and beat.state == "paused":
            self._confirm_and_ask(Confirmations.resume, "resume")
        else:
            self._confirm_and_ask(Confirmations.pause, "pause")

    def action_kill(self) -> None:
        beat = self.deck.live.beat
        if beat is not None and beat.killed:
            self._confirm_and_ask(Confirmations.revive, "revive")
        else:
            self._confirm_and_ask(Confirmations.kill, "kill")

    def action_backfill(self) -> None:
        self._confirm_and_ask(Confirmations.backfill, "backfill")

    @work(exclusive=True, group="replay")
    async def action_replay(self) -> None:
        """First what it would do; then, when that was seen and confirmed, the real thing."""
        live, cycle_id = self.deck.live, self._selected_cycle
        if cycle_id is None:
            return

        async def preview() -> Question | None:
            reply = await self._ask("preview", live, cycle_id)
            if reply is not None and reply.preview is None:
                self.tell(reply.message, Tone.DANGER)
            if reply is None or reply.preview is None:
                return None
            return Confirmations(live).replay(reply.preview)

        question = Confirmations(live).replay_unseen(cycle_id)
        if await self._confirmed(question, preview):
            self._tell_outcome(await self._ask("replay", live, cycle_id))

    @work(exclusive=True, group="rehearse")
    async def action_rehearse(self) -> None:
        from console.session.background import BackgroundError, rehearse

        cycle_id = self._selected_cycle
        if cycle_id is None:
            return
        self.tell(f"Rehearsing cycle {cycle_id} on a copy of the state before it …")
        try:
            rehearsal = await rehearse(self.target, cycle_id)
        except BackgroundError as error:
            self.tell(str(error), Tone.DANGER)
            return
        differences = len(rehearsal["differences"])
        if isinstance(self.screen, SessionScreen):
            self.screen.show_rehearsal(rehearsal)
        tone = Tone.ATTENTION if differences else Tone.OK
        self.tell(f"Cycle {cycle_id} rehearsed: {differences or 'no'} differences", tone)

    def action_freeze(self) -> None:
        self.deck.freeze()

    def action_older(self) -> None:
        self._travel(self.deck.older)

    def action_newer(self) -> None:
        self._travel(self.deck.newer)

    def action_live(self) -> None:
        self._travel(partial(self.deck.travel, None))

    @work(exclusive=True, group="travel")
    async def _travel(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        from engine import CycledeckError

        try:
            await step()
        except CycledeckError as error:
            self.tell(str(error), Tone.ATTENTION)

    @work(exclusive=True, group="restart")
    async def action_restart(self) -> None:
        question = Confirmations(self.deck.live).restart(self.target.typed("run"))
        if await self._confirmed(question):
            try:
                self.deck.restart()
            except OSError as error:
                self.tell(f"The engine cannot be started: {error}", Tone.DANGER)

    def action_leave(self) -> None:
        """Quit; an engine that ends with it, and trades for real, is asked about first."""
        if not self._leaving:
            self._leave()

    @work(group="leave")
    async def _leave(self) -> None:
        live, process = self.deck.live, self.deck.process
        owned = live.owns_engine and process is not None and process.exit_code is None
        real = live.hello is not None and live.hello.mode != "sim"
        if owned and real and not self._keep_running:
            self._leaving = True
            confirmed = await self._confirmed(Confirmations(live).quit_with_engine())
            self._leaving = False
            if not confirmed:
                return
        self.exit()

    # --- asking the engine

    @property
    def _selected_cycle(self) -> int | None:
        screen = self.screen
        return screen.selected_cycle if isinstance(screen, SessionScreen) else None

    @work
    async def _confirm_and_ask(
        self, question: Callable[[Confirmations], Question], action: str
    ) -> None:
        live = self.deck.live
        if await self._confirmed(question(Confirmations(live))):
            self._tell_outcome(await self._ask(action, live))

    async def _confirmed(self, question: Question, complete: Find | None = None) -> bool:
        from console.kit.confirm import ConfirmScreen

        return await self.push_screen_wait(ConfirmScreen(question, complete))

    async def _ask(
        self, action: str, view: ConsoleState, cycle_id: int | None = None
    ) -> "Reply | None":
        """Ask the engine that was attached in the view, and no other."""
        from engine import Action, ChannelError

        try:
            return await self.deck.ask(Action(action), view.hello, cycle_id)
        except (NoEngine, ChannelError) as error:
            self.tell(f"{action}: {error}", Tone.DANGER)
            return None

    def _tell_outcome(self, reply: "Reply | None") -> None:
        if reply is not None:
            self.tell(reply.message, Tone.OK if reply.ok else Tone.DANGER)


if TYPE_CHECKING:
    _HOST: type[SessionHost] = CycledeckApp
