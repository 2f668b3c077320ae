"""What earlier runs left open is settled at the next start."""

from pathlib import Path

from builders import BTC, opened, reported, rows, serve, settings_in, verified

from engine import Engine


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
