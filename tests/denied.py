"""Folders that this process may not enter, also where the tests run as root."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def denied(folder: Path) -> Iterator[Path]:
    """A closed folder in `folder`: to root as well, which becomes somebody else meanwhile."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    else:
        closed.chmod(0)
    try:
        yield closed
    finally:
        if root:
            os.seteuid(0)
        else:
            closed.chmod(0o700)
