"""A console that stands still, for every test here."""

from collections.abc import Iterator

import pytest

from docs.staged import Story, tell


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell(tmp_path_factory.mktemp("story"))


@pytest.fixture
def story(told: Story) -> Iterator[Story]:
    """The story, in its folder and at its time."""
    with told.staged():
        yield told
