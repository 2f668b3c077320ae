"""A lock file: one process at a time has it locked, until that process ends."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from engine.errors import StoreError, StoreFull
from engine.store.ledger_file import PRIVATE, made


class LockFile:
    """An `flock` on a file that stays where it is: who removes it lets a second one lock."""

    def __init__(self, path: Path, mode: int = PRIVATE) -> None:
        self.path = path
        self._mode = mode
        self._fd: int | None = None

    def __del__(self) -> None:
        self.release()

    @property
    def held(self) -> bool:
        """Whether the locked file is still the one at the path."""
        return self._fd is not None and _is_at(self._fd, self.path)

    def take(self) -> bool:
        """Lock the file at the path; false where another process has. Raises `StoreError`."""
        if not self.held:
            self.release()
            try:
                self._fd = _locked(self.path, self._mode)
            except OSError as error:
                kind = StoreFull if error.errno == errno.ENOSPC else StoreError
                raise kind(f"{self.path}: {error.strerror or error}") from error
        return self._fd is not None

    def release(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def _locked(path: Path, mode: int) -> int | None:
    """The file, open and locked; null where another process has locked it."""
    while True:
        fd = _opened(path, mode)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(fd, path):
                return fd
        except BlockingIOError:
            os.close(fd)
            return None
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # It was removed between being opened and being locked.


def _opened(path: Path, mode: int) -> int:
    """The file, made where it is missing."""
    while True:
        with suppress(FileExistsError):
            return made(path, mode)
        with suppress(FileNotFoundError):  # It was removed just now.
            return os.open(path, os.O_RDWR)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
