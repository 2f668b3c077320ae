"""A table that draws only what is seen, through the Line API: any number of rows, at once."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Unpack

from rich.style import Style
from textual.strip import Strip

from console.kit.line_widget import Options
from console.kit.lines import Line, Span, Tone, fitted, line
from console.kit.rows import Row, RowCursor, RowList, Source
from console.kit.textual_internals import set_scroll_height
from console.kit.widths import GAP, fit, gone, taken

MOST_STRIPS = 500


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in terminal columns; 0 takes what is left, and no less than `least`. Where the room
    is short, the columns with the highest `drop` go first; 0 stays."""

    title: str
    width: int
    right: bool = False
    drop: int = 0
    least: int = 8


# Columns that are seen: their numbers, their widths, whether right-aligned.
Fit = Sequence[tuple[int, int, bool]]


class Grid(RowCursor):
    """Columns under a heading that stays, and a cursor that stays on its row when rows move.

    While the cursor is on the first row it follows what is newest (`follows`).
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--heading",
        "grid--cursor",
        "grid--cursor-blurred",
    }

    def __init__(
        self,
        columns: Sequence[Column] = (),
        *,
        follows: bool = False,
        empty: str = "nothing here",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(**options)
        self._columns = tuple(columns)
        self._source: Source = RowList()
        self._follows = follows
        self.empty = empty
        self._key: Hashable | None = None
        self._fit: tuple[int, Fit] | None = None
        # What each line of the screen shows, and how rows were drawn: most stay as they are.
        self._lines_drawn: dict[int, Row | bool] = {}
        self._strips_drawn: dict[tuple[Hashable, Style], tuple[Row, Strip]] = {}

    @property
    def row_count(self) -> int:
        return len(self._source)

    @property
    def key(self) -> Hashable | None:
        row = self._source.row(self.cursor)
        return row.key if row else None

    @property
    def rest_width(self) -> int:
        """The width of the last column, which takes all that the others leave."""
        others = {number: column.width for number, column in enumerate(self._columns)}
        return self.scrollable_content_region.width - 1 - taken(others) - GAP

    def set_columns(self, columns: Sequence[Column]) -> None:
        if tuple(columns) != self._columns:
            self._columns = tuple(columns)
            self._fit = None
            self._strips_drawn.clear()
            self.refresh()

    def notify_style_update(self) -> None:
        self._strips_drawn.clear()
        super().notify_style_update()

    def set_rows(self, rows: Sequence[Row]) -> None:
        self.set_source(RowList(rows))

    def set_source(self, source: Source) -> None:
        """Show other rows; the cursor stays on its row, wherever that is now. A source that is
        given again may have changed in itself."""
        before, self._source = self._source, source
        if before is not source and before == source:
            return
        place = self.cursor, self.scroll_offset
        self.fit()
        self._keep_cursor()
        if place == (self.cursor, self.scroll_offset):
            lines = range(1, self.size.height)
            self.refresh_rows(y for y in lines if self._lines_drawn.get(y) != self._at(y))
        else:
            self.refresh()

    def select(self, key: Hashable) -> None:
        """Put the cursor on a row, if it is there."""
        number = self._source.number_of(key)
        if number is not None:
            self.go_to(number)

    # --- drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if self._fit is None or self._fit[0] != width:
            self._fit = width, _columns_in(self._columns, width)
        columns = self._fit[1]
        if y == 0:
            style = self.get_component_rich_style("grid--heading")
            titles = [line((column.title, Tone.DIM)) for column in self._columns]
            return self.strip(_row(titles, columns), width, style)
        ground = self._ground_of(self.scroll_offset.y + y - 1)
        self._lines_drawn[y] = row = self._at(y)
        if isinstance(row, Row):
            return self._drawn(row, columns, width, ground)
        if not len(self._source) and y == 1:
            return self.strip(line((f"  {self.empty}", Tone.DIM)), width)
        return self.strip(line(("  …" if row else "", Tone.FAINT)), width, ground)

    def _at(self, y: int) -> Row | bool:
        """The row on a line, or whether there is one that is not there yet."""
        number = self.scroll_offset.y + y - 1
        row = self._source.row(number)
        return number < len(self._source) if row is None else row

    def _drawn(self, row: Row, columns: Fit, width: int, ground: Style) -> Strip:
        before = self._strips_drawn.get((row.key, ground))
        if before and before[0] == row and before[1].cell_length == width:
            return before[1]
        text = _spanning(row.cells, columns) if row.spans else _row(row.cells, columns)
        strip = self.strip(text, width, ground)
        if len(self._strips_drawn) >= MOST_STRIPS:
            self._strips_drawn.clear()
        self._strips_drawn[row.key, ground] = row, strip
        return strip

    def _ground_of(self, number: int) -> Style:
        if number != self.cursor or not len(self._source):
            return self.ground
        name = "grid--cursor" if self.has_focus else "grid--cursor-blurred"
        return self.get_component_rich_style(name)

    # --- the cursor

    def watch_cursor(self, before: int, after: int) -> None:
        self._key = self.key
        super().watch_cursor(before, after)

    def fit(self) -> None:
        set_scroll_height(self, len(self._source) + 1)

    def _keep_cursor(self) -> None:
        """On its row, where that is still there; on the newest, where it was on the newest."""
        if self._follows and self.cursor == 0 and self.scroll_offset.y == 0:
            self._key = self.key
            return
        number = None if self._key is None else self._source.number_of(self._key)
        if number is None:
            self.go_to(self.cursor)
            self._key = self.key
        elif number != self.cursor:
            moved = number - self.cursor
            self.set_reactive(Grid.cursor, number)
            self.scroll_to(y=self.scroll_offset.y + moved, animate=False, force=True)


def _row(cells: Sequence[Line], columns: Fit) -> Line:
    spans: list[Span] = [(" ", Tone.PLAIN)]
    for number, width, right in columns:
        spans += fitted(cells[number] if number < len(cells) else (), width, right=right)
        spans.append((" " * GAP, Tone.PLAIN))
    return tuple(spans)


def _spanning(cells: Sequence[Line], columns: Fit) -> Line:
    """Cells in their columns, and the last one in all that are left."""
    last = len(cells) - 1
    before = _row(cells, [place for place in columns if place[0] < last])
    return before + tuple(cells[last])


def _columns_in(columns: Sequence[Column], width: int) -> Fit:
    """The columns there is room for; those without a width share what is left."""
    numbers = sorted(range(len(columns)), key=lambda number: -columns[number].drop)
    needed = {number: column.width or column.least for number, column in enumerate(columns)}
    widths = fit(needed, width - 1, (gone(n) for n in numbers if columns[n].drop))
    free = [number for number in widths if not columns[number].width]
    share = (width - 1 - taken(widths)) // max(1, len(free))
    widths |= {number: max(1, widths[number] + share) for number in free}
    return [(number, wide, columns[number].right) for number, wide in widths.items()]
