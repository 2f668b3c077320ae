"""Stored values and keys as they go through the pipe.

Text is a `str` with every byte that is not UTF-8 as a lone surrogate, so that a key can be looked
up again exactly; it is turned into escapes only where it is shown or written.
"""

from collections.abc import Callable, Iterable
from typing import Any

Stored = int | float | str | bytes | None
Values = tuple[Stored, ...]
Rows = Callable[[], Iterable[Values]]
Wire = dict[str, Any]
Cells = list[Any]
# A key and its cells: None for a row deleted meanwhile.
PageRow = tuple[Values, Cells | None]
# The position of the first row, the rows, and whether that position is exact.
PageRows = tuple[int, list[PageRow], bool]

PAGE_LIMIT = 2_000
ROW_LIMIT = 16 * 1024 * 1024


def shown(text: str) -> str:
    """The text with bytes that are not UTF-8 as escapes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def plain(value: Stored) -> int | float | str | None:
    """A value as a file has it: text as it is shown, a blob as hex."""
    if isinstance(value, str):
        return shown(value)
    return value.hex() if isinstance(value, bytes) else value


def page_cells(values: Values) -> Cells:
    return [cell(value, PAGE_LIMIT) for value in values]


def whole_cells(values: Values) -> Cells:
    """Cells in full, as long as they have `ROW_LIMIT` characters together."""
    left = ROW_LIMIT
    cells = []
    for value in values:
        cells.append(cell(value, left))
        left = max(0, left - _size(value))
    return cells


def cell(value: Stored, limit: int) -> Any:
    """None, integers and text stand for themselves; reals, blobs and cut text are named."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str):
        cut = len(value) > limit
        return {"text": shown(value[:limit]), "length": len(value)} if cut else shown(value)
    if isinstance(value, float):
        return {"real": repr(value)}
    cut = len(value) > limit // 2
    return {"blob": value[: limit // 2].hex(), "length": len(value) if cut else None}


def _size(value: Stored) -> int:
    if isinstance(value, bytes):
        return 2 * len(value)
    return len(value) if isinstance(value, str) else 0


def key_parts(key: Values) -> list[Any]:
    return [_part(part) for part in key]


def _part(part: Stored) -> Any:
    if isinstance(part, float):
        return {"real": repr(part)}
    return {"blob": part.hex()} if isinstance(part, bytes) else part


def key_values(parts: list[Any]) -> Values:
    """The key of which `key_parts` are the parts."""
    return tuple(_value(part) for part in parts)


def _value(part: Any) -> Stored:
    if not isinstance(part, dict):
        plain: Stored = part
        return plain
    return float(part["real"]) if "real" in part else bytes.fromhex(part["blob"])
