"""Idle cycles as tests have them: made older, and where each of them is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.clock import DAY_MS
from tests.builders import opened, rows

SHORT_LIVED: dict[str, Any] = {"keep_inputs": "1d", "keep_idle_cycles": "1d"}


def age(path: Path, days: int = 3) -> None:
    """Let all cycles there are have happened so many days earlier."""
    earlier = days * DAY_MS
    with opened(path) as ledger, ledger:
        ledger.execute("UPDATE cycles SET started_ms = started_ms - ?", (earlier,))
        ledger.execute("UPDATE cycle_metrics SET ts_start = ts_start - ?", (earlier,))
        for table in ("cycle_inputs", "input_items"):
            ledger.execute(f"UPDATE {table} SET day = day - ?", (days,))


def runs(path: Path) -> list[tuple[int, int]]:
    with opened(path) as ledger:
        return list(rows(ledger, "SELECT first, last FROM idle_runs ORDER BY first"))


def kept(path: Path) -> list[int]:
    with opened(path) as ledger:
        return list(rows(ledger, "SELECT cycle_id FROM cycles ORDER BY cycle_id"))


def misplaced(path: Path) -> Iterator[str]:
    """Cycles that are not either kept or inside exactly one run."""
    places = [range(first, last + 1) for first, last in runs(path)]
    places += [range(cycle_id, cycle_id + 1) for cycle_id in kept(path)]
    told = sorted(cycle_id for place in places for cycle_id in place)
    if told != list(range(1, len(told) + 1)):
        yield f"cycles are told as {told}"
