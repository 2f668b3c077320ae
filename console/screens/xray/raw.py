"""Evidence: what the venue sent for one fill, word for word; JSON is set out in lines."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from console.kit.formats import count
from console.kit.lines import Line, Tone, line
from console.kit.scrolled import Scrolled

# More than anybody reads on a screen; the copy key has it all.
MOST_CHARACTERS = 100_000


class _Number(str):
    """A number as it was written: no digit of it is touched."""


class RawPanel(Scrolled):
    def __init__(self) -> None:
        super().__init__(id="raw", classes="panel")
        self.border_title = "raw · as the venue sent it"
        self._raw = ""

    def show(self, raw: str) -> None:
        if raw != self._raw:
            self._raw = raw
            self.redraw()
            self.to_top()

    def lines(self, width: int) -> Iterable[Line]:
        if not self._raw:
            yield line(("no raw text for this row", Tone.DIM))
            return
        yield from map(line, set_out(self._raw[:MOST_CHARACTERS]))
        if (more := len(self._raw) - MOST_CHARACTERS) > 0:
            yield line((f"… {count(more)} more characters · y copies all", Tone.ATTENTION))


def set_out(raw: str) -> list[str]:
    """JSON with a line for each of its parts, every key and digit as it came; other text as is."""
    try:
        found = json.loads(
            raw,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_Number,
            object_pairs_hook=tuple,
        )
        return list(_set_out(found, "", ""))
    except (ValueError, RecursionError):
        return raw.split("\n")


def _set_out(value: Any, indent: str, end: str, name: str = "") -> Iterator[str]:
    """Objects come as tuples of pairs, so that a key said twice is seen twice."""
    start = f"{indent}{name}"
    if not isinstance(value, tuple | list) or not value:
        yield f"{start}{_scalar(value)}{end}"
        return
    opening, closing = "{}" if isinstance(value, tuple) else "[]"
    yield start + opening
    for number, part in enumerate(value, 1):
        comma = "," if number < len(value) else ""
        if isinstance(value, tuple):
            yield from _set_out(part[1], indent + "  ", comma, f"{_scalar(part[0])}: ")
        else:
            yield from _set_out(part, indent + "  ", comma)
    yield indent + closing + end


def _scalar(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if value == ():
        return "{}"
    return json.dumps(value, ensure_ascii=False)
