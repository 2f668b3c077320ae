"""A ledger for readers who may not write beside it: on read-only media, in somebody else's folder,
on a full disk. SQLite's log needs a file beside it, also to be read."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from engine.errors import StoreReadOnly
from engine.store.ledger_file import beside
from engine.store.sqlite_errors import translated
from engine.store.tx import Tx

_OUT_OF_REACH = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL}
_NO_ROOM_BESIDE = {
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
}


_UNFINISHED = (
    "{path} was left in the middle of its first write, which only a writer can undo; no cycle is "
    "lost by that. Start an engine on it (`cycledeck once`), then it can be read"
)


class Still(NamedTuple):
    """The state of a ledger's file that nobody writes: it has no log, and no journal."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> "Still | None":
        """Null where the ledger has a log or a journal, or cannot be looked at."""
        try:
            status = path.stat()
        except OSError:
            return None
        unfinished = any(_has(path, ending) for ending in ("-wal", "-journal"))
        return None if unfinished else cls(status.st_size, status.st_mtime_ns)


def still(path: Path) -> Still | None:
    """The state of a ledger that can only be read as a file that nobody writes; null where it can
    be read like any.

    Raises `StoreReadOnly` for a ledger that this user can read in neither way.
    """
    try:
        with closing(sqlite3.connect(uri(path), uri=True)) as connection:
            Tx(connection, path).value("schema_exists")
    except sqlite3.Error as error:
        reason: BaseException | None = error
    except Exception as error:  # noqa: BLE001 - a translated one: the caller meets it again
        reason = error.__cause__
    else:
        return None
    if getattr(reason, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
        raise StoreReadOnly(_UNFINISHED.format(path=path)) from reason
    if not _is_out_of_reach(reason):
        return None
    state = Still.of(path)
    if state is None or not os.access(path, os.R_OK, effective_ids=_EFFECTIVE):
        raise StoreReadOnly(_remedy(path)) from reason
    return state


def undo_unfinished(path: Path) -> None:
    """Have SQLite undo what a writer left that was killed before the ledger had its log. A reader
    may not. Raises `StoreError`."""
    if _has(path, "-journal"):
        writing = f"{path.absolute().as_uri()}?mode=rw"
        with translated(path), closing(sqlite3.connect(writing, uri=True)) as connection:
            Tx(connection, path).value("schema_exists")


def uri(path: Path, state: Still | None = None) -> str:
    """The ledger's URI for reading only."""
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if state else ''}"


_EFFECTIVE = os.access in os.supports_effective_ids


def _is_out_of_reach(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF in _OUT_OF_REACH or code in _NO_ROOM_BESIDE


def _remedy(path: Path) -> str:
    if not os.access(path, os.R_OK, effective_ids=_EFFECTIVE):
        return f'{path}: this user may not read it. Its owner can let a group: file_mode = "0640"'
    return (
        f"{path} has a write-ahead log, and beside it this user cannot write what reading that "
        "takes (no right to, no room, or a read-only disk). Copy the file and its -wal into a "
        "folder of your own and read the copy"
    )


def _has(path: Path, ending: str) -> bool:
    try:
        return beside(path, ending).stat().st_size > 0
    except OSError:
        return False
