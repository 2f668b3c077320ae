"""TX 1 of this tree beside that of another one, in turns: is it slower?

    python -m bench.against OTHER_TREE [--rounds 21]

Each round has a new process for each side, on its own code, for where a process's memory lies
decides more than the code does. Both book the same fills and take turns in going first, each with
no garbage left from before. For each size the median of the rounds' ratios is printed, with the
interval that has it in 95 of 100 resamplings. Exit code 1 where a whole interval is above 1.05.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

LIMIT = 1.05
TURNS = 6
CASES = ((1, 0.0), (100, 0.0), (1_000, 0.0), (10_000, 0.95))
ROOT = Path(__file__).parents[1]

# Books one batch for each line it reads, and answers with the seconds that took.
SIDE = """
import asyncio, gc, sys, time
from pathlib import Path
from bench.ledger import EngineSide, Workload

async def main(size, repeats, path):
    side, workload = await EngineSide.open(path), Workload(size, repeats)
    if before := workload.warm_up():
        await side.commit(before)
    for _ in sys.stdin:
        fills = workload.batch()
        gc.collect()
        begun = time.perf_counter()
        await side.commit(fills)
        print(time.perf_counter() - begun, flush=True)
    await side.close()

asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])))
"""


class Side:
    """One tree's TX 1 in a process of its own."""

    def __init__(self, tree: Path, size: int, repeats: float, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", SIDE, str(size), str(repeats), str(path)],
            env={**os.environ, "PYTHONPATH": str(tree.resolve())},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def commit(self) -> float:
        """Seconds of the next batch's TX 1."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def ratios(other: Path, size: int, repeats: float, rounds: int) -> list[float]:
    """This tree's time as a multiple of the other's, round by round."""
    figures = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name, ExitStack() as ending:
            sides = [
                ending.enter_context(closing(Side(tree, size, repeats, Path(name) / f"{side}.db")))
                for side, tree in enumerate((ROOT, other))
            ]
            this, that = _seconds(sides, number)
        figures.append(this / that)
    return figures


def _seconds(sides: Sequence[Side], number: int) -> list[float]:
    """Each side's time over all turns but the first, in which its caches fill."""
    seconds = [0.0 for _ in sides]
    for turn in range(TURNS):
        for side in (0, 1) if (number + turn) % 2 else (1, 0):
            spent = sides[side].commit()
            seconds[side] += spent if turn else 0.0
    return seconds


def interval(figures: list[float]) -> tuple[float, float]:
    """Where the median lies in 95 of 100 resamplings."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(figures, k=len(figures))) for _ in range(2_000))
    return medians[50], medians[-51]


def main(other: Path, rounds: int) -> int:
    slower = False
    print(f"TX 1, this tree / {other}: median of {rounds} paired rounds, 95 % interval")
    for size, repeats in CASES:
        figures = ratios(other, size, repeats, rounds)
        low, high = interval(figures)
        slower = slower or low > LIMIT
        label = f"{size:>7,}" + (f"  {repeats:.0%} repeats" if repeats else "")
        print(
            f"{label:<22}{statistics.median(figures):>6.3f}   {low:.3f} to {high:.3f}", flush=True
        )
    return int(slower)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("other", type=Path, help="a checkout of another version")
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    sys.exit(main(arguments.other, arguments.rounds))
