"""A SQLite connection with a thread of its own, on which whole transactions run as one function.

Statement-by-statement awaits leave transactions open when a task is cancelled, and one connection
shared by two tasks lets one commit publish another's half. So a transaction is a synchronous
function here, awaited until it has an outcome.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiosqlite

from engine import errors
from engine.store import reach
from engine.store.ledger_file import beside
from engine.store.sqlite_errors import translated
from engine.store.tx import Tx

T = TypeVar("T")
# What a reader made the log grow to is given back once that reader is gone.
WAL_LIMIT = "journal_size_limit=8388608"
Connect = Callable[[str, bool], sqlite3.Connection]
_RETRY_S = 0.01


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
    """A connection to a ledger file. Work on it runs one after another, each as one function.

    It is dropped, and opened anew by the next call, where its state is uncertain.
    """

    def __init__(self, path: Path, mode: str, settings: Sequence[str], connect: Connect) -> None:
        self.path = path
        self._mode = mode
        self._settings = settings
        self._connect = connect
        self._inner: aiosqlite.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._log: tuple[int, int] | None = None
        self._closed = False
        self._patience_s = 0.0
        # Of a file that is read as one that nobody writes.
        self._reaches = False
        self._still: reach.Still | None = None
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        synchronous: str = "FULL",
        checkpoints: bool = True,
        busy_timeout_ms: int = 5_000,
        connect: Connect = connect_sqlite,
        reaching: bool = False,
    ) -> "Connection":
        """Open the ledger file at `path`. With `reaching`, also one beside which nothing may be
        written. Raises `StoreError`, or the kind of it that says more."""
        settings = [f"busy_timeout={busy_timeout_ms}", "foreign_keys=ON", "cache_size=-65536"]
        if not read_only:
            settings += ["journal_mode=WAL", f"synchronous={synchronous}", WAL_LIMIT]
            settings += [] if checkpoints else ["wal_autocheckpoint=0"]
        connection = cls(path, "ro" if read_only else "rwc", settings, connect)
        connection._reaches = reaching
        connection._patience_s = busy_timeout_ms / 1_000
        await complete(connection._opened())
        return connection

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction: committed when it returns, rolled back when it raises.

        Raises `CommitUnknown` when COMMIT itself fails, `StoreError` for what SQLite reports.
        """
        return await self.run(partial(_committed, work=self._on_tx(work)))

    async def preview(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction that is rolled back whatever happens."""
        undone = partial(_rolled_back, begin="BEGIN IMMEDIATE", work=self._on_tx(work))
        return await self.run(undone)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent snapshot."""
        return await self.run(partial(_rolled_back, begin="BEGIN", work=self._on_tx(work)))

    async def look(self, work: Callable[[Tx], T]) -> T:
        """Run `work` outside any transaction: for what changes while a snapshot does not."""
        return await self.run(self._on_tx(work))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which begins and ends its own transactions."""
        return await complete(self._run(work))

    def _on_tx(self, work: Callable[[Tx], T]) -> Callable[[sqlite3.Connection], T]:
        return lambda connection: work(Tx(connection, self.path))

    def check_file(self) -> None:
        """Raises `StoreReplaced` when the path no longer leads to the file that was opened, or
        its write-ahead log was taken away, which SQLite does only once nobody has it open."""
        files = ((self.path, self._file), (self._log_path, self._log))
        if any(file is not None and _inode(path) != file for path, file in files):
            raise errors.StoreReplaced(
                f"{self.path} was removed or replaced while the engine ran; the engine stops. "
                "Put the file back, or start again on the new one"
            )

    @property
    def _log_path(self) -> Path:
        return beside(self.path, "-wal")

    async def close(self) -> None:
        """Close the connection for good: work that is called for later fails."""
        self._closed = True
        await complete(self._close())

    async def _close(self) -> None:
        async with self._one_at_a_time:
            await self._drop()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        async with self._one_at_a_time:
            inner = await self._opened()
            try:
                with translated(self.path):
                    outcome = await _on_thread(inner, work)
                self._log = self._log or _inode(self._log_path)
                self._check_still()
                return outcome
            except (errors.CommitUnknown, _Undone, _Written):
                await self._drop()
                raise

    async def _opened(self) -> aiosqlite.Connection:
        if self._closed:
            raise errors.StoreError(f"{self.path}: the connection is closed")
        if self._still is not None and self._still != reach.Still.of(self.path):
            await self._drop()
        if self._inner is None:
            # Before anything is opened: SQLite would read one file's log into the other one.
            self.check_file()
            inner = aiosqlite.Connection(self._connected, iter_chunk_size=64)
            with translated(self.path):
                await inner
                try:
                    await _on_thread(inner, self._configure)
                except BaseException:
                    await inner.close()
                    raise
            self._file = self._file or _inode(self.path)
            self._inner = inner
        return self._inner

    def _connected(self) -> sqlite3.Connection:
        if self._mode != "ro":
            uri = f"{self.path.absolute().as_uri()}?mode={self._mode}"
            return self._connect(uri, False)
        self._still = reach.still(self.path) if self._reaches else None
        return self._connect(reach.uri(self.path, self._still), True)

    def _check_still(self) -> None:
        if self._still is not None and self._still != reach.Still.of(self.path):
            raise _Written(
                f"{self.path} was read as a file that nobody writes, and now somebody does: "
                "read it again"
            )

    def _configure(self, connection: sqlite3.Connection) -> None:
        for setting in self._settings:
            _while_locked(partial(_set, connection, setting), self._patience_s)

    async def _drop(self) -> None:
        inner, self._inner, self._log = self._inner, None, None
        if inner is not None:
            with translated(self.path):
                await inner.close()


def _set(connection: sqlite3.Connection, setting: str) -> None:
    connection.execute(f"PRAGMA {setting}").fetchall()


def _while_locked(work: Callable[[], None], patience_s: float) -> None:
    """Do `work`, again while another one has the file locked: a change of the journal's mode fails
    at once then, whatever the busy timeout."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            work()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


async def _on_thread(inner: aiosqlite.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    # The one private name in use: aiosqlite has no public way to run a function.
    result: T = await inner._execute(work, inner._conn)  # type: ignore[no-untyped-call]
    return result


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _committed(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = work(connection)
    except BaseException:
        _roll_back(connection)
        raise
    try:
        connection.execute("COMMIT")
    except (sqlite3.Error, MemoryError) as error:
        # What is left of it, if anything, ends with the connection.
        raise errors.CommitUnknown(f"COMMIT failed: {error!r}") from error
    return result


def _rolled_back(
    connection: sqlite3.Connection, begin: str, work: Callable[[sqlite3.Connection], T]
) -> T:
    try:
        connection.execute(begin)
        return work(connection)
    finally:
        _roll_back(connection)


def _roll_back(connection: sqlite3.Connection) -> None:
    if not connection.in_transaction:
        return
    try:
        connection.execute("ROLLBACK")
    except (sqlite3.Error, MemoryError) as error:
        raise _Undone(f"ROLLBACK failed: {error!r}") from error


class _Undone(errors.StoreError):
    """Not even ROLLBACK worked: the connection is closed, which rolls back."""


class _Written(errors.StoreLocked):
    """A file that was read as one that nobody writes is written: what was read may be torn."""
