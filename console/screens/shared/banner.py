"""The banner: what is wrong and what to do about it; else, the first time, a hint. Seen only when
there is something to say."""

from collections.abc import Sequence
from typing import Final

from textual.geometry import Size

from console.kit.line_widget import Lines
from console.kit.lines import Line, Tone, line
from console.kit.scrolled import wrapped
from console.session.view import ConsoleState

# At most so many rows, and no more than one in so many of the screen.
MOST_ROWS: Final = 5
SCREEN_SHARE: Final = 5


class Banner(Lines):
    """As high as its text needs, long lines go on below. Where the screen is low, what happened
    is cut before what to do."""

    def __init__(self) -> None:
        super().__init__(id="banner")
        self._said: list[Line] = []

    def show(self, view: ConsoleState, hint: str = "") -> None:
        said = _trouble(view) or _hint(hint)
        if said == self._said:
            return
        self._said = said
        self.display = bool(said)
        self.set_class(view.trouble is not None and view.trouble.tone is Tone.DANGER, "-danger")
        self.set_class(view.trouble is None, "-hint")
        self.redraw()
        if self.get_content_height(self.size, self.app.size, self.size.width) != self.size.height:
            self.refresh(layout=True)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        """What comes later has its rows first; every line has one."""
        rows: list[Line] = []
        for number, said in reversed(list(enumerate(self._said))):
            room = max(height - len(rows) - number, 1)
            rows = _within(wrapped(said, width), room) + rows
        return rows

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        most = min(MOST_ROWS, viewport.height // SCREEN_SHARE)
        return len(self.lines(width, max(most, len(self._said))))


def _within(rows: list[Line], room: int) -> list[Line]:
    """As many of the rows as there is room for, the last one marked where it is not the end."""
    if len(rows) <= room:
        return rows
    return [*rows[: room - 1], line(rows[room - 1], ("…", Tone.DIM))]


def _trouble(view: ConsoleState) -> list[Line]:
    if view.trouble is None:
        return []
    trouble = view.trouble
    sign = "▲" if trouble.tone is Tone.ATTENTION else "■"
    return [
        line((f" {sign} ", trouble.tone), (trouble.what, Tone.STRONG)),
        line(f"   {trouble.todo}"),
    ]


def _hint(hint: str) -> list[Line]:
    return [line((" → ", Tone.LIVE), hint)] if hint else []
