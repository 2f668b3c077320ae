"""The checks that a second process makes: `python -m engine.checks.apart LEDGER STATE MOST`.

Their outcomes are printed as JSON; the exit code is 1 where the ledger is not in that state. The
process ends with the one that began it, for its standard input does.
"""

import asyncio
import json
import os
import sys
import threading
from pathlib import Path

from engine.checks.beside import state
from engine.checks.check import Outcome
from engine.checks.verify import APART, look
from engine.store.readstore import ReadStore
from engine.store.tx import Tx


async def main(path: Path, expected: str, most: int) -> int:
    def work(tx: Tx) -> list[Outcome] | None:
        same = state(tx) == expected
        return look(tx, APART, lambda name, done: None, most) if same else None

    store = await ReadStore.open(path)
    try:
        outcomes = await store.read(work)
    finally:
        await store.close()
    if outcomes is None:
        return 1
    print(json.dumps([outcome.model_dump() for outcome in outcomes]))  # noqa: T201 - its answer
    return 0


def _end_with_standard_input() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    sys.exit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
