"""JSON made readable, with every digit and every repeated key it has."""

import json
from collections.abc import Iterator
from typing import Final

from console.browser.ui.cells import literal
from console.kit.lines import Line, Tone, line

# Longer texts are shown as they are, for nobody reads them or should wait for them.
_LONGEST: Final = 200_000
_DEEPEST: Final = 60
_INDENT: Final = "  "


class _Digits(str):
    """A number as the text has it."""

    __slots__ = ()


class _Pairs(list[tuple[str, object]]):
    """An object with its keys in order, repeated ones too."""


def json_lines(text: str) -> list[Line] | None:
    """The lines of an object or a list; null where the text is neither."""
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
        return list(_lines(value, 0, (), ""))
    except (ValueError, RecursionError):
        return None


def _lines(value: object, depth: int, head: Line, comma: str) -> Iterator[Line]:
    start = line(_INDENT * depth, head)
    if not isinstance(value, list) or not value or depth > _DEEPEST:
        yield line(start, _scalar(value), comma)
        return
    opening, closing = "{}" if isinstance(value, _Pairs) else "[]"
    yield line(start, (opening, Tone.DIM))
    for number, (name, member) in enumerate(_members(value), 1):
        yield from _lines(member, depth + 1, name, "," if number < len(value) else "")
    yield line(_INDENT * depth, (closing + comma, Tone.DIM))


def _members(value: list[object]) -> Iterator[tuple[Line, object]]:
    if isinstance(value, _Pairs):
        for name, member in value:
            yield line(literal(json.dumps(name, ensure_ascii=False)), (": ", Tone.DIM)), member
    else:
        yield from (((), member) for member in value)


def _scalar(value: object) -> Line:
    match value:
        case _Digits():
            return line((str(value), Tone.STRONG))
        case str():
            return literal(json.dumps(value, ensure_ascii=False))
        case _Pairs():
            return line(("{}" if not value else "{…}", Tone.DIM))
        case list():
            return line(("[]" if not value else "[…]", Tone.DIM))
    return line((json.dumps(value), Tone.FAINT))
