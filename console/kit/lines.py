"""What is drawn: lines of text in tones. Text from outside becomes printable here, and only here.

A tone is a meaning, not a colour: the theme says how it looks, and a sign or a shape always says
the same, for those who cannot tell the colours apart.
"""

from collections.abc import Sequence
from enum import StrEnum

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


def line(*parts: Part) -> Line:
    """A line of texts, (text, tone) pairs and other lines; every text made printable."""
    return tuple(span for part in parts for span in _spans(part))


def plain(found: Line) -> str:
    """The line's text alone."""
    return "".join(text for text, _ in found)


def joined(lines: Sequence[Line], separator: Part = " ") -> Line:
    parts: list[Part] = []
    for found in lines:
        parts += [separator, found] if parts else [found]
    return line(*parts)


def _spans(part: Part) -> Line:
    if isinstance(part, str):
        return ((printable(part), Tone.PLAIN),)
    match part:
        case (str(text), Tone() as tone):
            return ((printable(text), tone),)
    return part
