"""Bring a ledger file to this program's schema: numbered steps, one transaction each."""

import re
import sqlite3
import time
from contextlib import ExitStack, closing
from importlib.resources import files
from pathlib import Path

from engine.errors import LeaseHeld, LedgerMismatch, SchemaTooNew
from engine.store import reach
from engine.store.ledger_copy import keep_copy
from engine.store.ledger_file import beside, is_there, mode_of
from engine.store.lock_file import LockFile
from engine.store.sqlite_errors import translated
from engine.store.tx import Tx

_STEP = re.compile(r"(\d{4})_\w+\.sql")


def steps() -> list[tuple[int, str, str]]:
    """All migrations in order: number, file name, SQL."""
    folder = files("engine.store").joinpath("sql", "migrations")
    return sorted(
        (int(match[1]), file.name, file.read_text("utf-8"))
        for file in folder.iterdir()
        if (match := _STEP.fullmatch(file.name))
    )


def check(path: Path, state: reach.Still | None = None) -> None:
    """Check that the file, where it is in that `state`, is a ledger that this program can use.
    Leaves it untouched.

    Raises `SchemaTooNew`, `LedgerMismatch` for a database of something else, or `StoreError`.
    """
    if not is_there(path) or not path.stat().st_size:
        return
    with translated(path):
        uri = reach.uri(path, state)
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            tx = Tx(connection, path)
            version, tables = current(tx), tx.column("tables_all")
    newest = steps()[-1][0]
    if version > newest:
        raise SchemaTooNew(
            f"{path} has schema {version}; this program knows schemas up to {newest}. "
            "Nothing was changed: use the program version that wrote it, or a newer one"
        )
    if not version and tables:
        raise LedgerMismatch(f"{path} is a database of another program; nothing was changed")


def migrate(
    connection: sqlite3.Connection, ledger: Path | None = None, lock: LockFile | None = None
) -> None:
    """Apply the steps that are missing, each in a transaction of its own.

    The file `ledger` is copied beside itself first; an engine has its `lock` already. Raises
    `StoreFull` where there is no room, and `LeaseHeld` where an engine runs on a ledger of an
    earlier schema, which could not go on.
    """
    tx = Tx(connection, ledger or Path(":memory:"))
    with ExitStack() as ending:
        if ledger is not None and 0 < (schema := current(tx)) < steps()[-1][0]:
            if lock is None:
                lock = LockFile(beside(ledger, ".lock"), mode_of(ledger))
                ending.callback(lock.release)
            if not lock.take():
                raise LeaseHeld(
                    f"an engine runs on {ledger}, which has schema {schema} of an earlier program: "
                    "stop it first, then this one brings the ledger up to date. Nothing was changed"
                )
        for number, name, text in steps():
            _step(tx, connection, ledger, number, name, text)


def _step(
    tx: Tx, connection: sqlite3.Connection, ledger: Path | None, number: int, name: str, text: str
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        schema = current(tx)
        if number > schema:
            if schema and ledger is not None:
                keep_copy(tx, ledger, schema)
            _apply(connection, number, name, text)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def current(tx: Tx) -> int:
    """The schema's number; 0 in an empty database."""
    version: int | None = tx.value("schema_version") if tx.value("schema_exists") else None
    return version or 0


def _apply(connection: sqlite3.Connection, number: int, name: str, text: str) -> None:
    if number == 1:
        connection.execute(
            "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
            "applied_ms INTEGER NOT NULL) STRICT"
        )
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement).fetchall()
            statement = ""
    row = (number, name, time.time_ns() // 1_000_000)
    connection.execute("INSERT INTO schema_migrations VALUES (?, ?, ?)", row)
