"""A panel of facts: the figure before its label, one a line."""

from collections.abc import Sequence

from textual.geometry import Size

from console.lines import Line, Tone, line
from console.widgets.toned import Lines

Fact = tuple[str, str | Line]


class FactsPanel(Lines):
    def __init__(self, title: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, classes="panel")
        self.border_title = title
        self._facts: Sequence[Fact] = ()

    def show(self, facts: Sequence[Fact]) -> None:
        grown = len(facts) != len(self._facts)
        self._facts = facts
        self.redraw()
        if grown:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._facts)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        room = max((len(label) for label, _ in self._facts), default=0) + 2
        return [line((f"{label:<{room}}", Tone.DIM), value) for label, value in self._facts]
