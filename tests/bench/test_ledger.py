"""The bench of TX 1: its C program leaves the rows that the engine leaves."""

import asyncio
from pathlib import Path

import pytest

from bench.ledger import EngineSide, PreparedSide, Workload
from bench.prepared import compiled
from tests.builders import opened, rows


async def written(folder: Path, program: Path) -> tuple[Path, Path]:
    """The ledgers of the engine and of the C program after three commits, the last two of which
    have repeats."""
    ours, its = folder / "engine.db", folder / "c.db"
    engine, prepared = await EngineSide.open(ours), await PreparedSide.open(program, its)
    workload = Workload(400, 0.5)
    for fills in (workload.warm_up(), workload.batch(), workload.batch()):
        await engine.commit(fills)
        await prepared.seconds(fills)
    await engine.close()
    await prepared.close()
    return ours, its


def test_the_c_program_leaves_the_rows_and_indexes_of_the_engine(tmp_path: Path) -> None:
    program, remark = compiled(tmp_path)
    if program is None:
        pytest.skip(remark)
    ours, its = asyncio.run(written(tmp_path, program))
    with opened(ours) as engine, opened(its) as prepared:
        schema = "SELECT name, sql FROM sqlite_master ORDER BY name"
        assert rows(engine, schema) == rows(prepared, schema)
        tables = rows(engine, "SELECT name FROM sqlite_master WHERE type = 'table'")
        assert {"position_checkpoints", "balance_history"} < {*tables}
        for table in set(tables) - {"schema_migrations"}:
            assert rows(engine, f"SELECT * FROM {table}") == rows(
                prepared, f"SELECT * FROM {table}"
            )
        for table in ("position_checkpoints", "balance_history", "lease"):
            assert rows(engine, f"SELECT * FROM {table}")


def test_without_a_compiler_the_bench_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program, remark = compiled(tmp_path)
    assert program is None
    assert remark == "C is left out: there is no compiler here (cc, gcc or clang)"
