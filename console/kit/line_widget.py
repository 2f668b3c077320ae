"""Widgets that show lines of tones, drawn through Textual's Line API: `Lines` that a subclass
gives, a `TextLine` of so many words as fit, a `Paragraph` as high as it needs to be."""

from collections.abc import Iterable, Sequence
from typing import TypedDict, Unpack

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from console.kit.lines import BADGES, Line, Span, Tone, Wordings, fitted, width_of, worded, wrapped
from engine.text import printable

# The theme's variable for each tone. Not component classes: Textual works those out for every
# widget anew whenever any style changes, which was most of the time to the first screen.
COLORS = {
    Tone.PLAIN: "foreground",
    Tone.STRONG: "foreground",
    Tone.DIM: "quiet",
    Tone.FAINT: "faint",
    Tone.SHADE: "shade",
    Tone.OK: "success",
    Tone.ATTENTION: "warning",
    Tone.DANGER: "error",
    Tone.LIVE: "primary",
    Tone.BADGE: "background",
    Tone.ALARM: "background",
}
GROUNDS = {Tone.BADGE: "primary", Tone.ALARM: "error"}
BOLD = {Tone.STRONG, Tone.BADGE, Tone.ALARM}


class Options(TypedDict, total=False):
    """A widget's place in the stylesheets."""

    id: str | None
    classes: str | None


class Toned(Widget):
    """A widget with a style for each tone, by the theme."""

    def __init__(self, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self._tones: dict[Tone, Style] = {}
        self._looks: dict[tuple[Tone, Style], Style] = {}
        self._ground: Style | None = None

    def notify_style_update(self) -> None:
        self._tones.clear()
        self._looks.clear()
        self._ground = None
        super().notify_style_update()

    @property
    def ground(self) -> Style:
        """The style text is written on: `rich_style`, which is slow to work out, remembered."""
        if self._ground is None:
            self._ground = self.rich_style
        return self._ground

    def tone(self, tone: Tone) -> Style:
        """A tone's foreground and weight; only badges have a ground."""
        if tone not in self._tones:
            theme = self.app.theme_variables
            color = Color.parse(theme[COLORS[tone]]).rich_color
            ground = Color.parse(theme[GROUNDS[tone]]).rich_color if tone in GROUNDS else None
            self._tones[tone] = Style(color=color, bgcolor=ground, bold=tone in BOLD or None)
        return self._tones[tone]

    def look(self, tone: Tone, ground: Style) -> Style:
        """A tone on a ground."""
        if (tone, ground) not in self._looks:
            self._looks[tone, ground] = ground + self.tone(tone)
        return self._looks[tone, ground]

    def strip(self, text: Line, width: int, ground: Style | None = None) -> Strip:
        """The line as it is drawn: filled to the width, or cut with `…`."""
        style = ground or self.ground
        whole = text if width_of(text) <= width else fitted(text, width)
        segments = [Segment(part, self.look(tone, style)) for part, tone in _merged(whole)]
        return Strip(segments).adjust_cell_length(width, style)

    def refresh_rows(self, numbers: Iterable[int]) -> None:
        """Draw these rows of the content anew, and no others."""
        runs: list[list[int]] = []
        for number in numbers:
            if runs and runs[-1][1] == number:
                runs[-1][1] += 1
            else:
                runs.append([number, number + 1])
        width = self.size.width
        if regions := [Region(0, start, width, end - start) for start, end in runs]:
            self.refresh(*regions)


class Lines(Toned):
    """A few lines of text: subclasses give them in `lines`, and call `redraw` when they change."""

    _drawn: Sequence[Line] = ()
    _drawn_for: Size | None = None

    def lines(self, width: int, height: int) -> Sequence[Line]:
        """The lines for so many columns and rows; a height of 0 is as many rows as it takes."""
        raise NotImplementedError

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.lines(width, 0))

    def redraw(self) -> None:
        """Draw anew the rows that changed. What is not seen is drawn when it comes to be."""
        if self.styles.is_auto_height and self._is_of_another_height:
            self.refresh(layout=True)
        if not self.size:
            self._drawn_for = None
        elif self._drawn_for != self.size:
            self.refresh()
        else:
            before, self._drawn = self._drawn, self.lines(*self.size)
            self.refresh_rows(changed_rows(before, self._drawn))

    @property
    def _is_of_another_height(self) -> bool:
        size = self.size
        return self.get_content_height(size, self.app.size, size.width) != size.height

    def render_line(self, y: int) -> Strip:
        if self._drawn_for != self.size:
            self._drawn = self.lines(*self.size)
            self._drawn_for = self.size
        return self.strip(self._drawn[y] if y < len(self._drawn) else (), self.size.width)


class TextLine(Lines):
    """One line, or a few, each in the longest of its wordings that fits, else cut with `…`; as
    wide as its text or as its stylesheet says. `empty` stands where no row was given."""

    def __init__(self, empty: str = "", **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self._empty: Wordings = [((empty, Tone.DIM),)] if empty else []
        self._rows: Sequence[Wordings] = ()

    @property
    def shown(self) -> Line:
        """The first row in its longest words."""
        return self._rows[0][0] if self._rows else ()

    def show(self, text: Line) -> None:
        """One row of one wording."""
        if text != self.shown:
            self.show_rows([text])

    def show_rows(self, *rows: Wordings) -> None:
        """Rows, each in ever shorter words."""
        width = width_of(self.shown)
        self._rows = rows
        self.redraw()
        width_follows = self.styles.width is not None and self.styles.width.is_auto
        if width_follows and width_of(self.shown) != width:
            self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return width_of(self.shown)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        rows = self._rows or ([self._empty] if self._empty else [])
        return [worded(wordings, width) for wordings in rows[: height or None]]


class Paragraph(Lines):
    """Lines that are never cut: what is long goes on in the next row, and the height follows."""

    def __init__(self, lines: Sequence[Line] = (), **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self._lines = tuple(lines)

    def say(self, lines: Sequence[Line]) -> None:
        """Show other lines."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        return [row for text in self._lines for row in wrapped(text, width)]


def changed_rows(before: Sequence[object], after: Sequence[object]) -> list[int]:
    """The numbers of rows that are not the same in both."""
    both = min(len(before), len(after))
    changed = [number for number in range(both) if before[number] != after[number]]
    return changed + list(range(both, max(len(before), len(after))))


def caption(widget: Widget, title: str | None = None, subtitle: str | None = None) -> None:
    """Name a panel, in plain text. What is the same already is not drawn anew."""
    for name, text in (("border_title", title), ("border_subtitle", subtitle)):
        if text is None:
            continue
        content = Content(printable(text))
        if getattr(widget, name) != content.markup:
            setattr(widget, name, content)


def _merged(text: Line) -> list[Span]:
    """The spans, fewer of them: what looks like the text before goes with it, and so do blanks,
    which have no color."""
    spans: list[Span] = []
    last: Tone | None = None
    for part, tone in text:
        if tone is last or (last is not None and part.isspace() and not {tone, last} & BADGES):
            spans[-1] = (spans[-1][0] + part, spans[-1][1])
        elif part:
            spans.append((part, tone))
            last = tone
    return spans
