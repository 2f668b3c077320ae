"""The bench of growth: its figures keep their goals, on few cycles."""

from pathlib import Path

from bench.growth import GOALS, after_retention, fresh


async def test_an_idle_cycle_costs_no_more_than_its_goals(tmp_path: Path) -> None:
    """FAULTS 50. Bytes, not seconds: they are the same on every machine."""
    (tmp_path / "kept").mkdir()
    figures = {
        "fresh, 1 market": await fresh(tmp_path / "one", 1, 100),
        "fresh, 5 markets": await fresh(tmp_path / "five", 5, 100),
        **await after_retention(tmp_path / "kept", 400),
    }
    for name, goal in GOALS.items():
        assert 0 < figures[name] <= goal, figures
    assert figures["reused: the file's growth"] == 0
