"""Log messages on standard error: structured, and free of what must not be shown."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from engine.settings import LogSettings
from engine.text import printable


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
            _printable,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _printable(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """What a venue or a driver said must not act on the terminal. Line ends stay: tracebacks."""
    return {
        key: "\n".join(map(printable, value.split("\n"))) if isinstance(value, str) else value
        for key, value in event.items()
    }
