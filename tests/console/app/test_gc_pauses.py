"""Python's collector, while this program's own process decides about it."""

import subprocess
import sys

QUIET = """
import gc
gc.disable()
from console.app import gc_pauses
gc_pauses.CALM_SECONDS = {calm}
pauses = gc_pauses.GcPauses()
pauses.begin()
assert gc.isenabled() and gc.get_freeze_count() > 0
full = []
gc.callbacks.append(lambda phase, info: full.append(info["generation"] == 2))
pauses.key_pressed()
pauses.collect_if_calm()
assert not any(full), "nothing is old yet"
kept = [[number] for number in range(100_000)]
assert not any(full), "not by itself"
pauses.collect_if_calm()
print(any(full))
"""


def collected(calm: float) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", QUIET.format(calm=calm)], capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def test_all_of_it_is_looked_through_when_nobody_waits() -> None:
    assert collected(calm=-1) == "True"


def test_not_right_after_a_key() -> None:
    assert collected(calm=60) == "False"
