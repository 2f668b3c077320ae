"""The checks that a second process makes: `python -m engine.checks.apart LEDGER STATE MOST`.

Their outcomes are printed as JSON; the exit code is 1 where the ledger is not in that state. The
process ends with the one that began it, for its standard input does.
"""

import json
import os
import sys
import threading
from contextlib import closing
from pathlib import Path

from engine.checks.beside import state
from engine.checks.verify import APART, look
from engine.store import reach
from engine.store.connection import connect_sqlite
from engine.store.tx import Tx


def main(path: Path, expected: str, most: int) -> int:
    uri = reach.uri(path, reach.still(path))
    with closing(connect_sqlite(uri, read_only=True)) as connection:
        connection.execute("BEGIN")
        tx = Tx(connection, path)
        tx.rows("history_cache")
        if state(tx) != expected:
            return 1
        outcomes = look(tx, APART, lambda name, done: None, most)
    print(json.dumps([outcome.model_dump() for outcome in outcomes]))  # noqa: T201 - its answer
    return 0


def _end_with_standard_input() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
