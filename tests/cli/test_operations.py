"""The operations behind the commands: whose error is told as whose."""

from pathlib import Path

import pytest

from engine import CycleResult, Engine
from engine.cli.operations import Operations
from tests.builders import cycles, reported, serve, settings_in


async def test_an_error_of_the_program_is_not_told_as_a_damaged_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slip(engine: Engine, cycle_id: int) -> CycleResult:
        raise TypeError("a slip of the program")

    settings = settings_in(tmp_path, serve(tmp_path / "f.jsonl", [reported("1")]))
    await cycles(settings)
    monkeypatch.setattr(Engine, "replay", slip)
    with pytest.raises(TypeError, match="a slip of the program"):
        await Operations(settings).replay(1)
