"""Rows: where they come from, and the cursor that goes over them with keys and clicks."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView

from console.kit.line_widget import Toned
from console.kit.lines import Line

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Row:
    """`key` says which row it is, wherever it moves to; there is a cell for each column, or the
    last one `spans` all columns that are left."""

    key: Hashable
    cells: tuple[Line, ...]
    spans: bool = False


class Source(Protocol):
    """Rows by number; null where one is not there yet."""

    def __len__(self) -> int: ...
    def row(self, number: int) -> Row | None: ...
    def number_of(self, key: Hashable) -> int | None: ...


class MadeRows(Generic[Key]):
    """Rows that are made when they are seen, in the order of their keys. Subclasses make the
    `cells` of a key."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = keys
        self._rows: dict[int, Row] = {}
        self._numbers: dict[Hashable, int] | None = None

    def cells(self, key: Key) -> tuple[Line, ...]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.keys)

    def row(self, number: int) -> Row | None:
        if not 0 <= number < len(self.keys):
            return None
        if number not in self._rows:
            self._rows[number] = Row(self.keys[number], self.cells(self.keys[number]))
        return self._rows[number]

    def number_of(self, key: Hashable) -> int | None:
        if self._numbers is None:
            self._numbers = {key: number for number, key in enumerate(self.keys)}
        return self._numbers.get(key)


class RowList(MadeRows[Hashable]):
    """Rows in memory."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        super().__init__([row.key for row in rows])
        self._given = rows

    def row(self, number: int) -> Row | None:
        return self._given[number] if 0 <= number < len(self._given) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowList) and self._given == other._given

    __hash__ = None  # type: ignore[assignment]


@dataclass
class RowMessage(Message):
    """Something about a row of `grid`."""

    grid: "RowCursor"

    @property
    def control(self) -> "RowCursor":
        return self.grid


class RowCursor(Toned, ScrollView, can_focus=True):
    """Rows below a heading of `HEADING` lines, one of them under the cursor. Subclasses draw them,
    say how many there are, and give `virtual_size` in `fit`."""

    HEADING: ClassVar[int] = 1
    DEFAULT_CSS = "RowCursor { overflow: hidden auto; }"
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
    empty = ""

    class Moved(RowMessage):
        """The cursor is on another row, or on another cell."""

    @dataclass
    class Chosen(RowMessage):
        """Enter, or a second click, on a row; `key` says which."""

        key: Hashable

    @property
    def row_count(self) -> int:
        raise NotImplementedError

    def fit(self) -> None:
        """Take as much room to scroll over as the rows need."""
        raise NotImplementedError

    @property
    def key(self) -> Hashable | None:
        """The key of the row under the cursor; by default its number."""
        return self.cursor if self.row_count else None

    @property
    def selected(self) -> int | None:
        """The key of the row under the cursor, where that is a number."""
        return self.key if isinstance(self.key, int) else None

    @property
    def rows_seen(self) -> int:
        """How many lines of rows there is room for."""
        return max(1, self.scrollable_content_region.height - self.HEADING)

    def extent(self, number: int) -> tuple[int, int]:
        """The first line of a row, and the one past its last; by default a row is one line."""
        return number, number + 1

    def row_at(self, line: int) -> int:
        """The row of a line, which `extent` counts."""
        return line

    def set_empty(self, words: str) -> None:
        """The words that stand where there are no rows."""
        if words != self.empty:
            self.empty = words
            self.refresh()

    # --- the cursor

    def go_to(self, number: int) -> None:
        """Put the cursor on a row, or the nearest there is."""
        self.cursor = max(0, min(number, self.row_count - 1))
        self.reveal()

    def watch_cursor(self, before: int, after: int) -> None:
        self.refresh_row(before)
        self.refresh_row(after)
        self.post_message(self.Moved(self))

    def action_move(self, by: int) -> None:
        self.go_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.go_to(self.cursor + by * max(1, self.rows_seen - 1))

    def action_first(self) -> None:
        self.go_to(0)

    def action_last(self) -> None:
        self.go_to(self.row_count - 1)

    def action_choose(self) -> None:
        if (key := self.key) is not None:
            self.post_message(self.Chosen(self, key))

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            return
        line = self.scroll_offset.y + place.y - self.HEADING
        if place.y < self.HEADING:
            self.click_heading(place.x)
        elif line < self.extent(self.row_count - 1)[1]:
            number = self.row_at(line)
            chosen = number == self.cursor or event.chain > 1
            self.click_row(number, place.x)
            if chosen:
                self.action_choose()

    def click_heading(self, x: int) -> None:
        """A click on the heading, which is for no row."""

    def click_row(self, number: int, x: int) -> None:
        """The first click on a row takes the cursor there."""
        self.go_to(number)

    # --- what is seen

    def on_resize(self) -> None:
        self.fit()
        self.reveal()

    def reveal(self) -> None:
        """Scroll as little as it takes to see the row under the cursor."""
        top, seen = self.scroll_offset.y, self.rows_seen
        first, end = self.extent(self.cursor)
        if first < top or end - first >= seen:
            self.scroll_to(y=first, animate=False, force=True)
        elif end > top + seen:
            self.scroll_to(y=end - seen, animate=False, force=True)

    def refresh_row(self, number: int) -> None:
        """Draw a row anew, if it is seen."""
        first, end = (line - self.scroll_offset.y + self.HEADING for line in self.extent(number))
        self.refresh_rows(range(max(first, self.HEADING), min(end, self.size.height)))
