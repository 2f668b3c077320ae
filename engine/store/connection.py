"""A SQLite connection with a thread of its own, on which whole transactions run as one function.

Statement-by-statement awaits leave transactions open when a task is cancelled, and one connection
shared by two tasks lets one commit publish another's half. So a transaction is a synchronous
function here, awaited until its outcome is known.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import aiosqlite

from engine import errors

T = TypeVar("T")
Connect = Callable[[str, bool], sqlite3.Connection]


def connect_sqlite(uri: str, read_only: bool) -> sqlite3.Connection:
    """Open a connection in explicit-transaction mode. Tests pass their own in its place."""
    return sqlite3.connect(uri, uri=True, isolation_level=None)


async def complete(work: Awaitable[T]) -> T:
    """Await `work` to its end even when the task is cancelled meanwhile.

    The outcome is returned, so that a cancellation never hides a commit; the cancellation itself
    is delivered again at the task's next await.
    """
    running = asyncio.ensure_future(work)
    cancelled = False
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():
                raise
            cancelled = True
        except Exception:  # noqa: BLE001 - the outcome is raised below, by result()
            break
    task = asyncio.current_task()
    if cancelled and task is not None:
        task.uncancel()
        task.cancel()
    return running.result()


class Connection:
    """One connection. `write` and `read` are the only ways to its statements."""

    def __init__(self, path: Path, connector: Callable[[], sqlite3.Connection]) -> None:
        self.path = path
        self._connector = connector
        self._inner: aiosqlite.Connection | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        synchronous: str = "FULL",
        busy_timeout_ms: int = 5_000,
        connect: Connect = connect_sqlite,
    ) -> "Connection":
        """Raises `StoreError`, or the kind of it that says more."""
        uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"

        def connector() -> sqlite3.Connection:
            connection = connect(uri, read_only)
            try:
                _configure(connection, read_only, synchronous, busy_timeout_ms)
            except BaseException:
                connection.close()
                raise
            return connection

        connection = cls(path, connector)
        await connection.reopen()
        return connection

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction: committed when it returns, rolled back when it raises.

        Raises `CommitUnknown` when COMMIT itself fails, `StoreError` for what SQLite reports.
        After either the next call may find a connection opened anew.
        """
        return await complete(self._run(_in_transaction, work))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on one consistent snapshot."""
        return await complete(self._run(_in_snapshot, work))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which begins and ends its own transactions."""
        return await complete(self._run(_call, work))

    async def reopen(self) -> None:
        await self.close()
        with translated(self.path):
            self._inner = await aiosqlite.Connection(self._connector, iter_chunk_size=64)

    async def close(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            await complete(inner.close())

    async def _run(
        self,
        envelope: Callable[[sqlite3.Connection, Callable[[sqlite3.Connection], T]], T],
        work: Callable[[sqlite3.Connection], T],
    ) -> T:
        if self._inner is None:
            await self.reopen()
        assert self._inner is not None  # noqa: S101 - reopen() has set it or raised
        try:
            with translated(self.path):
                # The one private name in use: aiosqlite has no public way to run a function.
                result: T = await self._inner._execute(  # type: ignore[no-untyped-call]
                    envelope, self._inner._conn, work
                )
                return result
        except (errors.CommitUnknown, _ConnectionDropped):
            await self.close()
            raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn sqlite3's errors into the engine's."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path) from error


def translate(error: sqlite3.Error, path: Path) -> errors.StoreError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    kind = _KINDS.get(primary, errors.StoreError)
    return kind(f"{path}: {error}")


_KINDS: dict[int | None, type[errors.StoreError]] = {
    sqlite3.SQLITE_BUSY: errors.StoreLocked,
    sqlite3.SQLITE_LOCKED: errors.StoreLocked,
    sqlite3.SQLITE_FULL: errors.StoreFull,
    sqlite3.SQLITE_READONLY: errors.StoreReadOnly,
    sqlite3.SQLITE_CORRUPT: errors.StoreCorrupt,
    sqlite3.SQLITE_NOTADB: errors.StoreCorrupt,
}


def _configure(
    connection: sqlite3.Connection, read_only: bool, synchronous: str, busy_timeout_ms: int
) -> None:
    settings = [f"busy_timeout={busy_timeout_ms}", "foreign_keys=ON", "cache_size=-65536"]
    if not read_only:
        settings += ["journal_mode=WAL", f"synchronous={synchronous}"]
    for setting in settings:
        connection.execute(f"PRAGMA {setting}").fetchall()


def _call(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    return work(connection)


def _in_transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
    except BaseException:
        _roll_back(connection)
        raise
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(connection)
        raise errors.CommitUnknown(f"COMMIT failed: {error}") from error
    return result


def _in_snapshot(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        _roll_back(connection)


def _roll_back(connection: sqlite3.Connection) -> None:
    if not connection.in_transaction:
        return
    try:
        connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise _ConnectionDropped(f"ROLLBACK failed: {error}") from error


class _ConnectionDropped(errors.StoreError):
    """Not even ROLLBACK worked: the connection is closed, which rolls back."""
