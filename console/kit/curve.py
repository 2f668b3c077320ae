"""A line through values, in dots of braille: two a cell across, four up."""

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
    """Values, oldest first, one a column of dots; a null is a gap. Money stays Decimal."""

    values: tuple[Decimal | None, ...] = ()
    tone: Tone = Tone.LIVE
    scale: Callable[[Decimal], str] = field(default=str, compare=False)
    legends: tuple[Line, ...] = ()

    def drawn(self, width: int, height: int) -> Drawing:
        values = self.values[-width * 2 :] if width else ()
        amounts = [value for value in values if value is not None]
        if not amounts:
            return Drawing()
        high, low = max(amounts), min(amounts)
        levels = [self._level(value, low, high, height * 4) for value in values]
        return Drawing(
            self._columns(levels, height), 1, len(values), self.scale(high), self.scale(low)
        )

    @staticmethod
    def _level(value: Decimal | None, low: Decimal, high: Decimal, dots: int) -> int | None:
        """The row of dots, from below; a line that is level is drawn half way up."""
        if value is None:
            return None
        return dots // 2 if high == low else round((value - low) * (dots - 1) / (high - low))

    def _columns(self, levels: Sequence[int | None], height: int) -> list[tuple[Cell, ...]]:
        """An odd one out is the oldest: the newest is always on the right edge."""
        spans = list(map(self._span, (None, *levels), levels))
        if len(spans) % 2:
            spans = [None, *spans]
        return [
            tuple(self._cell(pair, row * 4) for row in reversed(range(height)))
            for pair in zip(spans[::2], spans[1::2], strict=True)
        ]

    @staticmethod
    def _span(before: int | None, level: int | None) -> range | None:
        """The dots of a column: from beside the one before it to its own."""
        if level is None:
            return None
        if before is None or before == level:
            return range(level, level + 1)
        return range(before + 1, level + 1) if before < level else range(level, before)

    def _cell(self, pair: Sequence[range | None], base: int) -> Cell:
        bits = 0
        for side, dots in enumerate(pair):
            for row, masks in enumerate(_DOTS):
                if dots is not None and base + row in dots:
                    bits |= masks[side]
        return (chr(_BLANK_BRAILLE + bits), self.tone, None) if bits else BLANK
