"""Standard output: text that it has no letters for, a disk that is full, a reader that left."""

import codecs
import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from engine import logs
from engine.line_writer import LineWriter
from engine.text import printable_document

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
_ESCAPES = "cycledeck-escapes"
# How long an engine that was told to end waits for who reads its results.
PATIENCE_S = 1.0

log = structlog.get_logger("cycledeck.cli")


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


class Documents:
    """Standard output for JSON and CSV: on a terminal, what that would act on or not show is
    escaped; anywhere else it is as it is stored."""

    def write(self, text: str) -> int:
        return sys.stdout.write(document(text))


def document(text: str) -> str:
    return printable_document(text) if sys.stdout.isatty() else text


def open_closed_streams() -> None:
    """Standard streams that the caller closed lead nowhere: no file gets their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # The lowest number that is free: this one.
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(os.devnull))
    sys.stdout = sys.stdout or _Nowhere()
    sys.stderr = sys.stderr or _Nowhere()


class _Nowhere(io.TextIOWrapper):
    """A standard stream that the caller closed."""

    def __init__(self) -> None:
        super().__init__(io.FileIO(os.devnull, "w"), "utf-8")


@contextmanager
def outcome(outcome: str) -> Iterator[None]:
    """Printing what has happened already: where standard output is closed or its reader left, that
    changes no exit code, and the outcome is told on standard error. So it is where the disk is
    full, which raises `OSError`."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        _tell(outcome)
        if not isinstance(error, BrokenPipeError):
            raise
        drop()
    else:
        if isinstance(sys.stdout, _Nowhere):
            _tell(outcome)


def _tell(outcome: str) -> None:
    logs.standard_error().write(f"{outcome}. Standard output did not take all of it\n")


@contextmanager
def results(stopped: Callable[[], bool]) -> Iterator[LineWriter]:
    """Standard output for the results of an engine that runs, which waits for no reader of them.

    At the end they are waited for; only a moment where it was `stopped`. Raises the `OSError` of
    what could not be written last, unless the reader left.
    """
    writer = LineWriter(sys.stdout, _failing, _recovered)
    try:
        yield writer
    finally:
        if not writer.drain(PATIENCE_S if stopped() else None):
            log.warning("output_not_read")
    if isinstance(writer.error, OSError) and not isinstance(writer.error, BrokenPipeError):
        raise writer.error


def _failing(error: Exception) -> None:
    log.warning("output_not_written", error=str(error), message="the engine goes on without it")


def _recovered(lost: int) -> None:
    log.warning("output_lines_lost", lines=lost)


def refusal(error: OSError) -> str:
    """What the system refused, and why. What could not be written is dropped."""
    drop()
    where = error.filename
    if where is None and error.errno in NO_ROOM:
        where = "standard output"  # All else that is written is a file with a name.
    why = error.strerror or str(error)
    return why if where is None else f"{where}: {why}"


def drop() -> None:
    """Else it would be tried once more, and complained about, at the exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
