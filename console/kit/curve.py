"""A line through figures, in dots of braille: two a cell across, four up. Figures in, cells out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from console.kit.drawing import BLANK, Cell, Drawing
from console.kit.lines import Line, Tone

_BLANK_BRAILLE: Final = 0x2800
# Bits of the dots of a cell, from its lowest row up: left and right.
_DOTS: Final = ((0x40, 0x80), (0x04, 0x20), (0x02, 0x10), (0x01, 0x08))


@dataclass(frozen=True, slots=True)
class Curve:
    """Figures, oldest first, one a column of dots; a null is a gap. Money stays Decimal."""

    values: tuple[Decimal | None, ...] = ()
    tone: Tone = Tone.LIVE
    scale: Callable[[Decimal], str] = field(default=str, compare=False)
    legends: tuple[Line, ...] = ()

    def drawn(self, width: int, height: int) -> Drawing:
        shown = self.values[-width * 2 :] if width else ()
        known = [value for value in shown if value is not None]
        if not known:
            return Drawing()
        high, low = max(known), min(known)
        levels = [_level(value, low, high, height * 4) for value in shown]
        columns = _columns(levels, height, self.tone)
        return Drawing(columns, 1, len(shown), self.scale(high), self.scale(low))


def _level(value: Decimal | None, low: Decimal, high: Decimal, dots: int) -> int | None:
    """The row of dots, from below; a line that is level is drawn half way up."""
    if value is None:
        return None
    return dots // 2 if high == low else round((value - low) * (dots - 1) / (high - low))


def _columns(levels: Sequence[int | None], height: int, tone: Tone) -> list[tuple[Cell, ...]]:
    """An odd one out is the oldest: the newest is always on the right edge."""
    spans = _spans(levels)
    if len(spans) % 2:
        spans = [None, *spans]
    pairs = zip(spans[::2], spans[1::2], strict=True)
    return [tuple(_cell(pair, row * 4, tone) for row in reversed(range(height))) for pair in pairs]


def _spans(levels: Sequence[int | None]) -> list[range | None]:
    """The dots of each column: from beside the one before it to its own."""
    found: list[range | None] = []
    before: int | None = None
    for level in levels:
        found.append(None if level is None else _between(before, level))
        before = level
    return found


def _between(before: int | None, level: int) -> range:
    if before is None or before == level:
        return range(level, level + 1)
    return range(before + 1, level + 1) if before < level else range(level, before)


def _cell(pair: Sequence[range | None], base: int, tone: Tone) -> Cell:
    bits = 0
    for side, dots in enumerate(pair):
        for row, masks in enumerate(_DOTS):
            if dots is not None and base + row in dots:
                bits |= masks[side]
    return (chr(_BLANK_BRAILLE + bits), tone, None) if bits else BLANK
