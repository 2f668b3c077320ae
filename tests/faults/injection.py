"""Faults at a chosen statement of a connection, and cancellation at a chosen await."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable, Container, Coroutine, Generator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
Act = Callable[[], None]


class WatchedConnection(sqlite3.Connection):
    """Tells `statements` of each statement, before and after it ran."""

    statements: "Statements"

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        number = self.statements.before(self, sql)
        cursor = super().execute(sql, parameters)
        try:
            self.statements.after(number, sql)
        except BaseException:
            cursor.close()
            raise
        return cursor

    @property
    def is_open(self) -> bool:
        try:
            return self.total_changes >= 0
        except sqlite3.ProgrammingError:
            return False

    @property
    def in_use(self) -> bool:
        return self.is_open and self.in_transaction


@dataclass(eq=False)
class Statements:
    """Every statement of an engine, counted; `act` happens before or after the numbers `at`.

    Give its `connect` to an `Engine`. `only` counts the statements that it accepts. The first of
    its `connections` is the engine's writer, the second one its metrics' connection.
    """

    at: Container[int] = ()
    act: Act = lambda: None
    after_it: bool = False
    only: Callable[[sqlite3.Connection, str], bool] = lambda connection, sql: True
    seen: list[str] = field(default_factory=list)
    connections: list[WatchedConnection] = field(default_factory=list)

    def connect(self, uri: str, read_only: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            isolation_level=None,
            factory=WatchedConnection,
            check_same_thread=False,  # tests change the settings of the engine's connections
        )
        connection.statements = self
        self.connections.append(connection)
        return connection

    def before(self, connection: sqlite3.Connection, sql: str) -> int:
        if not self.only(connection, sql):
            return 0
        self.seen.append(sql)
        number = len(self.seen)
        if number in self.at and not self.after_it:
            self.act()
        return number

    def after(self, number: int, sql: str) -> None:
        if number and number in self.at and self.after_it:
            self.act()

    @property
    def open_transactions(self) -> int:
        return sum(connection.in_use for connection in self.connections)


class Tx1:
    """Tells the statements of the authoritative transaction that begin with `sql`."""

    def __init__(self, *sql: str) -> None:
        self._sql = sql
        self._inside: set[sqlite3.Connection] = set()

    def __call__(self, connection: sqlite3.Connection, sql: str) -> bool:
        if sql.startswith("BEGIN"):
            self._inside.discard(connection)
        if sql.startswith("INSERT INTO ledger_commits"):
            self._inside.add(connection)
        return connection in self._inside and sql.startswith(self._sql)


def changing(seen: list[str]) -> list[int]:
    """The statements after which something is otherwise than before them."""
    return [number for number, sql in enumerate(seen, 1) if not sql.startswith("SELECT")]


def ending(seen: list[str]) -> list[int]:
    return [number for number, sql in enumerate(seen, 1) if sql in ("COMMIT", "ROLLBACK")]


def io_error() -> None:
    error = sqlite3.OperationalError("injected: disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    raise error


def out_of_memory() -> None:
    raise MemoryError


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class CancelledAt(Awaitable[T]):
    """Drives a coroutine; cancels the task it runs in when it suspends for the `at`th time,
    and at the next ones too, `times` in all.

    `suspensions` counts how often it did.
    """

    def __init__(self, work: Coroutine[Any, Any, T], at: int, times: int = 1) -> None:
        self._work = work
        self._when = range(at, at + times) if at else ()
        self.suspensions = 0

    def __await__(self) -> Generator[Any, Any, T]:
        step: Callable[[], Any] = partial(self._work.send, None)
        while True:
            try:
                waiting = step()
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            self.suspensions += 1
            if self.suspensions in self._when:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                value = yield waiting
                step = partial(self._work.send, value)
            except BaseException as error:  # noqa: BLE001 - it belongs to the coroutine
                step = partial(self._work.throw, error)
