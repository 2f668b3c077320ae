"""What the engine relies on, of whatever keeps its ledger. Today that is SQLite."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from builders import opened, rows

from engine.errors import CommitUnknown, LeaseLost, StoreError, StoreLocked, StoreReplaced
from engine.store.connection import complete
from engine.store.readstore import ReadStore
from engine.store.store import Store
from engine.store.tx import Tx

ALL = "SELECT actor FROM audit ORDER BY id"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    opened_store = await Store.open(path, busy_timeout_ms=50)
    yield opened_store
    await opened_store.close()


def add(name: str) -> Any:
    entry = {"ts": 1, "actor": name, "action": "", "detail_json": "{}", "outcome": ""}
    return lambda tx: tx.rows("audit_add", **entry) and None


def everyone(connection: Tx) -> list[str]:
    return rows(connection, ALL)


class Aborted(BaseException):
    """Neither an Exception nor one anybody expects."""


# KeyboardInterrupt and SystemExit end the loop as well: the fault tests kill whole processes.
FAILURES = [ValueError, sqlite3.IntegrityError, GeneratorExit, asyncio.CancelledError, Aborted]


async def test_what_returns_is_committed(store: Store, path: Path) -> None:
    assert await store.write(lambda connection: add("a")(connection) or 7) == 7
    with opened(path) as other:
        assert everyone(other) == ["a"]


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("way", ["write", "write_metrics"])
async def test_what_raises_is_rolled_back_whatever_it_raises(
    store: Store, kind: type[BaseException], way: str
) -> None:
    def work(connection: Tx) -> None:
        add("half")(connection)
        raise kind("no")

    with pytest.raises((kind, StoreError)):
        await getattr(store, way)(work)
    assert await store.read(everyone) == []
    await getattr(store, way)(add("next"))
    assert await store.read(everyone) == ["next"]


async def test_a_failure_inside_a_failure_is_rolled_back_too(store: Store) -> None:
    def work(connection: Tx) -> None:
        add("half")(connection)
        try:
            connection.run("commit_of_no_cycle")
        finally:
            add("other half")(connection)
            raise ValueError("in the middle of it")

    with pytest.raises(ValueError, match="in the middle"):
        await store.write(work)
    assert await store.read(everyone) == []


async def test_a_statement_that_fails_can_be_caught_and_the_rest_commits(store: Store) -> None:
    def work(connection: Tx) -> None:
        with pytest.raises(StoreError):
            connection.run("identity_add", key="a", value=None)
        add("a")(connection)

    await store.write(work)
    assert await store.read(everyone) == ["a"]


async def test_a_read_sees_one_state_whatever_is_committed_meanwhile(
    store: Store, path: Path
) -> None:
    await store.write(add("a"))

    def work(connection: Tx) -> list[list[str]]:
        seen = [everyone(connection)]
        with opened(path) as other:
            add("b")(other)
        return [*seen, everyone(connection)]

    assert await store.read(work) == [["a"], ["a"]]
    assert await store.read(everyone) == ["a", "b"]


async def test_a_reader_does_not_wait_for_a_writer_nor_see_its_half(store: Store) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def work(connection: Tx) -> None:
        add("half")(connection)
        inside.set()
        assert go_on.wait(10)

    writing = asyncio.create_task(store.write(work))
    await asyncio.to_thread(inside.wait, 10)
    assert await store.read(everyone) == []
    go_on.set()
    await writing
    assert await store.read(everyone) == ["half"]


async def test_reading_changes_nothing(store: Store) -> None:
    with pytest.raises(StoreError):
        await store.read(add("a"))
    assert await store.read(everyone) == []


async def test_writes_come_one_after_another(store: Store) -> None:
    await asyncio.gather(*(store.write(add(str(n))) for n in range(20)))
    assert sorted(map(int, await store.read(everyone))) == list(range(20))


async def test_a_cancelled_writer_learns_of_its_commit_only_after_it_is_made(
    store: Store,
) -> None:
    inside, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def work(connection: Tx) -> str:
        add("a")(connection)
        inside.set()
        assert go_on.wait(10)
        return "committed"

    async def writer() -> None:
        done.append(await store.write(work))
        await asyncio.sleep(0)
        done.append("not reached")

    task = asyncio.create_task(writer())
    await asyncio.to_thread(inside.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["committed"]
    assert await store.read(everyone) == ["a"]


async def test_another_process_writing_beyond_the_time_out_is_locked_not_lost(
    store: Store, path: Path
) -> None:
    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked):
            await store.write(add("a"))
        other.execute("ROLLBACK")
    await store.write(add("b"))
    assert await store.read(everyone) == ["b"]


@pytest.fixture
async def patient(path: Path) -> AsyncIterator[Store]:
    opened_store = await Store.open(path, busy_timeout_ms=10_000)
    yield opened_store
    await opened_store.close()


async def test_a_write_waits_for_its_turn_before_it_reads_anything(
    patient: Store, path: Path
) -> None:
    """One that read first would have to fail when it then wants to write."""
    inside = threading.Event()

    def work(connection: Tx) -> None:
        inside.set()
        add(f"after {everyone(connection)[-1]}")(connection)

    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        add("first")(other)
        writing = asyncio.create_task(patient.write(work))
        assert not await asyncio.to_thread(inside.wait, 0.05)
        other.execute("COMMIT")
        await writing
    assert await patient.read(everyone) == ["first", "after first"]


@pytest.mark.parametrize("way", ["write", "write_metrics"])
async def test_another_epoch_in_the_lease_fences_every_write(
    store: Store, path: Path, way: str
) -> None:
    store.epoch = 0
    await getattr(store, way)(add("a"))
    with opened(path) as other:
        other.execute("UPDATE lease SET epoch = 1")
    with pytest.raises(LeaseLost, match=r"epoch 1.*another engine took over"):
        await getattr(store, way)(add("b"))
    assert await store.read(everyone) == ["a"]


async def test_a_file_that_was_replaced_is_not_written(store: Store, path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    with pytest.raises(StoreReplaced, match="removed or replaced"):
        store.check_file()
    with pytest.raises(StoreReplaced):
        await store.write(add("a"))
    path.with_suffix(".old").rename(path)
    store.check_file()


async def test_a_file_whose_log_was_taken_away_is_not_written(store: Store, path: Path) -> None:
    """As where a backup is put in its place while an engine runs."""
    await store.write(add("a"))
    Path(f"{path}-wal").unlink()
    with pytest.raises(StoreReplaced, match="removed or replaced"):
        await store.write(add("b"))


async def test_a_commit_that_fails_is_unknown_and_the_next_write_is_sound(path: Path) -> None:
    failing = [True]

    class Faulty(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql == "COMMIT" and self.in_transaction and failing and rows_wait(self):
                failing.clear()
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *values)

    def rows_wait(connection: sqlite3.Connection) -> bool:
        return connection.total_changes > 0

    def connect(uri: str, read_only: bool) -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, isolation_level=None, factory=Faulty)

    await (await Store.open(path)).close()
    store = await Store.open(path, connect=connect)
    with pytest.raises(CommitUnknown, match="disk I/O error"):
        await store.write(add("a"))
    assert await store.read(everyone) == []
    await store.write(add("b"))
    assert await store.read(everyone) == ["b"]
    await store.close()


async def test_what_is_kept_is_durable_and_checked(store: Store, path: Path) -> None:
    def pragmas(connection: Tx) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [rows(connection, f"PRAGMA {name}")[0] for name in names]

    assert await store.write(pragmas) == ["wal", 2, 1, 50]
    assert await store.write_metrics(pragmas) == ["wal", 1, 1, 50]


async def test_a_reader_of_nobodys_ledger_writes_nothing(store: Store, path: Path) -> None:
    await store.write(add("a"))
    reader = await ReadStore.open(path)
    try:
        assert await reader.read(everyone) == ["a"]
        with pytest.raises(StoreError, match=r"readonly|read-only"):
            await reader.read(add("b"))
    finally:
        await reader.close()


async def test_no_ledger_is_said_and_none_is_made(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no ledger at"):
        await ReadStore.open(path)
    assert not path.exists()


async def test_complete_passes_on_what_was_raised_and_what_was_returned() -> None:
    async def fails() -> None:
        raise KeyError("x")

    async def returns() -> int:
        return 3

    assert await complete(returns()) == 3
    with pytest.raises(KeyError):
        await complete(fails())


async def test_who_gives_up_a_look_is_told_nothing_and_who_waits_for_one_leaves(
    store: Store, path: Path
) -> None:
    reader = await ReadStore.open(path)
    begun, may_end, told, looks = threading.Event(), threading.Event(), [], []

    def slow(connection: Tx) -> str:
        looks.append("slow")
        begun.set()
        assert may_end.wait(20)
        return "found"

    async def look() -> None:
        told.append(await reader.read(slow))

    first, waiting = asyncio.create_task(look()), asyncio.create_task(look())
    await asyncio.to_thread(begun.wait, 20)
    for task in (first, waiting):
        task.cancel()
    await asyncio.wait([waiting])
    assert not first.done()
    may_end.set()
    await asyncio.wait([first])
    await reader.close()
    assert first.cancelled()
    assert (told, looks) == ([], ["slow"])
