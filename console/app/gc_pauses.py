"""Garbage is looked for while nobody waits: to look through all there is takes longer than a key
should."""

import gc
import time
from typing import Final

# How many objects are made before the youngest are looked through; most are gone by then. All
# are, where nobody has paused for very long.
_THRESHOLDS: Final = 5_000, 8, 100
# Without a key for so long, nobody waits for an answer.
CALM_SECONDS: Final = 1.0


class GcPauses:
    """Does nothing where Python's collector is on to begin with: then it is somebody else's."""

    def __init__(self) -> None:
        self._ours = not gc.isenabled()
        self._key_at = 0.0

    def begin(self) -> None:
        """The first frame is there. What has been made by now stays, and is not looked through."""
        if self._ours:
            gc.freeze()
            gc.set_threshold(*_THRESHOLDS)
            gc.enable()

    def key_pressed(self) -> None:
        self._key_at = time.monotonic()

    def collect_if_calm(self) -> None:
        """All of it, once some of it is old."""
        old = gc.get_count()[2]
        if self._ours and old and time.monotonic() - self._key_at > CALM_SECONDS:
            gc.collect()
