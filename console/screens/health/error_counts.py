"""Errors and warnings of the newest cycles, by kind, with how often."""

from typing import TYPE_CHECKING, Final

from console.kit.chart_captions import spaced
from console.kit.formats import count
from console.kit.line_widget import Lines, width_of
from console.kit.lines import Line, Tone, line
from console.screens.shared.cycle_story import in_words

if TYPE_CHECKING:
    from engine import LedgerSummary

APART: Final = 4


class ErrorCounts(Lines):
    """Kinds side by side, as many as there is room for; it says when there are more."""

    def __init__(self) -> None:
        super().__init__(id="errors", classes="panel")
        self.border_title = "errors and warnings"
        self.border_subtitle = "newest 1,000 cycles"
        self._errors: tuple[tuple[str, int], ...] = ()

    def show(self, books: "LedgerSummary | None") -> None:
        self._errors = books.errors if books else ()
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        if not self._errors:
            return [line(("none", Tone.OK))]
        rows: list[list[Line]] = [[]]
        for kind, often in self._errors:
            part = line((count(often), Tone.STRONG), (" × ", Tone.DIM), in_words(kind))
            if rows[-1] and width_of(spaced([*rows[-1], part], APART)) > width:
                rows.append([])
            rows[-1].append(part)
        if len(rows) > height:
            rows = [*rows[: height - 1], _and_more(rows[height - 1 :], width)]
        return [spaced(row, APART) for row in rows]


def _and_more(rows: list[list[Line]], width: int) -> list[Line]:
    """The first of the rows, and in its place how many kinds are not told."""
    kept, many = list(rows[0]), sum(map(len, rows))
    while True:
        row = [*kept, line((f"and {many - len(kept)} more kinds", Tone.DIM))]
        if not kept or width_of(spaced(row, APART)) <= width:
            return row
        kept.pop()
