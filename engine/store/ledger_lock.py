"""An engine's lock on its ledger: on the name, by a lock file beside it, and on the file itself."""

import os
import time
from pathlib import Path

from engine.errors import LeaseHeld, StoreError
from engine.store import file_lock
from engine.store.file_lock import FileLock
from engine.store.ledger_file import beside, mode_of
from engine.store.leftover_log import alone
from engine.store.lock_file import LockFile

# An engine that starts has its lock a moment before it has a log.
_ATTEMPTS = 40
_PAUSE_S = 0.025


class LedgerLock(LockFile):
    """The lock of a name and of the file that it leads to. It is given back once nothing has the
    file open any more."""

    def __init__(self, db: Path) -> None:
        super().__init__(beside(db, ".lock"))
        self._db = db
        self._file = FileLock(beside(db, ""))

    def take(self) -> bool:
        """Lock the name, and the file where that is free; false where another process has the
        name. Raises `StoreError`."""
        self._mode = mode_of(self._db)
        taken = super().take()
        if taken:
            self._file.take()
        return taken

    def require(self) -> None:
        """Take it. Raises `LeaseHeld` where an engine runs on the same file by another name.

        Of engines by the same name, the lease decides.
        """
        if self.take() and not self._file.take():
            self.release()
            raise LeaseHeld(_refusal(self._db))

    def release(self) -> None:
        self._file.release()
        super().release()


def check_name(db: Path) -> None:
    """Raises `LeaseHeld` where an engine runs, or was killed, on the same file by another name: by
    this one its log is not seen, and figures are of another time, or torn."""
    here = file_lock.locked_here_as(db)
    if here is not None:
        if here != beside(db, ""):
            raise LeaseHeld(_refusal(db))
        return
    for _ in range(_ATTEMPTS):
        if _has_log(db) or not file_lock.is_locked_elsewhere(db):
            break
        time.sleep(_PAUSE_S)
    else:
        raise LeaseHeld(_refusal(db))
    if not _has_log(db) and _names(db) > 1 and (holder := _never_closed(db)):
        raise LeaseHeld(
            f"{db} has several names (hard links), and {holder}, the last engine on it, did not "
            "close it: its log is beside the name that it used, or lost. Nothing was changed. Use "
            "that name; or copy the file, which gives the copy a name of its own"
        )


def _has_log(db: Path) -> bool:
    return os.path.lexists(beside(db, "-wal"))


def _names(db: Path) -> int:
    try:
        return db.stat().st_nlink
    except OSError:
        return 1


def _never_closed(db: Path) -> str | None:
    """The holder that the file itself has: null where it was closed."""
    try:
        with alone(db) as tx:
            row = tx.one("file_lease")
    except StoreError:
        return None
    return row[1] if row else None


def _refusal(db: Path) -> str:
    here = file_lock.locked_here_as(db)
    who = f"this process, as {here}" if here else next(file_lock.holders(db), None)
    return (
        f"another engine runs on this ledger: {who or 'a process that is not seen from here'}. "
        f"{db} is another name of the same file, a hard link or a mount, and beside it the log of "
        "that engine is not seen. Nothing was read or changed. Use the name that the engine uses, "
        "or stop it first"
    )
