"""The write-ahead log's format: https://sqlite.org/fileformat2.html#the_write_ahead_log"""

import os
import struct
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

HEADER = 32
FRAME_HEADER = 24
_MAGIC = (0x377F0682, 0x377F0683)
_LEAF = 13


class Frame(NamedTuple):
    """A page's number, how many pages the file has where the frame ends a commit, else 0, and where
    in the log its content is."""

    page: int
    pages: int
    at: int


def page_size(header: bytes) -> int | None:
    """The size of a log's pages; null where SQLite would read nothing of the log."""
    if len(header) < HEADER or int.from_bytes(header[:4], "big") not in _MAGIC:
        return None
    if _checksum(header[:24], header, (0, 0)) != struct.unpack(">2I", header[24:]):
        return None
    return int.from_bytes(header[8:12], "big")


def frames(log: int, header: bytes, size: int, *, checked: bool) -> Iterator[Frame]:
    """The frames of the log that is open as `log`, as far as they bear the salts of its header:
    those beyond are of an earlier round. With `checked`, as far as SQLite would read them: of a
    transaction that was cut off the last may bear them, too. That takes long.
    """
    salts, checksum = header[16:24], struct.unpack(">2I", header[24:])
    for number in count():
        at = HEADER + number * (FRAME_HEADER + size)
        frame = os.pread(log, FRAME_HEADER, at)
        if len(frame) < FRAME_HEADER or frame[8:16] != salts:
            return
        if checked:
            content = os.pread(log, size, at + FRAME_HEADER)
            if len(content) < size:
                return
            checksum = _checksum(frame[:8] + content, header, checksum)
            if checksum != struct.unpack(">2I", frame[16:]):
                return
        page, pages = struct.unpack(">2I", frame[:8])
        yield Frame(page, pages, at + FRAME_HEADER)


def _checksum(data: bytes, header: bytes, before: tuple[int, ...]) -> tuple[int, ...]:
    """The checksum of data that follows what has the one before, in the log's order of bytes."""
    order = ">" if header[3] & 1 else "<"
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    one, two = before
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + two) & 0xFFFFFFFF
        two = (two + odd + one) & 0xFFFFFFFF
    return one, two


def last_integer(page: bytes) -> int | None:
    """The last column of the only row on a page of a table; null where it is no such page."""
    try:
        if page[0] != _LEAF or int.from_bytes(page[3:5], "big") != 1:
            return None
        at = int.from_bytes(page[8:10], "big")
        _, at = _varint(page, at)
        _, start = _varint(page, at)
        header_end, at = _varint(page, start)
        header_end += start
        types = []
        while at < header_end:
            kind, at = _varint(page, at)
            types.append(kind)
        at = header_end + sum(map(_length, types[:-1]))
        if types[-1] in (8, 9):
            return types[-1] - 8
        value = page[at : at + _length(types[-1])]
        return int.from_bytes(value, "big", signed=True) if 1 <= types[-1] <= 6 else None
    except IndexError:
        return None


def _varint(page: bytes, at: int) -> tuple[int, int]:
    value = 0
    for byte in page[at : at + 8]:
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | page[at], at + 1


def _length(kind: int) -> int:
    if kind >= 12:
        return (kind - 12) // 2
    return (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]
