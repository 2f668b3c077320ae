"""What a ledger grows by while nothing happens, in bytes of its file for each idle cycle.

    python -m bench.growth [--cycles N] [--json]

Engines run on recorded files, in real ledgers: a few busy cycles, and idle ones after each.
Evidence is not counted (it has a retention of its own): it is deleted from a copy of the file, and
the pages in use are what counts.

- fresh: idle cycles right after they ran, following one market and five.
- after retention: the same ledger as if it were 40 days older, after its idle cycles became runs of
  100, beside one that had the busy cycles alone.
- reused: the file's own growth over as many idle cycles again, once retention has freed pages.
"""

import argparse
import asyncio
import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from engine import Engine, Settings

MARKETS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT")
GOALS = {"fresh, 1 market": 600, "fresh, 5 markets": 900, "after retention, runs of 100": 40}
RUN = 100
OLDER_MS = 40 * 86_400_000
T0 = 1_700_000_000_000


class Followed:
    """A recorded file that grows, and the ledger of an engine that follows it."""

    def __init__(self, folder: Path, markets: int) -> None:
        folder.mkdir()
        self._markets = MARKETS[:markets]
        self._source = folder / "fills.jsonl"
        self._source.touch()
        self._fills = 0
        self.ledger = folder / "ledger.db"
        self._settings = Settings(
            db=self.ledger, venue=f"recorded:{self._source}", symbols=self._markets, interval=0
        )

    async def cycles(self, rounds: int, idle: int) -> None:
        """Rounds of a busy cycle and `idle` ones."""
        async with Engine(self._settings) as engine:
            for _ in range(rounds):
                self._trade()
                for _ in range(1 + idle):
                    result = await engine.cycle()
                    if not result.committed:
                        raise RuntimeError(f"cycle {result.cycle_id}: {result.errors}")

    def _trade(self) -> None:
        with self._source.open("a") as lines:
            for symbol in self._markets:
                self._fills += 1
                fill = {
                    "id": str(self._fills), "symbol": symbol, "side": "buy", "amount": "1",
                    "price": str(100 + self._fills), "timestamp": T0 + self._fills * 1_000,
                    "fee": {"cost": "0.1", "currency": "USDT"},
                }  # fmt: skip
                lines.write(json.dumps(fill) + "\n")

    def age(self) -> None:
        """Let all of it have happened 40 days earlier."""
        days = OLDER_MS // 86_400_000
        with closing(sqlite3.connect(self.ledger)) as connection, connection:
            connection.execute("UPDATE cycles SET started_ms = started_ms - ?", (OLDER_MS,))
            connection.execute("UPDATE cycle_metrics SET ts_start = ts_start - ?", (OLDER_MS,))
            for table in ("cycle_inputs", "input_items"):
                connection.execute(f"UPDATE {table} SET day = day - ?", (days,))

    def bytes_in_use(self) -> int:
        """Of the file, without evidence."""
        with (
            closing(sqlite3.connect(self.ledger)) as connection,
            closing(sqlite3.connect(":memory:")) as copy,
        ):
            connection.backup(copy)
            for table in ("cycle_inputs", "input_items"):
                copy.execute(f"DELETE FROM {table}")
            copy.commit()
            pages, free, size = (
                copy.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * size)

    def file_bytes(self) -> int:
        with closing(sqlite3.connect(self.ledger)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return self.ledger.stat().st_size


async def fresh(folder: Path, markets: int, cycles: int) -> float:
    followed = Followed(folder, markets)
    await followed.cycles(1, 0)
    before = followed.bytes_in_use()
    await followed.cycles(1, cycles)
    return (followed.bytes_in_use() - before) / cycles


async def after_retention(folder: Path, cycles: int) -> dict[str, float]:
    rounds = max(1, cycles // RUN)
    sweeping = rounds * (RUN + 1) // 50 + 70
    used = {}
    for idle in (RUN, 0):
        followed = Followed(folder / str(idle), 1)
        await followed.cycles(rounds, idle)
        followed.age()
        await followed.cycles(1, sweeping)
        used[idle] = followed.bytes_in_use()
        if idle:
            before = followed.file_bytes()
            await followed.cycles(1, rounds * RUN // 2)
            reused = (followed.file_bytes() - before) / (rounds * RUN // 2)
    return {
        "after retention, runs of 100": (used[RUN] - used[0]) / (rounds * RUN),
        "reused: the file's growth": reused,
    }


async def measure(cycles: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kept").mkdir()
        return {
            "fresh, 1 market": await fresh(folder / "one", 1, cycles),
            "fresh, 5 markets": await fresh(folder / "five", 5, cycles),
            **await after_retention(folder / "kept", cycles),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cycles", type=int, default=1_000, help="idle cycles for each figure")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.cycles))
    if options.json:
        print(json.dumps(figures))
        return
    print("bytes of the file an idle cycle, evidence not counted")
    for name, figure in figures.items():
        goal = f"  goal ≤ {GOALS[name]}" if name in GOALS else ""
        print(f"{name:<30} {figure:>8.1f}{goal}")


if __name__ == "__main__":
    main()
