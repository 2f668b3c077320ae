"""What the engine relies on, of whatever keeps its ledger.

Nothing here names a database: a store that passes can keep the ledger.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

import pytest

from engine.errors import LeaseLost, StoreError, StoreLocked
from engine.store.lease import LeaseRow
from engine.store.readstore import ReadStore
from engine.store.store import Store
from engine.store.tx import Tx


class Place(Protocol):
    """Where one ledger is kept, or none yet. Every store that is opened there is on that ledger."""

    async def open(self, patience_ms: int = 50) -> Store: ...
    async def look(self) -> ReadStore: ...
    def has_ledger(self) -> bool: ...


class SqliteFile:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger.db"

    async def open(self, patience_ms: int = 50) -> Store:
        return await Store.open(self._path, busy_timeout_ms=patience_ms)

    async def look(self) -> ReadStore:
        return await ReadStore.open(self._path)

    def has_ledger(self) -> bool:
        return self._path.exists()


PLACES: list[Callable[[Path], Place]] = [SqliteFile]
WAYS = pytest.mark.parametrize("way", ["write", "write_metrics"])


@pytest.fixture(params=PLACES, ids=lambda kind: kind.__name__)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    made: Place = request.param(tmp_path)
    return made


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    opened = await place.open()
    yield opened
    await opened.close()


@pytest.fixture
async def other(place: Place, store: Store) -> AsyncIterator[Store]:
    """Another program's store on the same ledger, which waits for its turn as long as it takes."""
    opened = await place.open(patience_ms=10_000)
    yield opened
    await opened.close()


@pytest.fixture
async def reader(place: Place, store: Store) -> AsyncIterator[ReadStore]:
    opened = await place.look()
    yield opened
    await opened.close()


def add(actor: str) -> Callable[[Tx], int]:
    entry = {"ts": 1, "actor": actor, "action": "", "detail_json": "{}", "outcome": ""}
    return lambda tx: int(tx.value("audit_add", **entry))


def actors(tx: Tx) -> list[str]:
    """Everyone who was added, in that order."""
    columns, rows = tx.table("audit")
    entries = [dict(zip(columns, row, strict=True)) for row in rows]
    return [entry["actor"] for entry in sorted(entries, key=itemgetter("id"))]


def break_a_rule(tx: Tx) -> None:
    tx.run("identity_keep", key="a", value=None)


@asynccontextmanager
async def writing(store: Store, actor: str) -> AsyncIterator[None]:
    """`store` is in the middle of a transaction that has added `actor`."""
    inside, may_end = threading.Event(), threading.Event()

    def work(tx: Tx) -> None:
        add(actor)(tx)
        inside.set()
        assert may_end.wait(20)

    task = asyncio.create_task(store.write(work))
    await asyncio.to_thread(inside.wait, 20)
    try:
        yield
    finally:
        may_end.set()
        await task


class Aborted(BaseException):
    """Neither an Exception nor one anybody expects."""


# KeyboardInterrupt and SystemExit end the loop as well: the fault tests kill whole processes.
FAILURES = [ValueError, GeneratorExit, asyncio.CancelledError, Aborted]


# --- transactions


@WAYS
async def test_a_write_that_returns_is_committed(store: Store, other: Store, way: str) -> None:
    assert await getattr(store, way)(lambda tx: add("a")(tx) and 7) == 7
    assert await other.read(actors) == ["a"]


@pytest.mark.parametrize("kind", FAILURES)
@WAYS
async def test_a_write_is_rolled_back_whatever_it_raises(
    store: Store, kind: type[BaseException], way: str
) -> None:
    def work(tx: Tx) -> None:
        add("half")(tx)
        raise kind("no")

    with pytest.raises((kind, StoreError)):
        await getattr(store, way)(work)
    assert await store.read(actors) == []
    await getattr(store, way)(add("next"))
    assert await store.read(actors) == ["next"]


async def test_a_statement_that_breaks_a_rule_raises_and_rolls_the_write_back(
    store: Store,
) -> None:
    def work(tx: Tx) -> None:
        add("half")(tx)
        break_a_rule(tx)

    with pytest.raises(StoreError):
        await store.write(work)
    assert await store.read(actors) == []


async def test_a_failure_inside_a_failure_is_rolled_back_too(store: Store) -> None:
    def work(tx: Tx) -> None:
        add("half")(tx)
        try:
            break_a_rule(tx)
        finally:
            raise ValueError("in the middle of it")

    with pytest.raises(ValueError, match="in the middle"):
        await store.write(work)
    assert await store.read(actors) == []


@pytest.mark.parametrize("kind", [None, *FAILURES])
async def test_a_preview_is_rolled_back_whether_it_returns_or_raises(
    store: Store, other: Store, kind: type[BaseException] | None
) -> None:
    def work(tx: Tx) -> list[str]:
        add("would be")(tx)
        if kind is not None:
            raise kind("no")
        return actors(tx)

    if kind is None:
        assert await store.preview(work) == ["would be"]
    else:
        with pytest.raises(kind):
            await store.preview(work)
    await other.write(add("next"))
    assert await store.read(actors) == ["next"]


async def test_a_read_sees_one_state_whatever_is_committed_meanwhile(
    store: Store, other: Store
) -> None:
    await store.write(add("a"))
    loop = asyncio.get_running_loop()

    def work(tx: Tx) -> list[list[str]]:
        before = actors(tx)
        asyncio.run_coroutine_threadsafe(other.write(add("b")), loop).result(20)
        return [before, actors(tx)]

    assert await store.read(work) == [["a"], ["a"]]
    assert await store.read(actors) == ["a", "b"]


async def test_a_reader_does_not_wait_for_a_writer_nor_see_its_half(store: Store) -> None:
    async with writing(store, "half"):
        assert await store.read(actors) == []
    assert await store.read(actors) == ["half"]


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError):
        await store.read(add("a"))
    assert await store.read(actors) == []


async def test_writes_come_one_after_another(store: Store) -> None:
    await asyncio.gather(*(store.write(add(str(n))) for n in range(20)))
    assert sorted(map(int, await store.read(actors))) == list(range(20))


async def test_a_cancelled_writer_learns_of_its_commit_only_after_it_is_made(
    store: Store,
) -> None:
    outcomes: list[str] = []
    inside, may_end = threading.Event(), threading.Event()

    def work(tx: Tx) -> str:
        add("a")(tx)
        inside.set()
        assert may_end.wait(20)
        return "committed"

    async def writer() -> None:
        outcomes.append(await store.write(work))
        await asyncio.sleep(0)
        outcomes.append("not reached")

    task = asyncio.create_task(writer())
    await asyncio.to_thread(inside.wait, 20)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcomes == ["committed"]
    assert await store.read(actors) == ["a"]


# --- other programs


async def test_a_write_that_finds_another_program_writing_is_locked_not_lost(
    store: Store, other: Store
) -> None:
    async with writing(other, "a"):
        with pytest.raises(StoreLocked):
            await store.write(add("b"))
    await store.write(add("c"))
    assert await store.read(actors) == ["a", "c"]


async def test_a_write_waits_for_its_turn_before_it_reads_anything(
    store: Store, other: Store
) -> None:
    """One that read first would have to fail when it then wants to write."""
    inside = threading.Event()

    def work(tx: Tx) -> None:
        inside.set()
        add(f"after {actors(tx)[-1]}")(tx)

    async with writing(store, "first"):
        waiting = asyncio.create_task(other.write(work))
        assert not await asyncio.to_thread(inside.wait, 0.05)
    await waiting
    assert await store.read(actors) == ["first", "after first"]


@pytest.mark.parametrize("way", ["write", "write_metrics", "preview"])
async def test_another_epoch_in_the_lease_fences_every_write(
    store: Store, other: Store, way: str
) -> None:
    store.epoch = 0
    await store.write(add("a"))
    lease = {"holder": "other", "pid": 1, "host": "there", "now_ms": 1}
    assert await other.write(lambda tx: tx.value("lease_take", epoch=0, **lease)) == 1
    with pytest.raises(LeaseLost, match=r"epoch 1.*another engine took over"):
        await getattr(store, way)(add("b"))
    assert await store.read(actors) == ["a"]
    assert (await store.read(LeaseRow.read)).holder == "other"


async def test_a_reader_of_anybodys_ledger_writes_nothing(store: Store, reader: ReadStore) -> None:
    await store.write(add("a"))
    assert await reader.read(actors) == ["a"]
    for way in (reader.read, reader.look):
        with pytest.raises(StoreError):
            await way(add("b"))
    assert await store.read(actors) == ["a"]


async def test_a_look_sees_what_was_committed_since_the_one_before(
    store: Store, reader: ReadStore
) -> None:
    assert await reader.look(actors) == []
    await store.write(add("a"))
    assert await reader.look(actors) == ["a"]


async def test_where_there_is_no_ledger_a_reader_says_so_and_makes_none(place: Place) -> None:
    with pytest.raises(StoreError, match="there is no ledger at"):
        await place.look()
    assert not place.has_ledger()


async def test_a_look_that_was_given_up_ends_unseen_and_one_that_waits_for_it_at_once(
    reader: ReadStore,
) -> None:
    begun, may_end = threading.Event(), threading.Event()
    looks: list[str] = []
    outcomes: list[str] = []

    def slow(tx: Tx) -> str:
        looks.append("slow")
        begun.set()
        assert may_end.wait(20)
        return "outcome"

    async def look() -> None:
        outcomes.append(await reader.read(slow))

    first, waiting = asyncio.create_task(look()), asyncio.create_task(look())
    await asyncio.to_thread(begun.wait, 20)
    for task in (first, waiting):
        task.cancel()
    await asyncio.wait([waiting])
    assert not first.done()
    may_end.set()
    await asyncio.wait([first])
    assert first.cancelled()
    assert (outcomes, looks) == ([], ["slow"])


# --- statements

ROWS = [("cursor:a", 2, 1, 7), ("cursor:b", 4, 3, 8)]


def cursors(tx: Tx) -> None:
    for key, value_ms, start_ms, cycle_id in ROWS:
        tx.run("cursor_start", key=key, start_ms=start_ms, cycle_id=cycle_id)
        tx.run("cursor_advance", key=key, value_ms=value_ms, cycle_id=cycle_id)


async def test_a_statements_rows_are_the_same_in_every_form(store: Store) -> None:
    names = ("key", "value_ms", "start_ms", "cycle_id")
    records = [dict(zip(names, row, strict=True)) for row in ROWS]

    def work(tx: Tx) -> dict[str, Any]:
        cursors(tx)
        return {
            "rows": tx.rows("cursors_all"),
            "each": [*tx.each("cursors_all")],
            "typed": tx.typed(lambda *row: row, "cursors_all"),
            "one": tx.one("cursors_all"),
            "value": tx.value("cursors_all"),
            "column": tx.column("cursors_all"),
            "named": tx.named("cursors_all"),
            "each_named": [*tx.each_named("cursors_all")],
            "record": tx.record("cursors_all"),
            "table": sorted(tx.table("cursors")[1]),
            "count": tx.count("cursors"),
        }

    assert await store.write(work) == {
        "rows": ROWS,
        "each": ROWS,
        "typed": ROWS,
        "one": ROWS[0],
        "value": "cursor:a",
        "column": ["cursor:a", "cursor:b"],
        "named": records,
        "each_named": records,
        "record": records[0],
        "table": ROWS,
        "count": 2,
    }


async def test_a_statement_without_rows_says_so_in_every_form(store: Store) -> None:
    def work(tx: Tx) -> list[Any]:
        key = {"event_id": "fill:none"}
        several = [tx.rows, tx.column, tx.named]
        single = [tx.one, tx.value, tx.record]
        assert tx.pairs("cursors_all") == {}
        return [form("stored_event", **key) for form in (*several, *single)]

    assert await store.read(work) == [[], [], [], None, None, None]


async def test_pairs_are_the_second_column_by_the_first(store: Store) -> None:
    def work(tx: Tx) -> dict[str, str]:
        for key in ("a", "b"):
            tx.run("identity_keep", key=key, value=key.upper())
        return tx.pairs("identity_read")

    assert await store.write(work) == {"a": "A", "b": "B"}


async def test_a_statement_run_for_its_effect_counts_the_rows_it_changed(store: Store) -> None:
    def work(tx: Tx) -> list[int]:
        cursors(tx)
        forth = {"key": "cursor:a", "cycle_id": 9}
        return [tx.run("cursor_advance", **forth, value_ms=value) for value in (5, 5)]

    assert await store.write(work) == [1, 0]


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100])
async def test_an_insert_of_many_rows_counts_those_that_were_not_there(
    store: Store, count: int
) -> None:
    def event(number: int) -> tuple[Any, ...]:
        event = f"fee:{number}", number, "A/B", "FEE", None, None, None, "1", "B", str(number)
        return *event, None, None, "{}", b"hash", 1

    def work(tx: Tx) -> list[int]:
        rows = [event(number) for number in range(count)]
        inserted = [tx.run_many("append_events", rows) for _ in range(2)]
        return [*inserted, tx.count("ledger_events")]

    assert await store.write(work) == [count, 0, count]


async def test_a_value_that_a_statement_does_not_know_is_ignored_and_a_missing_one_raises(
    store: Store,
) -> None:
    await store.write(lambda tx: tx.run("identity_keep", key="a", value="A", more="not known"))
    with pytest.raises(StoreError):
        await store.write(lambda tx: tx.run("identity_keep", key="b"))
    assert await store.read(lambda tx: tx.pairs("identity_read")) == {"a": "A"}
