"""A grid whose words for having no rows change with what it shows."""

from typing import Any

from console.kit.grid import GAP, Grid


class Listing(Grid):
    def say_when_empty(self, text: str) -> None:
        if text != self._empty:
            self._empty = text
            self.refresh()

    @property
    def rest_width(self) -> int:
        """How wide the last column is, which takes all that the others leave."""
        taken = sum(column.width + GAP for column in self._columns)
        return self.scrollable_content_region.width - 1 - taken - GAP

    def scroll_to(self, *positions: Any, **more: Any) -> None:
        """Also right after rows were given or taken, when the scrollbar is not there yet."""
        super().scroll_to(*positions, **(more | {"force": True}))
