"""What a usual cycle costs: its lookback brings fills that are in the ledger already.

    python -m bench.cycle [--rounds 15] [--fills 900]

CPU of whole cycles of an engine on a recorded file: of one in which every
fill is known from the cycle before, and of one in which the engine has forgotten them, as after a
start, and reads every text anew. Another engine's file has one fill: what a cycle costs by itself.
Rounds are interleaved; each figure is a median, and each ratio the median of the rounds' ratios.
"""

import argparse
import asyncio
import json
import logging
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from engine import Engine, Settings
from engine.ingest.fill_cache import FillCache

SYMBOL = "BTC/USDT"
T0 = 1_700_000_000_000


def write_fills(path: Path, count: int) -> Path:
    """A recorded file of fills that one lookback covers."""
    with path.open("w") as lines:
        for number in range(count):
            fill = {
                "id": str(10_000_000 + number),
                "symbol": SYMBOL,
                "side": "sell" if number % 2 else "buy",
                "amount": f"0.{number % 97 + 1:06d}",
                "price": f"{60_000 + number % 501}.25",
                "timestamp": T0 + number * 250,
                "order": f"o{number // 3}",
                "takerOrMaker": "maker",
                "fees": [{"cost": f"0.{number % 89 + 1:08d}", "currency": "USDT"}],
            }
            lines.write(json.dumps(fill) + "\n")
    return path


async def started(ending: AsyncExitStack, folder: Path, count: int) -> Engine:
    """An engine whose ledger has all fills of its file."""
    folder.mkdir()
    source = write_fills(folder / "fills.jsonl", count)
    engine = Engine(
        Settings(
            db=folder / "ledger.db",
            venue=f"recorded:{source}",
            symbols=(SYMBOL,),
            interval=0,
            lookback="1h",
        )
    )
    await ending.enter_async_context(engine)
    for _ in range(3):  # The market is pinned by the first one, the fills are repeats after it.
        result = await engine.cycle()
    if (result.fills_fetched, result.fills_count) != (count, 0):
        raise RuntimeError(f"cycle {result.cycle_id}: {result.errors}")
    return engine


async def spent(engine: Engine) -> float:
    """Seconds of CPU that one cycle takes."""
    begun = time.process_time()
    await engine.cycle()
    return time.process_time() - begun


def forget(engine: Engine) -> None:
    """Let the engine read every text anew."""
    engine._up.runner._fill_cache = FillCache()


async def measure(folder: Path, fills: int, rounds: int) -> str:
    async with AsyncExitStack() as ending:
        engine = await started(ending, folder / "many", fills)
        other = await started(ending, folder / "one", 1)
        times = []
        for _ in range(rounds):
            known = await spent(engine)
            forget(engine)
            times.append((known, await spent(engine), await spent(other)))
            await engine.cycle()
    known_ms, anew_ms, one_ms = (
        statistics.median(each) * 1_000 for each in zip(*times, strict=True)
    )
    ratio = statistics.median(known / anew for known, anew, _ in times)
    label = f"{fills:,} known fills"
    return (
        f"{label:<22}{known_ms:>9.2f} ms   × {ratio:.2f} of a cycle that reads them anew\n"
        f"{'read anew':<22}{anew_ms:>9.2f} ms\n{'1 known fill':<22}{one_ms:>9.2f} ms"
    )


async def main(rounds: int, fills: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        print(f"A usual cycle: CPU, medians of {rounds} rounds")
        print(await measure(Path(name), fills, rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--fills", type=int, default=900, help="known fills in the lookback")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.rounds, arguments.fills))
