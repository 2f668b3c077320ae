"""JSON set out in lines, with every digit and every repeated key it has."""

import json
from collections.abc import Iterator
from typing import Final

from console.kit.lines import Line, Tone, literal

# Longer texts are shown as they are: nobody reads them, and nobody should wait for them.
_LONGEST: Final = 200_000
_DEEPEST: Final = 60


class _Digits(str):
    """A number as it is written."""

    __slots__ = ()


class _Pairs(list[tuple[str, object]]):
    """An object with its keys in order, repeated ones too."""


def json_lines(text: str) -> list[Line] | None:
    """An object's or list's lines; null where the text is neither."""
    lines = set_out(text, _DEEPEST)
    if lines is None:
        return None
    return [
        tuple(
            span
            for part, tone in line
            for span in (literal(part) if tone is Tone.PLAIN else ((part, tone),))
        )
        for line in lines
    ]


def set_out(text: str, deepest: int = 1_000) -> list[Line] | None:
    """The lines word for word: their plain texts are not printable yet. What lies deeper is left
    out."""
    if len(text) > _LONGEST or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(
            text,
            parse_int=_Digits,
            parse_float=_Digits,
            parse_constant=_Digits,
            object_pairs_hook=_Pairs,
        )
        return list(_lines(value, deepest, 0, (), ""))
    except (ValueError, RecursionError):
        return None


def _lines(value: object, deepest: int, depth: int, head: Line, comma: str) -> Iterator[Line]:
    indent = ("  " * depth, Tone.PLAIN)
    if not isinstance(value, list) or not value or depth > deepest:
        yield (indent, *head, _scalar(value), (comma, Tone.PLAIN))
        return
    opening, closing = "{}" if isinstance(value, _Pairs) else "[]"
    yield (indent, *head, (opening, Tone.DIM))
    for number, member in enumerate(value, 1):
        more = "," if number < len(value) else ""
        if isinstance(value, _Pairs):
            name = (json.dumps(member[0], ensure_ascii=False), Tone.PLAIN), (": ", Tone.DIM)
            yield from _lines(member[1], deepest, depth + 1, name, more)
        else:
            yield from _lines(member, deepest, depth + 1, (), more)
    yield (indent, (closing + comma, Tone.DIM))


def _scalar(value: object) -> tuple[str, Tone]:
    match value:
        case _Digits():
            return str(value), Tone.STRONG
        case str():
            return json.dumps(value, ensure_ascii=False), Tone.PLAIN
        case _Pairs():
            return "{…}" if value else "{}", Tone.DIM
        case list():
            return "[…]" if value else "[]", Tone.DIM
    return json.dumps(value), Tone.FAINT
