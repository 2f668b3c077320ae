"""Time as the stage has it: it passes only where the story says so."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partialmethod
from unittest.mock import patch

from engine.cycles.running import RunningCycle
from engine.venues.sim.draws import draws

# 2026-01-31T12:00:00Z
NOON_MS = 1_769_860_800_000

# Whoever looks at the clock, for something that is stored or shown.
_LOOKING = (
    "engine.clock",
    "engine.store.migrate",
    "console.session.session",
    "console.screens.health.health",
    "console.screens.shared.header",
)
# The shortest and the longest that a cycle's steps take, in milliseconds.
_TAKES = {
    "fetch": (24.0, 46.0),
    "inputs": (0.8, 1.6),
    "tx1": (2.9, 5.4),
    "execute": (3.1, 7.2),
    "tx2": (0.3, 0.7),
}


class Clock:
    """In the place of the module `time`. `now_ms` is in UTC milliseconds."""

    def __init__(self, now_ms: float) -> None:
        self.now_ms = now_ms

    def time_ns(self) -> int:
        return int(self.now_ms) * 1_000_000

    def monotonic(self) -> float:
        return self.now_ms / 1_000

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Have engine and console go by this clock."""
        with ExitStack() as pinned:
            for module in _LOOKING:
                pinned.enter_context(patch(f"{module}.time", self))
            pinned.enter_context(
                patch.object(RunningCycle, "timed", partialmethod(_timed, clock=self))
            )
            yield


@contextmanager
def _timed(draft: RunningCycle, step: str, *, clock: Clock) -> Iterator[None]:
    """Each step takes what it takes, on every machine."""
    took = round(draws(0, step, draft.cycle_id).uniform(*_TAKES[step]), 3)
    draft.step = step
    try:
        yield
    finally:
        draft.timings_ms[step] = took
        clock.now_ms += took
