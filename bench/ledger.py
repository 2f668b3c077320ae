"""What the authoritative transaction costs, beside a C program and a plain loop.

    python -m bench.ledger [--rounds 7] [--history 1000000]

All are handed the same fills. `engine` is TX 1 through the engine's real path: events, dedupe,
exact accounting, cursors, chain and lease check, on the connection's own thread. `C` binds the rows
that the engine left to prepared statements, and does nothing else: no event is made, nothing is
hashed or folded. `loop` is plain sqlite3: one `INSERT OR IGNORE` a row, one commit; it makes the
events and does no accounting, so what it puts into its position, history and commit rows is
nothing.
All: WAL, synchronous=FULL, the same schema. Rounds are interleaved; each figure is a median, and
each ratio the median of the rounds' ratios.
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

from bench.prepared import PreparedRows, compiled
from engine.ledger.commit import Commit, commit_cycle
from engine.ledger.cursors import PreparedMarket
from engine.ledger.events import BASIC, FILL, events_of
from engine.ledger.fills import Fee, Fill
from engine.ledger.markets import Market
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
            market=Market.of(SYMBOL),
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
    """A ledger and what writes it; `seconds` are those of one transaction with these fills."""

    async def seconds(self, fills: Sequence[Fill]) -> float: ...

    async def close(self) -> None: ...


class TimedSide:
    """A side of this process."""

    async def commit(self, fills: Sequence[Fill]) -> object:
        raise NotImplementedError

    async def seconds(self, fills: Sequence[Fill]) -> float:
        begun = time.perf_counter()
        await self.commit(fills)
        return time.perf_counter() - begun


class EngineSide(TimedSide):
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


class LoopSide(TimedSide):
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


class PreparedSide:
    """The C program, which writes what an engine wrote before on a ledger of its own."""

    def __init__(self, engine: EngineSide, program: PreparedRows) -> None:
        self._engine = engine
        self._program = program

    @classmethod
    async def open(cls, program: Path, path: Path) -> "PreparedSide":
        written = path.with_suffix(".written.db")
        engine = await EngineSide.open(written)
        await (await Store.open(path)).close()
        return cls(engine, PreparedRows(program, path, written))

    async def seconds(self, fills: Sequence[Fill]) -> float:
        await self._engine.commit(fills)
        return self._program.seconds(fills)

    async def close(self) -> None:
        self._program.close()
        await self._engine.close()


async def measure(
    folder: Path, program: Path | None, size: int, repeats: float, rounds: int
) -> str:
    """One row of the table."""
    name = f"{size}-{int(repeats * 100)}.db"
    sides: list[Writer] = [
        await EngineSide.open(folder / f"engine-{name}"),
        await LoopSide.open(folder / f"loop-{name}"),
    ]
    if program is not None:
        sides.append(await PreparedSide.open(program, folder / f"c-{name}"))
    workload = Workload(size, repeats)
    if before := workload.warm_up():
        for side in sides:
            await side.seconds(before)
    times = await paired(sides, workload.batch, rounds)
    for side in sides:
        await side.close()
    label = f"{size:>7,}" + (f"  {repeats:.0%} repeats" if repeats else "")
    return f"{label:<22}" + figures(times)


def figures(times: Sequence[Sequence[float]]) -> str:
    """Each side's milliseconds, and the ratios: engine to loop, engine to C, loop to C."""
    medians = [statistics.median(of_side) * 1_000 for of_side in zip(*times, strict=True)]
    pairs = ((0, 1), (0, 2), (1, 2)) if len(medians) > 2 else ((0, 1),)
    ratios = [
        statistics.median(each[over] / each[under] for each in times) for over, under in pairs
    ]
    return "".join(f"{median:>11.2f}" for median in medians) + "".join(
        f"{ratio:>13.2f}" for ratio in ratios
    )


def heading(with_c: bool) -> str:
    names = ["engine ms", "loop ms", *(["C ms"] if with_c else [])]
    ratios = ["engine/loop", *(["engine/C", "loop/C"] if with_c else [])]
    columns = [f"{name:>11}" for name in names] + [f"{name:>13}" for name in ratios]
    return f"{'fills per cycle':<22}" + "".join(columns)


async def measure_history(folder: Path, events: int, rounds: int) -> str:
    """100 new fills on an empty ledger and on one of `events` events."""
    empty = await EngineSide.open(folder / "empty.db")
    full = await EngineSide.open(folder / "full.db")
    done = 0
    while done * 2 < events:
        await full.commit(make_fills(10_000, done))
        done += 10_000
    batches = (make_fills(100, number) for number in itertools.count(done, 100))
    times = await paired((empty, full), batches.__next__, rounds * 3)
    await empty.close()
    await full.close()
    small, large = (statistics.median(each) * 1_000 for each in zip(*times, strict=True))
    ratio = statistics.median(second / first for first, second in times)
    name = f"{events:,} events"
    return f"{'empty ledger':<22}{small:>11.2f} ms\n{name:<22}{large:>11.2f} ms   × {ratio:.2f}"


async def paired(
    sides: Sequence[Writer], batch: Callable[[], list[Fill]], rounds: int
) -> list[list[float]]:
    """Seconds of all sides for the same fills, round by round; they take turns in going first,
    for what the first one reads is warm for the others. A round before the first is not counted."""
    times = []
    for number in range(rounds + 1):
        fills = batch()
        seconds = {}
        turn = number % len(sides)
        for side in (*sides[turn:], *sides[:turn]):
            seconds[side] = await side.seconds(fills)
        if number:
            times.append([seconds[side] for side in sides])
    return times


async def main(rounds: int, history: int) -> None:
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        folder = Path(name)
        print(f"TX 1: medians of {rounds} paired rounds, SQLite {sqlite3.sqlite_version}")
        program, remark = compiled(folder)
        print(remark)
        print(heading(with_c=program is not None))
        for size, repeats in CASES:
            print(await measure(folder, program, size, repeats, rounds), flush=True)
        if history:
            print("\n100 new fills, by what the ledger holds already")
            print(await measure_history(folder, history, rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds of each case")
    parser.add_argument("--history", type=int, default=1_000_000, help="events; 0 leaves it out")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.rounds, arguments.history))
