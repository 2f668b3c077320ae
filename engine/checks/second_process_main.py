"""The checks that a second process makes, of a ledger in a state, listing so many violations each.

Their outcomes are printed as JSON; the exit code is 1 where the ledger is not in that state. The
process ends with the one that began it, for its standard input does.
"""

import asyncio
import json
import os
import sys
import threading
from pathlib import Path

from engine.checks.check import CheckResult
from engine.checks.second_process import state
from engine.checks.verify import OF_SECOND_PROCESS, look
from engine.store.readstore import ReadStore
from engine.store.tx import Tx


async def main(path: Path, expected: str, most: int) -> int:
    def work(tx: Tx) -> list[CheckResult] | None:
        same = state(tx) == expected
        return look(tx, OF_SECOND_PROCESS, lambda name, done: None, most) if same else None

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
