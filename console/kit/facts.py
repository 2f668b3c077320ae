"""Panels of facts: a label and what there is to say of it, one below the other."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer
from textual.geometry import Size

from console.kit.line_widget import Lines
from console.kit.lines import Line, Tone, line
from console.kit.scrolled import wrapped

Fact = tuple[str, str | Line]


class FactPanels(ScrollableContainer):
    """Takes the focus only where there is more than is seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page_down", "Page down", show=False),
        Binding("home,g", "scroll_home", "To the top", show=False),
        Binding("end,G", "scroll_end", "To the end", show=False),
    ]

    def allow_focus(self) -> bool:
        return super().allow_focus() and self.max_scroll_y > 0


class FactsPanel(Lines):
    """What is long goes on in the next row, below its beginning."""

    def __init__(self, title: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, classes="panel")
        self.border_title = title
        self._facts: Sequence[Fact] = ()

    def show(self, facts: Sequence[Fact]) -> None:
        width = self.size.width
        before, self._facts = len(self._rows(width)), facts
        self.redraw()
        if len(self._rows(width)) != before:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows(width))

    def lines(self, width: int, height: int) -> Sequence[Line]:
        return self._rows(width)

    def _rows(self, width: int) -> list[Line]:
        room = max((len(label) for label, _ in self._facts), default=0) + 2
        rows = []
        for label, fact in self._facts:
            for number, part in enumerate(wrapped(line(fact), width - room)):
                rows.append(line((f"{'' if number else label:<{room}}", Tone.DIM), part))
        return rows
