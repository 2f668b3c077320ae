"""The pictures in the README show the program as it is."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.screenshots import FOLDER, SHOWN, pictures
from docs.staged import Story


@pytest.mark.long
def test_they_are_what_the_command_takes_now(story: Story) -> None:
    stale = [path.name for path, svg in pictures(story) if path.read_text("utf-8") != svg]
    assert stale == [], "python -m docs.screenshots takes them anew"


@pytest.mark.parametrize("name", SHOWN)
def test_nothing_in_them_is_fetched_from_elsewhere(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text("utf-8")
    addresses = {word for word in text.replace('"', " ").split() if "://" in word}
    assert addresses == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", SHOWN)
def test_they_say_nothing_of_the_machine_they_were_taken_on(name: str) -> None:
    root = ElementTree.parse(FOLDER / f"{name}.svg").getroot()
    text = " ".join(root.itertext())
    assert "paper-01" in text
    assert str(Path.home()) not in text
    assert "/tmp" not in text
