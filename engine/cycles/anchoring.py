"""Anchors are added after each commit: best effort; no cycle waits for them, or fails by them."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import structlog

from engine.errors import AnchorError, StoreError
from engine.ledger import anchor_file
from engine.ledger.anchor import Anchor, name_of
from engine.ledger.identity import Identity
from engine.store.damage import DAMAGE
from engine.store.ledger_file import beside
from engine.store.store import Store
from engine.store.tx import Tx

log = structlog.get_logger("cycledeck.anchor")

T = TypeVar("T")

# Commits that are caught up with at once: of more, the newest, which vouch for those before.
MOST = 1_000
# How long a disk may take for a line, and how long an engine that closes waits for it.
PATIENCE_S = 5.0
CLOSING_S = 2.0
BEHIND = (
    "the anchor file goes on to commit {}, the ledger ends with {}: an older file was put back; "
    "`verify --anchor` says more"
)


class Anchoring:
    """Adds an anchor for each commit since the last one, whenever it is told of some. `trouble`
    says why they could not be added; null where they were."""

    def __init__(self, path: Path, store: Store) -> None:
        self.trouble: str | None = None
        self._path = path
        self._store = store
        self._ledger = ""
        self._last: int | None = None
        self._told, self._idle = asyncio.Event(), asyncio.Event()
        self._thread: threading.Thread | None = None
        self._adding = asyncio.create_task(self._add_always())
        self.tell()  # What an earlier engine missed.

    def tell(self) -> None:
        """There may be commits that have no anchor yet."""
        self._told.set()
        self._idle.clear()

    async def close(self) -> None:
        """Add what is missing, unless that takes longer than an end may take."""
        if self.trouble is not None:
            self.tell()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self._idle.wait()
        self._adding.cancel()
        await asyncio.gather(self._adding, return_exceptions=True)

    async def _add_always(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            try:
                await self._add()
                self.trouble = None
            except (OSError, StoreError, AnchorError, *DAMAGE) as error:
                self._fail(getattr(error, "strerror", None) or str(error))
            if not self._told.is_set():
                self._idle.set()

    async def _add(self) -> None:
        own = (beside(self._store.path, ending) for ending in ("", "-wal", "-shm"))
        if any(_are_one(self._path, file) for file in own):
            # To open and close it would drop the locks that SQLite has on it.
            raise AnchorError("this is the ledger itself; nothing was added")
        if self._last is None:
            self._ledger = await self._store.read(lambda tx: name_of(Identity.stored(tx)))
            anchored = await self._apart(
                lambda: anchor_file.last_anchored(self._path, self._ledger)
            )
            head: int = await self._store.read(lambda tx: tx.value("commit_last") or 0)
            if anchored > head:
                log.warning("ledger_behind_its_anchors", message=BEHIND.format(anchored, head))
            self._last = min(anchored, head)
        anchors = await self._store.read(self._missing)
        if anchors:
            await self._apart(lambda: anchor_file.add(self._path, anchors))
            self._last = anchors[-1].commit_seq

    def _missing(self, tx: Tx) -> list[Anchor]:
        rows = tx.rows("anchors_missing", after=self._last, most=MOST)
        return [Anchor.of(self._ledger, *row) for row in reversed(rows)]

    def _fail(self, reason: str) -> None:
        trouble = (
            f"{self._path}: {reason}. The commits are in the ledger; their anchors are added with "
            "the next commit, or at the next start"
        )
        if trouble != self.trouble:
            log.warning("anchor_not_written", message=trouble)
        self.trouble = trouble

    async def _apart(self, work: Callable[[], T]) -> T:
        """The outcome of `work` on a thread of its own, which a disk that hangs holds up for ever:
        it is not waited for then, and no second one is begun."""
        if self._thread is not None and self._thread.is_alive():
            raise AnchorError("the disk does not answer")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def settle(error: BaseException | None, value: T | None = None) -> None:
            if outcome.done():
                return
            outcome.set_exception(error) if error else outcome.set_result(value)  # type: ignore[arg-type]

        def run() -> None:
            error, value = None, None
            try:
                value = work()
            except Exception as raised:  # noqa: BLE001 - it is raised where it is awaited
                error = raised
            with suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(settle, error, value)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await outcome
        except TimeoutError:
            raise AnchorError("the disk does not answer") from None


def _are_one(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False
