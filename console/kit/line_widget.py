"""Widgets that draw lines of tones themselves, through Textual's Line API."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from console.kit.lines import BADGES, Line, Tone
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


class Toned(Widget):
    """Gives tones their style, by the theme."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
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
        """What text is written on: `rich_style`, which is slow to work out, kept."""
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

    def strip(self, found: Line, width: int, ground: Style | None = None) -> Strip:
        """The line as it is drawn: filled to the width, or cut with `…`."""
        style = ground or self.ground
        whole = found if width_of(found) <= width else fitted(found, width)
        segments = [Segment(text, self.look(tone, style)) for text, tone in _texts(whole)]
        return Strip(segments).adjust_cell_length(width, style)

    def look(self, tone: Tone, ground: Style) -> Style:
        """A tone on a ground."""
        if (tone, ground) not in self._looks:
            self._looks[tone, ground] = ground + self.tone(tone)
        return self._looks[tone, ground]

    def refresh_rows(self, numbers: Iterable[int]) -> None:
        """Draw these rows of the content anew, and no others."""
        width = self.size.width
        if regions := [Region(0, start, width, end - start) for start, end in _runs(numbers)]:
            self.refresh(*regions)


class Lines(Toned):
    """A widget that is a few lines of text. Subclasses say which in `lines`, and call `redraw`."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._drawn: list[Line] = []
        self._drawn_for: Size | None = None

    def lines(self, width: int, height: int) -> Sequence[Line]:
        """What is to be seen in so many columns and rows."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw anew the rows that are other than they were. What is not seen is drawn when it
        comes to be."""
        if not self.size:
            self._drawn_for = None
            return
        if self._drawn_for != self.size:
            self.refresh()
            return
        before, self._drawn = self._drawn, list(self.lines(*self.size))
        self.refresh_rows(changed_rows(before, self._drawn))

    def render_line(self, y: int) -> Strip:
        if self._drawn_for != self.size:
            self._drawn = list(self.lines(*self.size))
            self._drawn_for = self.size
        found = self._drawn[y] if y < len(self._drawn) else ()
        return self.strip(found, self.size.width)


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers that follow each other, as (first, one past the last)."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return runs


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


def _texts(found: Line) -> list[tuple[str, Tone]]:
    """The spans, fewer of them: what looks like the text before goes with it, and so do blanks,
    which have no colour."""
    texts: list[tuple[str, Tone]] = []
    last: Tone | None = None
    for text, tone in found:
        if tone is last or (last is not None and text.isspace() and not {tone, last} & BADGES):
            texts[-1] = (texts[-1][0] + text, texts[-1][1])
        elif text:
            texts.append((text, tone))
            last = tone
    return texts


def width_of(found: Line) -> int:
    """Terminal columns the line takes."""
    return sum(cell_len(text) for text, _ in found)


def fitted(found: Line, width: int, *, right: bool = False) -> Line:
    """The line in exactly `width` columns: filled with blanks, or cut with `…`."""
    if width < 1:
        return ()
    excess = width_of(found) - width
    if excess <= 0:
        blank = (" " * -excess, Tone.PLAIN)
        return (blank, *found) if right else (*found, blank)
    kept, room = [], width - 1
    for text, tone in found:
        taken = set_cell_size(text, room) if cell_len(text) > room else text
        kept.append((taken, tone))
        room -= cell_len(taken)
        if room <= 0:
            break
    return (*kept, ("…", Tone.DIM))
