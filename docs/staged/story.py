"""What happened before the pictures were taken: a real engine ran, and not all went well."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, chdir, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import structlog

from docs.staged.clock import NOON_MS, Clock
from docs.staged.venue import SlippingVenue, another_price, no_amount, no_answer
from engine import CycleResult, Engine, History, Logged, Preview, Settings
from engine.ledger.decision import Act, Decision

ACCOUNT = "paper-01"
DB = Path("ledger.db")

# The cycles in which something happened, and what replays which.
CONFLICT = 74
DECIDED = 77
UNFETCHED = 78
WITHOUT_METRICS = 80
HELD = 87
LAST = 92
REPLAYS = {76: CONFLICT, 83: 81, 90: 88}

SLIPS = {
    (CONFLICT, "ETH/USDT"): another_price,
    (CONFLICT, "SOL/USDT"): no_amount,
    (UNFETCHED, "BTC/USDT"): no_answer,
    (HELD, "SOL/USDT"): no_amount,
}


@dataclass(frozen=True, slots=True)
class Story:
    """`folder` has the ledger; `results` are as they were published; `preview` is what another
    replay of `CONFLICT` would do. `now_ms` is when the pictures are taken."""

    folder: Path
    settings: Settings
    results: tuple[CycleResult, ...]
    logs: tuple[Logged, ...]
    preview: Preview
    now_ms: float

    @contextmanager
    def staged(self) -> Iterator[None]:
        """Be there, at that time."""
        with _at(self.folder, Clock(self.now_ms)):
            yield


def tell(folder: Path) -> Story:
    """Have it happen in `folder`; it takes some seconds."""
    clock, log = Clock(NOON_MS), _Log()
    with _at(folder, clock), _same_everywhere(), log.kept(clock):
        return asyncio.run(_tell(folder, clock, log))


async def _tell(folder: Path, clock: Clock, log: "_Log") -> Story:
    settings = _settings()
    venue = SlippingVenue(settings.sim, settings.seed, DB.with_suffix(".sim.db"), SLIPS)
    results: dict[int, CycleResult] = {}
    async with Engine(settings, venue=venue) as engine:
        for cycle_id in range(1, LAST + 1):
            clock.now_ms = NOON_MS + settings.interval * cycle_id + 12
            venue.cycle_id = cycle_id
            if cycle_id == DECIDED:  # About the item that held a cursor.
                drop = Decision(act=Act.DROP_ITEMS, item=1, reason="no amount, no fill")
                ending = engine.decide(drop, "operator")
            elif cycle_id in REPLAYS:
                ending = engine.replay(REPLAYS[cycle_id])
            else:
                ending = engine.cycle()
            results[cycle_id] = await ending
        preview = await engine.preview(CONFLICT)
    results[WITHOUT_METRICS] = await _lose_metrics(WITHOUT_METRICS)
    told = tuple(results.values())
    return Story(folder, settings, told, tuple(log.messages), preview, clock.now_ms + 1_900)


def _settings() -> Settings:
    return Settings(
        account=ACCOUNT,
        db=DB,
        symbols=("BTC/USDT", "ETH/USDT", "SOL/USDT"),
        strategy="ladder",
        interval="5s",
        lookback="20s",
        retry_attempts=1,
        lease_ttl="1h",  # It is not renewed while this goes on, on however slow a machine.
        seed=42,
        risk={"max_position": "3500"},
        sim={"step_ms": 5_000, "latency_ms": 0},
    )


async def _lose_metrics(cycle_id: int) -> CycleResult:
    """A cycle whose metrics never came to be, for TX 2 is best effort."""
    with closing(sqlite3.connect(DB)) as connection, connection:
        connection.execute("DELETE FROM cycle_metrics WHERE cycle_id = ?", (cycle_id,))
    history = await History.open(DB, ACCOUNT)
    try:
        return await history.result(cycle_id)
    finally:
        await history.close()


@contextmanager
def _at(folder: Path, clock: Clock) -> Iterator[None]:
    """In `folder`, by that clock, without what the machine has set for its user."""
    with chdir(folder), clock.in_place(), patch.dict(os.environ):
        for name in list(os.environ):
            if name == "NO_COLOR" or name.startswith("CYCLEDECK_"):
                del os.environ[name]
        yield


@contextmanager
def _same_everywhere() -> Iterator[None]:
    """What is otherwise drawn by lot, and when the exchange opens."""
    with ExitStack() as pinned:
        pinned.enter_context(patch("engine.engine.uuid.uuid4", lambda: UUID(int=0x7F3A << 112)))
        pinned.enter_context(patch("engine.venues.sim.state.START_MS", NOON_MS))
        yield


class _Log:
    """What is logged, but for what depends on the SQLite of this machine."""

    def __init__(self) -> None:
        self.messages: list[Logged] = []

    @contextmanager
    def kept(self, clock: Clock) -> Iterator[None]:
        before = structlog.get_config() if structlog.is_configured() else None
        structlog.configure(
            processors=[partial(self._keep, clock)],
            wrapper_class=structlog.make_filtering_bound_logger("info"),
        )
        try:
            yield
        finally:
            structlog.reset_defaults()
            if before is not None:
                structlog.configure(**before)

    def _keep(self, clock: Clock, _logger: Any, level: str, event: MutableMapping[str, Any]) -> str:
        name = event.pop("event")
        if name != "sqlite_wal_reset_race":
            detail = {key: str(value) for key, value in event.items()}
            logged = Logged(ts_ms=int(clock.now_ms), level=level, event=name, detail=detail)
            self.messages.append(logged)
        raise structlog.DropEvent
