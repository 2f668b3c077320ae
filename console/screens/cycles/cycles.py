"""Cycles: the history of a ledger, of any length, and a summary of each of its cycles."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from console.kit.formats import count
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, line
from console.kit.prompt_line import PromptLine
from console.screens.cycles.cycle_filter import HINT, parsed, understood
from console.screens.cycles.cycle_grid import CycleGrid
from console.screens.cycles.cycle_summary import CycleSummary
from console.screens.shared.cycle_charts import Charted
from console.screens.shared.dedupe import Dedupe
from console.screens.shared.second_chart import SecondChart
from console.screens.shared.session_screen import SessionScreen
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleResult

FILTER, JUMP = "filter", "jump"


class CyclesScreen(SessionScreen):
    CRUMB = "cycles"
    AUTO_FOCUS = "CycleGrid"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "X-ray", tooltip="What the cycle did, and why"),
        Binding(
            "slash",
            "filter",
            "Filter",
            key_display="/",
            tooltip="Only cycles of a kind, a status, or a text",
        ),
        Binding("colon", "jump", "Go to cycle", key_display=":", tooltip="By its number"),
        Binding("escape", "clear", "All cycles", show=False, tooltip="Take the filter away"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._filter_text = ""
        self._past: int | None = None

    def panels(self) -> Iterable[Widget]:
        yield CycleGrid()
        with Horizontal(id="beside"):
            yield CycleSummary()
            yield Dedupe()
            yield SecondChart()
        yield PromptLine()

    @property
    def selected_cycle(self) -> int | None:
        return self._grid.selected

    def copied(self) -> str | None:
        result = self._selected_result
        return result.model_dump_json() if result else None

    def exported(self) -> tuple[str, str] | None:
        """The cycles in the rows that are seen, one JSON object a line."""
        shown = self._grid.on_screen
        if not shown:
            return None
        name = f"cycles-{shown[-1].cycle_id}-{shown[0].cycle_id}.jsonl"
        return name, "".join(result.model_dump_json() + "\n" for result in shown)

    # --- showing

    def show(self) -> None:
        super().show()
        view = self.host.view
        self._grid.show(view, self.host.history, local=self.host.local_time)
        past = view.past.result.cycle_id if view.past else None
        if past != self._past:
            self._past = past
            if past is not None:
                self._grid.select(past)

    @on(CycleGrid.Changed)
    @on(CycleGrid.Moved)
    def _show_selected(self) -> None:
        selected = self._grid.selected
        run = None if selected is None else self._grid.run(selected)
        self.query_one(CycleSummary).show(
            selected, self._selected_result, run, local=self.host.local_time
        )
        self._caption()
        if self.query_one("#beside").display:
            before = ConsoleState(results=self._grid.leading_up)
            self.query_one(Dedupe).show(before)
            self.query_one(SecondChart).show(before, Charted.TIME)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_selected)

    def _caption(self) -> None:
        title = f"cycles · {self._filter_text}" if self._filter_text else "cycles"
        keys = "esc all" if self._filter_text else "enter x-ray"
        note = f"{self._grid.note}{' · reading…' if self._grid.reading else ''}"
        caption(self._grid, title, " · ".join(filter(None, (note, keys))))

    @property
    def _grid(self) -> CycleGrid:
        return self.query_one(CycleGrid)

    @property
    def _selected_result(self) -> "CycleResult | None":
        selected = self._grid.selected
        return None if selected is None else self._grid.result(selected)

    # --- keys

    @on(CycleGrid.Chosen)
    def action_open(self) -> None:
        if (selected := self._grid.selected) is not None:
            self.host.open_cycle(selected)

    def action_filter(self) -> None:
        self.query_one(PromptLine).ask(FILTER, "filter", _as_filter, self._filter_text)

    def action_jump(self) -> None:
        self.query_one(PromptLine).ask(
            JUMP, "cycle", lambda _: line((f"1 to {count(self._grid.newest)}", Tone.DIM))
        )

    def action_clear(self) -> None:
        if self._filter_text:
            self._filter("")

    @on(PromptLine.Answered)
    def _answered(self, event: PromptLine.Answered) -> None:
        self._grid.focus()
        if event.question == FILTER:
            self._filter(event.text.strip())
        elif (number := _number(event.text)) is not None:
            self._grid.go_to_cycle(min(number, self._grid.newest))
        elif event.text.strip():
            self.host.tell(f"{event.text.strip()} is no cycle number", Tone.ATTENTION)

    @on(PromptLine.Dismissed)
    def _dismissed(self) -> None:
        self._grid.focus()

    def _filter(self, text: str) -> None:
        only = parsed(text)
        self._filter_text = text if only is not None else ""
        self._grid.begin_anew(only)
        self._caption()


def _as_filter(text: str) -> Line:
    return line((understood(text) or HINT, Tone.DIM))


def _number(text: str) -> int | None:
    digits = text.strip().replace(",", "").replace("_", "")
    return max(1, int(digits)) if digits.isascii() and digits.isdigit() else None
