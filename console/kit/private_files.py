"""Files and folders that are made for their user alone, whatever the umask."""

import os
from pathlib import Path

FOLDER, FILE = 0o700, 0o600


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where they are missing. Raises `OSError`."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(FOLDER)


def private(path: str, flags: int) -> int:
    """An `opener` for `open`."""
    return os.open(path, flags, FILE)
