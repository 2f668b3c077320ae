"""What the venue sent, row by row, and what TX 1 did with each: the heart of a cycle's x-ray."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from console.kit.formats import count, plural
from console.kit.grid import Grid
from console.kit.line_widget import Paragraph, caption
from console.kit.lines import Line, Tone, joined, line, width_of
from console.screens.shared.cycle_story import CycleStory
from console.screens.xray.fill_rows import FillRows, Overview, Rest, earlier_cycle, outcome

if TYPE_CHECKING:
    from engine import FillLine, Xray

_TAKEN = ("new", "seen before", "late fee", "conflict")
_ONLY_INSERTED = (" · only what this cycle inserted is listed, without raw text", Tone.DIM)


class FillsGrid(Grid):
    def __init__(self) -> None:
        super().__init__(empty="reading…", id="fill-rows")


class FillsPanel(Vertical):
    """The fills of a cycle. `Pointed` gives the fill under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All rows, or runs of ignored ones folded", show=False),
    ]

    @dataclass
    class Pointed(Message):
        fill: "FillLine | None"

    def __init__(self) -> None:
        super().__init__(id="fills", classes="panel")
        self.border_title = "what the venue said → what TX 1 did"
        self._xray: Xray | None = None
        self._overview = Overview.of(())
        self._rows: FillRows | None = None
        self._opened: set[int] | None = set()
        self._local = False

    def compose(self) -> ComposeResult:
        yield FillsGrid()
        yield Paragraph(id="fill-detail")
        yield Paragraph(id="fills-sum")

    # --- what is shown

    def show(self, xray: "Xray", overview: Overview, *, local: bool) -> None:
        same = self._xray is not None and self._xray.result.cycle_id == xray.result.cycle_id
        self._xray, self._overview, self._local = xray, overview, local
        if not same:
            self._opened = set()
        self._lay_out(to_first=not same)
        self.query_one("#fills-sum", Paragraph).say(self._sums(xray))
        caption(self, subtitle=self._subtitle(xray, overview))

    def tell_time(self, *, local: bool) -> None:
        if local is not self._local:
            self._local = local
            self._lay_out()

    @property
    def fill(self) -> "FillLine | None":
        """The fill under the cursor."""
        number = self._grid.selected
        return self._xray.fills[number] if self._xray and number is not None else None

    @property
    def followed(self) -> int | None:
        """The earlier cycle that had booked the fill under the cursor."""
        fill = self.fill
        if fill is None or self._xray is None:
            return None
        return earlier_cycle(fill, self._xray.result.cycle_id)

    def unfold(self) -> bool:
        """Show the run under the cursor in full; false where there is none."""
        key = self._grid.key
        if not isinstance(key, Rest) or self._opened is None:
            return False
        self._opened.add(key.first)
        self._lay_out()
        self._grid.select(key.first)
        return True

    def action_all(self) -> None:
        fill = self._grid.key
        self._opened = None if self._opened is not None else set()
        self._lay_out()
        if isinstance(fill, Rest):
            self._grid.select(fill.first)

    # --- how

    def on_resize(self) -> None:
        self._lay_out()
        self.call_after_refresh(self._show_row)

    def on_row_cursor_moved(self) -> None:
        self._show_row()

    @property
    def _grid(self) -> FillsGrid:
        return self.query_one(FillsGrid)

    def _lay_out(self, *, to_first: bool = False) -> None:
        if self._xray is None:
            return
        grid, overview = self._grid, self._overview
        result, local = self._xray.result, self._local
        shown = overview.columns(self.size.width - 1, day_ms=result.started_ms, local=local)
        self._rows = rows = FillRows(
            self._xray.fills,
            overview,
            result.cycle_id,
            shown,
            day_ms=result.started_ms,
            opened=self._opened,
            local=local,
        )
        grid.set_columns(shown)
        grid.set_empty(self._nothing(self._xray))
        grid.set_source(rows)
        if to_first:
            grid.select(overview.first)
        self._show_row()

    def _show_row(self) -> None:
        """What there is no room for in the row itself, and where Enter leads."""
        self.query_one("#fill-detail", Paragraph).say([self._detail()])
        self.post_message(self.Pointed(self.fill))

    def _detail(self) -> Line:
        if isinstance(self._grid.key, Rest):
            return line(("▸ enter shows them · a shows all", Tone.FAINT))
        fill, number = self.fill, self._grid.selected
        if fill is None or number is None or self._xray is None or self._rows is None:
            return ()
        whole = outcome(fill, self._xray.result.cycle_id)
        cut = whole if width_of(whole) > self._grid.rest_width else ()
        parts = [cut, self._rows.in_full(number), line((self._leads(fill), Tone.FAINT))]
        return line(("▸ ", Tone.FAINT), joined(parts, "  "))

    def _leads(self, fill: "FillLine") -> str:
        """Where enter leads; of what waits in quarantine, what resolves it."""
        if fill.status == "open":
            resolve = f"cycledeck quarantine resolve {fill.quarantine_id}"
            return f"{resolve} --drop (or --as FILE) resolves it"
        if self.followed is not None:
            return f"enter opens cycle {count(self.followed)}"
        return f"enter explains {fill.position or fill.symbol}"

    @staticmethod
    def _nothing(xray: "Xray") -> str:
        if xray.result.kind == "decision":
            return "a decision asks the venue nothing"
        if not xray.evidence:
            return "evidence no longer kept, and this cycle inserted nothing"
        if any(window.error for window in xray.windows):
            return "nothing came: what went wrong is beside the cursors"
        return "the venue had nothing in these windows"

    @staticmethod
    def _sums(xray: "Xray") -> list[Line]:
        result = xray.result
        reason = f" · {result.errors[0].message}" if result.errors else ""
        undone = ("■ nothing was committed", Tone.DANGER)
        lines = [
            CycleStory(result).ledger_sum()
            if result.committed
            else line(undone, (f" · {result.status.value}{reason}", Tone.DIM))
        ]
        if not xray.evidence and result.kind != "decision":
            lines.append(line(("evidence no longer kept", Tone.ATTENTION), _ONLY_INSERTED))
        return lines

    @staticmethod
    def _subtitle(xray: "Xray", overview: Overview) -> str:
        """What is no fill, or was not booked; then what TX 1 took: the commit's `fetched`."""
        kinds = dict(overview.kinds)
        taken = {name: kinds.pop(name, 0) for name in _TAKEN}
        parts = [f"{count(number)} {name}" for name, number in kinds.items()]
        always = ("new", "seen before") if xray.evidence and xray.result.committed else ()
        if always:
            parts.append(f"{count(sum(taken.values()))} fetched")
        for name, number in taken.items():
            if number or name in always:
                parts.append(f"{count(number)} {name}" if name in always else plural(number, name))
        return " · ".join(parts)
