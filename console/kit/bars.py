"""Bars as characters: stacked on a ground, or up and down from zero.

A bar is as fine as an eighth of a cell; the newest is on the right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Final, TypeVar

from console.kit.drawing import BLANK, Cell, Drawing
from console.kit.formats import count
from console.kit.lines import Line, Tone

EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
# No height at all is a thin line, which a missing value is not.
ZERO: Final[Cell] = ("▁", Tone.SHADE, None)
HANGING_ZERO: Final[Cell] = ("▔", Tone.SHADE, None)
# Where a chart is wide enough for more, bars get thicker.
MOST_BARS: Final = 80

T = TypeVar("T")
Part = tuple[float, Tone]
# From the ground up; null where there is nothing to measure, which is not zero.
Bar = tuple[Part, ...] | None


@dataclass(frozen=True, slots=True)
class Stacked:
    """Bars of parts, oldest first. `scale` writes the figure of the highest one."""

    bars: tuple[Bar, ...] = ()
    scale: Callable[[float], str] = field(default=lambda value: count(round(value)), compare=False)
    legends: tuple[Line, ...] = ()

    def drawn(self, width: int, height: int) -> Drawing:
        shown, thick = newest(self.bars, width)
        top = max((sum(value for value, _ in bar) for bar in shown if bar), default=0.0)
        columns = [stacked_column(bar, top, height) for bar in shown]
        high = self.scale(top) if top else ""
        return Drawing(columns, thick, len(shown), high, "0" if top else "")


@dataclass(frozen=True, slots=True)
class Signed:
    """Bars around zero, oldest first; `up` and `down` are the tones of the two directions."""

    values: tuple[float | None, ...] = ()
    up: Tone = Tone.ATTENTION
    down: Tone = Tone.OK
    scale: Callable[[float], str] = field(default="{:+.1f}".format, compare=False)
    legends: tuple[Line, ...] = ()

    def drawn(self, width: int, height: int) -> Drawing:
        shown, thick = newest(self.values, width)
        amounts = [value for value in shown if value is not None]
        high, low = max([0.0, *amounts]), min([0.0, *amounts])
        if height < 2 or not amounts:
            return Drawing()
        ground = Ground.between(high, low, height)
        columns = [signed_column(value, ground, self.up, self.down) for value in shown]
        return Drawing(columns, thick, len(shown), self._label(high), self._label(low))

    def _label(self, value: float) -> str:
        return self.scale(value) if value else "0"


@dataclass(frozen=True, slots=True)
class Ground:
    """Rows above and below zero, and what an eighth of a row is worth."""

    above: int
    below: int
    unit: float

    @classmethod
    def between(cls, high: float, low: float, height: int) -> "Ground":
        if high == low:
            return cls(height, 0, 0.0)
        above = round(height * high / (high - low))
        above = min(max(above, 1 if high else 0), height - 1 if low else height)
        below = height - above
        units = [high / (above * 8) if above else 0.0, -low / (below * 8) if below else 0.0]
        return cls(above, below, max(units))

    def steps(self, value: float) -> int:
        """The eighths of a bar; what is there at all is seen."""
        if not value:
            return 0
        return max(1, round(abs(value) / self.unit)) if self.unit else 1


def newest(values: Sequence[T], width: int) -> tuple[Sequence[T], int]:
    """The newest values there is room for, and how many cells wide each may be."""
    thick = max(1, width // MOST_BARS)
    return values[-(width // thick) :] if width else (), thick


def heights(bar: Sequence[Part], top: float, room: int) -> list[int]:
    """The height of each part, where `room` is as high as `top`. What is there at all is seen.

    Together they are the rounded total, or more by one for each part that would have vanished.
    """
    steps: list[int] = []
    total, reached = 0.0, 0
    for value, _ in bar:
        total += value
        level = round(total / top * room) if top else 0
        level = min(room, max(level, reached + (value > 0)))
        steps.append(level - reached)
        reached = level
    return steps


@lru_cache(maxsize=4_096)
def stacked_column(bar: Bar, top: float, height: int) -> tuple[Cell, ...]:
    if bar is None:
        return (BLANK,) * height
    steps = heights(bar, top, height * 8)
    eighths = [tone for (_, tone), step in zip(bar, steps, strict=True) for _ in range(step)]
    return _standing(eighths, height)


@lru_cache(maxsize=4_096)
def signed_column(value: float | None, ground: Ground, up: Tone, down: Tone) -> tuple[Cell, ...]:
    above, below = ground.above, ground.below
    if value is None:
        return (BLANK,) * (above + below)
    steps = ground.steps(value)
    if value < 0:
        hanging = (_hanging(steps - row * 8, down) for row in range(below))
        return (*(BLANK,) * above, *hanging)
    if not above:
        return (HANGING_ZERO, *(BLANK,) * (below - 1))
    return (*_standing([up] * steps, above), *(BLANK,) * below)


def _standing(eighths: Sequence[Tone], height: int) -> tuple[Cell, ...]:
    """Cells of a column that is filled from below."""
    if not eighths:
        return (*(BLANK,) * (height - 1), ZERO)
    return tuple(_cell(eighths[row * 8 : row * 8 + 8]) for row in reversed(range(height)))


def _hanging(steps: int, tone: Tone) -> Cell:
    """A cell that is filled from above: what is free below is drawn on it, in the ground's
    color."""
    if steps <= 0:
        return BLANK
    return (EIGHTHS[8], tone, None) if steps >= 8 else (EIGHTHS[8 - steps], None, tone)


def _cell(eighths: Sequence[Tone]) -> Cell:
    """A cell has two colors: where three meet, the least gives way to its neighbour, and danger
    is the last to go."""
    runs: list[tuple[Tone | None, int]] = [(tone, len([*run])) for tone, run in groupby(eighths)]
    if len(eighths) < 8:
        runs.append((None, 8 - len(eighths)))
    while len(runs) > 2:
        least = min(range(len(runs)), key=lambda n: (runs[n][0] is Tone.DANGER, runs[n][1]))
        neighbour = least - 1 if least else 1
        runs[neighbour] = (runs[neighbour][0], runs[neighbour][1] + runs[least][1])
        del runs[least]
    lower, steps = runs[0]
    if lower is None:
        return BLANK
    return (EIGHTHS[steps], lower, runs[1][0] if len(runs) > 1 else None)
