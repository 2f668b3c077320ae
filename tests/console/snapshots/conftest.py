"""A console that stands still, for every test here."""

import fcntl
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from docs.staged import Story, tell


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Story:
    """A copy for each worker of a story that is told once: it takes some seconds."""
    own = tmp_path_factory.mktemp("story")
    of_all = own.parent if worker_id == "master" else own.parent.parent
    first, pickled = of_all / "told", of_all / "told.pickle"
    with (of_all / "told.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not pickled.exists():
            first.mkdir()
            pickled.write_bytes(pickle.dumps(tell(first)))
    story: Story = pickle.loads(pickled.read_bytes())
    shutil.copytree(first, own, dirs_exist_ok=True)
    return replace(story, folder=own)


@pytest.fixture
def story(told: Story) -> Iterator[Story]:
    """The story, in its folder and at its time."""
    with told.staged():
        yield told
