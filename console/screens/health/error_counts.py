"""Errors and warnings of the newest cycles, by kind, with how often."""

from typing import TYPE_CHECKING, Final

from console.kit.formats import count
from console.kit.line_widget import Lines
from console.kit.lines import Line, Tone, joined, line, width_of
from console.screens.shared.cycle_story import in_words

if TYPE_CHECKING:
    from engine import LedgerSummary

APART: Final = "    "


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
            if rows[-1] and width_of(joined([*rows[-1], part], APART)) > width:
                rows.append([])
            rows[-1].append(part)
        if len(rows) > height > 0:
            rows = [*rows[: height - 1], self._and_more(rows[height - 1 :], width)]
        return [joined(row, APART) for row in rows]

    @staticmethod
    def _and_more(rows: list[list[Line]], width: int) -> list[Line]:
        """The first of the rows, and at its end how many more kinds there are."""
        first, many = rows[0], sum(map(len, rows))
        for shown in range(len(first), -1, -1):
            row = [*first[:shown], line((f"and {many - shown} more kinds", Tone.DIM))]
            if width_of(joined(row, APART)) <= width:
                break
        return row
