"""Decimal numbers stored as text, compared and sorted exactly, without ever becoming a float.

A key sorts as its number does. It starts with a character that stands for the number of digits
before the point and for the side of zero; then come the number's own digits, mirrored for a
negative one.
"""

import re
import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from console.browser.reader.wire import Stored, shown

# As money is written: no leading zeros (an order's number is no amount), perhaps an exponent.
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,899})(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?")
_TYPED = re.compile(r"[+-]?(?:[0-9]{1,900}\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")

_REPORT_EVERY = 20_000
_ESCAPES = "backslashreplace"
_ZERO_DIGITS = 0x2000
_BLOB = b"\xff"
_INFINITY, _MINUS_INFINITY, _TEXT = chr(0x4000), chr(0x1000), chr(0x5000)
_MIRRORED = str.maketrans("0123456789", "9876543210")
_LAST = "~"
_LEADING = frozenset("123456789")


def is_decimal(text: str) -> bool:
    return _DECIMAL.fullmatch(text) is not None


def are_decimals(values: Sequence[Stored]) -> bool:
    """Whether all values but NULL are decimal texts, and there are any."""
    texts = [value for value in values if value is not None]
    return bool(texts) and all(isinstance(text, str) and is_decimal(text) for text in texts)


def is_number(typed: str) -> bool:
    """Whether an operator means a number, which may be written in more ways than a decimal."""
    return _TYPED.fullmatch(typed) is not None


def plain(typed: str) -> str:
    """A typed number as `is_decimal` has it: `+007.50` is `7.50`."""
    sign = "-" if typed.startswith("-") else ""
    mantissa, marker, exponent = typed.lstrip("+-").lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    return f"{sign}{whole.lstrip('0') or '0'}.{fraction or '0'}{marker}{exponent}"


def sort_key(value: Stored) -> bytes | None:
    """The key of a value: NULL, numbers and decimal texts by value, texts, blobs."""
    if isinstance(value, str):
        return _text_key(value).encode()
    if isinstance(value, bytes):
        return _BLOB + value
    if value is None:
        return None
    if value in (float("inf"), float("-inf")):
        return (_INFINITY if value > 0 else _MINUS_INFINITY).encode()
    return _decimal_key(repr(value)).encode()


def _text_key(text: str) -> str:
    # Most amounts are a few digits and a point: this is faster than the expression.
    digits = text.replace(".", "", 1)
    if digits.isdigit() and digits.isascii() and text[0] in _LEADING and len(text) < 100:
        return _plain_key(text)
    return _decimal_key(text) if is_decimal(text) else _TEXT + shown(text)


def _decimal_key(text: str) -> str:
    if "e" in text or "E" in text:
        text = _written_out(text)
    if text[0] != "-":
        return _plain_key(text)
    key = _plain_key(text[1:])
    digits = key[1:]
    if digits == "0":
        return key
    # Of two that begin alike, the longer one is further below zero.
    return chr(2 * _ZERO_DIGITS - ord(key[0])) + digits.translate(_MIRRORED) + _LAST


def _plain_key(text: str) -> str:
    point = text.find(".")
    if point < 0:
        return chr(_ZERO_DIGITS + len(text)) + text
    return chr(_ZERO_DIGITS + point) + text.rstrip("0").rstrip(".")


def _written_out(text: str) -> str:
    """A decimal without its exponent: `1.5E-3` is `0.0015`."""
    sign = "-" if text.startswith("-") else ""
    mantissa, _, exponent = text.lstrip("-").lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent)
    digits = "0" * -min(0, point - 1) + whole + fraction
    point = max(1, point)
    digits = digits.ljust(point, "0")
    return f"{sign}{digits[:point].lstrip('0') or '0'}.{digits[point:]}"


def compare(stored: str, typed: str) -> int:
    """-1, 0 or 1: as decimals where the stored text is one, else as texts."""
    left, right = _text_key(stored), _typed_key(typed)
    if left.startswith(_TEXT):
        left, right = stored, typed
    return (left > right) - (left < right)


@lru_cache(maxsize=64)
def _typed_key(typed: str) -> str:
    return _text_key(plain(typed))


def contains(value: Stored, wanted: str) -> bool:
    """Whether a value, as it is shown, contains a text, whatever the case; a blob contains the
    bytes that the text stands for in hex."""
    if isinstance(value, bytes):
        return _holds_bytes(value, wanted)
    text = shown(value) if isinstance(value, str) else "" if value is None else repr(value)
    return _has(text, wanted)


def _holds_bytes(value: bytes, wanted: str) -> bool:
    try:
        return wanted.isalnum() and bytes.fromhex(wanted) in value
    except ValueError:
        return False


def _has(text: str, wanted: str) -> bool:
    if wanted.isascii():
        # As SQLite has it: “ss” is not “ß”.
        return wanted.encode().lower() in text.encode().lower()
    return wanted.casefold() in text.casefold()


class SqlFunctions:
    """The functions that the SQL builder uses, for one connection. Texts are handed to them as
    bytes: a text that is not UTF-8 would end the statement."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        (encoding,) = connection.execute("PRAGMA encoding").fetchone()
        self._decoded: Callable[[bytes], str] = lambda data: data.decode(encoding, _ESCAPES)
        if encoding == "UTF-8":
            # With the name as a literal it is faster.
            self._decoded = lambda data: data.decode("utf-8", "backslashreplace")

    def install(self) -> None:
        decoded = self._decoded
        self._install_keys(lambda key: key)
        self._create("decimal_compare", 2, lambda stored, typed: compare(decoded(stored), typed))
        self._create("contains", 2, lambda stored, wanted: _has(decoded(stored), wanted))
        self._create("written", 1, repr)

    def count_keys(self, report: Callable[[int], None]) -> Callable[[], int]:
        """Have `report` called now and then, while a statement makes keys, with their number;
        returns a function that counts all of them."""
        made = 0

        def counted(key: Callable[[Any], bytes | None]) -> Callable[[Any], bytes | None]:
            def counting(value: Any) -> bytes | None:
                nonlocal made
                made += 1
                if made % _REPORT_EVERY == 0:
                    report(made)
                return key(value)

            return counting

        self._install_keys(counted)
        return lambda: made

    def _install_keys(self, wrapped: Callable[[Any], Any]) -> None:
        decoded = self._decoded
        self._create("text_key", 1, wrapped(lambda stored: _text_key(decoded(stored)).encode()))
        self._create("decimal_key", 1, wrapped(sort_key))

    def _create(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        self._connection.create_function(name, arguments, function, deterministic=True)
