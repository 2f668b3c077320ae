"""Any number of rows with a cursor on a cell: only what is seen is asked for and drawn."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from console.browser.model import Cell, Row
from console.browser.ui.columns import NARROWEST, WIDEST, Column, Columns
from console.browser.ui.grid_frame import Frame
from console.browser.ui.grid_painter import Painter
from console.kit.formats import count
from console.kit.lines import Tone, line
from console.kit.rows import RowCursor
from console.kit.widths import GAP

# With fewer terminal columns there is no room for row numbers.
_NARROW = 70
# A scroll bar is drawn anew when the rows have grown by this part of them.
_BARELY = 64


class CellSource(Protocol):
    """Rows by number: null where one is not here yet; `want` has those that are seen brought."""

    def __len__(self) -> int: ...
    def row(self, number: int) -> Row | None: ...
    def exact(self, number: int) -> bool: ...
    def want(self, first: int, last: int) -> None: ...


class NoRows:
    """Nothing to show."""

    def __len__(self) -> int:
        return 0

    def row(self, number: int) -> Row | None:
        return None

    def exact(self, number: int) -> bool:
        return True

    def want(self, first: int, last: int) -> None:
        pass


class DataGrid(RowCursor):
    """Rows and columns of a table. Row numbers and pinned columns stay at the left, the heading at
    the top; columns can be hidden, pinned and resized."""

    DEFAULT_CSS = "DataGrid { overflow: auto auto; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--heading",
        "grid--cursor",
        "grid--cell",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move_column(-1)", "Column to the left", show=False),
        Binding("right,l", "move_column(1)", "Column to the right", show=False),
        Binding("ctrl+left,0", "edge(-1)", "First column", show=False),
        Binding("ctrl+right,dollar_sign", "edge(1)", "Last column", show=False),
        Binding("enter", "choose", "Whole row", show=False),
        Binding("minus", "hide", "Hide this column", show=False),
        Binding("plus", "unhide", "Show hidden columns", show=False),
        Binding("vertical_line", "pin", "Pin this column", show=False),
        Binding("less_than_sign", "resize(-4)", "Narrower column", show=False),
        Binding("greater_than_sign", "resize(4)", "Wider column", show=False),
    ]

    cursor_column: var[int] = var(0)

    @dataclass
    class HeadingClicked(Message):
        """The cursor has been put on the heading's column before."""

        grid: "DataGrid"

    @dataclass
    class LastWanted(Message):
        """The last row is asked for. Only who knows how many rows there are can tell."""

        grid: "DataGrid"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._source: CellSource = NoRows()
        self.columns = Columns([])
        self._signs: dict[str, str] = {}
        self._fresh = range(0)
        self._extent_drawn = (0, 0)
        self._measured = range(0)
        self._painter = Painter(Frame(0, 0, 0, (), ()), self.columns, self.look)

    # --- what is shown

    @property
    def row_count(self) -> int:
        return len(self._source)

    @property
    def column(self) -> Column | None:
        """The column under the cursor."""
        seen = self.columns.seen
        return seen[min(self.cursor_column, len(seen) - 1)] if seen else None

    @property
    def row(self) -> Row | None:
        """The row under the cursor, if it is here."""
        return self._source.row(self.cursor)

    @property
    def key(self) -> Hashable | None:
        return None if self.row is None else self.cursor

    @property
    def cell(self) -> Cell | None:
        """The cell under the cursor, if it is here."""
        row, column = self.row, self.column
        if row is None or column is None or column.place >= len(row.cells):
            return None
        return row.cells[column.place]

    def show_rows(
        self, source: CellSource, columns: Columns, *, row: int = 0, column: str = ""
    ) -> None:
        """Other rows: the cursor goes to a row and to a column, where there is one of that name."""
        self._source, self.columns = source, columns
        self._fresh = range(0)
        names = [seen.title for seen in columns.seen]
        self.set_reactive(DataGrid.cursor, row)
        self.set_reactive(DataGrid.cursor_column, names.index(column) if column in names else 0)
        self.fit()
        self.scroll_to(x=0, y=max(0, row - self.rows_seen // 2), animate=False)
        self.rows_changed()
        self.reveal()
        self.post_message(self.Moved(self))

    def rows_came(self, first: int, last: int) -> None:
        """These rows are here now, or have been read anew."""
        top = self.scroll_offset.y
        if first < top + self.rows_seen and last >= top:
            self.rows_changed()
            self.post_message(self.Moved(self))

    def count_changed(self) -> None:
        """There are more or fewer rows; those that are seen may well be the same."""
        if self._extent_seen != self._extent_drawn:
            self.rows_changed()
            return
        grown = len(self._source) + 1 - self.virtual_size.height
        if not 0 <= grown < self.virtual_size.height // _BARELY:
            self.fit()
        self._source.want(self.scroll_offset.y, self.scroll_offset.y + self.rows_seen - 1)

    @property
    def _extent_seen(self) -> tuple[int, int]:
        """The end of the rows that are seen, and the width of their numbers."""
        return min(len(self._source), self.scroll_offset.y + self.rows_seen), self._gutter

    def rows_changed(self) -> None:
        """There are other rows."""
        self._measured = range(0)
        self.fit()
        self._extent_drawn = self._extent_seen
        if self.cursor >= len(self._source):
            self.cursor = max(0, len(self._source) - 1)
        self._bring()
        self.refresh()

    def columns_changed(self) -> None:
        """Columns were hidden, pinned, resized, or are drawn otherwise."""
        self.columns.changed()
        self._measured = range(0)
        self.cursor_column = min(self.cursor_column, max(0, len(self.columns.seen) - 1))
        self._bring()
        self.reveal()
        self.refresh()

    def set_signs(self, signs: dict[str, str]) -> None:
        """The signs behind the titles of columns."""
        if signs != self._signs:
            self._signs = signs
            self.columns.make_room(signs)
            self.columns_changed()

    def mark(self, fresh: range) -> None:
        """Mark rows as new."""
        if fresh != self._fresh:
            self._fresh = fresh
            self.refresh()

    # --- the cursor

    def go_to(self, number: int, column: int | None = None) -> None:
        """Put the cursor on a row, or the nearest there is, and on a column."""
        self.fit()
        if column is not None:
            self.cursor_column = max(0, min(column, len(self.columns.seen) - 1))
        super().go_to(number)

    def shift(self, by: int) -> None:
        """The rows under the cursor have moved: move along, so that nothing seems to."""
        self.set_reactive(DataGrid.cursor, max(0, self.cursor + by))
        self.fit()
        self.scroll_to(y=self.scroll_offset.y + by, animate=False)

    def watch_cursor_column(self) -> None:
        self.refresh_row(self.cursor)
        self.refresh_rows([0])
        self.post_message(self.Moved(self))

    def action_move_column(self, by: int) -> None:
        self.go_to(self.cursor, self.cursor_column + by)

    def action_edge(self, side: int) -> None:
        self.go_to(self.cursor, 0 if side < 0 else len(self.columns.seen))

    def action_last(self) -> None:
        self.post_message(self.LastWanted(self))

    def click_heading(self, x: int) -> None:
        column = self._frame.column_at(x)
        if column is not None:
            self.go_to(self.cursor, column)
            self.post_message(self.HeadingClicked(self))

    def click_row(self, number: int, x: int) -> None:
        self.go_to(number, self._frame.column_at(x))

    # --- columns

    def action_hide(self) -> None:
        column = self.column
        if column and len(self.columns.seen) > 1:
            column.hidden = True
            self._arranged()

    def action_unhide(self) -> None:
        for column in self.columns.all:
            column.hidden = False
        self._arranged()

    def action_pin(self) -> None:
        """Pin a column, or free it; the cursor stays on it."""
        if column := self.column:
            column.pinned = not column.pinned
            place = self.columns.seen.index(column)
            self._arranged()
            self.go_to(self.cursor, place)

    def action_resize(self, by: int) -> None:
        frame = self._frame
        for placed in (*frame.pinned, *frame.free):
            if placed.column is self.column:
                placed.column.fixed = max(NARROWEST, min(WIDEST, placed.width + by))
        self.columns_changed()

    def _arranged(self) -> None:
        self.columns_changed()
        self.post_message(self.Moved(self))

    # --- scrolling

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._extent_drawn = self._extent_seen
            self._bring()

    def on_resize(self) -> None:
        self.fit()
        self._bring()

    @property
    def _frame(self) -> Frame:
        width = self.scrollable_content_region.width
        return Frame.of(self.columns, width, self._gutter, self.scroll_offset.x)

    @property
    def _gutter(self) -> int:
        """The columns that row numbers take, with a sign before them."""
        if self.size.width < _NARROW:
            return GAP + 1
        return len(count(len(self._source))) + GAP + 1

    def _bring(self) -> None:
        """Have rows that are seen fetched, and make room for those that are here."""
        first = self.scroll_offset.y
        seen = range(first, first + self.rows_seen)
        self._source.want(first, seen[-1])
        end = min(seen.stop, len(self._source))
        rows = [self._source.row(n) for n in range(first, end) if n not in self._measured]
        self._measured = seen
        widened = self.columns.measure(row for row in rows if row)
        self.fit()
        if widened:
            self.scroll_to(x=self._frame.scrolled_to(self.cursor_column), animate=False)
            self.refresh()

    def fit(self) -> None:
        self.virtual_size = Size(self._frame.whole_width, len(self._source) + 1)

    def reveal(self) -> None:
        super().reveal()
        self.scroll_to(x=self._frame.scrolled_to(self.cursor_column), animate=False)

    # --- drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """Look up once what is the same for all lines."""
        self._painter = Painter(self._frame, self.columns, self.look)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        if y == 0:
            ground = self.get_component_rich_style("grid--heading")
            return self._painter.heading(self._signs, self.column, ground)
        number = self.scroll_offset.y + y - 1
        if number < len(self._source):
            return self._line_of(number)
        text = f"  {self.empty}" if y == 1 else ""
        return self.strip(line((text, Tone.DIM)), self._painter.frame.width)

    def _line_of(self, number: int) -> Strip:
        ground = lit = self.ground
        if number == self.cursor:
            ground = lit = self.get_component_rich_style("grid--cursor")
            if self.has_focus:
                lit = self.get_component_rich_style("grid--cell")
        sign = "+" if number in self._fresh else "" if self._source.exact(number) else "~"
        gutter = self._painter.number(number, sign)
        return self._painter.row(self._source.row(number), gutter, self.column, ground, lit)
