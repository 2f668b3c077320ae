"""What is drawn: lines of text in tones. Text from outside becomes printable here, and only here.

A tone is a meaning, not a color: the theme says how it looks, and a sign or a shape always says
the same, for those who cannot tell the colors apart.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby

from rich.cells import cell_len, set_cell_size

from engine.text import printable


class Tone(StrEnum):
    """The four accents mean ok, attention, danger, live; the rest is rank. A badge has a ground;
    a shade is for areas and lines, not for text."""

    PLAIN = "plain"
    STRONG = "strong"
    DIM = "dim"
    FAINT = "faint"
    SHADE = "shade"
    OK = "ok"
    ATTENTION = "attention"
    DANGER = "danger"
    LIVE = "live"
    BADGE = "badge"
    ALARM = "alarm"


BADGES = frozenset({Tone.BADGE, Tone.ALARM})

Span = tuple[str, Tone]
Line = tuple[Span, ...]
Part = str | Span | Line
# The same line in ever shorter words.
Wordings = Sequence[Line]


def line(*parts: Part) -> Line:
    """A line of texts, (text, tone) pairs and other lines; every text made printable."""
    return tuple(span for part in parts for span in _spans(part))


def _spans(part: Part) -> Line:
    if isinstance(part, str):
        return ((printable(part), Tone.PLAIN),)
    match part:
        case (str(text), Tone() as tone):
            return ((printable(text), tone),)
    return part


def literal(text: str) -> Line:
    """Text as it is, and what a terminal would act on or not show as dim escapes."""
    if _is_seen(text):
        return ((text, Tone.PLAIN),)
    return tuple(
        (part, Tone.PLAIN) if seen else (printable(part), Tone.DIM)
        for seen, part in ((s, "".join(group)) for s, group in groupby(text, _is_seen))
    )


def _is_seen(text: str) -> bool:
    return printable(text) == text


def attention(text: str) -> Line:
    return line(("▲ ", Tone.ATTENTION), text)


def plain(text: Line) -> str:
    """The line's text alone."""
    return "".join(part for part, _ in text)


def joined(lines: Iterable[Line], separator: Part = " ") -> Line:
    """The lines in one; an empty line leaves no hole."""
    parts: list[Part] = []
    for part in filter(None, lines):
        parts += [separator, part] if parts else [part]
    return line(*parts)


def width_of(text: Line) -> int:
    """Terminal columns the line takes."""
    return sum(cell_len(part) for part, _ in text)


def widest(texts: Iterable[str]) -> int:
    """Terminal columns that the longest of the texts takes; 0 without any."""
    return max((cell_len(printable(text)) for text in texts), default=0)


def worded(wordings: Wordings, width: int) -> Line:
    """The longest wording that fits; else the shortest."""
    return next((words for words in wordings if width_of(words) <= width), wordings[-1])


def fitted(text: Line, width: int, *, right: bool = False) -> Line:
    """The line in exactly `width` columns: filled with blanks, or cut with `…`."""
    if width < 1:
        return ()
    excess = width_of(text) - width
    if excess <= 0:
        blank = (" " * -excess, Tone.PLAIN)
        return (blank, *text) if right else (*text, blank)
    spans, room = [], width - 1
    for part, tone in text:
        cut = set_cell_size(part, room) if cell_len(part) > room else part
        spans.append((cut, tone))
        room -= cell_len(cut)
        if room <= 0:
            break
    return (*spans, ("…", Tone.DIM))


def wrapped(text: Line, width: int) -> list[Line]:
    """The line in rows of at most `width` columns, broken between its parts (after ` · ` or two
    blanks) where that leaves no row half empty, else between words.

    Rows after the first begin where the line's own text does, or a little further in.
    """
    if width < 1 or width_of(text) <= width:
        return [text]
    characters = plain(text)
    indent = min(len(characters) - len(characters.lstrip(" ")) + 2, width // 2)
    rows: list[Line] = []
    for start, end in _breaks(characters, width, indent):
        row = _cut(text, start, end)
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


def _cut(text: Line, start: int, end: int) -> Line:
    spans, at = [], 0
    for part, tone in text:
        if piece := part[max(start - at, 0) : max(end - at, 0)]:
            spans.append((piece, tone))
        at += len(part)
    return tuple(spans)
