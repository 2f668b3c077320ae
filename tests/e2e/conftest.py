"""A home of its own for each test, and a ledger that an engine has traded on."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import command, end_engine
from tests.shared import made_once


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    return found


@pytest.fixture
def db(home: Path) -> Iterator[Path]:
    """Where a ledger is to be; no engine is left running on it."""
    found = home / "l.db"
    yield found
    end_engine(found)


@pytest.fixture(scope="session")
def traded(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with a ledger of 60 simulated cycles, and nobody on it."""
    return made_once(tmp_path_factory, worker_id, "traded", _trade)


def _trade(folder: Path) -> None:
    ran = command(folder, "run", "--db", folder / "l.db", "--cycles", 60, "--interval", "1ms")
    assert ran.returncode == 0, ran.stderr


@pytest.fixture
def ledger(db: Path, traded: Path) -> Path:
    """A copy of that ledger, and of the exchange it was traded on."""
    for file in traded.glob("l.*"):
        if file.is_file():
            shutil.copy(file, db.parent)
    return db
