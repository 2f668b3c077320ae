"""Any number of rows with a cursor on a cell: only what is seen is asked for and drawn."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.browser.model import Cell, Row
from console.browser.ui.columns import GAP, NARROWEST, WIDEST, Column, Columns
from console.browser.ui.grid_frame import Frame
from console.browser.ui.grid_painter import Painter
from console.kit.formats import count
from console.kit.line_widget import Toned
from console.kit.lines import Tone, line

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


class DataGrid(Toned, ScrollView, can_focus=True):
    """Row numbers and pinned columns stay at the left, the heading at the top."""

    DEFAULT_CSS = "DataGrid { overflow: auto auto; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--heading",
        "grid--cursor",
        "grid--cell",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1, 0)", "Up", show=False),
        Binding("down,j", "move(1, 0)", "Down", show=False),
        Binding("left,h", "move(0, -1)", "Column to the left", show=False),
        Binding("right,l", "move(0, 1)", "Column to the right", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First row", show=False),
        Binding("end,G", "last", "Last row", show=False),
        Binding("ctrl+left,0", "edge(-1)", "First column", show=False),
        Binding("ctrl+right,dollar_sign", "edge(1)", "Last column", show=False),
        Binding("enter", "choose", "Whole row", show=False),
    ]

    cursor_row: var[int] = var(0)
    cursor_column: var[int] = var(0)

    @dataclass
    class Moved(Message):
        """The cursor is on another cell."""

        grid: "DataGrid"

    @dataclass
    class Chosen(Message):
        """Enter, or a second click, on a row."""

        grid: "DataGrid"

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
        self._columns = Columns([])
        self._empty = ""
        self._signs: dict[str, str] = {}
        self._fresh = range(0)
        self._extent_drawn = (0, 0)
        self._measured = range(0)
        self._painter = Painter(Frame(0, 0, 0, (), ()), self._columns, self.look)

    # --- what is shown

    @property
    def columns(self) -> Columns:
        return self._columns

    @property
    def column(self) -> Column | None:
        """The one under the cursor."""
        seen = self._columns.seen
        return seen[min(self.cursor_column, len(seen) - 1)] if seen else None

    @property
    def row(self) -> Row | None:
        """The one under the cursor, if it is here."""
        return self._source.row(self.cursor_row)

    @property
    def cell(self) -> Cell | None:
        """The one under the cursor, if it is here."""
        row, column = self.row, self.column
        if row is None or column is None or column.place >= len(row.cells):
            return None
        return row.cells[column.place]

    @property
    def rows_seen(self) -> int:
        """How many rows there is room for."""
        return max(1, self.scrollable_content_region.height - 1)

    def show_rows(
        self, source: CellSource, columns: Columns, *, row: int = 0, column: str = ""
    ) -> None:
        """Other rows: the cursor goes to a row and to a column, where there is one of that name."""
        self._source, self._columns = source, columns
        self._fresh = range(0)
        names = [found.title for found in columns.seen]
        self.set_reactive(DataGrid.cursor_row, row)
        self.set_reactive(DataGrid.cursor_column, names.index(column) if column in names else 0)
        self._fit()
        self.scroll_to(x=0, y=max(0, row - self.rows_seen // 2), animate=False)
        self.rows_changed()
        self._reveal()
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
            self._fit()
        self._source.want(self.scroll_offset.y, self.scroll_offset.y + self.rows_seen - 1)

    @property
    def _extent_seen(self) -> tuple[int, int]:
        """How far down rows are seen, and how wide their numbers are."""
        return min(len(self._source), self.scroll_offset.y + self.rows_seen), self._gutter

    def rows_changed(self) -> None:
        """There are other rows."""
        self._measured = range(0)
        self._fit()
        self._extent_drawn = self._extent_seen
        if self.cursor_row >= len(self._source):
            self.cursor_row = max(0, len(self._source) - 1)
        self._bring()
        self.refresh()

    def columns_changed(self) -> None:
        """Columns were hidden, pinned, resized, or are drawn otherwise."""
        self._columns.changed()
        self._measured = range(0)
        self.cursor_column = min(self.cursor_column, max(0, len(self._columns.seen) - 1))
        self._bring()
        self._reveal()
        self.refresh()

    def set_signs(self, signs: dict[str, str]) -> None:
        """What stands behind the titles of columns."""
        if signs != self._signs:
            self._signs = signs
            self._columns.make_room(signs)
            self.columns_changed()

    def set_empty(self, text: str) -> None:
        """What is said where there are no rows."""
        if text != self._empty:
            self._empty = text
            self.refresh()

    def mark(self, fresh: range) -> None:
        """Which rows are new."""
        if fresh != self._fresh:
            self._fresh = fresh
            self.refresh()

    def resize_column(self, by: int) -> None:
        """Make the column under the cursor wider or narrower."""
        frame = self._frame
        for placed in (*frame.pinned, *frame.free):
            if placed.column is self.column:
                placed.column.fixed = max(NARROWEST, min(WIDEST, placed.width + by))
        self.columns_changed()

    # --- the cursor

    def go_to(self, row: int, column: int | None = None) -> None:
        """Put the cursor on a row, or the nearest there is."""
        self._fit()
        if column is not None:
            self.cursor_column = max(0, min(column, len(self._columns.seen) - 1))
        self.cursor_row = max(0, min(row, len(self._source) - 1))
        self._reveal()

    def shift(self, by: int) -> None:
        """The rows under the cursor have moved: move along, so that nothing seems to."""
        self.set_reactive(DataGrid.cursor_row, max(0, self.cursor_row + by))
        self._fit()
        self.scroll_to(y=self.scroll_offset.y + by, animate=False)

    def watch_cursor_row(self, before: int, after: int) -> None:
        self.refresh_row(before)
        self.refresh_row(after)
        self.post_message(self.Moved(self))

    def watch_cursor_column(self) -> None:
        self.refresh_row(self.cursor_row)
        self.refresh_row(-1)
        self.post_message(self.Moved(self))

    def action_move(self, rows: int, columns: int) -> None:
        self.go_to(self.cursor_row + rows, self.cursor_column + columns)

    def action_page(self, by: int) -> None:
        self.go_to(self.cursor_row + by * max(1, self.rows_seen - 1))

    def action_edge(self, side: int) -> None:
        self.go_to(self.cursor_row, 0 if side < 0 else len(self._columns.seen))

    def action_first(self) -> None:
        self.go_to(0)

    def action_last(self) -> None:
        self.post_message(self.LastWanted(self))

    def action_choose(self) -> None:
        if self.row is not None:
            self.post_message(self.Chosen(self))

    def on_click(self, event: events.Click) -> None:
        column = self._frame.column_at(event.x)
        if event.y == 0:
            if column is not None:
                self.go_to(self.cursor_row, column)
                self.post_message(self.HeadingClicked(self))
            return
        number = self.scroll_offset.y + event.y - 1
        if number < len(self._source):
            known = number == self.cursor_row
            self.go_to(number, column)
            if known or event.chain > 1:
                self.action_choose()

    # --- scrolling

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._extent_drawn = self._extent_seen
            self._bring()

    def on_resize(self) -> None:
        self._fit()
        self._bring()
        self._reveal()

    @property
    def _frame(self) -> Frame:
        width = self.scrollable_content_region.width
        return Frame.of(self._columns, width, self._gutter, self.scroll_offset.x)

    @property
    def _gutter(self) -> int:
        """What row numbers take, with a sign before them."""
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
        widened = self._columns.measure(row for row in rows if row)
        self._fit()
        if widened:
            self.scroll_to(x=self._frame.scrolled_to(self.cursor_column), animate=False)
            self.refresh()

    def _fit(self) -> None:
        self.virtual_size = Size(self._frame.whole_width, len(self._source) + 1)

    def _reveal(self) -> None:
        top = self.scroll_offset.y
        if self.cursor_row < top:
            self.scroll_to(y=self.cursor_row, animate=False)
        elif self.cursor_row >= top + self.rows_seen:
            self.scroll_to(y=self.cursor_row - self.rows_seen + 1, animate=False)
        self.scroll_to(x=self._frame.scrolled_to(self.cursor_column), animate=False)

    # --- drawing

    def refresh_row(self, number: int) -> None:
        """Draw a row anew, if it is seen; -1 is the heading."""
        y = number - self.scroll_offset.y + 1 if number >= 0 else 0
        if 0 <= y < self.size.height and (y or number < 0):
            self.refresh(Region(0, y, self.size.width, 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        """What is the same for all lines is looked up once."""
        self._painter = Painter(self._frame, self._columns, self.look)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        if y == 0:
            ground = self.get_component_rich_style("grid--heading")
            return self._painter.heading(self._signs, self.column, ground)
        number = self.scroll_offset.y + y - 1
        if number < len(self._source):
            return self._line_of(number)
        text = f"  {self._empty}" if y == 1 else ""
        return self.strip(line((text, Tone.DIM)), self._painter.frame.width)

    def _line_of(self, number: int) -> Strip:
        ground = lit = self.ground
        if number == self.cursor_row:
            ground = lit = self.get_component_rich_style("grid--cursor")
            if self.has_focus:
                lit = self.get_component_rich_style("grid--cell")
        sign = "+" if number in self._fresh else "" if self._source.exact(number) else "~"
        gutter = self._painter.number(number, sign)
        return self._painter.row(self._source.row(number), gutter, self.column, ground, lit)
