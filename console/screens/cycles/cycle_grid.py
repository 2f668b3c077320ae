"""The grid over a ledger's whole history of cycles: it reads on by itself as rows are seen."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual import work
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.worker import Worker

from console.kit.grid import Grid
from console.screens.cycles.cycle_history import AllCycles
from console.screens.cycles.filtered_cycles import FilteredCycles
from console.screens.shared.cycle_row import COLUMNS, CycleRows
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import CycleFilter, CycleResult, History, IdleRun

# How many cycles up to the one under the cursor others may draw: as many as a wide chart shows.
CHARTED = 240
# What the grid reads on: its `wanting` says whether there is something to read.
Cycles = AllCycles | FilteredCycles


class CycleGrid(Grid):
    """The cycles of a ledger; their keys are cycle ids."""

    class Changed(Message):
        """Rows came, or went."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, follows=True, id="history", classes="panel")
        self._history: History | None = None
        self._only: CycleFilter | None = None
        self._top: int | None = None
        self._results: Sequence[CycleResult] = ()
        self._local = False
        self._rows = CycleRows()
        self._cycles: Cycles = AllCycles(self._rows)
        self._reader: Worker[None] | None = None
        self._may_read = True
        self.trouble = ""

    # --- what is shown

    def show(self, view: ConsoleState, history: "History | None", *, local: bool) -> None:
        """Also called about once a second: then what could not be read is tried again."""
        self._may_read = True
        if history is not self._history or local is not self._local:
            self._history, self._local, self._results = history, local, view.results
            self.begin_anew(self._only, self._top)
        elif view.results is not self._results:
            self._results = view.results
            self._cycles.take(view.results)
            self._showing_others()
        elif self.trouble:
            self._read_on()

    def begin_anew(self, only: "CycleFilter | None", top: int | None = None) -> None:
        """Other cycles: those that pass a filter, from `top` down; without one, all.

        The cursor stays on its cycle, where that is among those read.
        """
        selected = self.selected
        self._only, self._top, self.trouble = only, top, ""
        self._rows = CycleRows(local=self._local)
        if only is None:
            self._cycles = AllCycles(self._rows)
            self._cycles.take(self._results)
        else:
            self._cycles = FilteredCycles(self._rows, only, top)
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None
        self._showing_others()
        if selected is not None:
            self.select(selected)

    def go_to_cycle(self, cycle_id: int) -> None:
        """To a cycle; in a filtered list, to the first one from there on down."""
        if self._only is not None:
            self.begin_anew(self._only, cycle_id)
            self.action_first()
        else:
            self.select(cycle_id)

    @property
    def newest(self) -> int:
        return self._results[0].cycle_id if self._results else 0

    @property
    def note(self) -> str:
        """How many cycles there are, as far as they are read; or why they are not."""
        return self.trouble or self._cycles.note

    @property
    def reading(self) -> bool:
        return self._reader is not None and not self._reader.is_finished

    def result(self, cycle_id: int) -> "CycleResult | None":
        return self._cycles.result(cycle_id)

    def run(self, cycle_id: int) -> "IdleRun | None":
        """The run of idle cycles that a cycle is in, where it is no longer kept."""
        return self._cycles.run(cycle_id)

    @property
    def leading_up(self) -> "tuple[CycleResult, ...]":
        """The cycle under the cursor and those in the rows below it, as far as they are read."""
        return tuple(self._results_in(range(self.cursor, self.cursor + CHARTED)))

    @property
    def on_screen(self) -> "list[CycleResult]":
        """The cycles in the rows that are seen."""
        first = self.scroll_offset.y
        return list(self._results_in(range(first, first + self.size.height - 1)))

    def _results_in(self, numbers: range) -> "Iterator[CycleResult]":
        keys = map(self._cycles.key_at, numbers)
        results = (self._cycles.result(key) for key in keys if key is not None)
        return (result for result in results if result is not None)

    # --- how

    def render_lines(self, crop: Region) -> list[Strip]:
        strips = super().render_lines(crop)
        if self._rows.columns != self._columns:
            self.call_later(self.set_columns, self._rows.columns)
        if self._cycles.wanting:
            self.call_later(self._read_on)
        return strips

    def _read_on(self) -> None:
        if self._history is not None and self._may_read and not self.reading:
            self._reader = self._read(self._history, self._cycles)

    @work
    async def _read(self, history: "History", cycles: Cycles) -> None:
        from engine import CycledeckError

        try:
            while cycles.wanting:
                await cycles.read(history)
                self.trouble = ""
                self._showing_others()
        except CycledeckError as error:
            self.trouble, self._may_read = f"not read: {error}", False
            self._showing_others()

    def _showing_others(self) -> None:
        self.set_empty(self.trouble or ("no cycle like that" if self._only else "no cycle yet"))
        self.set_source(self._cycles)
        self.post_message(self.Changed())
