"""JSON made readable, with every digit and every repeated key it has."""

import json
from collections.abc import Iterator
from typing import Final

from console.browser.ui.cells import literal
from console.kit.lines import Line, Tone, line

# Longer texts are shown as they are: nobody reads them, and nobody should wait for them.
_LONGEST: Final = 200_000
_DEEPEST: Final = 60
_INDENT: Final = "  "


class _Digits(str):
    """A number as it is written."""

    __slots__ = ()


class _Pairs(list[tuple[str, object]]):
    """An object with its keys in order, repeated ones too."""


def json_lines(text: str) -> list[Line] | None:
    """An object's or list's lines; null where the text is neither."""
    if len(text) > _LONGEST or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found = json.loads(
            text,
            parse_int=_Digits,
            parse_float=_Digits,
            parse_constant=_Digits,
            object_pairs_hook=_Pairs,
        )
        return list(_lines(found, 0, (), ""))
    except (ValueError, RecursionError):
        return None


def _lines(found: object, depth: int, head: Line, comma: str) -> Iterator[Line]:
    start = line(_INDENT * depth, head)
    if not isinstance(found, list) or not found or depth > _DEEPEST:
        yield line(start, _scalar(found), comma)
        return
    opening, closing = "{}" if isinstance(found, _Pairs) else "[]"
    yield line(start, (opening, Tone.DIM))
    for place, (name, value) in enumerate(_members(found)):
        more = "," if place < len(found) - 1 else ""
        yield from _lines(value, depth + 1, name, more)
    yield line(_INDENT * depth, (closing + comma, Tone.DIM))


def _members(found: list[object]) -> Iterator[tuple[Line, object]]:
    if isinstance(found, _Pairs):
        for name, value in found:
            yield line(literal(json.dumps(name, ensure_ascii=False)), (": ", Tone.DIM)), value
    else:
        for value in found:
            yield (), value


def _scalar(found: object) -> Line:
    match found:
        case _Digits():
            return line((str(found), Tone.STRONG))
        case str():
            return literal(json.dumps(found, ensure_ascii=False))
        case _Pairs():
            return line(("{}" if not found else "{…}", Tone.DIM))
        case list():
            return line(("[]" if not found else "[…]", Tone.DIM))
    return line((json.dumps(found), Tone.FAINT))
