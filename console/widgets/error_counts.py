"""Errors and warnings of the newest cycles, by kind, with how often."""

from typing import TYPE_CHECKING

from console.formats import count
from console.lines import Line, Tone, line
from console.widgets.toned import Lines, width_of

if TYPE_CHECKING:
    from engine import Books


class ErrorCounts(Lines):
    """Kinds side by side, as many as there is room for; it says when there are more."""

    def __init__(self) -> None:
        super().__init__(id="errors", classes="panel")
        self.border_title = "errors and warnings"
        self.border_subtitle = "newest 1,000 cycles"
        self._errors: tuple[tuple[str, int], ...] = ()

    def show(self, books: "Books | None") -> None:
        self._errors = books.errors if books else ()
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        if not self._errors:
            return [line(("none", Tone.OK))]
        rows: list[Line] = [()]
        for number, (kind, often) in enumerate(self._errors):
            part = line((count(often), Tone.STRONG), f" {kind}    ")
            if width_of(rows[-1]) + width_of(part) > width and rows[-1]:
                if len(rows) == height:
                    left = len(self._errors) - number
                    rows[-1] = line(rows[-1][: -2 or None], (f"and {left} more kinds", Tone.DIM))
                    break
                rows.append(())
            rows[-1] = line(rows[-1], part)
        return rows
