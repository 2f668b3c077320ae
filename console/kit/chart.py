"""A chart: a figure drawn in cells, beside the values at its highest and lowest row."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from console.kit.drawing import Cell, Drawing, Figure
from console.kit.line_widget import Toned, width_of
from console.kit.lines import Tone, line

GUTTER = 3
LEAST_HEIGHT = 2
LEGEND_FROM = 5
GAP_FROM = 10


class Chart(Toned):
    """Shows one figure; `empty` is said where there is nothing to draw."""

    class Resized(Message):
        """There is room for another number of figures, or none is seen any more."""

    def __init__(
        self,
        *,
        empty: str = "",
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._figure: Figure | None = None
        self._empty = empty
        self._values = 0
        self._rows: list[Strip] = []
        self._drawn_for: Size | None = None
        self._styles: dict[tuple[Tone | None, Tone | None], Style] = {}

    def draw(self, figure: Figure) -> None:
        """Draw it, unless it is the one that is seen."""
        if figure != self._figure:
            self._figure = figure
            self._drawn_for = None
            self.refresh()

    @property
    def capacity(self) -> int:
        """More figures than there is room for; 0 while the chart is not seen."""
        return 2 * self.size.width if self.display else 0

    @property
    def shown(self) -> int:
        """How many figures are seen, the newest of those given; 0 while the chart is not."""
        self._lay_out()
        return self._values if self.display else 0

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def on_show(self) -> None:
        self.post_message(self.Resized())

    def on_hide(self) -> None:
        self.post_message(self.Resized())

    def notify_style_update(self) -> None:
        self._styles.clear()
        self._drawn_for = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        self._lay_out()
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, self.ground)

    def _lay_out(self) -> None:
        """All rows at once: below a legend, where there is room for one."""
        size = self.size
        if self._drawn_for == size or not size:
            return
        self._drawn_for = size
        legends = self._figure.legends if self._figure and size.height >= LEGEND_FROM else ()
        legend = next((found for found in legends if width_of(found) <= size.width), None)
        above = [] if legend is None else [legend, ()] if size.height >= GAP_FROM else [legend]
        chart = self._chart(Size(size.width, size.height - len(above)))
        self._rows = [*(self.strip(found, size.width) for found in above), *chart]

    def _chart(self, size: Size) -> list[Strip]:
        """Labels are never cut: where they are long, the chart is narrower."""
        drawing, gutter = self._drawn(size, GUTTER), GUTTER
        if (longest := max(len(drawing.high), len(drawing.low))) > GUTTER:
            drawing, gutter = self._drawn(size, longest), longest
        self._values = drawing.values
        if not drawing.columns:
            said = line((self._empty, Tone.FAINT))
            middle = size.height // 2
            return [self.strip(said if y == middle else (), size.width) for y in range(size.height)]
        labels = [drawing.high, *[""] * (size.height - 2), drawing.low]
        indent = size.width - gutter - 1 - len(drawing.columns) * drawing.thick
        return [
            self._row(f"{label:>{gutter}} " + " " * indent, cells, drawing.thick)
            for label, *cells in zip(labels, *drawing.columns, strict=False)
        ]

    def _drawn(self, size: Size, gutter: int) -> Drawing:
        width = size.width - gutter - 1
        if self._figure is None or width < 1 or size.height < LEAST_HEIGHT:
            return Drawing()
        return self._figure.drawn(width, size.height)

    def _row(self, start: str, cells: Sequence[Cell], thick: int) -> Strip:
        """One segment for cells that look the same."""
        segments: list[Segment] = []
        text, style = start, self.look(Tone.FAINT, self.ground)
        for character, tone, behind in cells:
            if (found := self._style(tone, behind)) is not style:
                segments.append(Segment(text, style))
                text, style = "", found
            text += character * thick
        return Strip([*segments, Segment(text, style)], len(start) + len(cells) * thick)

    def _style(self, tone: Tone | None, behind: Tone | None) -> Style:
        known = self._styles.get((tone, behind))
        if known is None:
            color = self.tone(tone).color if tone else self.ground.bgcolor
            back = self.tone(behind).color if behind else self.ground.bgcolor
            known = self._styles[tone, behind] = Style(color=color, bgcolor=back)
        return known
