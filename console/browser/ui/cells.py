"""The look of a stored value: every digit, NULL unlike empty, and no raw control characters."""

import re
from enum import StrEnum
from typing import Final

from console.browser.model import Cell
from console.kit.formats import size, stamp
from console.kit.lines import Line, Tone, line, literal

# More of a cell than this is never drawn in a table; the row's detail has it all.
MOST_DRAWN: Final = 400
_BLOB_BYTES: Final = 8
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TIME_NAME = re.compile(r"(.*_)?(ms|ts)|ts_.*", re.IGNORECASE)
# 1973 to 2286: other numbers in such a column are no moments but spans.
_MOMENTS: Final = range(100_000_000_000, 10_000_000_000_000)


class Times(StrEnum):
    """The time beside the raw value of a moment."""

    RAW = "raw"
    UTC = "utc"
    LOCAL = "local"


def shown(cell: Cell, most: int = MOST_DRAWN) -> Line:
    """The cell in one line; a cut value ends in `…`."""
    if cell.kind == "null":
        return (("NULL", Tone.FAINT),)
    if cell.kind == "blob":
        return _blob(cell)
    if cell.kind == "text":
        return _text(cell, most)
    return line(cell.text)


def with_time(cell: Cell, drawn: Line, times: Times) -> Line:
    """A moment's raw value, and the moment beside it."""
    moment_ms = moment_of(cell)
    if times is Times.RAW or moment_ms is None:
        return drawn
    return line(drawn, "  ", (stamp(moment_ms, local=times is Times.LOCAL), Tone.DIM))


def names_time(column: str) -> bool:
    """Whether a column's name says that it holds UTC milliseconds."""
    return _TIME_NAME.fullmatch(column) is not None


def moment_of(cell: Cell) -> int | None:
    """The UTC milliseconds in a cell of such a column, if they are a likely moment."""
    if cell.kind != "integer":
        return None
    value = int(cell.text)
    return value if value in _MOMENTS else None


def is_number(cell: Cell) -> bool:
    return cell.kind in ("integer", "real")


def is_decimal_text(cell: Cell) -> bool:
    return cell.kind == "text" and _DECIMAL.fullmatch(cell.text) is not None


def blob_length(cell: Cell) -> int:
    """The number of a blob's bytes."""
    return cell.length if cell.length is not None else len(cell.text) // 2


def _blob(cell: Cell) -> Line:
    length = blob_length(cell)
    more = "…" if length > _BLOB_BYTES else ""
    return line(f"x'{cell.text[: 2 * _BLOB_BYTES]}{more}'", (f" {size(length)}", Tone.DIM))


def _text(cell: Cell, most: int) -> Line:
    if cell.text in ("", "NULL", "''"):
        return line(("'", Tone.FAINT), cell.text, ("'", Tone.FAINT))
    drawn = literal(cell.text[:most])
    whole = not cell.cut and len(cell.text) <= most
    return drawn if whole else line(drawn, ("…", Tone.DIM))
