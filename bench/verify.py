"""How many events a second `verify` proves, without the evidence and with it.

    python -m bench.verify [--events 300000] [--rounds 5]

The ledger is one that an engine made of recorded fills: each of them a FILL and a FEE, in spot
markets and linear contracts, in commits of 10 to 1,000 fills, with their evidence and metrics.
`verify` runs on a connection and a snapshot as the command's own does: in one process, without its
evidence check (how much of that is there depends on the retention) and with it; and with a second
process, as the command has one for a ledger of 100,000 events. Each figure is a median, in events a
second of wall time and of the CPU time of both processes.
"""

import argparse
import asyncio
import json
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from engine import Engine, Settings
from engine.checks.verify import verify
from engine.store.connection import connect_sqlite
from engine.store.tx import Tx

MARKETS = {
    "BTC/USDT": (6_000_000, 0),
    "ETH/USDT": (300_000, 0),
    "SOL/USDT": (15_000, 0),
    "BTC/USDT:USDT": (6_000_000, 1),
    "ETH/USDT:USDT": (300_000, 1),
}
START_MS = 1_700_000_000_000
ONE, EVIDENCE, TWO = "without evidence", "with evidence", "with evidence, two processes"


def batches(fills: int, seed: int = 1) -> Iterator[list[dict[str, Any]]]:
    """What a venue reports in each cycle, until there are so many fills."""
    rng = random.Random(seed)
    first = 0
    while first < fills:
        size = min(round(10 ** rng.uniform(1, 3)), fills - first)
        yield [_report(rng, number) for number in range(first, first + size)]
        first += size


def _report(rng: random.Random, number: int) -> dict[str, Any]:
    symbol = rng.choice([*MARKETS])
    cents, is_contract = MARKETS[symbol]
    price = rng.randint(cents * 9 // 10, cents * 11 // 10)
    currency = "BNB" if rng.random() < 0.2 else "USDT"
    more = {"contractSize": "0.01"} if is_contract else {}
    return more | {
        "id": str(10_000_000 + number),
        "symbol": symbol,
        "side": rng.choice(("buy", "sell")),
        "amount": str(rng.randint(1, 999) if is_contract else rng.randint(1, 10**6) / 10**6),
        "price": f"{price // 100}.{price % 100:02}",
        "timestamp": START_MS + number * 250,
        "order": f"o{number // 4}",
        "takerOrMaker": rng.choice(("maker", "taker")),
        "fee": {"cost": f"0.000{rng.randint(1, 9999):04}", "currency": currency},
    }


async def make_ledger(folder: Path, events: int) -> Path:
    """A ledger of so many events, by an engine that has a file for each cycle."""
    source = folder / "fills.jsonl"
    source.touch()
    settings = Settings(
        db=folder / "ledger.db", venue=f"recorded:{source}", symbols=tuple(MARKETS), interval=0,
        lookback=0, page_size=1_000, reconcile_every=0, recorded={"trade_ids": "account"},
    )  # fmt: skip
    async with Engine(settings) as engine:
        for reports in batches(events // 2):
            source.write_text("".join(json.dumps(report) + "\n" for report in reports))
            result = await engine.cycle()
            if not result.committed:
                raise RuntimeError(f"cycle {result.cycle_id}: {result.errors}")
    return settings.db


class Timed(NamedTuple):
    """Seconds of the wall and of the CPU."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> "Timed":
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = time.process_time() + children.ru_utime + children.ru_stime
        return cls(time.perf_counter(), cpu)

    def until(self, later: "Timed") -> "Timed":
        return Timed(later.wall - self.wall, later.cpu - self.cpu)


def timed(path: Path, *, two_processes: bool = False) -> dict[str, Timed]:
    """What verifying a ledger takes, and what that takes up to the evidence."""
    times: dict[str, Timed] = {}

    def report(name: str, done: int) -> None:
        if name == "evidence":
            times.setdefault(name, Timed.now())

    with closing(connect_sqlite(f"{path.as_uri()}?mode=ro", read_only=True)) as connection:
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("BEGIN")
        begun = Timed.now()
        verification = verify(Tx(connection, path), report, two_processes=two_processes)
        ended = Timed.now()
    if not verification.ok:
        raise RuntimeError(f"{path}: {verification.violations[:5]}")
    if two_processes:
        return {TWO: begun.until(ended)}
    return {ONE: begun.until(times["evidence"]), EVIDENCE: begun.until(ended)}


def count_events(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM ledger_events").fetchone()[0])


def main(events: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        path = asyncio.run(make_ledger(Path(name), events))
        events = count_events(path)
        figures = [timed(path) | timed(path, two_processes=True) for _ in range(rounds)]
    print(f"verify of {events:,} events: medians of {rounds} rounds, in events a second")
    print(f"{'':<34}{'wall':>12}{'CPU':>12}")
    for label in (ONE, EVIDENCE, TWO):
        wall, cpu = (
            events / statistics.median(of_round[label][clock] for of_round in figures)
            for clock in (0, 1)
        )
        print(f"{label:<34}{wall:>12,.0f}{cpu:>12,.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    main(arguments.events, arguments.rounds)
