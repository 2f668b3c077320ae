"""The pictures in the README, made by the console itself: python -m docs.screenshots

They show what engine and console make of a story (docs/staged); after a change to any of them they
are taken anew with this command. It needs nothing but the program.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from docs.staged import SCENES, StagedApp, Story, tell

FOLDER = Path(__file__).with_suffix("")
SIZE = (120, 40)
# The scenes, and the keys that are pressed then: Tables shows times as they are stored.
SHOWN = {"watch": (), "xray": (), "tables": ("z", "z")}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        story = tell(Path(folder))
        with story.staged():
            for path, svg in pictures(story):
                path.write_text(svg, "utf-8")
                sys.stdout.write(f"{path.name}  {len(svg):,} bytes\n")


def pictures(story: Story) -> Iterator[tuple[Path, str]]:
    """Each picture's file, and what is to be in it."""
    for scene, keys in SHOWN.items():
        yield FOLDER / f"{scene}.svg", asyncio.run(_taken(story, scene, keys))


async def _taken(story: Story, scene: str, keys: Sequence[str]) -> str:
    app = StagedApp(story)
    async with app.run_test(size=SIZE) as pilot:
        await SCENES[scene](pilot)
        await pilot.press(*keys)
        return app.export_screenshot()


if __name__ == "__main__":
    main()
