"""Items of several lines each, one of them chosen; drawn through the Line API."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.strip import Strip

from console.browser.ui.fields import FieldRow
from console.kit.rows import RowCursor


class ItemList(RowCursor):
    """Items as rows of one or more lines."""

    HEADING: ClassVar[int] = 0
    COMPONENT_CLASSES: ClassVar[set[str]] = {"items--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home,g", "edge(0)", "First", show=False),
        Binding("end,G", "edge(-1)", "Last", show=False),
        Binding("enter", "choose", "Follow", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._items: Sequence[FieldRow] = ()
        self._starts: list[int] = [0]

    @property
    def item(self) -> FieldRow | None:
        """The item under the cursor."""
        return self._items[self.cursor] if self._items else None

    @property
    def row_count(self) -> int:
        return len(self._items)

    def show(self, items: Sequence[FieldRow]) -> None:
        """Other items; the cursor stays where it was, as far as there are as many."""
        self._items = items
        self._starts = list(accumulate((len(item.lines) for item in items), initial=0))
        self.fit()
        self.go_to(self.cursor)
        self.refresh()

    def fit(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, self._starts[-1])

    def extent(self, number: int) -> tuple[int, int]:
        first, *end = self._starts[min(number, len(self._items)) :][:2]
        return first, end[0] if end else first

    def row_at(self, line: int) -> int:
        return bisect_right(self._starts, line, hi=len(self._items)) - 1

    def render_line(self, y: int) -> Strip:
        number, width = self.scroll_offset.y + y, self.scrollable_content_region.width
        if number >= self._starts[-1]:
            return self.strip((), width)
        place = self.row_at(number)
        chosen = place == self.cursor
        ground = self.get_component_rich_style("items--cursor") if chosen else None
        return self.strip(self._items[place].lines[number - self._starts[place]], width, ground)

    def action_move(self, by: int) -> None:
        """To the next item; through one that is longer than the screen, line by line."""
        height, top = self.size.height, self.scroll_offset.y
        start, end = self.extent(self.cursor)
        if (by > 0 and end > top + height) or (by < 0 and start < top):
            self.scroll_to(y=top + by * max(1, height // 2), animate=False)
        else:
            super().action_move(by)

    def action_page(self, by: int) -> None:
        line = self.scroll_offset.y + by * self.size.height
        line = max(0, min(line, self._starts[-1] - 1))
        self.go_to(self.row_at(line))
        self.scroll_to(y=line, animate=False)

    def action_edge(self, place: int) -> None:
        """The very first line, or the very last."""
        self.go_to(place % max(1, len(self._items)))
        self.scroll_to(y=self.max_scroll_y if place else 0, animate=False)
