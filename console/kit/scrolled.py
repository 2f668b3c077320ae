"""Lines of text that scroll where there are more than fit; a long one goes on in the next row."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.kit.line_widget import Toned, width_of
from console.kit.lines import Line, Tone, plain


class Scrolled(Toned, ScrollView, can_focus=True):
    """Subclasses say their lines in `lines`, and call `redraw` when those are others."""

    DEFAULT_CSS = "Scrolled { overflow: hidden auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page_down", "Page down", show=False),
        Binding("home,g", "scroll_home", "To the top", show=False),
        Binding("end,G", "scroll_end", "To the end", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._drawn: list[Line] = []
        self._drawn_for = 0

    def lines(self, width: int) -> Iterable[Line]:
        """What there is to read; `width` is how many columns there are."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw anew, unless that would draw the same."""
        if not self._room:
            return
        found = self._laid_out()
        if found == self._drawn and self._drawn_for == self._room:
            return
        self._drawn, self._drawn_for = found, self._room
        self.virtual_size = Size(self._room, len(found))
        self.refresh()

    def to_top(self) -> None:
        self.scroll_to(y=0, animate=False)

    def render_line(self, y: int) -> Strip:
        number = y + self.scroll_offset.y
        found = self._drawn[number] if number < len(self._drawn) else ()
        return self.strip(found, self.scrollable_content_region.width)

    def on_resize(self) -> None:
        self.redraw()

    def _laid_out(self) -> list[Line]:
        return [row for found in self.lines(self._room) for row in wrapped(found, self._room)]

    @property
    def _room(self) -> int:
        """Columns for text: one is left for the scrollbar, seen or not, so that nothing moves."""
        return max(self.size.width - 1, 0)


class Paragraph(Toned):
    """A few lines that are as high as they need to be: figures are never cut, they go on below."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()

    def say(self, lines: Sequence[Line]) -> None:
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows(width))

    def render_line(self, y: int) -> Strip:
        rows = self._rows(self.size.width)
        return self.strip(rows[y] if y < len(rows) else (), self.size.width)

    def _rows(self, width: int) -> list[Line]:
        return [row for found in self._lines for row in wrapped(found, width)]


def wrapped(found: Line, width: int) -> list[Line]:
    """The line in rows of at most `width` columns, broken between its parts (after ` · ` or two
    blanks) where that leaves no row half empty, else between words.

    Rows after the first begin where the line's own text does, or a little further in.
    """
    if width < 1 or width_of(found) <= width:
        return [found]
    text = plain(found)
    indent = min(len(text) - len(text.lstrip(" ")) + 2, width // 2)
    rows: list[Line] = []
    for start, end in _breaks(text, width, indent):
        row = _cut(found, start, end)
        rows.append(((" " * indent, Tone.PLAIN), *row) if rows else row)
    return rows


def _breaks(text: str, width: int, indent: int) -> Iterator[tuple[int, int]]:
    start = column = 0
    room, space, joint = width, -1, -1
    for number, character in enumerate(text):
        columns = cell_len(character)
        if column + columns > room:
            if joint > (start + number) // 2:
                end = joint + 1
            else:
                end = space + 1 if space > start + indent else number
            yield start, end
            start, room = end, width - indent
            column = cell_len(text[start:number])
        if character == " ":
            space = number
            if text[number - 1 : number] in ("·", " "):
                joint = number
        column += columns
    yield start, len(text)


def _cut(found: Line, start: int, end: int) -> Line:
    spans, at = [], 0
    for text, tone in found:
        piece = text[max(start - at, 0) : max(end - at, 0)]
        if piece:
            spans.append((piece, tone))
        at += len(text)
    return tuple(spans)
