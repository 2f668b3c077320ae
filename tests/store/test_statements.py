"""Statements by name, from .sql files."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import engine
from engine.store.statements import SQL, for_rows, load
from engine.venues.sim.file import SQL as EXCHANGE
from tests.builders import OpenLedger, memory_ledger, rows

LIVE = sorted(name for name in SQL if not name.startswith("scratch_"))


def test_each_name_is_used_for_one_statement() -> None:
    from importlib.resources import files

    text = files("engine.store").joinpath("sql/queries.sql").read_text("utf-8")
    names = [line.split()[-1] for line in text.splitlines() if line.startswith("-- name:")]
    assert len(names) == len(set(names)) == len(SQL)


@pytest.fixture(scope="module")
def ledger() -> Iterator[OpenLedger]:
    with closing(memory_ledger()) as connection:
        yield connection


@pytest.mark.parametrize("name", LIVE)
def test_every_statement_is_one_statement_that_the_schema_knows(
    ledger: OpenLedger, name: str
) -> None:
    try:
        ledger.execute(f"EXPLAIN {SQL[name]}").fetchall()
    except sqlite3.ProgrammingError as error:
        assert "binding" in str(error)  # noqa: PT017 - only the values are missing


@pytest.mark.parametrize("statements", [SQL, EXCHANGE], ids=["ledger", "exchange"])
def test_no_statement_numbers_its_values(statements: dict[str, str]) -> None:
    """What stands for a number has a name for Python, which will take no sequence for it."""
    assert [name for name, text in statements.items() if re.search(r"\?\d", text)] == []


def test_every_statement_of_the_exchange_names_its_values() -> None:
    assert [name for name, text in EXCHANGE.items() if "?" in text] == []


def test_every_statement_is_run_by_its_name_somewhere() -> None:
    texts = [path.read_text("utf-8") for path in Path(engine.__file__).parent.rglob("*.py")]
    assert [name for name in SQL if not any(f'"{name}"' in text for text in texts)] == []


def test_every_value_has_a_name() -> None:
    assert [name for name, text in SQL.items() if "?" in text] == []


def test_statements_keep_what_stands_between_their_names() -> None:
    assert load("engine.store", "sql/queries.sql") == SQL
    assert all(statement and not statement.endswith(";") for statement in SQL.values())


def test_an_insert_for_rows_is_the_same_insert_with_more_values() -> None:
    statement = "INSERT INTO t (a, b) VALUES (:a, :b) ON CONFLICT (a) DO NOTHING RETURNING a"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a PRIMARY KEY, b)")
        values = [1, 2, 3, 4, 1, 9]
        inserted = connection.execute(for_rows(statement, 3), values).fetchall()
        assert [row[0] for row in inserted] == [1, 3]
        assert rows(connection, "SELECT a, b FROM t") == [(1, 2), (3, 4)]
