"""One engine a ledger: a lease with an epoch in the database, and a lock file beside it.

A free lock, and a holder whose process has ended, tell a dead engine from a living one at once.
The epoch fences: every transaction of the engine checks it, and so does every order before it is
sent.
"""

import asyncio
import os
import socket
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from filelock import FileLock, Timeout

from engine.clock import iso, now_ms
from engine.errors import LeaseHeld, LeaseLost, StoreError, StoreFatal
from engine.ledger_file import beside
from engine.store.statements import SQL
from engine.store.store import Store

log = structlog.get_logger("cycledeck.lease")


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """The lease as the database has it; `holder` is null when no engine runs."""

    epoch: int
    holder: str | None
    pid: int | None
    host: str | None
    acquired_ms: int | None
    heartbeat_ms: int | None
    beats: int


def read_lease(connection: sqlite3.Connection) -> LeaseRow:
    return LeaseRow(*connection.execute(SQL["lease_read"]).fetchall()[0])


class Lease:
    """Take with `acquire`, keep with `keep`, give back with `release`."""

    def __init__(self, store: Store, ttl_ms: int) -> None:
        self._store = store
        self._ttl_ms = ttl_ms
        self._lock = FileLock(beside(store.path, ".lock"), thread_local=False)
        self.holder = f"{socket.gethostname()}:{os.getpid()}"

    async def acquire(self) -> int:
        """Take the lease and return its epoch.

        Raises `LeaseHeld`, naming the holder. The lease of one whose process has ended is taken at
        once; any other's only after it was seen to be silent for a whole time to live, by this
        process's own monotonic clock. The lock alone proves nothing: its file can be removed.
        """
        locked = self._try_lock()
        row = await self._store.read(read_lease)
        if row.holder is not None:
            if locked and _has_ended(row):
                log.warning("lease_of_dead_engine_taken", holder=row.holder, epoch=row.epoch)
            elif _age_ms(row) < self._ttl_ms or await self._beats_within_ttl(row):
                self._lock.release()
                raise LeaseHeld(_held(row))
        epoch = await self._store.write(self._take(row.epoch))
        self._store.epoch = epoch
        return epoch

    async def keep(self, lost: Callable[[StoreFatal], None]) -> None:
        """Renew until cancelled; calls `lost` and ends when another engine has taken over."""
        while True:
            await asyncio.sleep(self._ttl_ms / 3_000)
            try:
                if not self._lock.is_locked:
                    self._try_lock()
                await self._store.write_metrics(self._beat)
            except StoreFatal as error:
                lost(error)
                return
            except StoreError as error:
                log.warning("lease_not_renewed", error=str(error))

    async def check(self) -> None:
        """Raises `LeaseLost` when another engine has taken over."""
        row = await self._store.read(read_lease)
        if row.epoch != self._store.epoch:
            raise LeaseLost(f"{row.holder or 'another engine'} took over the ledger's lease")

    async def release(self) -> None:
        epoch, self._store.epoch = self._store.epoch, None
        try:
            if epoch is not None:
                await self._store.write(
                    lambda c: c.execute(SQL["lease_release"], {"epoch": epoch}).fetchall()
                )
        except StoreError as error:
            log.warning("lease_not_released", error=str(error))
        finally:
            self._lock.release()

    def _try_lock(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            raise StoreError(f"{self._lock.lock_file}: {error.strerror or error}") from error
        return True

    async def _beats_within_ttl(self, before: LeaseRow) -> bool:
        log.warning("lease_holder_silent", holder=before.holder, waiting_ms=self._ttl_ms)
        await asyncio.sleep(self._ttl_ms / 1_000)
        now = await self._store.read(read_lease)
        return (now.epoch, now.beats) != (before.epoch, before.beats)

    def _take(self, epoch: int) -> Callable[[sqlite3.Connection], int]:
        values = {
            "epoch": epoch,
            "holder": self.holder,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "now_ms": now_ms(),
        }

        def take(connection: sqlite3.Connection) -> int:
            rows = connection.execute(SQL["lease_take"], values).fetchall()
            if not rows:
                raise LeaseHeld(_held(read_lease(connection)))
            return int(rows[0][0])

        return take

    def _beat(self, connection: sqlite3.Connection) -> None:
        values = {"epoch": self._store.epoch, "now_ms": now_ms()}
        connection.execute(SQL["lease_beat"], values).fetchall()


def _has_ended(row: LeaseRow) -> bool:
    """Whether the holder's process is known to have ended. Its number may be this one's by now."""
    if row.host != socket.gethostname() or row.pid is None:
        return False
    return row.pid == os.getpid() or not _lives(row.pid)


def _lives(pid: int) -> bool:
    """Whether there is such a process here, other than one that ended and awaits its parent."""
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


def _age_ms(row: LeaseRow) -> int:
    return now_ms() - (row.heartbeat_ms or 0)


def _held(row: LeaseRow) -> str:
    since = iso(row.acquired_ms) if row.acquired_ms else "?"
    return (
        f"another engine runs on this ledger: {row.holder}, since {since} (epoch {row.epoch}). "
        "Stop it first"
    )
