"""One engine a ledger: a lease with an epoch in the database, and a lock file beside it.

The lock decides between engines that start at once; it and a holder whose process has ended tell a
dead engine from a living one at once. The epoch fences: every transaction of the engine checks it,
and so does every order before it is sent.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar
from weakref import WeakValueDictionary

import structlog

from engine.clock import iso, now_ms
from engine.errors import LeaseHeld, LeaseLost, StoreError, StoreFatal
from engine.store.ledger_lock import LedgerLock
from engine.store.store import Store
from engine.store.tx import Tx

log = structlog.get_logger("cycledeck.lease")

# How often a lock is tried whose owner is about to take the lease, or has just given it back.
_RETRY_S = 0.01


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """The lease as the database has it; `holder` is null when no engine runs.

    `beats` counts the ledger's transactions, whoever made them.
    """

    epoch: int
    holder: str | None
    pid: int | None
    host: str | None
    acquired_ms: int | None
    heartbeat_ms: int | None
    beats: int

    @classmethod
    def read(cls, tx: Tx) -> "LeaseRow":
        [row] = tx.typed(cls, "lease_read")
        return row

    @property
    def age_ms(self) -> int:
        """The time since the lease was renewed."""
        return now_ms() - (self.heartbeat_ms or 0)

    @property
    def refusal(self) -> str:
        """The message to an engine that may not start."""
        since = iso(self.acquired_ms) if self.acquired_ms else "?"
        return (
            f"another engine runs on this ledger: {self.holder}, since {since} "
            f"(epoch {self.epoch}). Stop it first"
        )


class Lease:
    """An engine's lease: taken by `acquire`, renewed by `keep`, and given back by `release`, also
    where `acquire` was refused. The `lock` is given back by who made it."""

    # The leases of this process's engines, by the paths of their locks.
    _here: ClassVar["WeakValueDictionary[Path, Lease]"] = WeakValueDictionary()

    def __init__(self, store: Store, ttl_ms: int, lock: LedgerLock) -> None:
        self._store = store
        self._ttl_ms = ttl_ms
        self._lock = lock
        self.holder = f"{socket.gethostname()}:{os.getpid()}"

    async def acquire(self) -> int:
        """Take the lease and return its epoch.

        Raises `LeaseHeld`, naming the holder. The engine that has the lock takes a free lease, and
        that of a holder whose process has ended, at once; any other's is taken only after it was
        seen to be silent for a whole time to live, by this process's own monotonic clock. The lock
        alone proves nothing: its file can be removed.
        """
        row = await self._first_row()
        if row.holder is not None:
            if self._lock.held and self._has_ended(row):
                log.warning("lease_of_dead_engine_taken", holder=row.holder, epoch=row.epoch)
            elif row.age_ms < self._ttl_ms or await self._beats_within_ttl(row):
                raise LeaseHeld(row.refusal)
        epoch = await self._store.write(partial(self._take, epoch=row.epoch))
        self._store.epoch = epoch
        # So that the file says by itself that it is in use.
        await self._store.checkpoint()
        return epoch

    async def keep(self, lost: Callable[[StoreFatal], None]) -> None:
        """Renew until cancelled; calls `lost` and ends when another engine has taken over."""
        while True:
            await asyncio.sleep(self._ttl_ms / 3_000)
            try:
                self._lock.take()
                await self._store.write_metrics(self._beat)
            except StoreFatal as error:
                lost(error)
                return
            except StoreError as error:
                log.warning("lease_not_renewed", error=str(error))

    async def check(self) -> None:
        """Raises `LeaseLost` when another engine has taken over."""
        row = await self._store.read(LeaseRow.read)
        if row.epoch != self._store.epoch:
            raise LeaseLost(f"{row.holder or 'another engine'} took over the ledger's lease")

    async def release(self) -> None:
        epoch, self._store.epoch = self._store.epoch, None
        try:
            if epoch is not None:
                await self._store.write(lambda tx: tx.run("lease_release", epoch=epoch))
        except StoreError as error:
            log.warning("lease_not_released", error=str(error))
        finally:
            if self._here.get(self._lock.path) is self:
                del self._here[self._lock.path]

    async def _first_row(self) -> LeaseRow:
        """The lease as it is once this engine has the lock, or another one the lease.

        Whoever has the lock of a free lease starts or ends. One that does neither within a time to
        live is not waited for any longer.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._ttl_ms / 1_000
        while True:
            locked = self._lock.take()
            row = await self._store.read(LeaseRow.read)
            if locked or row.holder is not None or clock() > deadline:
                return row
            await asyncio.sleep(_RETRY_S)

    def _has_ended(self, row: LeaseRow) -> bool:
        """Whether the holder's process has ended for sure. Its number may be this one's."""
        if row.host != socket.gethostname() or row.pid is None:
            return False
        if row.pid == os.getpid():
            return self._lock.path not in self._here
        return not _lives(row.pid)

    async def _beats_within_ttl(self, before: LeaseRow) -> bool:
        log.warning("lease_holder_silent", holder=before.holder, waiting_ms=self._ttl_ms)
        await asyncio.sleep(self._ttl_ms / 1_000)
        now = await self._store.read(LeaseRow.read)
        was = (before.epoch, before.heartbeat_ms)
        return now.holder is not None and (now.epoch, now.heartbeat_ms) != was

    def _take(self, tx: Tx, epoch: int) -> int:
        taken: int | None = tx.value(
            "lease_take",
            epoch=epoch,
            holder=self.holder,
            pid=os.getpid(),
            host=socket.gethostname(),
            now_ms=now_ms(),
        )
        if taken is None:
            raise LeaseHeld(LeaseRow.read(tx).refusal)
        self._here[self._lock.path] = self  # Before anybody can read that it has the lease.
        return taken

    def _beat(self, tx: Tx) -> None:
        tx.run("lease_beat", epoch=self._store.epoch, now_ms=now_ms())


def _lives(pid: int) -> bool:
    """Whether a process runs here, which one that has ended and awaits its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # Another user's.
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True
    return status.rpartition(b")")[2].split()[0] not in (b"Z", b"X")
