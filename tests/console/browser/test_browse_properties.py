"""For any small table, order, filter and way of paging: what a plain look at all rows says."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from functools import cmp_to_key
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.browser.errors import BrowseError
from console.browser.reader import decimals, keyspace, sparse_index
from console.browser.reader.catalogue import Catalogue
from console.browser.reader.jobs import Job
from console.browser.reader.keyspace import KeySpace
from console.browser.reader.planner import Planner
from console.browser.reader.result_view import Limit
from console.browser.reader.source import Connection, Source
from console.browser.reader.sparse_index import SparseIndex
from console.browser.reader.spool import NumberSpool, RowSpool
from console.browser.reader.view import RowSet

AMOUNTS = [
    "0",
    "-0.0",
    "1",
    "1.0",
    "1.50",
    "-1.5",
    "10",
    "9",
    "1E-8",
    "-1e3",
    "0.30",
    "007",
    "x",
    "",
]
numbers = st.none() | st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63)])
texts = st.none() | st.sampled_from(AMOUNTS)
loose = numbers | texts | st.sampled_from([0.5, -2.25, b"", b"\x01\xff", "ÄÖ", "a\0b"])
rows = st.lists(st.tuples(numbers, texts, loose), max_size=25)
keys = st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 40), max_size=25, unique=True)
columns = st.sampled_from(["n", "t", "x"])
page_sizes = st.lists(st.integers(1, 9), min_size=1)
orders = st.lists(st.tuples(columns, st.booleans()), max_size=2)
KINDS = {
    "rowid": "CREATE TABLE t (n INTEGER, t TEXT, x)",
    "alias": "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, t TEXT, x)",
    "primary": "CREATE TABLE t (id INTEGER, n INTEGER, t TEXT, x, PRIMARY KEY (id)) WITHOUT ROWID",
    "downwards": "CREATE TABLE t (id INTEGER, n INTEGER, t TEXT, x, PRIMARY KEY (id DESC)) "
    "WITHOUT ROWID",
}


@pytest.fixture(autouse=True, scope="module")
def _small_steps() -> Iterator[None]:
    """So that small tables have several index keys and slices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse_index, "INTERVAL", 3)
        patch.setattr(keyspace, "FIRST", 2)
        yield


@contextmanager
def database(kind: str, ids: list[int], stored: list[Any]) -> Iterator[tuple[Source, Connection]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.db"
        with closing(sqlite3.connect(path)) as writer, writer:
            writer.execute(KINDS[kind])
            name = "rowid" if kind == "rowid" else "id"
            writer.executemany(
                f"INSERT INTO t ({name}, n, t, x) VALUES (?, ?, ?, ?)",
                [(number, *row) for number, row in zip(ids, stored, strict=False)],
            )
        source = Source(str(path), None, 100)
        with closing(source.connect()) as connection:
            yield source, connection


@contextmanager
def opened(source: Source, connection: Connection, **asked: Any) -> Iterator[RowSet]:
    """A view that is filled."""
    asked = {"view": 1, "table": "t", "order": [], "where": [], "search": "", **asked}
    planner = Planner(source, Limit(None, None), lambda view, progress: None)
    view = planner.table_view(connection, asked)
    if view.build is not None:
        assert view.build.over.wait(20)
    assert view.stopped == ""
    try:
        yield view
    finally:
        view.close()


def paged(view: RowSet, connection: Connection, sizes: list[int], backwards: bool) -> list[Any]:
    """All keys, by pages of these sizes in turn."""
    found: list[Any] = []
    turn = 0
    while True:
        size = sizes[turn % len(sizes)]
        start = -len(found) - size if backwards else len(found)
        first, page, exact = view.page(connection, start, size)
        if not page or len(found) >= view.count()["value"]:
            return found
        assert exact
        taken = [key[0] for key, _ in page]
        if backwards:
            assert first == max(0, view.count()["value"] - len(found) - len(page))
            found = taken[: view.count()["value"] - len(found)] + found
        else:
            assert first == start
            found += taken
        turn += 1


def text_order(value: Any, natural: bool) -> tuple[Any, ...]:
    """How a value sorts: NULL, numbers, texts, blobs; decimal texts among the numbers."""
    if value is None:
        return (0,)
    if isinstance(value, bytes):
        return (3, value)
    if isinstance(value, str):
        if natural and decimals.is_decimal(value):
            return (1, Decimal(value))
        return (2, value.encode())
    return (1, Decimal(value))


def is_natural(values: list[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(
        isinstance(value, str) and decimals.is_decimal(value) for value in present
    )


def sorted_ids(kind: str, table: dict[int, Any], order: list[Any]) -> list[int]:
    ids = sorted(table, reverse=(kind == "downwards"))
    last_down = order[-1][1] if order else None

    def compare(left: int, right: int) -> int:
        for name, descending in order:
            index = "ntx".index(name)
            natural = is_natural([row[index] for row in table.values()])
            a, b = (text_order(table[key][index], natural) for key in (left, right))
            if a != b:
                return (1 if a > b else -1) * (-1 if descending else 1)
        tie = (left > right) - (left < right)
        return -tie if last_down else tie

    return sorted(ids, key=cmp_to_key(compare)) if order else ids


@given(st.sampled_from(sorted(KINDS)), keys, rows, orders, page_sizes, st.booleans())
def test_pages_together_are_the_table_in_its_order(
    kind: str,
    ids: list[int],
    stored: list[Any],
    order: list[Any],
    sizes: list[int],
    backwards: bool,
) -> None:
    table = dict(zip(ids, stored, strict=False))
    asked = [list(term) for term in order]
    with (
        database(kind, ids, stored) as (source, connection),
        opened(source, connection, order=asked) as view,
    ):
        assert view.count()["value"] == len(table)
        expected = sorted_ids(kind, table, order)
        assert paged(view, connection, sizes, backwards) == expected
        for position, key in enumerate(expected):
            assert view.find_key(connection, str(key)) == position


def number_of(operand: str) -> Decimal | None:
    return Decimal(decimals.plain(operand)) if decimals.is_number(operand) else None


def holds(value: Any, operator: str, operand: str, column: str) -> bool:
    """The rules, said once more."""
    if operator in ("is null", "is not null"):
        return (value is None) == (operator == "is null")
    if value is None:
        return False
    number = number_of(operand)
    if operator in ("=", "!="):
        return _equal(value, operand, number, column) == (operator == "=")
    if isinstance(value, bytes):
        return False
    left: Any
    right: Any
    if isinstance(value, str):
        is_amount = number is not None and decimals.is_decimal(value)
        left, right = (Decimal(value), number) if is_amount else (value, operand)
    elif number is None:
        return False
    else:
        left, right = Decimal(value), number
    order = int(left > right) - int(left < right)
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operator]


def _equal(value: Any, operand: str, number: Decimal | None, column: str) -> bool:
    if isinstance(value, bytes):
        return bool(value.hex() == operand)
    if isinstance(value, str):
        if column != "n" and number is not None and decimals.is_decimal(value):
            return Decimal(value) == number
        return value == operand
    return number is not None and Decimal(value) == number


OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "is null", "is not null"]
OPERANDS = ["0", "1.5", "+1.50", "-2.25", "9", "007", "x", "ÄÖ", "01ff", "1e-8", str(2**63 - 1), ""]


@given(
    st.sampled_from(["alias", "primary"]),
    keys,
    rows,
    columns,
    st.sampled_from(OPERATORS),
    st.sampled_from(OPERANDS),
    st.booleans(),
)
def test_a_condition_holds_for_the_rows_it_should(
    kind: str,
    ids: list[int],
    stored: list[Any],
    column: str,
    operator: str,
    operand: str,
    descending: bool,
) -> None:
    table = dict(zip(ids, stored, strict=False))
    values = {key: row["ntx".index(column)] for key, row in table.items()}
    expected = [
        key
        for key in sorted(table, reverse=descending)
        if holds(values[key], operator, operand, column)
    ]
    with (
        database(kind, ids, stored) as (source, connection),
        opened(
            source,
            connection,
            where=[[column, operator, operand]],
            order=[["id", descending]],
        ) as view,
    ):
        assert paged(view, connection, [4], False) == expected
        assert view.count() == {
            "value": len(expected),
            "state": "exact",
            "estimate": len(expected),
        }


@given(
    st.sampled_from(["alias", "primary"]),
    keys,
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=12),
)
def test_what_a_sparse_index_calls_exact_is_exact_before_and_after_the_survey(
    kind: str, ids: list[int], surveyed: bool, looks: list[tuple[int, int]]
) -> None:
    ordered = sorted(ids)
    with database(kind, ids, [(None, None, None)] * len(ids)) as (source, connection):
        index = SparseIndex(KeySpace(Catalogue(connection).table("t")))
        index.look(connection)
        if surveyed:
            assert Surveyor(source, index).problem is None
            assert index.total == len(ordered)
        for position, limit in looks:
            first, found, exact = index.forward(connection, position, limit)
            taken: list[Any] = [key[0] for key, _ in found]
            assert taken == sorted(taken)
            assert first == position
            if exact and (found or index.total is not None):
                assert taken == ordered[position : position + limit]
            if surveyed:
                assert exact
            _, found, exact = index.backward(connection, position, limit)
            taken = [key[0] for key, _ in found]
            assert taken == sorted(taken, reverse=True)
            if exact and (found or index.total is not None):
                assert taken == ordered[::-1][position : position + limit]
        for position, key in enumerate(ordered):
            place, exact = index.position(connection, (key,))
            assert not exact or place == position
            assert exact or not surveyed


class Surveyor:
    """Waits for a survey."""

    def __init__(self, source: Source, index: SparseIndex) -> None:
        self.source = source
        self.problem: Any = "none yet"
        job = Job(self, "counting", index.survey)
        job.start()
        assert job.over.wait(20)

    def explained(self, error: Exception, authorizer: Any) -> BrowseError:
        return self.source.explained(error, authorizer)

    def report(self, progress: dict[str, Any]) -> None:
        assert progress["doing"] == "counting"

    def ended(self, job: Job, problem: Any) -> None:
        self.problem = problem


@given(
    st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=7), max_size=7),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=5),
)
def test_a_spool_is_a_list(batches: list[list[int]], reads: list[tuple[int, int]]) -> None:
    for spool in (NumberSpool(), RowSpool()):
        with closing(spool):
            expected: list[tuple[int]] = []
            for batch in batches:
                spool.extend([(number,) for number in batch])
                expected += [(number,) for number in batch]
            assert len(spool) == len(expected)
            for start, limit in reads:
                assert spool.read(start, limit) == expected[start : start + limit]
            for row in expected[:5]:
                assert spool.position(row) == expected.index(row)
            assert spool.position((4711,)) in (None, *range(len(expected)))
