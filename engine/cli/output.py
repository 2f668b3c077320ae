"""Standard output: text that it has no letters for, and a disk that is full."""

import codecs
import errno
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_ESCAPES = "cycledeck-escapes"


def take_any_text() -> None:
    """Write what standard output's encoding has no letters for as escapes, which JSON has too."""
    codecs.register_error(_ESCAPES, _escaped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_ESCAPES)


@contextmanager
def flushed() -> Iterator[None]:
    """Raises the `OSError` of what could not be written, and not as late as at the exit."""
    try:
        yield
    finally:
        sys.stdout.flush()


def refusal(error: OSError) -> str:
    """What the system refused, and why. What could not be written is dropped."""
    _drop()
    where = error.filename
    if where is None and error.errno in NO_ROOM:
        where = "standard output"  # All else that is written is a file with a name.
    why = error.strerror or str(error)
    return why if where is None else f"{where}: {why}"


def _drop() -> None:
    """Else it would be tried once more, and complained about, at the exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
