"""Bringing a file to this program's schema, and refusing what is not ours to touch."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.errors import LedgerMismatch, SchemaTooNew, StoreCorrupt
from engine.store import migrate
from engine.store.readstore import ReadStore
from engine.store.store import Store
from tests.builders import memory_ledger, raw, rows

NEWEST = migrate.steps()[-1][0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def open_and_close(path: Path) -> None:
    await (await Store.open(path)).close()


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _, _ in migrate.steps()] == list(range(1, NEWEST + 1))


def test_migrating_twice_is_migrating_once() -> None:
    with closing(memory_ledger()) as connection:
        before = rows(connection, "SELECT name, sql FROM sqlite_master ORDER BY name")
        migrate.migrate(raw(connection))
        assert rows(connection, "SELECT name, sql FROM sqlite_master ORDER BY name") == before
        applied = rows(connection, "SELECT version FROM schema_migrations")
        assert applied == list(range(1, NEWEST + 1))


def test_every_table_is_strict() -> None:
    with closing(memory_ledger()) as connection:
        found = dict(rows(connection, "SELECT name, strict FROM pragma_table_list"))
        tables = rows(connection, "SELECT name FROM sqlite_master WHERE type = 'table'")
        loose = [name for name in tables if not name.startswith("sqlite_") and not found[name]]
        assert loose == []


async def test_opening_again_leaves_the_file_as_it_is(path: Path) -> None:
    await open_and_close(path)
    before = path.read_bytes()
    await open_and_close(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("reader", [False, True])
async def test_a_newer_schema_is_refused_and_the_file_stays_byte_for_byte(
    path: Path, reader: bool
) -> None:
    await open_and_close(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (?, 'later', 0)", (NEWEST + 1,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = files(path)
    with pytest.raises(SchemaTooNew, match=f"has schema {NEWEST + 1}.*up to {NEWEST}"):
        await (ReadStore.open(path) if reader else Store.open(path))
    assert files(path)[path.name] == before[path.name]


async def test_a_database_of_another_program_is_refused_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE contacts (name TEXT)")
    before = files(path)
    with pytest.raises(LedgerMismatch, match="another program"):
        await Store.open(path)
    assert files(path) == before


async def test_a_file_that_is_no_database_is_refused_untouched(path: Path) -> None:
    path.write_text("Dear diary, " * 1_000)
    before = files(path)
    with pytest.raises(StoreCorrupt, match="not a database"):
        await Store.open(path)
    assert files(path) == before


async def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.touch()
    await open_and_close(path)
    with closing(sqlite3.connect(path)) as connection:
        assert rows(connection, "SELECT max(version) FROM schema_migrations") == [NEWEST]


async def test_the_folder_of_a_new_ledger_is_made(tmp_path: Path) -> None:
    await open_and_close(tmp_path / "a" / "b" / "ledger.db")


def test_a_step_that_fails_leaves_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "CREATE TABLE half (a INTEGER) STRICT;\nCREATE TABLE half (a INTEGER) STRICT;\n"
    broken: list[Any] = [*migrate.steps(), (NEWEST + 1, "broken.sql", text)]
    with closing(memory_ledger()) as connection:
        monkeypatch.setattr(migrate, "steps", lambda: broken)
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            migrate.migrate(raw(connection))
        assert not connection.in_transaction
        assert migrate.current(connection) == NEWEST
        assert rows(connection, "SELECT count(*) FROM sqlite_master WHERE name = 'half'") == [0]
