"""Log messages on standard error: structured, and free of what must not be shown.

The last of them are kept in memory, for whoever attaches to the engine. A thread writes them: no
cycle waits for standard error, or fails with it.
"""

import atexit
import logging
import sys
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO, cast

import structlog

from engine.clock import now_ms
from engine.cycles.results import Logged
from engine.line_writer import LineWriter
from engine.settings import LogSettings
from engine.text import printable

log = structlog.get_logger("cycledeck.logs")

KEPT = 200
# How long an end waits for who reads standard error.
PATIENCE_S = 1.0
# What a message has beside its event name and details.
_HEADING = ("event", "level", "timestamp")


class Tail:
    """The last messages of this process, and those who want the next ones."""

    def __init__(self) -> None:
        self._messages: deque[Logged] = deque(maxlen=KEPT)
        self._listeners: list[Callable[[Logged], None]] = []

    @property
    def messages(self) -> tuple[Logged, ...]:
        """Oldest first."""
        return tuple(self._messages)

    def listen(self, listener: Callable[[Logged], None]) -> None:
        """Have `listener` called with every message, on the thread that logs it."""
        self._listeners.append(listener)

    def ignore(self, listener: Callable[[Logged], None]) -> None:
        self._listeners.remove(listener)

    def add(self, message: Logged) -> None:
        self._messages.append(message)
        for listener in self._listeners:
            listener(message)


tail = Tail()
_writer: LineWriter | None = None


def standard_error() -> LineWriter:
    """The writer of lines to standard error, whichever stream that is now."""
    global _writer
    if _writer is None or _writer.stream is not sys.stderr:
        if _writer is not None:
            _writer.close(PATIENCE_S)
        _writer = LineWriter(sys.stderr, _failing, _recovered)
    return _writer


def drain() -> None:
    """Wait a moment for lines that are not written yet."""
    if _writer is not None:
        _writer.drain(PATIENCE_S)


atexit.register(drain)


def configure(settings: LogSettings) -> None:
    # aiosqlite logs every statement's parameters at debug level.
    logging.getLogger("aiosqlite").setLevel(logging.INFO)
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _keep,
            _printable,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=lambda *_: structlog.WriteLogger(cast("TextIO", standard_error())),
        cache_logger_on_first_use=False,
    )


def _keep(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    detail = {
        printable(key): printable(str(value)) for key, value in event.items() if key not in _HEADING
    }
    text = printable(str(event.get("event", "")))
    tail.add(Logged(ts_ms=now_ms(), level=event["level"], event=text, detail=detail))
    return event


def _printable(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """What a venue or a driver said must not act on the terminal. Line ends stay: tracebacks."""
    return {
        key: "\n".join(map(printable, value.split("\n"))) if isinstance(value, str) else value
        for key, value in event.items()
    }


def _failing(error: Exception) -> None:
    """Consoles read it; so does standard error's reader, should there be one again."""
    if structlog.is_configured():
        log.warning("log_not_written", error=str(error))


def _recovered(lost: int) -> None:
    if structlog.is_configured():
        log.warning("log_lines_lost", lines=lost)
