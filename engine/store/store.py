"""The ledger file: three connections, each for one kind of work, and the fence on all writing."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.errors import LeaseLost, StoreError
from engine.store import reach
from engine.store.connection import Connect, Connection, complete, connect_sqlite
from engine.store.ledger_file import beside, is_there, make
from engine.store.ledger_lock import LedgerLock, check_name
from engine.store.leftover_log import check_log
from engine.store.migrate import check, migrate
from engine.store.tx import Tx

T = TypeVar("T")


class Store:
    """A ledger file that an engine writes: its authoritative and order state by `write`, rows that
    are best effort by `write_metrics`.

    `preview` is a `write` that is rolled back. All are fenced: once `epoch` is set, a transaction
    that finds another epoch in the lease raises `LeaseLost`; one that finds another file at the
    path, `StoreReplaced`. None changes anything then.
    """

    def __init__(self, path: Path, connections: Sequence[Connection], ending: AsyncExitStack):
        self.path = path
        self.epoch: int | None = None
        self._writer, self._metrics, self._reader = connections
        self._ending = ending

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        busy_timeout_ms: int = 5_000,
        checkpoints: bool = True,
        connect: Connect = connect_sqlite,
        file_mode: int | None = None,
        lock: LedgerLock | None = None,
    ) -> "Store":
        """Open the ledger at `path`, creating and migrating it as needed. Raises `StoreError`.

        An engine gives its `lock`, which is taken before anything is written, and kept.

        A new one is for its owner alone, unless a `file_mode` is given, which an old one takes too.

        Only an engine `checkpoints`, and on one connection: two that do so at the same moment
        are what SQLite's WAL-reset race needs.
        """
        check_name(path)
        check_log(path)
        reach.undo_unfinished(path)
        check(path)
        make(path, file_mode)
        if lock is not None:
            lock.require()
        async with AsyncExitStack() as ending:
            opened: list[Connection] = []
            for synchronous, read_only in (("FULL", False), ("NORMAL", False), ("", True)):
                connection = await Connection.open(
                    path,
                    read_only=read_only,
                    synchronous=synchronous,
                    checkpoints=checkpoints and not opened,
                    busy_timeout_ms=busy_timeout_ms,
                    connect=connect,
                )
                ending.push_async_callback(connection.close)
                opened.append(connection)
                if len(opened) == 1:
                    await connection.run(partial(migrate, ledger=path, lock=lock))
            return cls(path, opened, ending.pop_all())
        raise AssertionError("unreachable: nothing above is suppressed")

    async def write(self, work: Callable[[Tx], T]) -> T:
        return await self._writer.write(self._fenced(work))

    async def write_metrics(self, work: Callable[[Tx], T]) -> T:
        return await self._metrics.write(self._fenced(work))

    async def preview(self, work: Callable[[Tx], T]) -> T:
        return await self._writer.preview(self._fenced(work))

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._reader.read(work)

    async def checkpoint(self) -> None:
        """Put what is in the log into the file, as far as no reader needs it."""
        await self._writer.look(lambda tx: tx.rows("checkpoint"))

    def check_file(self) -> None:
        """Raises `StoreReplaced` when the path no longer leads to the file that is open."""
        self._writer.check_file()

    def wal_bytes(self) -> int:
        return wal_bytes(self.path)

    async def close(self) -> None:
        await complete(self._ending.aclose())

    def _fenced(self, work: Callable[[Tx], T]) -> Callable[[Tx], T]:
        def fenced(tx: Tx) -> T:
            self.check_file()
            self._check_epoch(tx)
            before = tx.changes
            outcome = work(tx)
            if tx.changes != before:
                tx.run("lease_count")
            return outcome

        return fenced

    def _check_epoch(self, tx: Tx) -> None:
        now = tx.value("lease_epoch") if self.epoch is not None else None
        if now != self.epoch:
            raise LeaseLost(
                f"the ledger's lease is at epoch {now}, this engine's was {self.epoch}: another "
                "engine took over; nothing was changed by this one"
            )


def wal_bytes(path: Path) -> int:
    """The size of the write-ahead log; 0 where there is none."""
    try:
        return beside(path, "-wal").stat().st_size
    except OSError:
        return 0


def require_ledger(path: Path) -> None:
    """Raises `StoreError` where there is no file, or none that can be reached."""
    if not is_there(path):
        raise StoreError(f"there is no ledger at {path}")
