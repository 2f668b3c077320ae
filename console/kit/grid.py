"""A table that draws only what is seen, through the Line API: any number of rows, at once."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.kit.line_widget import Toned, fitted
from console.kit.lines import Line, Tone, line
from console.kit.textual_internals import set_scroll_height

GAP = 2
KEPT_STRIPS = 500


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in terminal columns; 0 takes what is left, and no less than `least`. Where the room
    is short, the columns with the highest `drop` go first; 0 stays."""

    title: str
    width: int
    right: bool = False
    drop: int = 0
    least: int = 8

    @property
    def needed(self) -> int:
        return self.width or self.least


@dataclass(frozen=True, slots=True)
class Row:
    """`key` says which row it is, wherever it moves to; there is a cell for each column."""

    key: Hashable
    cells: tuple[Line, ...]


# Columns that are seen: their numbers, their widths, whether right-aligned.
Fit = Sequence[tuple[int, int, bool]]


class Source(Protocol):
    """Where rows come from: by number, and null where one is not there yet."""

    def __len__(self) -> int: ...
    def row(self, number: int) -> Row | None: ...
    def number_of(self, key: Hashable) -> int | None: ...


class RowList:
    """Rows in memory."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self._rows = rows
        self._numbers: dict[Hashable, int] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, number: int) -> Row | None:
        return self._rows[number] if 0 <= number < len(self._rows) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowList) and self._rows == other._rows

    __hash__ = None  # type: ignore[assignment]

    def number_of(self, key: Hashable) -> int | None:
        if self._numbers is None:
            self._numbers = {found.key: number for number, found in enumerate(self._rows)}
        return self._numbers.get(key)


class Grid(Toned, ScrollView, can_focus=True):
    """Columns under a heading that stays, and a cursor that stays on its row when rows move.

    While the cursor is on the first row it follows what is newest (`follows`).
    """

    DEFAULT_CSS = "Grid { overflow: hidden auto; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--heading",
        "grid--cursor",
        "grid--cursor-blurred",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First row", show=False),
        Binding("end,G", "last", "Last row", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    cursor: var[int] = var(0)

    @dataclass
    class Chosen(Message):
        """Enter, or a second click, on a row."""

        grid: "Grid"
        key: Hashable

        @property
        def control(self) -> "Grid":
            return self.grid

    @dataclass
    class Moved(Message):
        """The cursor is on another row now; `key` is null where there is none."""

        grid: "Grid"
        key: Hashable | None

        @property
        def control(self) -> "Grid":
            return self.grid

    def __init__(
        self,
        columns: Sequence[Column] = (),
        *,
        follows: bool = False,
        empty: str = "nothing here",
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._source: Source = RowList()
        self._follows = follows
        self._empty = empty
        self._key: Hashable | None = None
        self._fit: tuple[int, Fit] | None = None
        # What each line of the screen shows, and how rows were drawn: most stay as they are.
        self._lines_drawn: dict[int, Row | bool] = {}
        self._strips_drawn: dict[tuple[Hashable, Style], tuple[Row, Strip]] = {}

    @property
    def source(self) -> Source:
        return self._source

    @property
    def key(self) -> Hashable | None:
        """The row under the cursor."""
        found = self._source.row(self.cursor)
        return found.key if found else None

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
        """Show other rows; the cursor stays on its row, wherever that is now."""
        same, self._source = _same(self._source, source), source
        if same:
            return
        before = self.cursor, self.scroll_offset
        set_scroll_height(self, len(self._source) + 1)
        self._keep_cursor()
        if before == (self.cursor, self.scroll_offset):
            lines = range(1, self.size.height)
            self.refresh_rows(y for y in lines if self._lines_drawn.get(y) != self._at(y))
        else:
            self.refresh()

    def select(self, key: Hashable) -> None:
        """Put the cursor on a row, if it is there."""
        number = self._source.number_of(key)
        if number is not None:
            self._put(number)

    # --- drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if self._fit is None or self._fit[0] != width:
            self._fit = width, _that_fit(self._columns, width)
        shown = self._fit[1]
        if y == 0:
            style = self.get_component_rich_style("grid--heading")
            titles = [line((column.title, Tone.DIM)) for column in self._columns]
            return self.strip(_row(titles, shown), width, style)
        ground = self._ground_of(self.scroll_offset.y + y - 1)
        self._lines_drawn[y] = found = self._at(y)
        if isinstance(found, Row):
            return self._drawn(found, shown, width, ground)
        if not len(self._source) and y == 1:
            return self.strip(line((f"  {self._empty}", Tone.DIM)), width)
        return self.strip(line(("  …" if found else "", Tone.FAINT)), width, ground)

    def _at(self, y: int) -> Row | bool:
        """What stands on a line: a row, or whether there is one that is not there yet."""
        number = self.scroll_offset.y + y - 1
        found = self._source.row(number)
        return number < len(self._source) if found is None else found

    def _drawn(self, row: Row, shown: Fit, width: int, ground: Style) -> Strip:
        known = self._strips_drawn.get((row.key, ground))
        if known and known[0] == row and known[1].cell_length == width:
            return known[1]
        strip = self.strip(_row(row.cells, shown), width, ground)
        if len(self._strips_drawn) >= KEPT_STRIPS:
            self._strips_drawn.clear()
        self._strips_drawn[row.key, ground] = row, strip
        return strip

    def _ground_of(self, number: int) -> Style:
        if number != self.cursor or not len(self._source):
            return self.ground
        name = "grid--cursor" if self.has_focus else "grid--cursor-blurred"
        return self.get_component_rich_style(name)

    def refresh_row(self, number: int) -> None:
        y = number - self.scroll_offset.y + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # --- the cursor

    def watch_cursor(self, before: int, after: int) -> None:
        self.refresh_row(before)
        self.refresh_row(after)
        self._key = self.key
        self.post_message(self.Moved(self, self._key))

    def action_move(self, by: int) -> None:
        self._put(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._put(self.cursor + by * max(1, self._rows_seen - 1))

    def action_first(self) -> None:
        self._put(0)

    def action_last(self) -> None:
        self._put(len(self._source) - 1)

    def action_choose(self) -> None:
        if (key := self.key) is not None:
            self.post_message(self.Chosen(self, key))

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None or place.y == 0:
            return
        number = self.scroll_offset.y + place.y - 1
        if not 0 <= number < len(self._source):
            return
        if number == self.cursor or event.chain > 1:
            self._put(number)
            self.action_choose()
        else:
            self._put(number)

    def on_resize(self) -> None:
        set_scroll_height(self, len(self._source) + 1)
        self._reveal(self.cursor)

    @property
    def _rows_seen(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def _put(self, number: int) -> None:
        self.cursor = max(0, min(number, len(self._source) - 1))
        self._reveal(self.cursor)

    def _reveal(self, number: int) -> None:
        top = self.scroll_offset.y
        if number < top:
            self.scroll_to(y=number, animate=False, force=True)
        elif number >= top + self._rows_seen:
            self.scroll_to(y=number - self._rows_seen + 1, animate=False, force=True)

    def _keep_cursor(self) -> None:
        """On its row, where that is still there; on the newest, where it was on the newest."""
        if self._follows and self.cursor == 0 and self.scroll_offset.y == 0:
            self._key = self.key
            return
        number = None if self._key is None else self._source.number_of(self._key)
        if number is None:
            self._put(self.cursor)
            self._key = self.key
        elif number != self.cursor:
            moved = number - self.cursor
            self.set_reactive(Grid.cursor, number)
            self.scroll_to(y=self.scroll_offset.y + moved, animate=False, force=True)


def _same(before: Source, after: Source) -> bool:
    """Other rows that are equal; a source that is given again may have changed in itself."""
    return before is not after and before == after


def _row(cells: Sequence[Line], shown: Fit) -> Line:
    spans: list[tuple[str, Tone]] = [(" ", Tone.PLAIN)]
    for number, width, right in shown:
        spans += fitted(cells[number] if number < len(cells) else (), width, right=right)
        spans.append((" " * GAP, Tone.PLAIN))
    return tuple(spans)


def _that_fit(columns: Sequence[Column], width: int) -> Fit:
    """The columns there is room for."""
    kept = list(columns)
    while kept and _needed(kept) > width:
        droppable = max(kept, key=lambda column: column.drop)
        if not droppable.drop:
            break
        kept.remove(droppable)
    free = sum(1 for column in kept if not column.width)
    share = (width - _needed(kept)) // max(1, free)
    return [
        (number, column.width or max(1, column.least + share), column.right)
        for number, column in enumerate(columns)
        if any(column is found for found in kept)
    ]


def _needed(columns: Sequence[Column]) -> int:
    return 1 + sum(column.needed + GAP for column in columns)
