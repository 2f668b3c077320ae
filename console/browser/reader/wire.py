"""Stored values and keys as they go through the pipe.

Text is kept as `str` with every byte that is not UTF-8 as a lone surrogate, so that a key can be
looked up again exactly; it is turned into escapes only where it is shown or written.
"""

from typing import Any

Stored = int | float | str | bytes | None
Values = tuple[Stored, ...]
Wire = dict[str, Any]
Cells = list[Any]

PAGE_LIMIT = 2_000
ROW_LIMIT = 16 * 1024 * 1024


def shown(text: str) -> str:
    """The same text with bytes that are not UTF-8 as escapes."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def page_cells(values: Values) -> Cells:
    return [cell(value, PAGE_LIMIT) for value in values]


def whole_cells(values: Values) -> Cells:
    """All of every cell, as long as they have `ROW_LIMIT` characters together."""
    left = ROW_LIMIT
    cells = []
    for value in values:
        cells.append(cell(value, left))
        left = max(0, left - _size(value))
    return cells


def cell(value: Stored, limit: int) -> Any:
    """None and integers stand for themselves, text too; reals, blobs and cut text are named."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str):
        return _text(value, limit)
    if isinstance(value, float):
        return {"real": repr(value)}
    cut = len(value) > limit // 2
    return {"blob": value[: limit // 2].hex(), "length": len(value) if cut else None}


def _text(value: str, limit: int) -> Any:
    if len(value) > limit:
        return {"text": shown(value[:limit]), "length": len(value)}
    return shown(value)


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
    """What `key_parts` wrote."""
    return tuple(_value(part) for part in parts)


def _value(part: Any) -> Stored:
    if not isinstance(part, dict):
        plain: Stored = part
        return plain
    return float(part["real"]) if "real" in part else bytes.fromhex(part["blob"])
