"""A ledger for looking only, whether an engine runs on it or not."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from engine.errors import StoreError
from engine.store import reach
from engine.store.connection import Connection
from engine.store.damage import sound_rows
from engine.store.ledger_lock import check_name
from engine.store.leftover_log import check_log
from engine.store.migrate import check, current, steps
from engine.store.store import require_ledger, wal_bytes
from engine.store.tx import Tx

T = TypeVar("T")


class ReadStore:
    """A connection that cannot write, to a ledger that an engine has used."""

    def __init__(self, path: Path, reader: Connection) -> None:
        self.path = path
        self._reader = reader
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, busy_timeout_ms: int = 5_000) -> "ReadStore":
        """Raises `StoreError` where there is no ledger, or one that no engine has used yet."""
        require_ledger(path)
        check_name(path)
        check_log(path)
        check(path, reach.still(path))
        reader = await Connection.open(
            path, read_only=True, busy_timeout_ms=busy_timeout_ms, reaching=True
        )
        store = cls(path, reader)
        try:
            if not await store.read(current):
                raise StoreError(f"{path} is empty: no engine has used it yet")
        except BaseException:
            await store.close()
            raise
        return store

    async def require_schema(self) -> None:
        """Raises `StoreError` for a ledger that no engine has brought up to this schema."""
        version, newest = await self.read(current), steps()[-1][0]
        if version < newest:
            raise StoreError(
                f"{self.path} has schema {version}, this program reads {newest}; nothing was "
                "changed. An engine of this program brings it up to date when it starts"
            )

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one consistent snapshot.

        Raises `StoreError` for what SQLite reports, and `StoreCorrupt` where a row is not what this
        program writes.
        """
        with sound_rows(self.path):
            return await self._in_turn(self._reader.read, work)

    async def look(self, work: Callable[[Tx], T]) -> T:
        """Run `work` outside any transaction: for what changes while a snapshot does not."""
        return await self._in_turn(self._reader.look, work)

    async def _in_turn(
        self,
        way: Callable[[Callable[[Tx], T]], Awaitable[T]],
        work: Callable[[Tx], T],
    ) -> T:
        """Work that waits for its turn can be given up; begun, it ends first. Where it was
        given up meanwhile, nobody gets its outcome."""
        async with self._turn:
            outcome = await way(work)
        await asyncio.sleep(0)
        return outcome

    def check_file(self) -> None:
        """Raises `StoreReplaced` when the path no longer leads to the file that is open."""
        self._reader.check_file()

    def wal_bytes(self) -> int:
        return wal_bytes(self.path)

    async def close(self) -> None:
        await self._reader.close()
