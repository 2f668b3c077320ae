"""A file that cannot be read: whether it is worth another try."""

import time
from pathlib import Path
from typing import Final

from console.browser.model import BrowseError

# What may be over by itself, and after how many seconds one looks whether it is.
_PASSING: Final = {"locked": 2.0, "worker": 0.5}


class Waiting:
    """Since `trouble`. Trying costs a process, so it waits for a sign that something is other."""

    def __init__(self, path: Path, trouble: BrowseError) -> None:
        self._path = path
        self._seconds = _PASSING.get(trouble.trouble)
        self._since = time.monotonic()
        self._found = _found(path)

    @property
    def worth_a_try(self) -> bool:
        if self._seconds is not None:
            return time.monotonic() - self._since >= self._seconds
        return _found(self._path) != self._found


def _found(path: Path) -> tuple[int, ...]:
    """Which file there is, and as of when."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
