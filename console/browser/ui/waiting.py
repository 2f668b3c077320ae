"""The wait before another try of a file that cannot be read."""

import time
from pathlib import Path
from typing import Final

from console.browser.model import BrowseError

# Troubles that may be over by themselves, and the seconds before another try.
_PASSING: Final = {"locked": 2.0, "worker": 0.5}


class Waiting:
    """The wait since `trouble`. A try costs a process, so it waits for a change of the file."""

    def __init__(self, path: Path, trouble: BrowseError) -> None:
        self._path = path
        self._seconds = _PASSING.get(trouble.trouble)
        self._since = time.monotonic()
        self._state = _state(path)

    @property
    def worth_a_try(self) -> bool:
        if self._seconds is not None:
            return time.monotonic() - self._since >= self._seconds
        return _state(self._path) != self._state


def _state(path: Path) -> tuple[int, ...]:
    """The identity, size and time of a file; empty where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
