"""A store on a SQLite file: the file itself, its log, and a COMMIT that fails."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import CommitUnknown, StoreError, StoreReplaced
from engine.store.connection import complete
from engine.store.readstore import ReadStore
from engine.store.store import Store
from engine.store.tx import Tx
from tests.builders import rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(path, busy_timeout_ms=50)
    yield opened
    await opened.close()


def note(tx: Tx) -> int:
    return tx.run("identity_keep", key="a", value="A")


def notes(tx: Tx) -> dict[str, str]:
    return tx.pairs("identity_read")


async def test_a_file_that_was_replaced_is_not_written(store: Store, path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    with pytest.raises(StoreReplaced, match="removed or replaced"):
        store.check_file()
    with pytest.raises(StoreReplaced):
        await store.write(note)
    path.with_suffix(".old").rename(path)
    store.check_file()


async def test_a_file_whose_log_was_taken_away_is_not_written(store: Store, path: Path) -> None:
    """As where a backup is put in its place while an engine runs."""
    await store.write(note)
    Path(f"{path}-wal").unlink()
    with pytest.raises(StoreReplaced, match="removed or replaced"):
        await store.write(note)


async def test_a_commit_that_fails_is_unknown_and_the_next_write_is_sound(path: Path) -> None:
    failing = [True]

    class Faulty(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql == "COMMIT" and self.in_transaction and failing and self.total_changes > 0:
                failing.clear()
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *values)

    def connect(uri: str, read_only: bool) -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, isolation_level=None, factory=Faulty)

    await (await Store.open(path)).close()
    store = await Store.open(path, connect=connect)
    with pytest.raises(CommitUnknown, match="disk I/O error"):
        await store.write(note)
    assert await store.read(notes) == {}
    await store.write(note)
    assert await store.read(notes) == {"a": "A"}
    await store.close()


async def test_the_authoritative_rows_are_on_the_disk_and_checked(store: Store) -> None:
    def pragmas(tx: Tx) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [rows(tx, f"PRAGMA {name}")[0] for name in names]

    assert await store.write(pragmas) == ["wal", 2, 1, 50]
    assert await store.write_metrics(pragmas) == ["wal", 1, 1, 50]


async def test_a_statement_that_fails_can_be_caught_and_the_rest_commits(store: Store) -> None:
    def work(tx: Tx) -> None:
        with pytest.raises(StoreError, match="NOT NULL"):
            tx.run("identity_keep", key="b", value=None)
        note(tx)

    await store.write(work)
    assert await store.read(notes) == {"a": "A"}


async def test_an_error_of_the_database_names_the_file(store: Store, path: Path) -> None:
    reader = await ReadStore.open(path)
    try:
        for read in (store.read, reader.read):
            with pytest.raises(StoreError, match=rf"^{path}: attempt to write a readonly"):
                await read(note)
    finally:
        await reader.close()


async def test_complete_passes_on_what_was_raised_and_what_was_returned() -> None:
    async def fails() -> None:
        raise KeyError("x")

    async def returns() -> int:
        return 3

    assert await complete(returns()) == 3
    with pytest.raises(KeyError):
        await complete(fails())
