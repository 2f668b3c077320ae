"""Figures under one another with their points in one column: blanks stand for missing decimals."""

from collections.abc import Iterable
from dataclasses import dataclass

from console.kit.formats import NONE


@dataclass(frozen=True, slots=True)
class Decimals:
    """What a right-aligned column of figures needs: its width, and the most decimals in it."""

    width: int
    decimals: int

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Decimals":
        whole = decimals = 0
        for text in texts:
            before, _, after = text.partition(".")
            whole, decimals = max(whole, len(before)), max(decimals, len(after))
        return cls(whole + decimals + bool(decimals), decimals)

    def placed(self, text: str, width: int) -> str:
        """The figure with its point where the column's is; where the column is cut, as it is."""
        if width < self.width or text == NONE:
            return text
        _, point, after = text.partition(".")
        return text + " " * (self.decimals - len(after) + (bool(self.decimals) and not point))
