"""A console that stands still: on a real engine's ledger, at a time that does not pass.

story = tell(folder)
with story.staged():
    async with StagedApp(story).run_test() as pilot:
        await SCENES["watch"](pilot)

All that is seen is the same on every machine.
"""

from docs.staged.app import StagedApp
from docs.staged.scenes import SCENES
from docs.staged.story import Story, tell

__all__ = ["SCENES", "StagedApp", "Story", "tell"]
