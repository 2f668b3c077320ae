"""A lock on the ledger's file itself, whatever name it was opened by: a hard link or a mount gives
a file a second name, and SQLite keeps its log beside the name, so that each sees half of it.

The lock is of the open file (OFD), on a byte beyond those that SQLite locks. Its descriptor stays
open when it is given back: closing any would drop the locks that SQLite has on the file in this
process. Where a system has no such locks, none is taken.
"""

import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar
from weakref import WeakValueDictionary

_SET, _GET = getattr(fcntl, "F_OFD_SETLK", None), getattr(fcntl, "F_OFD_GETLK", None)
_FORM = "hhqqi4x"
_BYTE = 2**62
# Descriptors of files that are locked no more; the oldest are closed.
_MOST = 256

Key = tuple[int, int]
_descriptors: dict[Key, int] = {}


class FileLock:
    """The lock of one file, and the name that it was taken by."""

    _here: ClassVar["WeakValueDictionary[Key, FileLock]"] = WeakValueDictionary()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._key: Key | None = None

    def take(self) -> bool:
        """Lock the file; false where another lock of it is held, here or in another process."""
        if _SET is None or self._key is not None:
            return True
        key = _key(self.path)
        descriptor = _descriptor(key, self.path) if key is not None else None
        if key is None or descriptor is None:
            return True
        if key in self._here or not _locked(descriptor, fcntl.F_WRLCK):
            return False
        self._key = key
        self._here[key] = self
        return True

    def release(self) -> None:
        key, self._key = self._key, None
        if key is not None:
            self._here.pop(key, None)
            _locked(_descriptors[key], fcntl.F_UNLCK)
            _close_oldest(self._here)

    def __del__(self) -> None:
        self.release()


def locked_here_as(path: Path) -> Path | None:
    """The name by which this process has the file locked; null where it has not."""
    key = _key(path)
    lock = FileLock._here.get(key) if key is not None else None
    return lock.path if lock is not None else None


def is_locked_elsewhere(path: Path) -> bool:
    """Whether another process has the file locked."""
    key = _key(path)
    descriptor = _descriptor(key, path) if key is not None else None
    if _GET is None or descriptor is None or key in FileLock._here:
        return False
    asked = struct.pack(_FORM, fcntl.F_RDLCK, os.SEEK_SET, _BYTE, 1, 0)
    try:
        answer = fcntl.fcntl(descriptor, _GET, asked)
    except OSError:
        return False
    kind: int = struct.unpack(_FORM, answer)[0]
    return kind != fcntl.F_UNLCK


def holders(path: Path) -> Iterator[str]:
    """The processes that have the file open, each with the name it was opened by, as far as this
    user may look."""
    try:
        file = path.stat()
        processes = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    except OSError:
        return
    for process in processes:
        if process.name == str(os.getpid()):
            continue
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if _leads_to(descriptor, file):
                    name = descriptor.readlink()
                    yield f"{socket.gethostname()}:{process.name}, which has it open as {name}"
                    break


def _leads_to(descriptor: Path, file: os.stat_result) -> bool:
    try:
        return os.path.samestat(descriptor.stat(), file)
    except OSError:
        return False


def _key(path: Path) -> Key | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _descriptor(key: Key, path: Path) -> int | None:
    """The file, open for as long as this process runs; null where it cannot be opened: why it
    cannot, opening the ledger says."""
    if key not in _descriptors:
        for flags in (os.O_RDWR, os.O_RDONLY):
            with suppress(OSError):
                _descriptors[key] = os.open(path, flags)
                break
    return _descriptors.get(key)


def _locked(descriptor: int, kind: int) -> bool:
    """Whether the lock is of that kind now; true where a file system has no locks."""
    try:
        fcntl.fcntl(descriptor, _SET or 0, struct.pack(_FORM, kind, os.SEEK_SET, _BYTE, 1, 0))
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def _close_oldest(held: "WeakValueDictionary[Key, FileLock]") -> None:
    free = [key for key in _descriptors if key not in held]
    for key in free[:-_MOST]:
        os.close(_descriptors.pop(key))
