"""What the fault tests share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenarios import scratch


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """A folder in memory where there is one: nothing here depends on the disk, but for time."""
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=scratch()))
    yield folder
    shutil.rmtree(folder)
