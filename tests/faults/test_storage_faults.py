"""The storage under the ledger: full, broken, gone, damaged, old, too new."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine import Engine, Settings
from engine.cycles.metrics import missing
from engine.cycles.results import CycleStatus
from engine.errors import SchemaTooNew, StoreReadOnly, StoreReplaced
from engine.store.migrate import check, migrate
from engine.store.readstore import ReadStore
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
from tests.fakes import FakeVenue
from tests.faults.injection import Statements, Tx1, io_error, out_of_memory
from tests.faults.scenarios import books, differences, health
from tests.faults.trading import trading, two_orders

FILLS = [reported(str(n), ts=1_000 * n, price="61000.01") for n in range(1, 6)]


def many(count: int) -> list[dict[str, object]]:
    return [reported(f"m{n}", ts=10_000 + n, order="o" * 150) for n in range(count)]


def copied(ledger: Path, folder: Path) -> Path:
    """What a power cut leaves of a ledger: the file and its log."""
    folder.mkdir()
    for suffix in ("", "-wal"):
        source = Path(f"{ledger}{suffix}")
        if source.exists():
            shutil.copy(source, folder / source.name)
    return folder / ledger.name


# --- no room


def limit(connection: sqlite3.Connection, pages: int | None = None) -> None:
    """Let the file have `pages` pages, or no more than it has now."""
    now = rows(connection, "PRAGMA page_count")[0]
    connection.execute(f"PRAGMA max_page_count={pages or now}").fetchall()


async def test_no_room_in_the_authoritative_transaction_changes_nothing_and_passes(
    tmp_path: Path,
) -> None:
    """FAULTS 6, TX 1."""
    settings, venue, statements = settings_in(tmp_path), trading(FILLS), Statements()
    async with Engine(
        settings, venue=venue, strategy=two_orders, connect=statements.connect
    ) as engine:
        await engine.cycle()
        before, sent = books(settings.db), len(venue.sent)
        limit(statements.connections[0])
        venue.reports += many(500)
        result = await engine.cycle()
        assert result.status is CycleStatus.FAILED
        assert result.errors[-1].type == "StoreFull"
        assert books(settings.db) == before
        assert len(venue.sent) == sent
        limit(statements.connections[0], 1_000_000)
        result = await engine.cycle()
        assert result.status is CycleStatus.OK
        assert result.fills_count == 500
    assert list(health(settings.db)) == []


async def test_no_room_for_the_metrics_is_shown_and_made_up_for(tmp_path: Path) -> None:
    """FAULTS 6, TX 2: what was committed stays, and is told."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    statements = Statements()
    async with Engine(settings, connect=statements.connect) as engine:
        await engine.cycle()
        limit(statements.connections[1])
        with capture_logs() as logs:
            for _ in range(200):
                result = await engine.cycle()
                if not result.metrics_persisted:
                    break
        assert "cycle_metrics_persist_failed" in [entry["event"] for entry in logs]
        assert "cycle_metrics_persist_failed" in [warning.type for warning in result.warnings]
        assert result.committed
        assert result.status is CycleStatus.OK
        limit(statements.connections[1], 1_000_000)
        assert (await engine.cycle()).metrics_persisted
        with opened(settings.db) as connection:
            assert missing(connection) == []
    assert list(health(settings.db)) == []


# --- errors of the device, and of the memory


@pytest.mark.parametrize("act", [io_error, out_of_memory])
async def test_where_not_even_rollback_works_the_connection_is_dropped(
    act: Callable[[], None], tmp_path: Path
) -> None:
    """FAULTS 7: all or nothing, and the next cycle has a new connection."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    statements = Statements(at=[1, 2], act=act, only=Tx1("INSERT INTO ledger_commits", "ROLLBACK"))
    async with Engine(settings, connect=statements.connect) as engine:
        result = await engine.cycle()
        assert result.status is CycleStatus.FAILED
        assert books(settings.db)["events"] == []
        assert statements.open_transactions == 0
        writer = statements.connections[0]
        assert not writer.is_open
        assert (await engine.cycle()).fills_count == len(FILLS)
    assert list(health(settings.db)) == []


@pytest.mark.parametrize("sql", ["INSERT INTO ledger_commits", "COMMIT"])
async def test_out_of_memory_in_the_authoritative_transaction_changes_nothing(
    sql: str, tmp_path: Path
) -> None:
    """FAULTS 7: sqlite3 raises MemoryError, which is none of its own errors."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    statements = Statements(at=[1], act=out_of_memory, only=Tx1(sql))
    async with Engine(settings, connect=statements.connect) as engine:
        assert (await engine.cycle()).status is CycleStatus.FAILED
        assert statements.open_transactions == 0
        assert books(settings.db)["events"] == []
        assert (await engine.cycle()).fills_count == len(FILLS)
    assert list(health(settings.db)) == []


async def test_metrics_that_cannot_be_built_hide_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with best-effort rows, the cycle is told as it was."""

    def broken(*arguments: object) -> None:
        raise ValueError("a bug in the metrics")

    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    with monkeypatch.context() as patch:
        patch.setattr("engine.cycles.metrics.build", broken)
        [result] = await cycles(settings)
        assert result.status is CycleStatus.OK
        assert result.fills_count == len(FILLS)
        assert not result.metrics_persisted
        await cycles(settings)  # An engine starts all the same.
    await cycles(settings)
    assert list(health(settings.db)) == []


# --- power


async def test_an_acknowledged_commit_is_in_the_file_before_anything_else_happens(
    tmp_path: Path,
) -> None:
    """FAULTS 8: the log is synced by each authoritative COMMIT."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    copies: list[Path] = []

    def cut() -> None:
        copies.append(copied(settings.db, tmp_path / f"cut{len(copies)}"))

    statements = Statements(at=range(1, 9), act=cut, after_it=True, only=Tx1("COMMIT"))
    async with Engine(settings, connect=statements.connect) as engine:
        for known in range(1, 4):
            serve(tmp_path / "fills.jsonl", FILLS[:known])
            await engine.cycle()
        writer = statements.connections[0]
        assert rows(writer, "PRAGMA synchronous") == [2]  # FULL
        assert rows(writer, "PRAGMA journal_mode") == ["wal"]
    assert len(copies) == 3
    for known, copy in enumerate(copies, 1):
        assert len(books(copy)["claims"]) == known
        assert verified(copy).violations == ()
        source = serve(copy.parent / "fills.jsonl", FILLS)
        await cycles(settings_in(copy.parent, source))
        assert len(books(copy)["claims"]) == len(FILLS)
        assert list(health(copy)) == []


# --- read-only, removed, replaced


async def test_a_ledger_that_became_read_only_stops_the_engine_and_can_still_be_read(
    tmp_path: Path,
) -> None:
    """FAULTS 9."""
    source = serve(tmp_path / "fills.jsonl", FILLS[:1])
    settings, statements = settings_in(tmp_path, source), Statements()
    async with Engine(settings, connect=statements.connect) as engine:
        await engine.cycle()
        for connection in statements.connections:
            connection.execute("PRAGMA query_only=ON").fetchall()
        serve(source, FILLS)
        with pytest.raises(StoreReadOnly, match="readonly"):
            await engine.run()
        reader = await ReadStore.open(settings.db)
        assert await reader.read(lambda c: rows(c, "SELECT count(*) FROM ledger_events")) == [1]
        await reader.close()
    assert [row[0] for row in books(settings.db)["claims"]] == ["1"]


async def test_a_ledger_that_was_removed_is_noticed_and_not_made_anew(tmp_path: Path) -> None:
    """FAULTS 10."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    async with Engine(settings) as engine:
        await engine.cycle()
        settings.db.rename(tmp_path / "elsewhere.db")
        with pytest.raises(StoreReplaced, match="removed or replaced"):
            await engine.run()
    assert not settings.db.exists()


@pytest.mark.parametrize("during", [False, True], ids=["between-cycles", "in-a-cycle"])
async def test_a_ledger_that_was_replaced_is_noticed_and_left_alone(
    during: bool, tmp_path: Path
) -> None:
    """FAULTS 10: also where it happens while the venue is asked; no orders."""
    settings = settings_in(tmp_path)
    other = copied_ledger(tmp_path / "other")

    class Meddled(FakeVenue):
        async def fetch_marks(self, symbols):  # type: ignore[no-untyped-def]
            if during and self.orders and other.exists():
                other.replace(settings.db)
            return await super().fetch_marks(symbols)

    venue = Meddled(FILLS, marks={BTC: "100"})
    async with Engine(settings, venue=venue, strategy=two_orders) as engine:
        await engine.cycle()
        sent, content = len(venue.sent), other.read_bytes()
        if not during:
            other.replace(settings.db)
        result = await engine.cycle()
        assert not result.committed
        assert isinstance(engine.fatal, StoreReplaced)
        assert len(venue.sent) == sent
    assert settings.db.read_bytes() == content


async def test_a_connection_opened_anew_on_another_file_writes_nothing_there(
    tmp_path: Path,
) -> None:
    """FAULTS 10 after FAULTS 5: the writer was dropped, the path leads elsewhere by now."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    other = copied_ledger(tmp_path / "other")

    def fail() -> None:
        other.replace(settings.db)
        io_error()

    statements = Statements(at=[1], act=fail, only=Tx1("COMMIT"))
    content = other.read_bytes()
    async with Engine(settings, connect=statements.connect) as engine:
        result = await engine.cycle()
        assert not result.committed
        await engine.cycle()
        assert isinstance(engine.fatal, StoreReplaced)
    assert settings.db.read_bytes() == content


def copied_ledger(folder: Path) -> Path:
    """A ledger of the same schema that nobody uses."""
    folder.mkdir()
    made = folder / "ledger.db"
    with opened(made) as connection:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        migrate(connection)
    return made


# --- damage


async def test_a_row_edited_by_hand_is_named_by_verify(tmp_path: Path) -> None:
    """FAULTS 11."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    await cycles(settings)
    with opened(settings.db) as connection:
        connection.execute("UPDATE ledger_events SET qty = '2' WHERE event_id = 'fill:3'")
    keys = {(v.table, v.key) for v in verified(settings.db).violations}
    assert ("ledger_events", "fill:3") in keys
    ran = await asyncio.to_thread(cycledeck, "verify", "--db", settings.db)
    assert ran.code == 1


async def test_a_flipped_bit_in_the_file_is_named_by_verify(tmp_path: Path) -> None:
    """FAULTS 11: a digit of a price in the file itself."""
    fills = [*FILLS[:2], reported("3", ts=3_000, price="61234.5")]
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", fills))
    await cycles(settings)
    content = bytearray(settings.db.read_bytes())
    [*_, row] = re.finditer(rb"fill:3.{0,60}(61234\.5)", content)
    content[row.start(1)] ^= 1
    settings.db.write_bytes(content)
    keys = {(v.table, v.key) for v in verified(settings.db).violations}
    assert ("ledger_events", "fill:3") in keys


# --- old and too new


async def _with_a_backup(folder: Path) -> tuple[Settings, Path]:
    """A ledger of four cycles, and a backup of it from after the first one."""
    source = serve(folder / "fills.jsonl", FILLS[:2])
    settings = settings_in(folder, source, lookback="500ms")
    await cycles(settings)
    backup = copied(settings.db, folder / "backup")
    for known in (3, 4, 5):
        serve(source, FILLS[:known])
        await cycles(settings)
    return settings, backup


async def test_after_an_old_backup_the_next_cycle_catches_up(tmp_path: Path) -> None:
    """FAULTS 12."""
    settings, backup = await _with_a_backup(tmp_path)
    expected = books(settings.db)
    shutil.copy(backup, settings.db)
    await cycles(settings)
    assert list(differences(expected, books(settings.db))) == []
    assert list(health(settings.db)) == []


async def test_replaying_a_later_cycle_on_an_old_backup_moves_no_cursor_over_the_gap(
    tmp_path: Path,
) -> None:
    """FAULTS 12: what lies between was looked at by nobody."""
    settings, backup = await _with_a_backup(tmp_path)
    expected = books(settings.db)
    later = settings.db.rename(tmp_path / "later.db")
    shutil.copy(backup, settings.db)
    with opened(settings.db) as connection:
        connection.execute("ATTACH ? AS later", (str(later),))
        connection.execute("DELETE FROM input_items")
        connection.execute("INSERT INTO input_items SELECT * FROM later.input_items")
        connection.execute(
            "INSERT INTO cycle_inputs SELECT * FROM later.cycle_inputs WHERE cycle_id = 4"
        )
    before = books(settings.db)
    async with Engine(settings) as engine:
        result = await engine.replay(4)
        assert result.fills_count == 2
        assert books(settings.db)["cursors"] == before["cursors"]
        await engine.cycle()
    assert list(differences(expected, books(settings.db))) == []
    assert list(health(settings.db)) == []


async def test_a_ledger_of_a_newer_program_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    """FAULTS 13."""
    settings = settings_in(tmp_path, serve(tmp_path / "fills.jsonl", FILLS))
    await cycles(settings)
    with opened(settings.db) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, 'of the future', 1)")
    content = settings.db.read_bytes()
    with pytest.raises(SchemaTooNew, match="Nothing was changed"):
        await Engine(settings).open()
    with pytest.raises(SchemaTooNew):
        check(settings.db)
    assert settings.db.read_bytes() == content
