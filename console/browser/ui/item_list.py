"""Items of several lines each, one of them chosen; drawn through the Line API."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.browser.ui.fields import FieldRow
from console.kit.line_widget import Toned


class ItemList(Toned, ScrollView, can_focus=True):
    DEFAULT_CSS = "ItemList { overflow: hidden auto; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"items--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(0)", "First", show=False),
        Binding("end,G", "edge(-1)", "Last", show=False),
        Binding("enter", "choose", "Follow", show=False),
    ]

    class Chosen(Message):
        """Enter, or a second click, on an item."""

        def __init__(self, item: FieldRow) -> None:
            super().__init__()
            self.item = item

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._items: Sequence[FieldRow] = ()
        self._starts: list[int] = [0]
        self._cursor = 0

    @property
    def item(self) -> FieldRow | None:
        """The one under the cursor."""
        return self._items[self._cursor] if self._items else None

    def show(self, items: Sequence[FieldRow]) -> None:
        """Other items; the cursor stays where it was, as far as there are as many."""
        self._items = items
        self._starts = list(accumulate((len(item.lines) for item in items), initial=0))
        self.virtual_size = Size(self.scrollable_content_region.width, self._starts[-1])
        self._put(self._cursor)

    def render_line(self, y: int) -> Strip:
        number, width = self.scroll_offset.y + y, self.scrollable_content_region.width
        if number >= self._starts[-1]:
            return self.strip((), width)
        place = self._item_at(number)
        chosen = place == self._cursor
        ground = self.get_component_rich_style("items--cursor") if chosen else None
        found = self._items[place].lines[number - self._starts[place]]
        return self.strip(found, width, ground)

    def action_move(self, by: int) -> None:
        """To the next item; through one that is longer than the screen, line by line."""
        height, top = self.size.height, self.scroll_offset.y
        start, end = self._extent(self._cursor)
        if (by > 0 and end > top + height) or (by < 0 and start < top):
            self.scroll_to(y=top + by * max(1, height // 2), animate=False)
        else:
            self._put(self._cursor + by)

    def action_page(self, by: int) -> None:
        line = self.scroll_offset.y + by * self.size.height
        line = max(0, min(line, self._starts[-1] - 1))
        self._put(self._item_at(line))
        self.scroll_to(y=line, animate=False)

    def action_edge(self, place: int) -> None:
        """The very first line, or the very last."""
        self._put(place % max(1, len(self._items)))
        self.scroll_to(y=self.max_scroll_y if place else 0, animate=False)

    def action_choose(self) -> None:
        if self.item is not None:
            self.post_message(self.Chosen(self.item))

    def on_click(self, event: events.Click) -> None:
        number = self.scroll_offset.y + event.y
        if number < self._starts[-1]:
            place = self._item_at(number)
            known = place == self._cursor
            self._put(place)
            if known or event.chain > 1:
                self.action_choose()

    def _put(self, place: int) -> None:
        self._cursor = max(0, min(place, len(self._items) - 1))
        start, end = self._extent(self._cursor)
        top, height = self.scroll_offset.y, self.size.height
        if start < top or end - start >= height:
            self.scroll_to(y=start, animate=False)
        elif end > top + height:
            self.scroll_to(y=end - height, animate=False)
        self.refresh()

    def _extent(self, place: int) -> tuple[int, int]:
        return (self._starts[place], self._starts[place + 1]) if self._items else (0, 0)

    def _item_at(self, line: int) -> int:
        return bisect_right(self._starts, line, hi=len(self._items)) - 1
