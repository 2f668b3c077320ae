"""Others change tables while somebody looks: nothing shown is then more certain than it is."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from console.browser.errors import BrowseError
from console.browser.model import Condition, Count, SortTerm
from console.browser.reader import table_view
from console.browser.reader.catalogue import Catalogue
from console.browser.reader.jobs import Job
from console.browser.reader.keyspace import KeySpace
from console.browser.reader.planner import Planner
from console.browser.reader.result_view import Limit
from console.browser.reader.source import Connection, Source
from console.browser.reader.sparse_index import SparseIndex
from console.browser.reader.sql_builder import Sql
from console.browser.reader.view import RowSet
from console.browser.worker import Worker
from tests.console.browser.browsed import (
    Open,
    counted,
    firsts,
    insert,
    numbered,
    texts,
    until,
    whole,
    write,
)

CHANGED = "columns have changed: f5 reads it anew"


@pytest.mark.parametrize(
    "statements",
    [
        ("ALTER TABLE t RENAME COLUMN price TO px",),
        ("ALTER TABLE t DROP COLUMN price",),
        ("DROP TABLE t", "CREATE TABLE t (id INTEGER PRIMARY KEY, qty TEXT)"),
        ("DROP TABLE t", "CREATE TABLE t (k TEXT PRIMARY KEY, price TEXT) WITHOUT ROWID"),
    ],
)
async def test_a_column_that_is_gone_is_an_error_and_its_name_is_never_data(
    browse: Open, tmp_path: Path, statements: tuple[str, ...]
) -> None:
    path = write(tmp_path / "t.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, price TEXT)")
    insert(path, "t", [(i, f"{i}.5") for i in range(1, 51)])
    browser = await browse(path)
    views = [
        await browser.rows("t"),
        await browser.rows("t", where=(Condition("price", ">", "3"),)),
        await browser.rows("t", order=(SortTerm("price", descending=True),)),
    ]
    for rows in views:
        await rows.settled()
    write(path, *statements)
    for number, rows in enumerate(views):
        with pytest.raises(BrowseError, match=CHANGED):
            await rows.page(0, 2)
        with pytest.raises(BrowseError, match=CHANGED):
            await rows.export("csv", tmp_path / f"{number}.csv")
        await rows.close()
    anew = await browser.rows("t")
    assert await counted(anew) >= 0


async def test_a_key_that_was_renamed_is_an_error_too(browse: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "t.db", "CREATE TABLE t (k TEXT PRIMARY KEY, v) WITHOUT ROWID")
    insert(path, "t", [(f"k{i:02}", i) for i in range(50)])
    rows = await (await browse(path)).rows("t")
    write(path, "ALTER TABLE t RENAME COLUMN k TO kk")
    with pytest.raises(BrowseError, match=CHANGED):
        await rows.page(0, 2)
    with pytest.raises(BrowseError, match=CHANGED):
        await rows.refresh()
    await rows.refresh(recount=True)
    await rows.settled()
    assert rows.count.state == "at_least"


async def test_what_a_typed_statement_lacks_is_said_as_it_is(browse: Open, tmp_path: Path) -> None:
    path = numbered(tmp_path / "t.db", 3)
    browser = await browse(path)
    result = await browser.query("SELECT seq, qty FROM events")
    write(path, "ALTER TABLE events RENAME COLUMN qty TO amount")
    await result.refresh(recount=True)
    await result.settled()
    assert result.stopped == "no such column: qty"


async def test_a_view_whose_state_cannot_be_told_is_an_error_and_ends_nothing() -> None:
    def failing() -> dict[str, Any]:
        raise ZeroDivisionError("no state")

    sent = BytesIO()
    worker = Worker(sent)
    broken: Any = SimpleNamespace(
        number=1, state=failing, explained=lambda error, authorizer: BrowseError(str(error))
    )
    worker._say({"id": 7, "result": None}, broken)
    worker._say({"id": 8, "result": None})
    assert sent.getvalue().splitlines() == [
        b'{"id":7,"error":{"message":"no state","trouble":"wrong"}}',
        b'{"id":8,"result":null}',
    ]


class Busy(KeySpace):
    """Somebody appends a row after every look at the table."""

    path: Path

    def key(
        self, connection: Connection, where: Sql, forward: bool, skip: int = 0
    ) -> tuple[Any, ...] | None:
        found = super().key(connection, where, forward, skip)
        self._append()
        return found

    def count(self, connection: Connection, where: Sql, limit: int | None = None) -> int:
        found = super().count(connection, where, limit)
        self._append()
        return found

    def _append(self) -> None:
        write(self.path, "INSERT INTO events SELECT max(seq) + 3, 'X', '1', 0 FROM events")


class Counting:
    """Surveys on a thread, as a view does."""

    def __init__(self, source: Source, index: SparseIndex) -> None:
        self.source = source
        self.problem: BrowseError | None = None
        job = Job(self, "counting", index.survey)
        job.start()
        assert job.over.wait(20)

    def explained(self, error: Exception, authorizer: Any) -> BrowseError:
        return self.source.explained(error, authorizer)

    def report(self, progress: dict[str, Any]) -> None:
        pass

    def ended(self, job: Job, problem: BrowseError | None) -> None:
        self.problem = problem


@pytest.mark.parametrize("step", [1, 3])
def test_rows_appended_while_rows_are_counted_are_counted_once(tmp_path: Path, step: int) -> None:
    path = numbered(tmp_path / "busy.db", 9_000, f"UPDATE events SET seq = {step} * seq + 100000")
    source = Source(str(path), None, 100)
    with closing(source.connect()) as connection:
        space = Busy(Catalogue(connection).table("events"))
        space.path = path
        index = SparseIndex(space)
        assert Counting(source, index).problem is None
        quiet = KeySpace(space.table)
        for _ in range(3):
            assert index.ends is not None
            up_to = quiet.before(index.ends[1], inclusive=True)
            assert index.total == quiet.count(connection, up_to)
            index.extend(connection, 1_000)


@contextmanager
def opened(path: Path, table: str, **asked: Any) -> Iterator[tuple[RowSet, Connection]]:
    source = Source(str(path), None, 100)
    asked = {"view": 1, "table": table, "order": [], "where": [], "search": "", **asked}
    with closing(source.connect()) as connection:
        planner = Planner(source, Limit(None, None), lambda *_: None)
        view = planner.table_view(connection, asked)
        assert view.build is not None
        assert view.build.over.wait(20)
        yield view, connection
        view.close()


@pytest.mark.parametrize("key", ["INTEGER PRIMARY KEY", "TEXT PRIMARY KEY NOT NULL"])
def test_after_a_write_no_number_is_exact_until_all_is_counted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    suffix = "WITHOUT ROWID" if "TEXT" in key else ""
    path = write(tmp_path / "late.db", f"CREATE TABLE t (k {key}, v) {suffix}")
    insert(path, "t", [(3 * i, i) for i in range(100_000, 110_000)])
    with opened(path, "t") as (view, connection):
        assert view.count()["state"] == "exact"
        view.refresh(connection, recount=False)
        assert (view.count()["state"], view.page(connection, 6_000, 5)[2]) == ("exact", True)
        write(path, "DELETE FROM t WHERE v BETWEEN 105000 AND 105999")
        monkeypatch.setattr(table_view, "RESTS", 1e9)
        for _ in range(2):
            view.refresh(connection, recount=False)
            assert view.count()["state"] == "at_least"
            assert not view.page(connection, 6_000, 5)[2]
        monkeypatch.setattr(table_view, "RESTS", 0)
        view.refresh(connection, recount=False)
        assert view.build is not None
        assert view.build.over.wait(20)
        assert view.count() == {"value": 9_000, "state": "exact", "estimate": 9_000}
        _, rows, exact = view.page(connection, 6_000, 1)
        assert (rows[0][1][1] if rows[0][1] else None, exact) == (107_000, True)


def test_a_recount_that_was_stopped_is_not_begun_again_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = numbered(tmp_path / "stopped.db", 9_000)
    with opened(path, "events") as (view, connection):
        write(path, "DELETE FROM events WHERE seq = 5")
        monkeypatch.setattr(table_view, "RESTS", 0)
        view.look(connection)
        view.not_whole(BrowseError("stopped", "stopped"))
        view.refresh(connection, recount=False)
        assert (view.building, view.stopped, view.count()["state"]) == (
            False,
            "stopped",
            "at_least",
        )


async def test_rows_that_no_longer_fit_a_filter_are_gone_and_it_is_outdated(
    browse: Open, tmp_path: Path
) -> None:
    path = write(tmp_path / "o.db", "CREATE TABLE o (id INTEGER PRIMARY KEY, status TEXT)")
    insert(path, "o", [(i, "open") for i in range(2, 42, 2)])
    browser = await browse(path)
    where = (Condition("status", "=", "open"),)
    for number, order in enumerate([(), (SortTerm("status", descending=True),)]):
        rows = await browser.rows("o", order, where)
        await rows.settled()
        await rows.refresh()
        assert (rows.count, rows.outdated) == (Count(20, "exact", 20), False)
        write(path, "UPDATE o SET status = 'filled' WHERE id <= 20")
        await rows.refresh()
        await rows.settled()
        assert rows.outdated
        gone = [row.gone for row in (await rows.page(0, 20)).rows]
        assert sorted(gone) == [False] * 10 + [True] * 10
        with pytest.raises(BrowseError, match="no longer fits"):
            await rows.row((await rows.page(gone.index(True), 1)).rows[0].key)
        target = tmp_path / f"{number}.csv"
        assert await rows.export("csv", target) == 10
        assert "filled" not in target.read_text("utf-8")
        assert await rows.find_next("filled", 0) is None
        await rows.refresh(recount=True)
        await rows.settled()
        assert (rows.count, rows.outdated) == (Count(10, "exact", 10), False)
        write(path, "UPDATE o SET status = 'open'")


async def test_rowids_that_vacuum_gave_anew_show_no_rows_that_do_not_fit(
    browse: Open, tmp_path: Path
) -> None:
    path = write(tmp_path / "v.db", "CREATE TABLE t (a INT)")
    insert(path, "t", [(i,) for i in range(1_000)])
    write(path, "DELETE FROM t WHERE a < 500")
    rows = await (await browse(path)).rows("t", where=(Condition("a", "<", "600"),))
    await rows.settled()
    write(path, "VACUUM")
    await rows.refresh()
    await rows.settled()
    assert rows.outdated
    shown = [row.cells[0].text for row in (await rows.page(0, 200)).rows if not row.gone]
    assert all(int(text) < 600 for text in shown)


async def test_results_and_views_are_outdated_once_others_have_written(
    browse: Open, tmp_path: Path
) -> None:
    path = numbered(tmp_path / "r.db", 10, "CREATE VIEW v AS SELECT seq FROM events")
    browser = await browse(path)
    table = await browser.rows("events")
    for sql in ("", "SELECT seq FROM events"):
        rows = await (browser.query(sql) if sql else browser.rows("v"))
        await table.refresh()
        assert len(await whole(rows)) == len(await whole(table))
        insert(path, "events", [(rows.count.value + 1, "X", "1", 0)])
        for view in (rows, table):
            await view.refresh()
        assert (rows.outdated, table.outdated) == (True, False)
        await rows.refresh(recount=True)
        await rows.settled()
        assert (rows.outdated, rows.count.value) == (False, table.count.value)


async def test_a_table_that_is_written_all_the_time_is_counted_in_the_end(
    browse: Open, tmp_path: Path
) -> None:
    path = numbered(tmp_path / "live.db", 20_000, "DELETE FROM events WHERE seq % 5 = 1")
    rows = await (await browse(path)).rows("events")
    await rows.settled()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        for number in range(20):
            writer.execute("DELETE FROM events WHERE seq = ?", (2 + 5 * number,))
            await rows.refresh()
        assert await counted(rows) == 15_980
    assert firsts(await rows.page(0, 2)) == ["3", "4"]


async def test_a_column_without_a_name_is_not_the_rowid(browse: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "n.db", 'CREATE TABLE t ("" TEXT, qty TEXT)')
    insert(path, "t", [("x", str(i)) for i in range(5_000)])
    browser = await browse(path)
    rows = await browser.rows("t")
    assert len({row.cells[1].text for row in await whole(rows, 1_000)}) == 5_000
    assert await rows.export("csv", tmp_path / "n.csv") == 5_000
    found = await browser.rows("t", where=(Condition("", "=", "x"), Condition("qty", "<", "9.5")))
    assert texts(await found.page(0, 1)) in ([], [["x", "0"]])
    await until(lambda: found.count == Count(10, "exact", 10))
