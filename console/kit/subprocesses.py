"""This program's modules in processes of their own."""

import os
import sys
from pathlib import Path

import console

# Nothing in the folder the console was started from stands in for a module.
PYTHON = (sys.executable, "-P", "-m")


def environment(**more: str) -> dict[str, str]:
    """This process's, with this program's own folder to import from."""
    root = str(Path(console.__file__).resolve().parents[1])
    paths = [root, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}
