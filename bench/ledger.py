"""What the authoritative transaction costs, beside a plain loop that writes the same rows.

    python -m bench.ledger [--rounds 7] [--history 1000000]

Both are handed the same fills and leave the same rows. `engine` is TX 1 through the engine's real
path: events, dedupe, exact accounting, cursors, chain and lease check, on the connection's own
thread. `loop` is plain sqlite3: one `INSERT OR IGNORE` a row, one commit; it does no accounting,
so what it puts into its position, history and commit rows is nothing.
Both: WAL, synchronous=FULL, the same schema. Rounds are interleaved; each figure is a median, and
each ratio the median of the paired rounds' ratios.
"""

import argparse
import asyncio
import itertools
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from engine.ledger.commit import Commit, commit_cycle
from engine.ledger.cursors import PreparedMarket
from engine.ledger.events import BASIC, FILL, events_of
from engine.ledger.fills import Fee, Fill
from engine.store.connection import connect_sqlite
from engine.store.store import Store
from engine.store.tx import Tx
from engine.venue import Side

SYMBOL = "BTC/USDT"
START_MS = 1_600_000_000_000
CASES = ((1, 0.0), (100, 0.0), (1_000, 0.0), (10_000, 0.0), (10_000, 0.95))


def make_fills(count: int, first: int, seed: int = 1) -> list[Fill]:
    """Fills in time order with ids as exchanges number them."""
    rng = random.Random(seed + first)
    return [
        Fill(
            trade_id=str(10_000_000 + number),
            symbol=SYMBOL,
            side=rng.choice((Side.BUY, Side.SELL)),
            qty=Decimal(rng.randint(1, 10**6)).scaleb(-6),
            price=Decimal(rng.randint(6_000_000, 7_000_000)).scaleb(-2),
            ts_ms=START_MS + number * 250,
            fees=(Fee("USDT", Decimal(rng.randint(1, 10**6)).scaleb(-8)),),
            order_id=f"o{number // 4}",
            liquidity=rng.choice(("maker", "taker")),
        )
        for number in range(first, first + count)
    ]


class Workload:
    """Batches of one size: `repeats` of each were in the batch before."""

    def __init__(self, size: int, repeats: float) -> None:
        self._size = size
        self._repeated = int(size * repeats)
        self._next = 0
        self._last: list[Fill] = []

    def batch(self) -> list[Fill]:
        new = make_fills(self._size - self._repeated, self._next)
        self._next += len(new)
        self._last = (self._last + new)[-self._size :]
        return list(self._last) if self._repeated else new

    def warm_up(self) -> list[Fill]:
        """What has to be in the ledger before the first batch, for its repeats to be repeats."""
        self._last = make_fills(self._repeated, self._next)
        self._next += self._repeated
        return self._last


class Writer(Protocol):
    async def commit(self, fills: Sequence[Fill]) -> object: ...


class EngineSide:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._cycle = 0

    @classmethod
    async def open(cls, path: Path) -> "EngineSide":
        store = await Store.open(path)
        store.epoch = 0  # The lease is checked in every transaction, as it is for a real engine.
        return cls(store)

    async def commit(self, fills: Sequence[Fill]) -> Commit:
        self._cycle += 1
        window = PreparedMarket(SYMBOL, 0, 0, tuple(fills))

        def work(tx: Tx) -> Commit:
            return commit_cycle(tx, [window], cycle_id=self._cycle, lease_epoch=0, now_ms=START_MS)

        return await self._store.write(work)

    async def close(self) -> None:
        await self._store.close()


class LoopSide:
    """The loop everyone writes first."""

    def __init__(self, path: Path) -> None:
        self._connection = connect_sqlite(path.as_uri() + "?mode=rwc", False)
        self._cycle = 0

    @classmethod
    async def open(cls, path: Path) -> "LoopSide":
        await (await Store.open(path)).close()
        side = cls(path)
        side._connection.execute("PRAGMA journal_mode=WAL").fetchall()
        side._connection.execute("PRAGMA synchronous=FULL").fetchall()
        return side

    async def commit(self, fills: Sequence[Fill]) -> None:
        self._cycle += 1
        connection, cycle = self._connection, self._cycle
        rows = [event for fill in fills for event in events_of(fill)]
        connection.execute("BEGIN IMMEDIATE")
        for row in rows:
            connection.execute(
                "INSERT OR IGNORE INTO ledger_events (event_id, ts, symbol, type, side, qty, price,"
                " fee, fee_currency, exchange_trade_id, exchange_order_id, client_order_id,"
                " meta_json, hash, cycle_id) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (*row[:BASIC], cycle),
            )
            if row.type == FILL:
                connection.execute(
                    "INSERT OR IGNORE INTO applied_fills VALUES (?, ?)",
                    (row.exchange_trade_id, cycle),
                )
        connection.execute(
            "INSERT INTO cursors VALUES ('fills_cursor:BTC/USDT', ?, 0, ?)"
            " ON CONFLICT (key) DO UPDATE SET value_ms = excluded.value_ms",
            (fills[-1].ts_ms, cycle),
        )
        connection.execute(
            "INSERT INTO stage4_positions (symbol, wallet, side, margin_mode, qty, cost,"
            " realized_pnl, fees_json, fees_unknown, events, last_ts, last_trade_id, last_event_id,"
            " cycle_id) VALUES (?, 'main', 'net', 'cash', '0', '0', '0', '{}', 0, ?, ?, '', '', ?)"
            " ON CONFLICT (symbol, wallet, side, margin_mode)"
            " DO UPDATE SET events = events + excluded.events",
            (SYMBOL, len(rows), fills[-1].ts_ms, cycle),
        )
        connection.execute(
            "INSERT INTO position_history (symbol, wallet, side, margin_mode, commit_seq, qty,"
            " cost, realized_pnl, fees_json, fees_unknown)"
            " VALUES (?, 'main', 'net', 'cash', ?, '0', '0', '0', '{}', 0)",
            (SYMBOL, cycle),
        )
        for asset in SYMBOL.split("/"):
            connection.execute(
                "INSERT INTO balances VALUES ('main', ?, '0', ?) ON CONFLICT (wallet, asset)"
                " DO UPDATE SET amount = excluded.amount, cycle_id = excluded.cycle_id",
                (asset, cycle),
            )
            connection.execute(
                "INSERT INTO balance_history VALUES ('main', ?, ?, '0')", (asset, cycle)
            )
        connection.execute(
            "INSERT INTO ledger_commits (commit_seq, cycle_id, committed_ms, lease_epoch,"
            " attempted, inserted, ignored, conflicting, fills_fetched, fills_count, first_seq,"
            " last_seq, cursors_json, positions_digest, hash, version)"
            " VALUES (?, ?, ?, 0, 0, 0, 0, 0, ?, ?, 0, 0, '{}', '', x'00', 2)",
            (cycle, cycle, START_MS, len(fills), len(fills)),
        )
        connection.execute("COMMIT")

    async def close(self) -> None:
        self._connection.close()


async def measure(folder: Path, size: int, repeats: float, rounds: int) -> str:
    """One row of the table."""
    name = f"{size}-{int(repeats * 100)}"
    ours = await EngineSide.open(folder / f"engine-{name}.db")
    loop = await LoopSide.open(folder / f"loop-{name}.db")
    workload = Workload(size, repeats)
    if before := workload.warm_up():
        await ours.commit(before)
        await loop.commit(before)
    times = await paired(ours, loop, workload.batch, rounds)
    await ours.close()
    await loop.close()
    engine_ms, loop_ms = medians(times)
    ratio = statistics.median(first / second for first, second in times)
    label = f"{size:>7,}" + (f"  {repeats:.0%} repeats" if repeats else "")
    rate = size / engine_ms * 1_000
    return f"{label:<22}{engine_ms:>11.2f}{loop_ms:>11.2f}{ratio:>9.2f}{rate:>14,.0f}"


async def measure_history(folder: Path, events: int, rounds: int) -> str:
    """100 new fills on an empty ledger and on one of `events` events."""
    empty = await EngineSide.open(folder / "empty.db")
    full = await EngineSide.open(folder / "full.db")
    done = 0
    while done * 2 < events:
        await full.commit(make_fills(10_000, done))
        done += 10_000
    batches = (make_fills(100, number) for number in itertools.count(done, 100))
    times = await paired(empty, full, batches.__next__, rounds * 3)
    await empty.close()
    await full.close()
    small, large = medians(times)
    ratio = statistics.median(second / first for first, second in times)
    name = f"{events:,} events"
    return f"{'empty ledger':<22}{small:>11.2f} ms\n{name:<22}{large:>11.2f} ms   × {ratio:.2f}"


async def paired(
    first: Writer, second: Writer, batch: Callable[[], list[Fill]], rounds: int
) -> list[tuple[float, float]]:
    """Seconds of both sides for the same fills, round by round; they take turns in going first,
    for what the first one reads is warm for the other. A round before the first is not counted."""
    times = []
    for number in range(rounds + 1):
        fills = batch()
        seconds = {}
        for side in (first, second) if number % 2 else (second, first):
            begun = time.perf_counter()
            await side.commit(fills)
            seconds[side] = time.perf_counter() - begun
        if number:
            times.append((seconds[first], seconds[second]))
    return times


def medians(times: list[tuple[float, float]]) -> tuple[float, float]:
    """In milliseconds."""
    first, second = zip(*times, strict=True)
    return statistics.median(first) * 1_000, statistics.median(second) * 1_000


async def main(rounds: int, history: int) -> None:
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        folder = Path(name)
        print(f"TX 1: medians of {rounds} paired rounds, SQLite {sqlite3.sqlite_version}")
        print(f"{'fills per cycle':<22}{'engine ms':>11}{'loop ms':>11}{'ratio':>9}{'fills/s':>14}")
        for size, repeats in CASES:
            print(await measure(folder, size, repeats, rounds), flush=True)
        if history:
            print("\n100 new fills, by what the ledger holds already")
            print(await measure_history(folder, history, rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds of each case")
    parser.add_argument("--history", type=int, default=1_000_000, help="events; 0 leaves it out")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.rounds, arguments.history))
