"""The SQLite library that this Python runs on, and what follows from its version."""

import sqlite3

from engine.errors import StoreFatal

Version = tuple[int, ...]
VERSION = sqlite3.sqlite_version

# STRICT tables.
OLDEST = (3, 37, 0)

# Two processes that checkpoint at once could lose a transaction: https://sqlite.org/wal.html
_WAL_RESET_FIXED = (3, 51, 3)
_WAL_RESET_BACKPORTS: dict[Version, Version] = {(3, 44): (3, 44, 6), (3, 50): (3, 50, 7)}


def check_library(version: Version = sqlite3.sqlite_version_info) -> None:
    """Raises `StoreFatal` for a library that cannot hold the ledger."""
    if version < OLDEST:
        raise StoreFatal(
            f"this Python has SQLite {_text(version)}; a ledger needs {_text(OLDEST)} or newer"
        )


def has_wal_reset_race(version: Version = sqlite3.sqlite_version_info) -> bool:
    fixed = _WAL_RESET_BACKPORTS.get(version[:2], _WAL_RESET_FIXED)
    return version < fixed


def wal_reset_warning(version: Version = sqlite3.sqlite_version_info) -> str | None:
    """The warning to the operator at the start; null where the library needs none."""
    if not has_wal_reset_race(version):
        return None
    return (
        f"SQLite {_text(version)} can lose a transaction when two processes checkpoint at the same "
        f"moment; {_text(_WAL_RESET_FIXED)} cannot. Let no other program write to this ledger"
    )


def _text(version: Version) -> str:
    return ".".join(map(str, version))
