"""How many events a second `verify` proves, without the evidence and with it.

    python -m bench.verify [--events 300000] [--rounds 5] [--checks]

The ledger is one that an engine made of recorded fills: each of them a FILL and a FEE, in spot
markets and linear contracts, in commits of 10 to 1,000 fills, with their evidence and metrics.
`verify` runs on a connection and a snapshot as the command's own does. Its evidence check is timed
apart, for how much of that is there depends on the retention. Each figure is a median, in events a
second of wall time and of CPU time; `--checks` adds the CPU time of each check.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

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


class Watch:
    """The time, of the wall and of the CPU, that each check took."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._name = ""
        self._begun = self._now()

    def report(self, name: str, done: int) -> None:
        """What `verify` is given to report to."""
        if name != self._name:
            self.end()
            self._name = name

    def end(self) -> None:
        now = self._now()
        spent = [after - before for after, before in zip(now, self._begun, strict=True)]
        so_far = self.seconds.get(self._name, [0.0, 0.0])
        self.seconds[self._name] = [a + b for a, b in zip(so_far, spent, strict=True)]
        self._begun = now

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()


def timed(path: Path) -> dict[str, list[float]]:
    """Seconds of each check of a ledger."""
    with closing(connect_sqlite(f"{path.as_uri()}?mode=ro", read_only=True)) as connection:
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("BEGIN")
        watch = Watch()
        verification = verify(Tx(connection, path), watch.report)
        watch.end()
    if not verification.ok:
        raise RuntimeError(f"{path}: {verification.violations[:5]}")
    return watch.seconds


def count_events(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM ledger_events").fetchone()[0])


def rates(events: int, rounds: list[dict[str, list[float]]], *, evidence: bool) -> list[float]:
    """Median events a second, of the wall and of the CPU."""
    return [
        events
        / statistics.median(
            sum(spent[clock] for name, spent in checks.items() if evidence or name != "evidence")
            for checks in rounds
        )
        for clock in (0, 1)
    ]


def main(events: int, rounds: int, by_check: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        path = asyncio.run(make_ledger(Path(name), events))
        events = count_events(path)
        figures = [timed(path) for _ in range(rounds)]
    print(f"verify of {events:,} events: medians of {rounds} rounds, in events a second")
    print(f"{'':<20}{'wall':>12}{'CPU':>12}")
    for label, evidence in (("without evidence", False), ("with evidence", True)):
        wall, cpu = rates(events, figures, evidence=evidence)
        print(f"{label:<20}{wall:>12,.0f}{cpu:>12,.0f}")
    if by_check:
        print("\nCPU, microseconds an event")
        for check in figures[0]:
            spent = statistics.median(checks[check][1] for checks in figures)
            print(f"{check or 'begin':<20}{spent / events * 1e6:>12.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checks", action="store_true", help="the time of each check too")
    arguments = parser.parse_args()
    main(arguments.events, arguments.rounds, arguments.checks)
