"""A row in full: each column with its type, its value and its links."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import chop_cells

from console.browser.model import Cell, ColumnInfo, Row
from console.browser.ui.captions import kind_of, times_of
from console.browser.ui.cells import blob_length, shown
from console.browser.ui.links import Link
from console.kit.formats import count, size
from console.kit.json_lines import json_lines
from console.kit.lines import Line, Tone, fitted, line, literal, width_of

# With fewer terminal columns a value stands below its name.
_STACKED: Final = 60
_NAME_WIDTH: Final = 24
_KIND_WIDTH: Final = 8
_MOST_LINES: Final = 2_000
_MOST_CHARACTERS: Final = 100_000
_MOST_BYTES: Final = 1_024


@dataclass(frozen=True, slots=True)
class FieldRow:
    """Lines of one field: a column with its value, or a link of the column before."""

    lines: tuple[Line, ...]
    place: int
    link: Link | None = None


def items(
    infos: Sequence[ColumnInfo], row: Row, links: Sequence[Sequence[Link]], width: int
) -> list[FieldRow]:
    """The fields of a row, for so many terminal columns. `links` has those of each column."""
    fields: list[FieldRow] = []
    name_width = min(_NAME_WIDTH, max((len(info.name) for info in infos), default=0))
    stacked = width < _STACKED
    indent = 3 if stacked else name_width + _KIND_WIDTH + 5
    for place, (info, cell) in enumerate(zip(infos, row.cells, strict=False)):
        value = value_lines(info, cell, max(8, width - indent))
        drawn = _stacked(info, cell, value) if stacked else _beside(info, cell, value, name_width)
        fields.append(FieldRow(tuple(drawn), place))
        fields += [FieldRow((_link_line(link, indent),), place, link) for link in links[place]]
    return fields


def value_lines(info: ColumnInfo, cell: Cell, width: int) -> list[Line]:
    """The lines of a value, no more than one can read; a note says that there are more."""
    if cell.kind == "blob":
        return [shown(cell), *_hex_dump(cell, width)]
    if cell.kind != "text":
        full = (shown(cell), *times_of(info, cell))
        return [part for text in full for part in _wrapped(text, width)]
    pretty = json_lines(cell.text) if not cell.cut else None
    if pretty is not None:
        wrapped = [part for full in pretty for part in _wrapped(full, width)]
        return _at_most(wrapped, f"{count(len(wrapped))} lines in all")
    return _text_lines(cell, width)


def _beside(info: ColumnInfo, cell: Cell, value: Sequence[Line], name_width: int) -> Iterator[Line]:
    name = fitted(line((info.name, Tone.STRONG)), name_width)
    kind = fitted(line((kind_of(info, cell), Tone.FAINT)), _KIND_WIDTH)
    yield line(" ", name, "  ", kind, "  ", value[0])
    for part in value[1:]:
        yield line(" " * (name_width + _KIND_WIDTH + 5), part)


def _stacked(info: ColumnInfo, cell: Cell, value: Sequence[Line]) -> Iterator[Line]:
    yield line(" ", (info.name, Tone.STRONG), "  ", (kind_of(info, cell), Tone.FAINT))
    for part in value:
        yield line("   ", part)


def _link_line(link: Link, indent: int) -> Line:
    return line(
        " " * indent,
        ("→ ", Tone.LIVE),
        (link.table, Tone.LIVE),
        (f" where {link.column} = {link.value}", Tone.FAINT),
    )


def _text_lines(cell: Cell, width: int) -> list[Line]:
    text = cell.text[:_MOST_CHARACTERS]
    if not text or text == "NULL":
        return [shown(cell)]
    wrapped = [part for full in text.split("\n") for part in _wrapped(literal(full), width)]
    total = cell.length or len(cell.text)
    return _at_most(wrapped, f"{count(total)} characters in all", whole=len(text) == total)


def _at_most(lines: list[Line], note: str, *, whole: bool = True) -> list[Line]:
    """The first lines, and a note where those are not all."""
    if whole and len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], line((f"… {note}", Tone.ATTENTION))]


def _wrapped(full: Line, width: int) -> list[Line]:
    """A line in pieces of at most `width` columns."""
    if width_of(full) <= width:
        return [full]
    pieces: list[Line] = []
    current: list[tuple[str, Tone]] = []
    room = width
    for text, tone in full:
        for part in _chopped(text, room, width):
            if width_of(((part, tone),)) > room:
                pieces.append(tuple(current))
                current, room = [], width
            current.append((part, tone))
            room -= width_of(((part, tone),))
    return [*pieces, tuple(current)]


def _chopped(text: str, first: int, width: int) -> Iterable[str]:
    """The pieces of a text: the first fills the room that is left, the others whole lines."""
    head = chop_cells(text, first)[0] if first > 0 and text else ""
    return [part for part in (head, *chop_cells(text[len(head) :], width)) if part]


def _hex_dump(cell: Cell, width: int) -> Iterator[Line]:
    data = bytes.fromhex(cell.text[: 2 * _MOST_BYTES])
    step = next((step for step in (16, 8) if 6 + 4 * step <= width), 4)
    for start in range(0, len(data), step):
        part = data[start : start + step]
        seen = "".join(chr(b) if 32 <= b < 127 else "·" for b in part)
        hexed = part.hex(" ").ljust(3 * step)
        yield line((f"{start:04x}  ", Tone.FAINT), hexed, (seen, Tone.DIM))
    hidden = blob_length(cell) - len(data)
    if hidden > 0:
        yield line((f"… {size(hidden)} more", Tone.ATTENTION))
