"""Lines of a grid: the heading, and rows of cells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from console.browser.model import Row
from console.browser.ui.cells import is_number
from console.browser.ui.columns import Column, Columns
from console.browser.ui.grid_frame import Frame
from console.kit.formats import count
from console.kit.lines import Line, Tone, fitted, joined, line, worded
from console.kit.widths import GAP

_MISSING: Line = (("…", Tone.FAINT),)


@dataclass(frozen=True, slots=True)
class Painter:
    """The painter of one drawing of the whole grid. `look` is a tone on a ground."""

    frame: Frame
    columns: Columns
    look: Callable[[Tone, Style], Style]

    def heading(self, signs: Mapping[str, str], under: Column | None, ground: Style) -> Strip:
        """The titles; `‹` and `›` where there are more of them."""

        def title(column: Column, width: int) -> Line:
            sign = signs.get(column.title, "")
            zone = self.columns.zone(column)
            parts = [(column.title, Tone.DIM), (zone, Tone.FAINT), (sign, Tone.LIVE)]
            whole, short = (
                joined(line(part) for part in some if part[0]) for some in (parts, parts[::2])
            )
            return fitted(worded([whole, short], width), width, right=column.right)

        gutter = line(("‹" if self.frame.left else "", Tone.LIVE))
        strip = self._strip(title, gutter, under, ground, self.look(Tone.STRONG, ground))
        if not self.frame.more:
            return strip
        more = Strip([Segment("›", self.look(Tone.LIVE, ground))])
        return Strip.join([strip.crop(0, self.frame.width - 1), more])

    def row(
        self, row: Row | None, gutter: Line, under: Column | None, ground: Style, lit: Style
    ) -> Strip:
        """A row, or none that is here yet; the cell of the column `under` the cursor is lit."""
        return self._strip(partial(self._cell, row), gutter, under, ground, lit)

    def number(self, number: int, sign: str) -> Line:
        """What stands before a row; a sign says that it is new, or its number not certain."""
        named = count(number + 1) if self.frame.numbered else ""
        text = f"{sign}{named}".rjust(self.frame.gutter - GAP)
        return ((text, Tone.LIVE if sign == "+" else Tone.FAINT),)

    def _cell(self, row: Row | None, column: Column, width: int) -> Line:
        if row is None:
            return fitted(_MISSING, width, right=column.right)
        if column.place >= len(row.cells):
            return fitted((), width)
        cell = row.cells[column.place]
        right = column.right or is_number(cell)
        return fitted(self.columns.drawn(column, cell), width, right=right)

    def _strip(
        self,
        drawn: Callable[[Column, int], Line],
        gutter: Line,
        under: Column | None,
        ground: Style,
        lit: Style,
    ) -> Strip:
        segments = self._segments(fitted(gutter, self.frame.gutter), ground)
        for column, width in self.frame.seen():
            segments += self._segments(drawn(column, width), lit if column is under else ground)
            segments.append(Segment(" " * GAP, ground))
        return Strip(segments).adjust_cell_length(self.frame.width, ground)

    def _segments(self, text: Line, style: Style) -> list[Segment]:
        return [Segment(part, self.look(tone, style)) for part, tone in text]
