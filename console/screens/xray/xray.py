"""A cycle's x-ray: the windows, the fills, TX 1's work on them, every number explained."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.worker import Worker

from console.kit.formats import clock, count, plural
from console.kit.grid import Grid
from console.kit.line_widget import Paragraph, caption
from console.kit.lines import Line, Tone, line
from console.screens.shared.cycle_path import CyclePath
from console.screens.shared.cycle_story import CycleStory
from console.screens.shared.session_screen import Moment, SessionScreen
from console.screens.xray.account_lines import AccountLines
from console.screens.xray.explain import ExplainPanel, StepsGrid, markets_of, position_of
from console.screens.xray.fill_rows import Overview
from console.screens.xray.fills import FillsGrid, FillsPanel
from console.screens.xray.raw import RawPanel
from console.screens.xray.xray_cursors import XrayCursors
from console.screens.xray.xray_orders import XrayOrders
from console.screens.xray.xray_replay import XrayReplay
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult, History, Xray

# Of so many replays of one cycle the verdicts are read; nobody makes more by hand.
MOST_REPLAYS = 20


class XrayScreen(SessionScreen):
    MOMENT = Moment.OWN
    AUTO_FOCUS = "FillsGrid"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("v", "raw", "Raw"),
        Binding("x", "explain", "Explain"),
        Binding("enter", "follow", "Follow", show=False),
        Binding("o", "ledger", "Ledger rows", show=False),
        Binding("left_square_bracket", "turn(-1)", "Older cycle", key_display="["),
        Binding("right_square_bracket", "turn(1)", "Newer cycle", key_display="]"),
    ]

    def __init__(self, cycle_id: int) -> None:
        super().__init__()
        self._cycle_id = cycle_id
        self._trail: list[int] = []
        self._idle: tuple[int, int] | None = None
        self._xray: Xray | None = None
        self._replays: dict[int, CycleResult] = {}
        self._reader: Worker[None] | None = None
        self._read_from: History | None = None
        self._seen: ConsoleState | None = None

    def panels(self) -> ComposeResult:
        yield Paragraph(id="calm", classes="panel")
        yield AccountLines()
        with Container(id="xray"):
            yield CyclePath()
            yield FillsPanel()
            yield RawPanel()
            yield XrayCursors()
            yield ExplainPanel()
            yield XrayReplay()
            yield XrayOrders()

    @property
    def crumb(self) -> str:
        cycle = f"cycles › {count(self._cycle_id)}"
        if self._xray is None or self._xray.result.cycle_id != self._cycle_id:
            return cycle if self.has_class("-calm") else f"{cycle}  reading…"
        when = clock(self._xray.result.started_ms, local=self.host.local_time)
        return f"{cycle}  as of {when}{self._ago}"

    @property
    def _ago(self) -> str:
        latest = self.host.view.latest
        behind = latest.cycle_id - self._cycle_id if latest else 0
        return f" · {plural(behind, 'cycle')} ago" if behind > 0 else ""

    @property
    def selected_cycle(self) -> int | None:
        return self._cycle_id

    def copied(self) -> str | None:
        """The step, or the fill as the venue sent it; else the whole cycle's result."""
        if self._xray is None:
            return None
        step = self.query_one(ExplainPanel).step
        if step is not None and isinstance(self.focused, StepsGrid):
            return step.model_dump_json()
        fill = self.query_one(FillsPanel).fill
        if fill is not None and isinstance(self.focused, FillsGrid):
            return fill.raw or fill.model_dump_json()
        return self._xray.result.model_dump_json()

    def exported(self) -> tuple[str, str] | None:
        if self._xray is None:
            return None
        return f"cycle-{self._xray.result.cycle_id}.json", self._xray.model_dump_json(indent=2)

    def show_rehearsal(self, rehearsal: Mapping[str, Any]) -> None:
        self.query_one(XrayReplay).show_rehearsal(rehearsal)

    # --- reading

    def show(self) -> None:
        """A cycle that ended is not going to change: read once, and again only while something
        about it is still to come."""
        super().show()
        view = self.host.view
        before, self._seen = self._seen, view
        if self._xray is None or not self._is_read:
            self._show_path(view)
            if self._reader is None or self._reader.is_finished:
                self._read_anew()
            return
        if before is None or before.results is not view.results or before.books is not view.books:
            self._take_replays(view.results)
            if not CycleStory(self._xray.result).is_final:
                self._read_anew()
        self._show_parts()

    @property
    def _is_read(self) -> bool:
        """This cycle is read, from the file that is there now."""
        history, xray = self.host.history, self._xray
        same_file = history is None or history is self._read_from
        return xray is not None and xray.result.cycle_id == self._cycle_id and same_file

    def _show_path(self, view: ConsoleState) -> None:
        """Show the path of a cycle that the engine published, before it is read."""
        if self._xray is not None:
            return
        result = next((r for r in view.results if r.cycle_id == self._cycle_id), None)
        path = self.query_one(CyclePath)
        path.visible = result is not None
        if result is not None:
            path.show(ConsoleState(results=(result,)), local=self.host.local_time)

    def _read_anew(self) -> None:
        self._reader = self._read()

    @work(exclusive=True, group="xray")
    async def _read(self) -> None:
        from engine import CycledeckError

        history = self.host.history
        if history is None:
            self._be_calm(line("There is no ledger file to read yet"), _WAITS)
            return
        self.show_header()
        try:
            xray = await history.xray(self._cycle_id)
            replays = [await history.result(number) for number in xray.replays[-MOST_REPLAYS:]]
            overview = await asyncio.to_thread(Overview.of, xray.fills)
        except CycledeckError as error:
            todo = _WALKS if type(error).__name__ == "NoSuchCycle" else _PASSES
            self._idle = getattr(error, "idle", None)
            self._be_calm(line((str(error), Tone.STRONG)), todo)
            return
        self._read_from = history
        self._take(xray, overview, replays)

    def _take(self, xray: "Xray", overview: Overview, replays: "Iterable[CycleResult]") -> None:
        before, self._xray = self._xray, xray
        self._replays = {replay.cycle_id: replay for replay in replays}
        self._take_replays(self.host.view.results)
        self.set_class(False, "-calm")
        self.query_one(FillsPanel).show(xray, overview, local=self.host.local_time)
        self._show_parts()
        if before is None or before.result.cycle_id != xray.result.cycle_id:
            self._offer_explanations(xray)
        self.show_header()

    def _take_replays(self, results: "Iterable[CycleResult]") -> None:
        for result in results:
            if result.replay_of == self._cycle_id:
                self._replays[result.cycle_id] = result

    def _show_parts(self) -> None:
        xray, local = self._xray, self.host.local_time
        if xray is None:
            return
        self.query_one(FillsPanel).tell_time(local=local)
        self.query_one(ExplainPanel).tell_time(local=local)
        newest_first = [self._replays[number] for number in sorted(self._replays, reverse=True)]
        path = self.query_one(CyclePath)
        path.visible = True
        path.show(ConsoleState(results=(xray.result,)), local=local)
        self.query_one(AccountLines).show(xray)
        self.query_one(XrayCursors).show(xray, local=local)
        self.query_one(XrayReplay).show(xray.result, newest_first, local=local)
        self.query_one(XrayOrders).show(xray, self.host.view.logs, local=local)

    def _offer_explanations(self, xray: "Xray") -> None:
        panel = self.query_one(ExplainPanel)
        panel.offer(markets_of(xray) if xray.result.committed else ())
        if not xray.result.committed:
            panel.say("this cycle committed nothing: no position moved")

    def on_explain_panel_asked(self, event: ExplainPanel.Asked) -> None:
        if self._xray is not None:
            self._explain(self._xray.result.cycle_id, event.symbol)

    @work(exclusive=True, group="explain")
    async def _explain(self, cycle_id: int, symbol: str) -> None:
        from engine import CycledeckError

        history, panel = self.host.history, self.query_one(ExplainPanel)
        if history is None:
            panel.say("there is no ledger file to read")
            return
        try:
            explanation = await history.explain(cycle_id, symbol)
        except CycledeckError as error:
            panel.say(str(error))
            return
        panel.show(explanation, local=self.host.local_time)

    # --- when it cannot be read

    def _be_calm(self, what: Line, todo: str) -> None:
        calm = self.query_one("#calm", Paragraph)
        caption(calm, f"cycle {count(self._cycle_id)}")
        calm.say([line(("▲ ", Tone.ATTENTION), what), line((f"  {todo}", Tone.DIM))])
        self.set_class(True, "-calm")
        self.show_header()

    # --- keys

    def action_back(self) -> None:
        """Close the raw text; else go to where this cycle was followed from; else to the list."""
        if self.has_class("-raw"):
            self._show_raw(False)
        elif self._trail:
            self._turn_to(self._trail.pop())
        else:
            self.dismiss()

    def action_raw(self) -> None:
        self._show_raw(not self.has_class("-raw"))

    def on_fills_panel_pointed(self, event: FillsPanel.Pointed) -> None:
        self.query_one(RawPanel).show(event.fill.raw if event.fill else "")

    def _show_raw(self, shown: bool) -> None:
        self.set_class(shown, "-raw")
        self.query_one(FillsGrid).focus()

    def action_explain(self) -> None:
        """The market of the fill under the cursor, as a number of this cycle."""
        panel, fill = self.query_one(ExplainPanel), self.query_one(FillsPanel).fill
        position = position_of(fill, panel.symbols) if fill is not None else ""
        if position in panel.symbols and position != panel.symbol:
            panel.ask(position)
        panel.steps.focus()

    def on_row_cursor_chosen(self, event: Grid.Chosen) -> None:
        event.stop()
        self.action_follow()

    def action_follow(self) -> None:
        """Go to the cycle that the row under the cursor comes from, or explain its market."""
        fills = self.query_one(FillsPanel)
        if isinstance(self.focused, FillsGrid):
            if fills.unfold():
                return
            if fills.followed is not None:
                self._follow(fills.followed)
            else:
                self.action_explain()
        elif isinstance(self.focused, XrayReplay) and (other := self._other) is not None:
            self._follow(other)

    @property
    def _other(self) -> int | None:
        """The cycle that this is a replay of, or the newest replay of this."""
        if self._xray is not None and self._xray.result.replay_of is not None:
            return self._xray.result.replay_of
        return max(self._replays, default=None)

    def action_ledger(self) -> None:
        """The event under the cursor, in Tables."""
        step = self.query_one(ExplainPanel).step
        if step is not None and isinstance(self.focused, StepsGrid):
            self.host.open_table("ledger_events", "event_id", step.event_id)
            return
        fill = self.query_one(FillsPanel).fill
        if fill is not None and fill.events:
            self.host.open_table("ledger_events", "event_id", fill.events[0].event_id)

    def action_turn(self, by: int) -> None:
        """Another cycle's x-ray; idle cycles that are no longer kept are passed at once."""
        latest = self.host.view.latest
        first, last = self._idle or (self._cycle_id, self._cycle_id)
        wanted = last + by if by > 0 else first + by
        if wanted < 1:
            self.host.tell("This is the first cycle", Tone.ATTENTION)
        elif latest is not None and wanted > latest.cycle_id:
            self.host.tell("This is the newest cycle", Tone.ATTENTION)
        else:
            self._turn_to(wanted)

    def _follow(self, cycle_id: int) -> None:
        self._trail.append(self._cycle_id)
        self._turn_to(cycle_id)

    def _turn_to(self, cycle_id: int) -> None:
        self._cycle_id = cycle_id
        self._idle = None
        self._replays = {}
        self._read_anew()


_WAITS = "It is read as soon as there is one. esc goes back."
_PASSES = "Nothing was changed. It is read again as soon as that passes."
_WALKS = "[ and ] go on to the cycles beside it, esc goes back."
