"""A console that stands still, for every test here."""

import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from docs.staged import Story, tell
from tests.shared import made_once


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Story:
    """A copy of the story for each worker."""
    first = made_once(tmp_path_factory, worker_id, "told", _tell)
    story: Story = pickle.loads((first / "story.pickle").read_bytes())
    own = tmp_path_factory.mktemp("story")
    shutil.copytree(story.folder, own, dirs_exist_ok=True)
    return replace(story, folder=own)


def _tell(folder: Path) -> None:
    (folder / "ledger").mkdir()
    (folder / "story.pickle").write_bytes(pickle.dumps(tell(folder / "ledger")))


@pytest.fixture
def story(told: Story) -> Iterator[Story]:
    """The story, in its folder and at its time."""
    with told.staged():
        yield told
