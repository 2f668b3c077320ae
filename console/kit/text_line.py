"""One line of text in tones, as wide as its text or as its stylesheet says."""

from collections.abc import Sequence

from textual.geometry import Size

from console.kit.line_widget import Lines, fitted, width_of
from console.kit.lines import Line


class TextLine(Lines):
    """`show` another line; what does not fit is cut with `…`."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._line: Line = ()

    @property
    def shown(self) -> Line:
        return self._line

    def show(self, found: Line) -> None:
        if found == self._line:
            return
        widened = width_of(found) != width_of(self._line)
        self._line = found
        self.redraw()
        if widened and self.styles.width is not None and self.styles.width.is_auto:
            self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return width_of(self._line)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        return [fitted(self._line, width)] if width_of(self._line) > width else [self._line]
