"""The ledger's file: whether it is there, who may read it, and what lies beside it."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from engine.errors import StoreError

# What a ledger and the files beside it are, unless a setting says otherwise: their owner's.
PRIVATE = 0o600
_BESIDE = ("", "-wal", "-shm", ".lock")


def beside(db: Path, ending: str) -> Path:
    """The path of the file `db` with `ending` added: of the file itself, where `db` is a link."""
    return Path(os.path.realpath(db) + ending)


def is_there(db: Path) -> bool:
    """Whether there is a file. Raises `StoreError` for a folder, or where none can be reached."""
    try:
        status = db.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{db}: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise StoreError(f"{db} is a folder, not a ledger")
    return True


def make(db: Path, mode: int | None = None) -> None:
    """Make the ledger's file and its folder where they are missing, whatever the umask, and let a
    file that is there have the `mode`, if one is given.

    SQLite gives the files that it makes beside it the same. Raises `StoreError`.
    """
    file = beside(db, "")
    try:
        make_folder(db.parent, mode or PRIVATE)
    except OSError as error:
        raise StoreError(f"{db}: no folder can be made for it: {error.strerror}") from error
    with suppress(OSError):  # SQLite says of a file that cannot be made why it cannot.
        os.close(made(file, mode or PRIVATE))
        return
    for ending in _BESIDE if mode is not None else ():
        with suppress(OSError):  # It is not there, or another user's.
            beside(db, ending).chmod(mode or PRIVATE)


def made(file: Path, mode: int) -> int:
    """The descriptor of a new file with exactly that mode. Raises `OSError`."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def make_folder(folder: Path, mode: int) -> None:
    """Make a folder, and those above it, where they are missing, for who may read such a file."""
    if not folder.is_dir():
        make_folder(folder.parent, mode)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700 | mode & 0o066 | (mode & 0o044) >> 2)


def mode_of(db: Path) -> int:
    """The mode of the ledger, for a file beside it."""
    try:
        return PRIVATE | stat.S_IMODE(db.stat().st_mode) & 0o666
    except OSError:
        return PRIVATE
