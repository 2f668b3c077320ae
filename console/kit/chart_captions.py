"""The figures above a chart: a few rows, in the longest words there is room for."""

from collections.abc import Sequence

from console.kit.line_widget import Lines, fitted, width_of
from console.kit.lines import Line, Tone, line

# The same row in ever shorter words.
Wordings = Sequence[Line]


class Figures(Lines):
    """`empty` is said while there are none."""

    def __init__(self, empty: str = "") -> None:
        super().__init__()
        self._empty = empty
        self._rows: Sequence[Wordings] = ()

    def say(self, *rows: Wordings) -> None:
        self._rows = rows
        self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        if not self._rows:
            return [fitted(line((self._empty, Tone.DIM)), width)]
        return [fitted(worded(wordings, width), width) for wordings in self._rows[:height]]


def worded(wordings: Wordings, width: int) -> Line:
    """The first that fits; else the shortest."""
    return next((found for found in wordings if width_of(found) <= width), wordings[-1])


def spaced(parts: Sequence[Line], gap: int = 2) -> Line:
    blank = (" " * gap, Tone.PLAIN)
    found: list[tuple[str, Tone]] = []
    for part in parts:
        found += [blank, *part] if found and part else part
    return tuple(found)
