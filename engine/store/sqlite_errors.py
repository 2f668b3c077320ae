"""SQLite's errors as the engine's."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import errors

_KINDS: dict[int | None, type[errors.StoreError]] = {
    sqlite3.SQLITE_BUSY: errors.StoreLocked,
    sqlite3.SQLITE_LOCKED: errors.StoreLocked,
    sqlite3.SQLITE_FULL: errors.StoreFull,
    sqlite3.SQLITE_READONLY: errors.StoreReadOnly,
    sqlite3.SQLITE_CORRUPT: errors.StoreCorrupt,
    sqlite3.SQLITE_NOTADB: errors.StoreCorrupt,
}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raises `StoreError`, or the kind of it that says more, for what SQLite raises."""
    try:
        yield
    except (sqlite3.Error, MemoryError) as error:
        raise translate(error, path) from error


def translate(error: Exception, path: Path) -> errors.StoreError:
    if isinstance(error, MemoryError):
        return errors.StoreError(f"{path}: out of memory")
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    kind = _KINDS.get(primary, errors.StoreError)
    return kind(f"{path}: {error}")
