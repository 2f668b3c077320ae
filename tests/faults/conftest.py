"""What the fault tests share."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from engine.ledger import positions
from tests.faults.scenarios import scratch


@pytest.fixture(autouse=True)
def _checkpoints_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenarios take more checkpoints than is usual; what comes after them must not."""
    monkeypatch.setattr(positions, "CHECKPOINT_EVENTS", positions.CHECKPOINT_EVENTS)


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """A folder in memory where there is one: nothing here depends on the disk, but for time."""
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir=scratch()))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Where thousands of faults are injected, the engine would log each of them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()
