"""Where the columns of a grid stand on the screen, scrolled to a place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.browser.ui.columns import Column, Columns, Placed
from console.kit.widths import GAP

# What would be seen of a column that is cut to less says nothing.
STUB = 8
# What the sign takes that says that there are more columns at the right.
MORE = len(" ›")


@dataclass(frozen=True, slots=True)
class Frame:
    """`width` terminal columns, of which row numbers take `gutter`; then the pinned columns, then
    the others from the first one on that begins at `scroll_x` or after it: none is cut at its
    left."""

    width: int
    gutter: int
    scroll_x: int
    pinned: Sequence[Placed]
    free: Sequence[Placed]

    @classmethod
    def of(cls, columns: Columns, width: int, gutter: int, scroll_x: int) -> "Frame":
        return cls(width, gutter, scroll_x, *columns.placed(max(1, width - gutter)))

    @property
    def numbered(self) -> bool:
        """Whether there is room for row numbers, not just for a sign."""
        return self.gutter > GAP + 1

    @property
    def left(self) -> int:
        """Where the first of the other columns that is seen begins."""
        starts = (placed.x for placed in self.free if placed.x >= self.scroll_x)
        return next(starts, self.free[-1].x if self.free else 0)

    @property
    def room(self) -> int:
        """For the other columns, where they are the last."""
        return max(1, self.width - self.gutter) - extent(self.pinned)

    @property
    def whole_width(self) -> int:
        """With all columns."""
        return self.gutter + extent(self.pinned) + extent(self.free)

    @property
    def more(self) -> bool:
        """Whether there are more columns at the right than can be seen."""
        return extent(self.free) - GAP - self.left > self.room

    def seen(self) -> Iterator[tuple[Column, int]]:
        """The columns that are seen, and how wide; the last one may be cut, but not to a stub."""
        whole = room = max(1, self.width - self.gutter - (MORE if self.more else 0))
        left = self.left
        for placed in (*self.pinned, *(p for p in self.free if p.x >= left)):
            if room <= 0 or (room < min(placed.width, STUB) and room < whole):
                return
            yield placed.column, min(placed.width, room)
            room -= placed.width + GAP

    def column_at(self, x: int) -> int | None:
        """Which of the columns, hidden ones not counted, is at a terminal column."""
        x -= self.gutter
        held = extent(self.pinned)
        group, first = (self.pinned, 0) if x < held else (self.free, len(self.pinned))
        x = x if x < held else x - held + self.left
        for place, placed in enumerate(group):
            if placed.x <= x < placed.x + placed.width + GAP:
                return first + place
        return None

    def scrolled_to(self, place: int) -> int:
        """Where to scroll so that a column is seen, as whole as it can be."""
        place -= len(self.pinned)
        if not 0 <= place < len(self.free):
            return self.scroll_x
        column = self.free[place]
        end = column.x + column.width
        room = self.room - (MORE if column is not self.free[-1] else 0)
        if column.x < self.left:
            return column.x
        if end <= self.left + room:
            return self.scroll_x
        enough = (placed.x for placed in self.free if placed.x >= end - room)
        return min(column.x, next(enough, column.x))


def extent(placed: Sequence[Placed]) -> int:
    """Terminal columns of a group, with the gap after it."""
    return placed[-1].x + placed[-1].width + GAP if placed else 0
