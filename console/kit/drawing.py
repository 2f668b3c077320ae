"""What a chart is made of: columns of cells, and the figures at its highest and lowest row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from console.kit.lines import Line, Tone

# A character, its tone, and the tone behind it; a null tone is the chart's own ground.
Cell = tuple[str, Tone | None, Tone | None]
BLANK: Final[Cell] = (" ", None, None)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Columns from the oldest to the newest, each from the top down and `thick` cells wide;
    `values` is how many figures they show."""

    columns: Sequence[Sequence[Cell]] = ()
    thick: int = 1
    values: int = 0
    high: str = ""
    low: str = ""


class Figure(Protocol):
    """A figure is pure data that can be compared. Of its `legends`, the longest first, the first
    there is room for stands above it."""

    @property
    def legends(self) -> Sequence[Line]: ...

    def drawn(self, width: int, height: int) -> Drawing:
        """The figure in at most so many columns, and in exactly so many rows."""
        ...
