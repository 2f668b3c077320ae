"""A recorded file's lines, read in bounded memory and time whatever is in the file."""

import codecs
import gzip
import os
import stat
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from engine.errors import VenueError

# A line has a fill with all that its exchange says of it: a few hundred characters.
LONGEST_LINE = 4 * 1024 * 1024
# What a line takes in memory besides its text.
LINE_BYTES = 600
MIB = 1024 * 1024


class Stopped(Exception):
    """The reading was given up."""


def texts(path: Path, most_mib: int, stopped: threading.Event) -> Iterator[str]:
    """The file's lines that are not blank, with their ends; of a `.gz` file, what is packed in it.

    Raises `VenueError` for what is no file of lines, or takes more memory, and `Stopped` once that
    is set.
    """
    left = most_mib * MIB
    try:
        with _opened(path) as file:
            for number in count(1):
                text = file.readline(LONGEST_LINE)
                left -= LINE_BYTES + len(text)
                if stopped.is_set():
                    raise Stopped
                if not text:
                    return
                _check(path, number, len(text), left, most_mib)
                if text.strip():
                    yield text
    except (OSError, EOFError, zlib.error) as error:
        raise VenueError(f"recorded:{path}: {error}") from error


def _check(path: Path, number: int, length: int, left: int, most_mib: int) -> None:
    if length == LONGEST_LINE:
        raise VenueError(
            f"recorded:{path}: line {number} has more than {LONGEST_LINE:,} characters: this is no "
            "file of JSON lines; nothing of it was read"
        )
    if left < 0:
        raise VenueError(
            f"recorded:{path}: the lines up to {number} take more than {most_mib:,} MiB of memory; "
            "nothing of it was read. Raise recorded.max_mib, or split the file"
        )


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """The file as text. A pipe would be waited for until somebody writes to it, and would have
    nothing when it is read again."""
    with ExitStack() as closing:
        file = closing.enter_context(os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb"))
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise VenueError(
                f"recorded:{path}: this is a pipe, a device or the like; a file is needed, for it "
                "is read again when it grows. Write the lines into one first"
            )
        packed = path.suffix == ".gz"
        unpacked = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if packed else file
        encoding = _encoding_of(path, closing.enter_context(unpacked).read(4))
        unpacked.seek(0)
        text = TextIOWrapper(unpacked, encoding, errors="backslashreplace")
        yield closing.enter_context(text)


def _encoding_of(path: Path, first: bytes) -> str:
    """The encoding that a file's byte order mark names; UTF-8 where it has none."""
    marks = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
    marks |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in marks.items() if first.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and b"\0" in first:
        raise VenueError(
            f"recorded:{path}: the file has no byte order mark, and reads like UTF-16 or UTF-32: "
            "UTF-8 is needed"
        )
    return encoding
