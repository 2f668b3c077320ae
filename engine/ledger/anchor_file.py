"""The anchor file on the disk: lines are added at its end, and nothing else is ever done to it."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from engine.errors import AnchorError
from engine.ledger.anchor import HEADER, LONGEST, Anchor
from engine.store.ledger_file import PRIVATE, made

# Where the last anchor of a ledger is looked for.
_TAIL = 64 * 1024


def add(path: Path, anchors: Iterable[Anchor]) -> None:
    """Add lines, and have them on the disk; the file is made where it is missing, its owner's
    alone. Raises `OSError`, or `AnchorError` for a file of something else."""
    text = "".join(anchor.line for anchor in anchors)
    file = _opened(path, os.O_RDWR | os.O_APPEND)
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, len(HEADER), 0) != HEADER.encode():
            raise AnchorError("this is no anchor file, nothing was added to it")
        if not size:
            text = HEADER + text
        elif os.pread(file, 1, size - 1) != b"\n":
            text = "\n" + text  # A line was cut short: it stays a line of its own.
        os.write(file, text.encode())
        os.fsync(file)
    finally:
        os.close(file)


def last_anchored(path: Path, ledger: str) -> int:
    """The last commit of the ledger near the file's end; 0 where there is none. Raises as `add`."""
    try:
        file = _opened(path, os.O_RDONLY, make=False)
    except FileNotFoundError:
        return 0
    try:
        tail = os.pread(file, _TAIL, max(0, os.fstat(file).st_size - _TAIL))
    finally:
        os.close(file)
    anchors = map(Anchor.read, tail.decode("ascii", "replace").split("\n"))
    return max((a.commit_seq for a in anchors if a is not None and a.ledger == ledger), default=0)


def lines(path: Path) -> Iterator[tuple[int, Anchor | None]]:
    """The file's lines by their number; null for one that is damaged or cut short. Raises
    `AnchorError`."""
    try:
        file = _opened(path, os.O_RDONLY, make=False)
    except OSError as error:
        raise AnchorError(f"{path}: {error.strerror or error}") from error
    with os.fdopen(file, encoding="ascii", errors="replace", newline="\n") as text:
        number = 0
        while line := text.readline(LONGEST):
            number += 1
            if number > 1 or line != HEADER:
                yield number, Anchor.read(line[:-1]) if line.endswith("\n") else None


def _opened(path: Path, flags: int, *, make: bool = True) -> int:
    if make:
        with suppress(FileExistsError):
            os.close(made(path, PRIVATE))
    # A pipe would wait for who reads it.
    file = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise AnchorError(f"{path} is not a file")
    return file
