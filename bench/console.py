"""How fast the console is, and what it takes: measured in a real terminal.

    python -m bench.console [--quick] [--only start,keys,cpu,engine,memory,tables]
                            [--table FILE] [--rows 10000000]

Everything is medians, or percentiles where it says so; goals stand beside what was measured, and
nothing fails. The machine should have nothing else to do. Linux only.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.console_keys import key_figures
from bench.console_load import cpu_figures, engine_figures, memory_figures
from bench.console_start import start_figures
from bench.console_tables import make_table, table_figures
from bench.driving import Figure, traded


def main(only: list[str], quick: bool, table: Path | None, rows: int) -> None:
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        ledger = traded(Path(name) / "traded")
        big = table or Path(name) / "big.db"

        def tables() -> list[Figure]:
            make_table(big, rows)
            return table_figures(big, 3 if quick else 9, 200 if quick else 2_000)

        parts: dict[str, Callable[[], list[Figure]]] = {
            "start": lambda: start_figures(ledger, 3 if quick else 9),
            "keys": lambda: key_figures(ledger, 5 if quick else 25),
            "cpu": lambda: cpu_figures(ledger, 10 if quick else 30),
            "engine": lambda: engine_figures(ledger, 3 if quick else 7),
            "tables": tables,
            "memory": lambda: memory_figures(ledger, 1 if quick else 10),
        }
        for part in only or parts:
            for figure in parts[part]():
                print(figure, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less time")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="some parts")
    parser.add_argument("--table", type=Path, help="the file of the big table, made if absent")
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the big table")
    if sys.platform != "linux":
        parser.error("it reads /proc: Linux only")
    arguments = parser.parse_args()
    main(arguments.only, arguments.quick, arguments.table, arguments.rows)
