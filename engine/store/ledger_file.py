"""The ledger's file: whether it is there, and what lies beside it."""

import os
import stat
from pathlib import Path

from engine.errors import StoreError


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
