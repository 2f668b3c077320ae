"""How columns stand: order, widths that only grow with what is seen, hidden and pinned ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from rich.cells import cell_len

from console.browser.model import Cell, ColumnInfo, Row
from console.browser.ui.cells import Times, is_decimal_text, is_number, names_time, shown, with_time
from console.kit.lines import Line, width_of
from console.kit.widths import GAP, fit, squeezed

NARROWEST: Final = 3
WIDEST: Final = 400
# Texts get no more than this unless there is room to spare; numbers get all they need.
_TEXT_WIDTH: Final = 36
_TITLE_WIDTH: Final = 28
_ZONES: Final = {Times.RAW: "", Times.UTC: "UTC", Times.LOCAL: "local"}


@dataclass(slots=True)
class Column:
    """One column as it is seen. `place` is that of its cells in a row."""

    info: ColumnInfo
    place: int
    wanted: int
    fixed: int | None = None
    hidden: bool = False
    pinned: bool = False
    right: bool = False
    words: bool = False

    @property
    def title(self) -> str:
        return self.info.name

    @property
    def time(self) -> bool:
        return names_time(self.info.name)


@dataclass(frozen=True, slots=True)
class Placed:
    """A column with its width and where it begins, counted from the first of its group."""

    column: Column
    x: int
    width: int


@dataclass(slots=True)
class Columns:
    """The columns of one view of rows."""

    all: list[Column]
    times: Times = Times.RAW
    _placed: dict[int, tuple[list[Placed], list[Placed]]] = field(default_factory=dict)

    @classmethod
    def of(cls, infos: Sequence[ColumnInfo], times: Times) -> "Columns":
        shown_infos = [info for info in infos if info.hidden != "hidden"]
        return cls(
            [
                Column(info, place, _first_width(info), right=info.numeric)
                for place, info in enumerate(shown_infos)
            ],
            times,
        )

    @property
    def seen(self) -> list[Column]:
        """The columns that are not hidden: pinned ones first."""
        return sorted((c for c in self.all if not c.hidden), key=lambda column: not column.pinned)

    @property
    def hidden(self) -> int:
        return sum(column.hidden for column in self.all)

    def drawn(self, column: Column, cell: Cell) -> Line:
        drawn = shown(cell)
        return with_time(cell, drawn, self.times) if column.time else drawn

    def zone(self, column: Column) -> str:
        """The zone of the times beside a column's raw values."""
        return _ZONES[self.times] if column.time else ""

    def measure(self, rows: Iterable[Row]) -> bool:
        """Widen columns to what is in these rows; returns whether any changed."""
        before = [(column.wanted, column.right) for column in self.all]
        for row in rows:
            if not row.gone:
                self._measure(row)
        changed = before != [(column.wanted, column.right) for column in self.all]
        if changed:
            self.changed()
        return changed

    def placed(self, width: int) -> tuple[list[Placed], list[Placed]]:
        """The pinned columns and the others, in so many terminal columns."""
        if width not in self._placed:
            self._placed = {width: self._place(width)}
        return self._placed[width]

    def changed(self) -> None:
        """Called by whoever hid, pinned or resized a column."""
        self._placed.clear()

    def make_room(self, titles: Iterable[str]) -> None:
        """For a sign behind these titles."""
        for column in self.all:
            if column.title in titles:
                column.wanted = max(column.wanted, _first_width(column.info) + 2)
        self.changed()

    def set_times(self, times: Times) -> None:
        self.times = times
        for column in self.all:
            if column.time:
                column.wanted = _first_width(column.info)
        self.changed()

    def _measure(self, row: Row) -> None:
        for column in self.all:
            if column.hidden or column.place >= len(row.cells):
                continue
            cell = row.cells[column.place]
            width = width_of(self.drawn(column, cell))
            column.wanted = min(WIDEST, max(column.wanted, width))
            _align(column, cell)

    def _place(self, width: int) -> tuple[list[Placed], list[Placed]]:
        """Each column in its own width; texts give way, the last ones first."""
        seen = self.seen
        whole = {place: column.fixed or column.wanted for place, column in enumerate(seen)}
        texts = [n for n, column in enumerate(seen) if not (column.fixed or column.right)]
        steps = (squeezed({n: min(whole[n], _TEXT_WIDTH)}) for n in reversed(texts))
        widths = list(fit(whole, width, steps).values())
        pinned = sum(column.pinned for column in seen)
        return _row_of(seen[:pinned], widths[:pinned]), _row_of(seen[pinned:], widths[pinned:])


def _first_width(info: ColumnInfo) -> int:
    return max(NARROWEST, min(_TITLE_WIDTH, cell_len(info.name)))


def _align(column: Column, cell: Cell) -> None:
    """Numbers and decimal texts stand right, until a word is among them."""
    if is_number(cell) or (is_decimal_text(cell) and not column.words):
        column.right = not column.words
    elif cell.kind != "null" and cell.text:
        column.words, column.right = True, False


def _row_of(columns: Sequence[Column], widths: Sequence[int]) -> list[Placed]:
    starts = accumulate((width + GAP for width in widths), initial=0)
    return list(map(Placed, columns, starts, widths))
