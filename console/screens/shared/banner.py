"""The banner: what is wrong and what to do about it; else, the first time, a hint. Seen only when
there is something to say."""

from collections.abc import Sequence
from typing import Final

from textual.geometry import Size

from console.kit.line_widget import Lines
from console.kit.lines import Line, Tone, line, wrapped
from console.session.view import ConsoleState

# At most so many rows, and no more than one in so many of the screen.
MOST_ROWS: Final = 5
SCREEN_SHARE: Final = 5


class Banner(Lines):
    """As high as its text needs, long lines go on below. Where the screen is low, what happened
    is cut before what to do."""

    def __init__(self) -> None:
        super().__init__(id="banner")
        self._lines: list[Line] = []

    def show(self, view: ConsoleState, hint: str = "") -> None:
        trouble = view.trouble
        lines = [line((" → ", Tone.LIVE), hint)] if hint else []
        if trouble is not None:
            sign = "▲" if trouble.tone is Tone.ATTENTION else "■"
            what = line((f" {sign} ", trouble.tone), (trouble.what, Tone.STRONG))
            lines = [what, line(f"   {trouble.todo}")]
        if lines != self._lines:
            self._lines = lines
            self.display = bool(lines)
            self.set_class(trouble is not None and trouble.tone is Tone.DANGER, "-danger")
            self.set_class(trouble is None, "-hint")
            self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        """What comes later has its rows first; every line has one. A row that is not the end of
        its line is marked."""
        rows: list[Line] = []
        for number, text in reversed(list(enumerate(self._lines))):
            room = max(height - len(rows) - number, 1)
            part = wrapped(text, width)
            if len(part) > room:
                part = [*part[: room - 1], line(part[room - 1], ("…", Tone.DIM))]
            rows = part + rows
        return rows

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        most = min(MOST_ROWS, viewport.height // SCREEN_SHARE)
        return len(self.lines(width, max(most, len(self._lines))))
