"""Every screen looks as it did when somebody last looked at the pictures beside this file.

After a change that is meant: pytest -n 0 -m '' tests/console/snapshots --snapshot-update
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from console.app.themes import DARK, THEMES
from docs.staged import SCENES, StagedApp, Story

SMALL, USUAL, LARGE = (80, 24), (120, 40), (200, 60)
SIZES = (SMALL, USUAL, LARGE)
SCREENS = ("watch", "cycles", "xray", "tables", "health")


def pictures() -> Iterator[Any]:
    """Screens in every theme at every size; what lies above them in every theme and every size.

    All but the dark ones of the usual size, and the smallest Watch, are long tests.
    """
    for scene in SCENES:
        for theme in (theme.name for theme in THEMES):
            for size in SIZES:
                if scene in SCREENS or size == USUAL or theme == DARK.name:
                    name = f"{scene}-{theme.removeprefix('cycledeck-')}-{size[0]}x{size[1]}"
                    first = theme == DARK.name and (
                        size == USUAL or (scene, size) == ("watch", SMALL)
                    )
                    marks = () if first else (pytest.mark.long,)
                    yield pytest.param(scene, theme, size, id=name, marks=marks)


@pytest.mark.parametrize(("scene", "theme", "size"), pictures())
def test_it_looks_as_it_did(
    story: Story, snap_compare: Callable[..., bool], scene: str, theme: str, size: tuple[int, int]
) -> None:
    app = StagedApp(story, theme)
    assert snap_compare(app, terminal_size=size, run_before=SCENES[scene])
