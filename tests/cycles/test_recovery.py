"""What earlier runs left open is settled at the next start."""

import asyncio
from pathlib import Path

from engine import Engine
from tests.builders import (
    BTC,
    cycledeck,
    cycles,
    opened,
    reported,
    rows,
    serve,
    settings_in,
    verified,
)


async def test_a_commit_that_nobody_recorded_gets_its_cycle_row_and_metrics(tmp_path: Path) -> None:
    path = serve(tmp_path / "fills.jsonl", [reported("1")])
    config = settings_in(tmp_path, path, symbols=BTC)
    async with Engine(config) as engine:
        first = await engine.cycle()
        await engine.cycle()
    with opened(config.db) as connection, connection:
        connection.execute("DELETE FROM cycles WHERE cycle_id = ?", (first.cycle_id,))
        connection.execute("DELETE FROM cycle_metrics WHERE cycle_id = ?", (first.cycle_id,))
    async with Engine(config):
        pass
    with opened(config.db) as connection:
        found = rows(connection, "SELECT cycle_id, status, fills_count, mode FROM cycles")
        measured = rows(connection, "SELECT cycle_id FROM cycle_metrics")
    assert sorted(found) == [(1, "partial", 1, "observe"), (2, "ok", 0, "observe")]
    assert measured == [1, 2]
    assert verified(config.db).ok


async def test_metrics_made_before_a_crash_was_settled_are_made_anew(tmp_path: Path) -> None:
    """A backfill beside an engine that is gone knows of a cycle only what it had committed."""
    path = serve(tmp_path / "fills.jsonl", [reported("1"), reported("2", ts=2_000)])
    config = settings_in(tmp_path, path, symbols=BTC)
    await cycles(config, 1)
    serve(path, [reported("1"), reported("2", ts=2_000), reported("3", ts=3_000)])
    await cycles(config, 1)
    with opened(config.db) as connection, connection:
        connection.execute(
            "UPDATE cycles"
            " SET status = 'running', committed = NULL, ended_ms = NULL, started_ms = 1"
        )
        connection.execute("DELETE FROM cycles WHERE cycle_id = 2")
        connection.execute("DELETE FROM cycle_metrics")
    ran = await asyncio.to_thread(cycledeck, "metrics", "backfill", "--json", "--db", config.db)
    assert ran.json == {"rebuilt": [1, 2]}
    assert verified(config.db).violations == ()
    async with Engine(config):
        pass
    assert verified(config.db).violations == ()
    with opened(config.db) as connection:
        found = rows(connection, "SELECT cycle_id, mode FROM cycle_metrics")
    assert found == [(1, "observe"), (2, "observe")]
