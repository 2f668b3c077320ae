"""Looking at a ledger file: what is none is said to be none, and what is damaged, damaged."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import NoSuchItem, StoreCorrupt, StoreError
from engine.ledger.positions import Positions
from engine.store import migrate
from engine.store.readstore import ReadStore
from engine.store.store import Store
from engine.store.tx import Tx
from tests.builders import opened, rows


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    await (await Store.open(tmp_path / "ledger.db")).close()
    return tmp_path / "ledger.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[ReadStore]:
    found = await ReadStore.open(path)
    yield found
    await found.close()


async def test_what_reading_a_damaged_row_raises_says_that_it_is_one(
    store: ReadStore, path: Path
) -> None:
    with opened(path) as other:
        other.execute(
            "INSERT INTO stage4_positions VALUES ('A/B', 'main', 'net', 'cash', 'x', '0', '0', "
            "'{}', 0, 0, 0, '', '', 1, '0', '{}', '{}')"
        )
    with pytest.raises(StoreCorrupt, match=r"ledger\.db: a row is not what .*InvalidOperation"):
        await store.read(lambda tx: Positions(tx).all())


async def test_what_is_raised_on_purpose_stays_what_it_is(store: ReadStore) -> None:
    def work(tx: Tx) -> None:
        raise NoSuchItem("there is none")

    with pytest.raises(NoSuchItem, match="there is none"):
        await store.read(work)


async def test_a_file_without_anything_in_it_is_no_ledger_and_becomes_none(tmp_path: Path) -> None:
    empty, bare = tmp_path / "empty.db", tmp_path / "bare.db"
    empty.touch()
    with closing(sqlite3.connect(bare)) as connection:
        connection.execute("PRAGMA user_version = 1")
    assert bare.stat().st_size
    for path in (empty, bare):
        content = path.read_bytes()
        with pytest.raises(StoreError, match=r"\.db is empty: no engine has used it yet"):
            await ReadStore.open(path)
        assert path.read_bytes() == content


async def test_a_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder, not a ledger"):
        await ReadStore.open(tmp_path)


async def test_an_earlier_schema_can_be_read_and_is_told_from_this_one(path: Path) -> None:
    newest = migrate.steps()[-1][0]
    with opened(path) as other:
        other.execute("DELETE FROM schema_migrations WHERE version = ?", (newest,))
    store = await ReadStore.open(path)
    try:
        assert await store.read(migrate.current) == newest - 1
        with pytest.raises(StoreError, match=f"has schema {newest - 1}, this program reads"):
            await store.require_schema()
        assert rows_of(path) == newest - 1
    finally:
        await store.close()


def rows_of(path: Path) -> int:
    with opened(path) as other:
        return int(rows(other, "SELECT max(version) FROM schema_migrations")[0])
