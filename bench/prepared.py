"""The rows of TX 1 as a C program writes them, with prepared statements and nothing else.

It is told the rows, as text: they are read from a ledger that the engine wrote.
"""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.ledger.events import BASIC, events_of
from engine.ledger.fills import Fill

SOURCE = Path(__file__).with_suffix(".c")
Row = tuple[Any, ...]

APPEND = (
    "INSERT INTO ledger_events (event_id, ts, symbol, type, side, qty, price, fee, fee_currency,"
    " exchange_trade_id, exchange_order_id, client_order_id, meta_json, hash, cycle_id)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
)
CLAIM = "INSERT INTO applied_fills VALUES (?, ?) ON CONFLICT DO NOTHING"
FENCE = "SELECT epoch FROM lease WHERE id = 1"
COUNT = "UPDATE lease SET beats = beats + 1 WHERE id = 1"
# The other tables that a commit writes, with the column that tells which of their rows it wrote.
BOOKS = {
    "markets": "commit_seq",
    "stage4_positions": "cycle_id",
    "position_history": "commit_seq",
    "balances": "cycle_id",
    "balance_history": "commit_seq",
    "cursors": "cycle_id",
    "ledger_commits": "commit_seq",
}
CHECKPOINTS = "position_checkpoints"


def compiled(folder: Path) -> tuple[Path | None, str]:
    """The program, with the SQLite library that this Python has loaded, and its version; where
    there is none, why."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None, "C is left out: there is no compiler here (cc, gcc or clang)"
    program = folder / "prepared"
    command = [compiler, "-O2", "-o", str(program), str(SOURCE), _library()]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        return None, f"C is left out, for it does not compile here:\n{made.stderr.strip()}"
    version = subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()
    return program, f"C with prepared statements: SQLite {version}"


def _library() -> str:
    """The SQLite library of this process; where the system does not tell, the one it has."""
    maps = Path("/proc/self/maps")
    paths = [line.split()[-1] for line in maps.read_text().splitlines()] if maps.exists() else []
    return next((path for path in paths if "/libsqlite3." in path), "-lsqlite3")


class CommittedRows:
    """The rows that commits left in a ledger, one commit after another."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path.as_uri() + "?mode=ro", uri=True)
        self._commit_seq = 0
        self._events = 0

    @property
    def statements(self) -> list[str]:
        """The statements that `of_next` numbers."""
        return [FENCE, CLAIM, APPEND, *map(self._write, (*BOOKS, CHECKPOINTS)), COUNT]

    def of_next(self, fills: Sequence[Fill]) -> Iterator[tuple[int, Row]]:
        """The rows of the next commit, each with its statement; those of fills that it had already
        are among them."""
        self._commit_seq += 1
        yield 0, ()
        for fill in fills:
            yield 1, (fill.trade_id, self._commit_seq)
            for event in events_of(fill):
                yield 2, (*event[:BASIC], self._commit_seq)
        commit = f"= {self._commit_seq}"
        of_books = [self._rows(table, f"{column} {commit}") for table, column in BOOKS.items()]
        of_books.append(self._rows(CHECKPOINTS, f"events > {self._events}"))
        for number, rows in enumerate(of_books, 3):
            for row in rows:
                yield number, row
        yield 3 + len(of_books), ()
        [[self._events]] = self._rows("stage4_positions", "true", "max(events)")

    def close(self) -> None:
        self._connection.close()

    def _rows(self, table: str, which: str, columns: str = "*") -> list[Row]:
        return self._connection.execute(f"SELECT {columns} FROM {table} WHERE {which}").fetchall()

    def _write(self, table: str) -> str:
        columns = self._connection.execute(f"SELECT * FROM {table} LIMIT 0").description
        return f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(columns))})"


class PreparedRows:
    """The program, in a process of its own, on a ledger at `path` that is as empty as the one at
    `like` was; it writes what each commit wrote there."""

    def __init__(self, program: Path, path: Path, like: Path) -> None:
        self._rows = CommittedRows(like)
        self._process = subprocess.Popen(
            [program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._send(self._rows.statements)

    def seconds(self, fills: Sequence[Fill]) -> float:
        """The seconds that the next commit's rows took, which is of these fills."""
        self._send(
            "\t".join([str(number), *map(_spelled, row)])
            for number, row in self._rows.of_next(fills)
        )
        assert self._process.stdout is not None
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._rows.close()
        self._process.communicate()

    def _send(self, lines: Iterable[str]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.writelines(f"{line}\n" for line in (*lines, ""))
        self._process.stdin.flush()


def _spelled(value: object) -> str:
    if value is None:
        return "n"
    if isinstance(value, bytes):
        return f"x{value.hex()}"
    return f"i{value}" if isinstance(value, int) else f"t{value}"
