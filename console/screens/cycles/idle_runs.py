"""Runs of idle cycles that are no longer kept: their cycles, and the rows that this leaves."""

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine import History, IdleRun

# How many runs are read at once, while nothing else is drawn; a ledger of years may have half a
# million.
CHUNK = 4_000


class IdleRuns:
    """The runs of a ledger. Each is one row, whose key is its first cycle.

    Rows are numbered from the oldest cycle on, whose row is 0.
    """

    def __init__(self) -> None:
        self._first, self._last, self._row = array("q"), array("q"), array("q")
        self._first_ms, self._last_ms = array("q"), array("q")

    def __len__(self) -> int:
        return len(self._first)

    async def read(self, history: "History") -> None:
        """Read the runs that are new, and the last one, which may have grown."""
        more = True
        while more:
            runs = await history.idle_runs(self._first[-1] if self._first else 0, CHUNK)
            for run in runs:
                self._take(run)
            more = len(runs) == CHUNK

    def at(self, number: int) -> "IdleRun":
        from engine import IdleRun

        columns = (self._first, self._last, self._first_ms, self._last_ms)
        return IdleRun(*(column[number] for column in columns))

    def of(self, cycle_id: int) -> "IdleRun | None":
        """The run that a cycle is in."""
        number = self._before(cycle_id)
        return self.at(number) if number >= 0 and cycle_id <= self._last[number] else None

    def between(self, first: int, last: int) -> "list[IdleRun]":
        """The runs with a cycle from one to another, the newest first."""
        runs = []
        number = self._before(last)
        while number >= 0 and self._last[number] >= first:
            runs.append(self.at(number))
            number -= 1
        return runs

    def row_of(self, cycle_id: int) -> int:
        """The row of a cycle, or of its run."""
        number = self._before(cycle_id)
        if number < 0:
            return cycle_id - 1
        return self._row[number] + max(0, cycle_id - self._last[number])

    def key_at(self, row: int) -> int:
        """The cycle that has a row; of a run, its first."""
        number = bisect_right(self._row, row) - 1
        if number < 0:
            return row + 1
        beyond = row - self._row[number]
        return self._last[number] + beyond if beyond else self._first[number]

    def _before(self, cycle_id: int) -> int:
        """The number of the last run that begins with a cycle or before it; -1 without one."""
        return bisect_right(self._first, cycle_id) - 1

    def _take(self, run: "IdleRun") -> None:
        columns = (self._first, self._last, self._first_ms, self._last_ms, self._row)
        if self._first and self._first[-1] == run.first:
            for column in columns:
                column.pop()
        between = run.first - self._last[-1] if self._first else run.first - 1
        self._row.append((self._row[-1] if self._row else 0) + between)
        for column, value in zip(columns, run, strict=False):
            column.append(value)
