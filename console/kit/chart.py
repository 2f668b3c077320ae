"""A chart: a figure drawn in cells, beside the values at its highest and lowest row."""

from collections.abc import Sequence
from typing import Unpack

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from console.kit.drawing import Cell, Drawing, Figure
from console.kit.line_widget import Options, Toned
from console.kit.lines import Tone, line, width_of

GUTTER = 3
LEAST_HEIGHT = 2
LEGEND_FROM = 5
GAP_FROM = 10


class Chart(Toned):
    """A chart of one figure; the words of `empty` stand where there is nothing to draw."""

    class Resized(Message):
        """The chart has room for another number of values, or is not seen any more."""

    def __init__(self, *, empty: str = "", **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self._figure: Figure | None = None
        self._empty = empty
        self._values = 0
        self._rows: list[Strip] = []
        self._drawn_for: Size | None = None
        self._styles: dict[tuple[Tone | None, Tone | None], Style] = {}

    def draw(self, figure: Figure) -> None:
        """Draw a figure, unless it is the one that is seen."""
        if figure != self._figure:
            self._figure = figure
            self._drawn_for = None
            self.refresh()

    @property
    def capacity(self) -> int:
        """More values than there is room for; 0 while the chart is not seen."""
        return 2 * self.size.width if self.display else 0

    @property
    def shown(self) -> int:
        """How many values are seen, the newest of the figure; 0 while the chart is not."""
        self._lay_out()
        return self._values if self.display else 0

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    on_show = on_hide = on_resize

    def notify_style_update(self) -> None:
        self._styles.clear()
        self._drawn_for = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        self._lay_out()
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, self.ground)

    def _lay_out(self) -> None:
        """Draw all rows at once: below a legend, where there is room for one."""
        size = self.size
        if self._drawn_for == size or not size:
            return
        self._drawn_for = size
        legends = self._figure.legends if self._figure and size.height >= LEGEND_FROM else ()
        legend = next((text for text in legends if width_of(text) <= size.width), None)
        above = [] if legend is None else [legend, ()] if size.height >= GAP_FROM else [legend]
        chart = self._chart(Size(size.width, size.height - len(above)))
        self._rows = [*(self.strip(text, size.width) for text in above), *chart]

    def _chart(self, size: Size) -> list[Strip]:
        """Labels are never cut: where they are long, the chart is narrower."""
        drawing, gutter = self._drawn(size, GUTTER), GUTTER
        if (longest := max(len(drawing.high), len(drawing.low))) > GUTTER:
            drawing, gutter = self._drawn(size, longest), longest
        self._values = drawing.values
        if not drawing.columns:
            words, middle = line((self._empty, Tone.FAINT)), size.height // 2
            return [
                self.strip(words if y == middle else (), size.width) for y in range(size.height)
            ]
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
        """A row of cells; those that look the same are one segment."""
        segments: list[Segment] = []
        text, style = start, self.look(Tone.FAINT, self.ground)
        for character, tone, behind in cells:
            if (next_style := self._style(tone, behind)) is not style:
                segments.append(Segment(text, style))
                text, style = "", next_style
            text += character * thick
        return Strip([*segments, Segment(text, style)], len(start) + len(cells) * thick)

    def _style(self, tone: Tone | None, behind: Tone | None) -> Style:
        if (tone, behind) not in self._styles:
            color = self.tone(tone).color if tone else self.ground.bgcolor
            back = self.tone(behind).color if behind else self.ground.bgcolor
            self._styles[tone, behind] = Style(color=color, bgcolor=back)
        return self._styles[tone, behind]
