"""Stories that an engine goes through while faults hit it, and what has to be true afterwards."""

import asyncio
import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine import Engine, Settings
from engine.checks.records import COMMITTED
from engine.checks.verify import verify
from engine.cycles import metrics
from engine.cycles.results import CycleResult
from engine.errors import StoreError
from engine.ledger import positions
from engine.ledger.quarantine_decisions import quarantined
from engine.store.connection import Connect, connect_sqlite
from engine.venue import LimitOrder, VenueOrder
from engine.venues.sim import Mischief, SimSettings, SimVenue
from engine.venues.sim.state import START_BALANCES
from tests.builders import ETH, Reported, fee, opened, raw, reported, resolution, serve, settings_in
from tests.faults.injection import Statements
from tests.golden.golden_ledger import FOLDER, unpack
from tests.idle import SHORT_LIVED, age, misplaced, runs

CROSS = "ETH/BTC"
Books = dict[str, list[Any]]

AUTHORITATIVE = {
    "events": """SELECT event_id, ts, symbol, type, side, qty, price, fee, fee_currency,
        exchange_trade_id, exchange_order_id, client_order_id, meta_json, hex(hash)
        FROM ledger_events ORDER BY event_id""",
    "claims": "SELECT fill_id FROM applied_fills ORDER BY fill_id",
    "positions": """SELECT symbol, qty, cost, realized_pnl, fees_json, events, last_ts,
        last_trade_id, last_event_id FROM stage4_positions ORDER BY symbol""",
    "cursors": "SELECT key, value_ms, start_ms FROM cursors ORDER BY key",
    "conflicts": "SELECT event_id, fields_json, hex(reported_hash) FROM conflicts ORDER BY 1, 3",
    "quarantine": "SELECT raw, symbol, status, replacement FROM quarantine ORDER BY digest",
}
SHORT: dict[str, Any] = {
    "busy_timeout": "100ms",
    "lease_ttl": "1h",
    "page_size": 10,
    "retry_attempts": 2,
}


def books(path: Path) -> Books:
    """What must come out the same whatever happened on the way."""
    with opened(path) as connection:
        return {
            name: [list(row) for row in connection.execute(statement).fetchall()]
            for name, statement in AUTHORITATIVE.items()
        }


def health(path: Path) -> Iterator[str]:
    """What is wrong with a ledger that no engine runs on any more."""
    with opened(path) as connection:
        yield from map(str, verify(connection).violations)
        for cycle_id in metrics.missing(connection):
            yield f"cycle {cycle_id} has no metrics"
        committed = {row[0] for row in connection.execute("SELECT cycle_id FROM ledger_commits")}
        idle = "SELECT cycle_id FROM cycles WHERE committed = 'nothing'"
        committed |= {row[0] for row in connection.execute(idle)}
        for cycle_id, status in connection.execute("SELECT cycle_id, status FROM cycles"):
            if (status in COMMITTED) != (cycle_id in committed):
                yield f"cycle {cycle_id} is {status}; in the ledger: {cycle_id in committed}"
        for order, status in connection.execute("SELECT client_order_id, status FROM orders"):
            if status in ("intended", "unknown"):
                yield f"order {order} is {status}"


def misreported(path: Path, results: list[CycleResult]) -> Iterator[str]:
    """Results that do not tell what the ledger holds."""
    with opened(path) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        commits = (
            "SELECT cycle_id FROM ledger_commits"  # Of a file that a start only just made: none.
        )
        committed = {row[0] for row in connection.execute(commits)} if tables[0] else set()
    for result in results:
        said_so = result.commit_seq is not None
        inserted_into_nothing = result.nothing_to_commit and result.ledger_events_inserted
        if said_so != (result.cycle_id in committed) or inserted_into_nothing:
            yield f"cycle {result.cycle_id} was published as {result!r}"


def differences(expected: Books, found: Books) -> Iterator[str]:
    for name, rows in expected.items():
        for row in rows:
            if row not in found[name]:
                yield f"{name}: lost {row}"
        for row in found[name]:
            if row not in rows:
                yield f"{name}: not expected {row}"
        if len(rows) != len(found[name]):
            yield f"{name}: {len(rows)} rows expected, {len(found[name])} found"


async def persistently(settings: Settings, connect: Connect, **parts: Any) -> Engine:
    """An open engine; a fault that hits the first opening does not hit the second one."""
    engine = Engine(settings, connect=connect, **parts)
    try:
        await engine.open()
    except StoreError:
        engine = Engine(settings, connect=connect, **parts)
        await engine.open()
    return engine


def _bulk() -> list[Reported]:
    """Enough fills for a statement of many rows, and for checkpoints."""
    return [
        reported(
            f"{number}",
            "buy" if number % 3 else "sell",
            f"0.{number:02}",
            f"{60_000 + number}.{number}",
            1_000_000 + 1_000 * number,
            fees=[fee(f"0.0{number}", "BNB" if number % 2 else "USDT")],
            order=f"o{number}",
        )
        for number in range(10, 30)
    ]


UNREADABLE = reported("60", amount="1e400", price="3000", symbol=ETH, ts=1_041_000)
CORRECTED = UNREADABLE | {"amount": "0.6"}


def stages() -> list[list[Reported]]:
    """What becomes known before each cycle."""
    unsure = reported("40", "buy", "0.4", "61000", 1_031_000, fees=[], fee=None)
    return [
        [*_bulk(), reported("31", "sell", "2", "3000", 1_001_000, ETH, fees=[fee("0.001", "ETH")])],
        [unsure, reported("41", "buy", "3", "3010", 1_032_000, ETH), _bulk()[0], _bulk()[5]],
        # Late, before a checkpoint; a fee that was not known; two stories about one fill.
        [
            reported("50", "sell", "0.05", "60500", 1_009_500, fees=[fee("0.0001", "BTC")]),
            unsure | {"fees": [fee("0.7"), fee("0.01", "BNB")]},
            *(reported("62", "sell", amount, "3000", 1_043_000, ETH) for amount in ("2", "5")),
            reported("51", "buy", "1", "0.05", 1_040_000, CROSS, fees=[fee("-0.00001", "BTC")]),
        ],
        [UNREADABLE, reported("61", "sell", "0.1", "3020", 1_042_000, ETH)],
        [reported("70", "sell", "1.5", "62000", 1_050_000, fees=[fee("3", "USDT")])],
    ]


@dataclass
class RecordedStory:
    """Five cycles on a file that grows, with a restart in between."""

    folder: Path
    sent: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return settings_in(self.folder, self.folder / "fills.jsonl", **SHORT)

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    def reach(self, stage: int) -> None:
        lines = [line for lines in stages()[:stage] for line in lines]
        serve(self.folder / "fills.jsonl", lines)

    async def prepare(self) -> None:
        self.reach(1)
        async with Engine(self.settings):
            pass

    async def run(self, connect: Connect = connect_sqlite) -> list[CycleResult]:
        positions.CHECKPOINT_EVENTS = 8
        results = []
        for run in ((1, 2), (3, 4, 5)):
            engine = await persistently(self.settings, connect)
            try:
                for stage in run:
                    self.reach(stage)
                    results.append(await engine.cycle())
                    if stage == 4:
                        results += await self.correct(engine)
            finally:
                await engine.close()
        return results

    async def recover(self) -> None:
        """What an operator and time do: start again, resolve what waits, go on."""
        positions.CHECKPOINT_EVENTS = 8
        self.reach(len(stages()))
        async with Engine(self.settings) as engine:
            await engine.cycle()
            await self.correct(engine)
            await engine.cycle()

    async def correct(self, engine: Engine) -> list[CycleResult]:
        """The decisions that an operator makes; where one fails, the item waits still."""
        made = []
        with opened(self.ledger) as connection:
            waiting = [item.id for item in quarantined(connection) if item.status == "open"]
        for item in waiting:
            with suppress(StoreError):
                decision = resolution(item, json.dumps(CORRECTED))
                made.append(await engine.decide(decision, "test"))
        return made

    def problems(self, expected: Books) -> list[str]:
        return [*health(self.ledger), *differences(expected, books(self.ledger))]


MISCHIEF = Mischief(
    duplicate=0.2, out_of_order=0.3, late=0.3, null_fee=0.3, timeout=0.08, late_by_ms=4_000
)


class NotingSim(SimVenue):
    """Writes down each client id before it is sent, for good."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings.sim, settings.seed, settings.page_size, settings.db.with_suffix(".sim.db")
        )
        self._notes = settings.db.with_suffix(".sent")

    async def submit(self, order: LimitOrder) -> VenueOrder:
        with self._notes.open("a") as notes:
            notes.write(f"{order.client_order_id}\n")
        return await super().submit(order)


@dataclass
class SimStory:
    """Cycles that send orders to an exchange which is late, repeats itself and loses answers."""

    folder: Path
    mischief: Mischief = MISCHIEF

    @property
    def settings(self) -> Settings:
        return self._settings(SimSettings(step_ms=1_500, mischief=self.mischief), "ladder")

    def _settings(self, sim: SimSettings, strategy: str) -> Settings:
        symbols = "BTC/USDT,SOL/USDT"
        more = SHORT | {"symbols": symbols, "seed": 11, "strategy": strategy}
        return settings_in(self.folder, **more, sim=sim, ladder={"spacing_bps": "6", "levels": 1})

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    async def prepare(self) -> None:
        async with Engine(self.settings, venue=NotingSim(self.settings)):
            pass

    async def run(self, connect: Connect = connect_sqlite) -> list[CycleResult]:
        settings = self.settings
        results = []
        for cycles in (2, 2):
            engine = await persistently(settings, connect, venue=NotingSim(settings))
            try:
                results += [await engine.cycle() for _ in range(cycles)]
            finally:
                await engine.close()
        return results

    async def recover(self) -> None:
        """With an exchange that behaves, until all it owes is published."""
        settings = self._settings(SimSettings(step_ms=self.mischief.late_by_ms), "none")
        async with Engine(settings, venue=NotingSim(settings)) as engine:
            for _ in range(3):
                await engine.cycle()

    def problems(self, expected: Books) -> list[str]:
        del expected  # The exchange's own file says what has to be there.
        return [*health(self.ledger), *disagreements(self.ledger), *self._repeated()]

    def _repeated(self) -> Iterator[str]:
        notes = self.ledger.with_suffix(".sent")
        sent = Counter(notes.read_text().split()) if notes.exists() else {}
        for client_order_id, times in sent.items():
            if times > 1:
                yield f"order {client_order_id} was sent {times} times"


# The simulator's, which its first commit books.
OPENINGS = {f"opening:{number}" for number, _ in enumerate(START_BALANCES, 1)}


def disagreements(ledger: Path) -> Iterator[str]:
    """Where a ledger and the sim exchange's own file differ, as of the last cycle's begin."""
    with opened(ledger.with_suffix(".sim.db")) as exchange:
        raw(exchange).row_factory = sqlite3.Row
        trades = {str(row["number"]): row for row in exchange.execute("SELECT * FROM trades")}
        there = {row[0] for row in exchange.execute("SELECT client_order_id FROM orders")}
    with opened(ledger) as connection:
        raw(connection).row_factory = sqlite3.Row
        events = {e["event_id"]: e for e in connection.execute("SELECT * FROM ledger_events")}
        committed = connection.execute("SELECT count(*) FROM ledger_commits").fetchall()[0][0]
        as_of = connection.execute("SELECT max(venue_ms) FROM cycles").fetchall()[0][0]
        orders = {o["client_order_id"]: o["status"] for o in connection.execute(
            "SELECT client_order_id, status FROM orders")}  # fmt: skip
    for number, trade in trades.items():
        expected = [
            (f"fill:{number}", trade["published_ms"], ("ts", "symbol", "side", "qty", "price")),
            (f"fee:{number}", trade["fee_known_ms"], ("ts", "symbol", "fee", "fee_currency")),
        ]
        for event_id, known_ms, names in expected:
            if event_id.startswith("fee") and not Decimal(trade["fee"]):
                # That there is none may have been known late, which an event of nothing says.
                if event_id in events and events[event_id]["fee"] == "0":
                    del events[event_id]
                continue
            event = events.pop(event_id, None)
            if event is None and known_ms <= as_of:
                yield f"{event_id} is missing"
            if event is not None and any(event[name] != trade[name] for name in names):
                yield f"{event_id} is {dict(event)}, at the exchange {dict(trade)}"
    openings = [events.pop(event_id) for event_id in sorted(events) if event_id in OPENINGS]
    opened_with = {event["asset"]: Decimal(event["amount"]) for event in openings}
    if opened_with != (START_BALANCES if committed else {}):
        yield f"the account is opened with {[dict(event) for event in openings]}"
    for event_id in events:
        yield f"{event_id} is no trade of the exchange"
    for order in there:
        if orders.get(order) in (None, "refused", "absent", "rejected"):
            yield f"order {order} is at the exchange, here it is {orders.get(order)}"


@dataclass
class OpeningStory(RecordedStory):
    """A ledger is made."""

    async def prepare(self) -> None:
        self.reach(1)

    async def run(self, connect: Connect = connect_sqlite) -> list[CycleResult]:
        await (await persistently(self.settings, connect)).close()
        return []

    async def recover(self) -> None:
        await (await persistently(self.settings, connect_sqlite)).close()


@dataclass
class UpgradingStory(OpeningStory):
    """A ledger of an earlier program is brought up to date."""

    async def prepare(self) -> None:
        unpack(FOLDER / "0.1.0" / "recorded-account", self.folder)

    def problems(self, expected: Books) -> list[str]:
        copies = [file.name for file in self.folder.glob("*.bak*")]
        if copies != ["ledger.db.schema-3.bak"]:
            return [f"the copies are {copies}"]
        copied = books(self.folder / copies[0])
        return [*super().problems(expected), *differences(expected, copied)]


@dataclass
class IdleStory(RecordedStory):
    """Cycles that change nothing, those of earlier days among them: their retention ends."""

    @property
    def settings(self) -> Settings:
        more = SHORT | SHORT_LIVED
        return settings_in(self.folder, self.folder / "fills.jsonl", **more)

    def trade(self, fills: int) -> None:
        items = [reported(str(n), ts=n * 1_000, fees=[fee("0.1")]) for n in range(1, fills + 1)]
        serve(self.folder / "fills.jsonl", items)

    async def prepare(self) -> None:
        self.trade(0)
        async with Engine(self.settings) as engine:
            for fills in (1, 1, 1, 2, 2):
                self.trade(fills)
                await engine.cycle()
        age(self.ledger)

    async def run(self, connect: Connect = connect_sqlite) -> list[CycleResult]:
        results = []
        for fills in (2, 3):
            self.trade(fills)
            engine = await persistently(self.settings, connect)
            try:
                results += [await engine.cycle() for _ in range(2)]
            finally:
                await engine.close()
        return results

    async def recover(self) -> None:
        self.trade(3)
        async with Engine(self.settings) as engine:
            await engine.cycle()
            await engine.cycle()

    def problems(self, expected: Books) -> list[str]:
        found, wanted = runs(self.ledger), [(2, 3), (5, 5)]
        swept = [] if found == wanted else [f"idle runs are {found}"]
        return [*super().problems(expected), *misplaced(self.ledger), *swept]


Story = RecordedStory | SimStory
STORIES: dict[str, type[Story]] = {
    "opening": OpeningStory,
    "upgrading": UpgradingStory,
    "recorded": RecordedStory,
    "idle": IdleStory,
    "sim": SimStory,
}


class Rehearsed:
    """A story that was run without faults: its statements, and the books it has to lead to."""

    def __init__(self, name: str, root: Path) -> None:
        self._template = root / "template"
        self._template.mkdir()
        self._kind = STORIES[name]
        asyncio.run(self._kind(self._template).prepare())
        story = self.fresh(root / "fault-free")
        statements = Statements()
        results = asyncio.run(story.run(statements.connect))
        asyncio.run(story.recover())
        self.seen = statements.seen
        self.expected = books(story.ledger)
        assert self.problems(story) == list(misreported(story.ledger, results)) == []

    def fresh(self, folder: Path) -> Story:
        """The story at its beginning."""
        shutil.copytree(self._template, folder)
        return self._kind(folder)

    def problems(self, story: Story) -> list[str]:
        return story.problems(self.expected)


def scratch() -> str | None:
    """Where files cost no disk writes, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
