"""The copy of a ledger that is made beside it before its first migration."""

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from engine.errors import StoreError, StoreFull
from engine.store.ledger_file import beside, made, mode_of
from engine.store.tx import Tx

log = structlog.get_logger("cycledeck.store")

# What the migration itself and the next cycles write has room too.
SPARE_BYTES = 64 * 1024 * 1024
State = tuple[Any, ...]
NO_ENGINE_YET: State = (None, None, None, None)


def keep_copy(tx: Tx, ledger: Path, schema: int) -> None:
    """Copy a ledger on which an engine has run, unless a copy of the same state is there already.

    Runs inside the first migration's transaction, so that nobody writes between the two. A file of
    the copy's name is whole, and is never overwritten. Raises `StoreFull` or `StoreError`.
    """
    state = _state(tx)
    copy = _place(ledger, schema, state)
    if state == NO_ENGINE_YET or copy is None:
        return
    try:
        _require_room(tx, copy.parent)
        _write(ledger, copy)
    except (OSError, sqlite3.Error, StoreError) as error:
        kind = StoreFull if _is_full(error) else StoreError
        raise kind(
            f"{ledger} has schema {schema}, and before a migration it is copied to {copy}. That "
            f"failed: {getattr(error, 'strerror', None) or error}. Nothing was changed: put that "
            "right and start again, or go on with the program version that wrote it"
        ) from error
    log.info("ledger_copied_before_migration", schema=schema, copy=str(copy))


def _state(tx: Tx) -> State:
    """The ledger's id, and the last of all that engines and operators did to it."""
    [state] = tx.rows("copy_state")
    return state


def _place(ledger: Path, schema: int, state: State) -> Path | None:
    """The path for a copy, under the first free name; null where there is one of this very state,
    of whichever schema: an earlier program may have ended between two migrations."""
    file = beside(ledger, "")
    copies = (
        other
        for other in file.parent.iterdir()
        if other.name.startswith(f"{file.name}.schema-") and other.suffix == ".bak"
    )
    if any(_state_of(copy) == state for copy in copies):
        return None
    names = (f".schema-{schema}{f'-{again}' if again else ''}.bak" for again in count())
    return next(copy for name in names if not (copy := beside(ledger, name)).exists())


def _state_of(copy: Path) -> State | None:
    """A copy's state; null where the file cannot be read. Leaves no file beside it."""
    try:
        with closing(_reader(copy, "&immutable=1")) as reader:
            return _state(Tx(reader, copy))
    except (sqlite3.Error, StoreError):
        return None


def _require_room(tx: Tx, folder: Path) -> None:
    needed = tx.value("copy_bytes") + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"it needs {needed} bytes, and {free} are free")


def _is_full(error: Exception) -> bool:
    return (
        isinstance(error, StoreFull)
        or getattr(error, "errno", None) == errno.ENOSPC
        or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    )


def _write(ledger: Path, copy: Path) -> None:
    """Copy the ledger. The copy is whole and on the disk before it has its name."""
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.close(made(part, mode_of(ledger)))
        # A connection that is writing is none that SQLite copies from.
        with closing(_reader(ledger)) as source, closing(sqlite3.connect(part)) as target:
            Tx(target, part).run("copy_without_journal")
            source.backup(target)
        _sync(part)
        part.rename(copy)
        _sync(copy.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _reader(file: Path, more: str = "") -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{more}", uri=True)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
