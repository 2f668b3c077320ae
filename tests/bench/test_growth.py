"""The bench of growth: its figures keep their goals, on few cycles."""

import asyncio

from bench.growth import GOALS, measure


def test_an_idle_cycle_costs_no_more_than_its_goals() -> None:
    """FAULTS 50. Bytes, not seconds: they are the same on every machine."""
    figures = asyncio.run(measure(400))
    for name, goal in GOALS.items():
        assert 0 < figures[name] <= goal, figures
    assert figures["reused: the file's growth"] == 0
