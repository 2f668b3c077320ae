"""A new ledger gets the schema that the migrations made once, in one step.

They take longer than ten cycles, and thousands of ledgers are made. What counts the statements of a
connection, or runs in a process of its own, sees every step as it is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from threading import Lock
from typing import Any

import pytest

from engine.store import migrate


@contextmanager
def schema_made_once() -> Iterator[None]:
    step, steps, one_at_a_time = migrate._step, cache(migrate.steps), Lock()

    def once(tx: Any, connection: sqlite3.Connection, ledger: Any, number: int, *more: Any) -> None:
        ours = migrate.steps is steps and type(connection) is sqlite3.Connection
        if number == 1 and ours and not tx.column("tables_all"):
            with one_at_a_time:
                made.backup(connection)
        else:
            step(tx, connection, ledger, number, *more)

    with closing(
        sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    ) as made:
        migrate.migrate(made)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(migrate, "steps", steps)
            patch.setattr(migrate, "_step", once)
            yield
