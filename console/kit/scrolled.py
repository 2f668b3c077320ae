"""Panels that scroll where there is more than fits."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.kit.line_widget import Lines, Toned
from console.kit.lines import Line, Tone, line, wrapped

Fact = tuple[str, str | Line]

_KEYS: Final[list[BindingType]] = [
    Binding("up,k", "scroll_up", "Up", show=False),
    Binding("down,j", "scroll_down", "Down", show=False),
    Binding("pageup,ctrl+b", "page_up", "Page up", show=False),
    Binding("pagedown,ctrl+f", "page_down", "Page down", show=False),
    Binding("home,g", "scroll_home", "To the top", show=False),
    Binding("end,G", "scroll_end", "To the end", show=False),
]


class Scrolled(Toned, ScrollView, can_focus=True):
    """Lines that scroll; a long one goes on in the next row. Subclasses give them in `lines`, and
    call `redraw` when they change."""

    DEFAULT_CSS = "Scrolled { overflow: hidden auto; }"
    BINDINGS: ClassVar[list[BindingType]] = _KEYS

    _drawn: Sequence[Line] = ()
    _drawn_for = 0

    def lines(self, width: int) -> Iterable[Line]:
        """The lines for so many columns."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw anew, unless that would draw the same."""
        # One column is left for the scrollbar, seen or not, so that nothing moves.
        room = max(self.size.width - 1, 0)
        if not room:
            return
        rows = self._rows(room)
        if rows != self._drawn or self._drawn_for != room:
            self._drawn, self._drawn_for = rows, room
            self.virtual_size = Size(room, len(rows))
            self.refresh()

    def _rows(self, room: int) -> list[Line]:
        return [row for text in self.lines(room) for row in wrapped(text, room)]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows(max(width - 1, 0)))

    def to_top(self) -> None:
        self.scroll_to(y=0, animate=False)

    def render_line(self, y: int) -> Strip:
        number = y + self.scroll_offset.y
        row = self._drawn[number] if number < len(self._drawn) else ()
        return self.strip(row, self.scrollable_content_region.width)

    def on_resize(self) -> None:
        self.redraw()


class FactPanels(ScrollableContainer):
    """Panels of facts side by side; they take the focus only where there is more than is seen."""

    BINDINGS: ClassVar[list[BindingType]] = _KEYS

    def allow_focus(self) -> bool:
        return super().allow_focus() and self.max_scroll_y > 0


class FactsPanel(Lines):
    """Facts, each with its label before it; a long one goes on in the next row."""

    def __init__(self, title: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, classes="panel")
        self.border_title = title
        self._facts: Sequence[Fact] = ()

    def show(self, facts: Sequence[Fact]) -> None:
        self._facts = facts
        self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        room = max((len(label) for label, _ in self._facts), default=0) + 2
        return [
            line((f"{'' if number else label:<{room}}", Tone.DIM), part)
            for label, fact in self._facts
            for number, part in enumerate(wrapped(line(fact), width - room))
        ]
