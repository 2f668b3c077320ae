"""The composition root: everything an engine is made of, built and ended in one place."""

import asyncio
import os
import uuid
import warnings
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType

import structlog

from engine import logs
from engine.clock import now_ms
from engine.control import audit
from engine.control.commands import Commands
from engine.control.messages import Hello
from engine.control.server import Channel
from engine.control.unix_socket import socket_path
from engine.cycles import metrics
from engine.cycles.anchoring import Anchoring
from engine.cycles.cycle import CycleRunner
from engine.cycles.feed import Feed, Subscription
from engine.cycles.recovery import recover_cycles
from engine.cycles.rehearsal import Rehearsal, Report, rehearse
from engine.cycles.results import CycleResult, Kind, Preview
from engine.cycles.scheduler import Scheduler
from engine.errors import LedgerMismatch, SettingsError, StoreError, StoreFatal
from engine.ledger.decision import Decision
from engine.ledger.identity import Identity
from engine.settings import Settings
from engine.store.connection import Connect, complete, connect_sqlite
from engine.store.damage import sound_rows
from engine.store.lease import Lease
from engine.store.ledger_file import PRIVATE, is_there, mode_of
from engine.store.ledger_lock import LedgerLock
from engine.store.library import check_library, wal_reset_warning
from engine.store.readstore import ReadStore
from engine.store.store import Store
from engine.store.tx import Tx
from engine.trading.execution import Execution
from engine.trading.strategies import Ladder, Strategy, observe
from engine.venue import Account, Venue
from engine.venues import registry
from engine.venues.detached import detached
from engine.venues.registry import VenueSetup
from engine.venues.retrying import Retrying
from engine.version import __version__

log = structlog.get_logger("cycledeck")

# How far back a start looks for cycles that were not recorded; the explicit backfill looks at all.
RECENT_COMMITS = 1_000


class Engine:
    """One engine on one ledger: `async with Engine(settings) as engine: await engine.cycle()`.

    `venue`, `strategy` and `connect` take the place of what the settings name. With `channel`,
    consoles can attach to it while it is open.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        venue: Venue | None = None,
        strategy: Strategy | None = None,
        connect: Connect = connect_sqlite,
        channel: bool = False,
    ) -> None:
        self.settings = settings
        self.venue = venue or make_venue(settings)
        self._strategy = strategy or make_strategy(settings, self.venue)
        self._connect = connect
        self._has_channel = channel
        self._feed = Feed()
        self._running: _Running | None = None

    async def __aenter__(self) -> "Engine":
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the ledger, take its lease, connect to the venue, recover what a crash left.

        Raises `SettingsError`, `LeaseHeld`, `SchemaTooNew`, `LedgerMismatch`, `StoreError` or
        `VenueError`.
        """
        settings = self.settings
        if not structlog.is_configured():  # A program that uses this as a library may have done so.
            logs.configure(settings.log)
        check_library()
        if self._feed.closed:  # It was open before.
            self._feed = Feed()
        _check_folder(settings)
        async with AsyncExitStack() as ending:
            ending.callback(self._feed.close)
            # One that is only read from comes first: for a mistyped file no ledger is left behind.
            comes_first = not self.venue.takes_orders and not is_there(settings.db)
            if comes_first:
                await self._open_venue(ending)
            lock = LedgerLock(settings.db)
            ending.callback(lock.release)
            store = await Store.open(
                settings.db,
                busy_timeout_ms=settings.busy_timeout,
                connect=self._connect,
                file_mode=settings.file_mode,
                lock=lock,
            )
            ending.push_async_callback(store.close)
            self._warn_of_readers()
            self._warn_of_library()
            with sound_rows(settings.db):
                _check_identity(await store.read(Identity.read), self.venue)
            lease = Lease(store, settings.lease_ttl, lock)
            ending.push_async_callback(lease.release)
            await lease.acquire()
            if not comes_first:
                await self._open_venue(ending)
            running = await self._assemble(store, lease)
            ending.push_async_callback(running.stop_keeping)
            if settings.anchor_file is not None:
                anchoring = running.runner.anchoring = Anchoring(settings.anchor_file, store)
                ending.push_async_callback(anchoring.close)
            await self._recover(running)
            if self._has_channel:
                running.channel = self._channel(running)
                ending.push_async_callback(running.channel.close)
                running.channel.open(socket_path(settings.db))
            ending.push_async_callback(running.scheduler.finish, settings.stop_timeout)
            running.ending = ending.pop_all()
            self._running = running

    def _warn_of_readers(self) -> None:
        mode = mode_of(self.settings.db)
        if mode != PRIVATE and self.settings.file_mode is None:
            remedy = 'file_mode = "0600" keeps it to its owner'
            log.warning("ledger_open_to_others", mode=f"{mode:04o}", message=remedy)

    def _warn_of_library(self) -> None:
        """An engine that stays says it once in its log; `status` and Health always do."""
        if self._has_channel and (warning := wal_reset_warning()):
            log.warning("sqlite_wal_reset_race", message=warning)

    async def close(self) -> None:
        """End the running cycle, give the lease back, close everything.

        It is done to its end even when the task is cancelled meanwhile.
        """
        running, self._running = self._running, None
        if running is not None:
            await complete(running.ending.aclose())

    async def cycle(self, kind: Kind = Kind.LIVE) -> CycleResult:
        """Run one cycle now, or right after the running one; the interval keeps its raster."""
        return await self._up.scheduler.cycle(kind)

    async def once(self) -> CycleResult:
        """Run one cycle now, of the kind that is due: every so often it looks back further."""
        running = self._up
        tried: int | None = await running.store.read(lambda tx: tx.value("cycle_last_in_vain"))
        return await running.scheduler.once(tried_in_vain=bool(tried))

    async def run(
        self,
        cycles: int | None = None,
        on_result: Callable[[CycleResult], None] = lambda result: None,
    ) -> None:
        """Run cycles at the configured interval until `stop`, or for a number of them.

        `on_result` gets every result of this loop, where `subscribe` may leave some out. Raises
        the `StoreFatal` that ended it, if one did.
        """
        await self._up.scheduler.run(cycles, on_result)

    async def trigger(self) -> CycleResult:
        """Deprecated: `cycle` does the same. It goes with 0.4."""
        message = "Engine.trigger is called Engine.cycle now; the old name goes with 0.4"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return await self.cycle()

    def pause(self) -> None:
        self._up.scheduler.pause()

    def resume(self) -> None:
        self._up.scheduler.resume()

    def stop(self) -> None:
        """Ask `run` to return after the running cycle; a closing engine is asked nothing."""
        if self._running is not None:
            self._running.scheduler.stop()

    def subscribe(self) -> Subscription[CycleResult]:
        """Results as they come; a slow subscriber gets the latest, not all."""
        return self._feed.subscribe()

    async def replay(self, cycle_id: int) -> CycleResult:
        """Run a cycle's phase 1 again on its recorded inputs. Raises `NoSuchCycle`."""
        return await self._up.scheduler.replay(cycle_id)

    async def preview(self, cycle_id: int) -> Preview:
        """What `replay` would do now; changes nothing. Raises `NoSuchCycle` or `StoreError`."""
        return await self._up.scheduler.preview(cycle_id)

    async def decide(self, decision: Decision, actor: str) -> CycleResult:
        """Commit a decision of the operator. Raises `DecisionRefused` where it cannot be made."""
        return await self._up.scheduler.decide(decision, actor)

    async def preview_decision(self, decision: Decision, actor: str) -> Preview:
        """The preview of a decision; changes nothing. Raises `DecisionRefused`."""
        return await self._up.scheduler.preview_decision(decision, actor)

    @property
    def fatal(self) -> StoreFatal | None:
        """What stopped this engine for good, if anything did."""
        return self._up.runner.fatal

    @property
    def _up(self) -> "_Running":
        if self._running is None:
            raise RuntimeError("the engine is not open")
        return self._running

    async def _open_venue(self, ending: AsyncExitStack) -> None:
        ending.push_async_callback(self.venue.close)
        await self.venue.open()

    async def _assemble(self, store: Store, lease: Lease) -> "_Running":
        identity = await store.write(partial(_identify, venue=self.venue))
        last_id = await store.read(lambda tx: int(tx.value("cycle_last_id")))
        retrying = Retrying(self.settings.retry_attempts, self.settings.retry_wait)
        execution = Execution(
            store,
            self.venue,
            retrying,
            self._strategy,
            self.settings.risk,
            self.settings.kill_switch_file,
            lease.check,
            identity.ledger_id,
        )
        runner = CycleRunner(
            self.settings, store, self.venue, retrying, execution, self._feed, last_id
        )
        due: int | None = await store.read(lambda tx: tx.value("cycle_last_reconcile"))
        scheduler = Scheduler(runner, self.settings, due)
        keeper = asyncio.create_task(lease.keep(scheduler.fail))
        return _Running(store, lease, execution, runner, scheduler, keeper)

    async def _recover(self, running: "_Running") -> None:
        """Finish what earlier runs left: unknown orders, open cycle rows, missing metrics."""
        if self.venue.takes_orders:
            await running.execution.resolve()
        recent = RECENT_COMMITS
        try:
            await running.store.write(partial(recover_cycles, recent=recent, mode=self.venue.mode))
            await running.store.write(audit.interrupted)
        except StoreFatal:
            raise
        except StoreError as error:
            log.warning("cycles_not_settled", error=str(error))
        waiting = await running.store.read(partial(metrics.missing, recent=recent))
        await running.runner.rebuild_metrics(waiting)

    def _channel(self, running: "_Running") -> Channel:
        commands = Commands(self.settings, running.store, running.runner, running.scheduler)
        hello = self._hello(running)
        return Channel(hello, running.scheduler, self._feed, commands, running.execution.killed)

    def _hello(self, running: "_Running") -> Hello:
        settings = self.settings
        return Hello(
            version=__version__,
            account=settings.account,
            venue=settings.venue,
            mode=self.venue.mode.value,
            strategy=settings.strategy,
            db=str(settings.db.absolute()),
            pid=os.getpid(),
            holder=running.lease.holder,
            epoch=running.store.epoch or 0,
            started_ms=now_ms(),
            interval_ms=settings.interval,
            lookback_ms=settings.lookback,
            symbols=settings.symbols,
            seed=self.venue.seed,
        )


@dataclass(slots=True)
class _Running:
    store: Store
    lease: Lease
    execution: Execution
    runner: CycleRunner
    scheduler: Scheduler
    keeper: asyncio.Task[None]
    channel: Channel | None = None
    ending: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def stop_keeping(self) -> None:
        """End the renewal of the lease."""
        self.keeper.cancel()
        await asyncio.gather(self.keeper, return_exceptions=True)


def _check_folder(settings: Settings) -> None:
    """Raises `SettingsError` where the ledger's folder is not there: the default one is made, a
    path given by hand is mistyped then."""
    folder = settings.db.parent
    try:
        folder.lstat()
    except FileNotFoundError:
        if "db" in settings.model_fields_set:
            raise SettingsError(
                f"db = {str(settings.db)!r}: there is no folder {folder}; make it first, or give a "
                "path in a folder that is there"
            ) from None
    except OSError:
        return  # What it is, opening the ledger says.


def make_venue(settings: Settings) -> Venue:
    kind, argument = registry.parse(settings.venue)
    section = getattr(settings, kind.name)
    shared = settings.db, settings.page_size, settings.seed
    return kind.make(VenueSetup(section, argument, *shared))


def make_strategy(settings: Settings, venue: Venue) -> Strategy:
    if settings.strategy == "ladder" and not venue.takes_orders:
        raise SettingsError(
            f"strategy = 'ladder': the venue {settings.venue} takes no orders; accepted: none, auto"
        )
    by_default = settings.strategy == "auto" and venue.takes_orders and venue.trades_by_default
    return Ladder(settings.ladder) if by_default or settings.strategy == "ladder" else observe


def _identify(tx: Tx, venue: Venue) -> Identity:
    """Pin the ledger to its venue's kind, account and numbering, or check that they are the pinned
    ones."""
    stored = Identity.read(tx)
    new = Identity(uuid.uuid4().hex[:4], now_ms(), venue.name, venue.trade_ids)
    _check_identity(stored, venue)
    account = (stored or new).account.fields() | venue.account.fields()
    identity = replace(stored or new, account=Account(**account))
    if identity != stored:
        identity.keep(tx)
    return identity


def _check_identity(identity: Identity | None, venue: Venue) -> None:
    """Raises `LedgerMismatch` where the ledger is pinned to another venue, account or trade ids.

    Where trade ids are unique is part of the ids of everything booked.
    """
    if identity is None:
        return
    declared = venue.trade_ids if venue.trade_ids_declared else identity.trade_ids
    if identity.venue != venue.name:
        raise LedgerMismatch(
            f"this ledger belongs to the venue {identity.venue}, not {venue.name}; nothing was "
            "changed. Use another file with --db"
        )
    pinned = identity.account.fields()
    for name, value in venue.account.fields().items():
        if pinned.get(name, value) != value:
            raise LedgerMismatch(
                f"this ledger belongs to an account with {name} {pinned[name]}, not {value}; "
                "nothing was changed. Set it to that, leave it out, or use another file with --db"
            )
    if declared != identity.trade_ids:
        raise LedgerMismatch(
            f"{venue.name}.trade_ids = {declared.value!r}, but this ledger's ids were made with "
            f"{identity.trade_ids.value!r}; nothing was changed. Set it to that, or use another "
            "file with --db"
        )


async def replay_cycle(settings: Settings, cycle_id: int) -> CycleResult:
    """Replay a cycle without its venue: a replay asks the venue nothing.

    Takes the lease, like every engine. Raises `NoSuchCycle`, `LeaseHeld`, `StoreError`.
    """
    async with await _detached_engine(settings) as engine:
        return await engine.replay(cycle_id)


async def decide_once(settings: Settings, decision: Decision, actor: str) -> Preview:
    """Commit a decision without the venue; returns what it changed.

    Takes the lease, like every engine. Raises `DecisionRefused`, `LeaseHeld`, `StoreError`.
    """
    async with await _detached_engine(settings) as engine:
        preview = await engine.preview_decision(decision, actor)
        result = await engine.decide(decision, actor)
    if not result.committed:
        raise StoreError(f"the decision was not committed: {result.errors[0].message}")
    made = {"commit_seq": result.commit_seq, "cycle_id": result.cycle_id}
    return preview.model_copy(update=made)


async def preview_once(settings: Settings, decision: Decision, actor: str) -> Preview:
    """The preview of `decide_once`; changes nothing."""
    async with await _detached_engine(settings) as engine:
        return await engine.preview_decision(decision, actor)


async def _detached_engine(settings: Settings) -> Engine:
    """An engine on a ledger that asks its venue nothing. Raises `StoreError`."""
    reader = await ReadStore.open(settings.db, settings.busy_timeout)
    try:
        venue = await reader.read(detached)
    finally:
        await reader.close()
    return Engine(settings, venue=venue, strategy=observe)


async def rehearse_cycle(
    settings: Settings, cycle_id: int, report: Report = lambda step: None
) -> Rehearsal:
    """Run a cycle's phase 1 again on a copy of the state before it. Needs no lease."""
    return await rehearse(settings.db, cycle_id, settings.busy_timeout, report)
