"""Cycles as rows of a table: the columns, and what stands in them."""

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from console.kit.formats import NONE, bps, clock, count, plural, rate, stamp
from console.kit.grid import Column
from console.kit.lines import Line, Tone, line, width_of
from console.kit.rows import Row
from console.screens.shared.cycle_story import CycleStory
from console.session.per_cycle import PerCycle

if TYPE_CHECKING:
    from engine import CycleResult, IdleRun

# What goes first where the room is short: conflicts, for the remark tells them all the same.
COLUMNS = (
    Column("cycle", 6, right=True),
    Column("time", 8, drop=4),
    Column("kind", 6, drop=5),
    Column("phases", 6),
    Column("fetched", 7, right=True, drop=10),
    Column("new", 3, right=True, drop=6),
    Column("ins", 4, right=True),
    Column("ign", 4, right=True, drop=3),
    Column("conf", 4, right=True, drop=11),
    Column("orders", 6, right=True, drop=8),
    Column("fills/order", 11, right=True, drop=7),
    Column("slip bps", 8, right=True, drop=9),
    Column("ms", 3, right=True, drop=2),
    Column("remark", 0, least=15),
)

_NOTHING = line((NONE, Tone.FAINT))


class CycleRows:
    """Rows made of results, each once. Their columns become wider, never narrower: rows do not
    dance."""

    def __init__(self, columns: tuple[Column, ...] = COLUMNS, *, local: bool = False) -> None:
        self.columns = columns
        self._local = local
        self.row = PerCycle(lambda result: self._row(result.cycle_id, self.cells(result)))

    def blank(self, cycle_id: int, word: str) -> Row:
        """The row of a cycle that is not read: its number, and a word."""
        between: tuple[Line, ...] = ((),) * (len(COLUMNS) - 2)
        number = line((count(cycle_id), Tone.DIM))
        return self._row(cycle_id, (number, *between, line((word, Tone.FAINT))))

    def run(self, run: "IdleRun") -> Row:
        """The row of a run of idle cycles: its last number, how many they are, and when."""
        [number] = self._row(run.first, (line((count(run.last), Tone.DIM)),)).cells
        words = f"{plural(run.cycles, 'idle cycle')} · {between(run, local=self._local)}"
        return Row(run.first, (number, line((words, Tone.DIM))), spans=True)

    def _row(self, cycle_id: int, cells: tuple[Line, ...]) -> Row:
        """No digit is cut: columns that are too narrow for these cells become wider."""
        widened = tuple(map(_widened, self.columns, cells))
        self.columns = widened + self.columns[len(widened) :]
        return Row(cycle_id, cells)

    def cells(self, result: "CycleResult") -> tuple[Line, ...]:
        rank, story = Tone.DIM if result.kind == "replay" else Tone.PLAIN, CycleStory(result)
        return (
            line((count(result.cycle_id), rank)),
            line((clock(result.started_ms, local=self._local), rank)),
            line((result.kind.value, rank)),
            line(story.committed(worded=False), " ", story.metrics(worded=False)),
            *self._ledger(result),
            *self._orders(result),
            line((count(round(story.total_ms)), rank)),
            story.remark(),
        )

    @staticmethod
    def _ledger(result: "CycleResult") -> tuple[Line, ...]:
        """Fills fetched and new; events inserted, ignored, conflicting."""
        if not result.committed:
            return (_NOTHING,) * 5
        inserted, conflicting = result.ledger_events_inserted, result.ledger_events_conflicting
        return (
            line(count(result.fills_fetched)),
            line(count(result.fills_count)),
            line((count(inserted), Tone.OK if inserted else Tone.DIM)),
            line((count(result.ledger_events_ignored), Tone.DIM)),
            line((count(conflicting), Tone.DANGER if conflicting else Tone.DIM)),
        )

    @staticmethod
    def _orders(result: "CycleResult") -> tuple[Line, ...]:
        """Without orders there is no rate, which is not a rate of zero."""
        if result.kind == "replay":
            return (_NOTHING,) * 3
        filled = result.fills_per_submitted_order if result.orders_submitted else None
        slip = result.slippage_bps_avg
        return (
            line(count(result.orders_submitted)),
            _NOTHING if filled is None else line(rate(filled)),
            _NOTHING if slip is None else line(bps(slip)),
        )


def between(run: "IdleRun", *, local: bool = False) -> str:
    """When the first and the last cycle of a run began, to the minute; with dates, where these are
    of two days."""
    first, last = (stamp(ts_ms, local=local)[:16] for ts_ms in (run.first_ms, run.last_ms))
    if first[:10] != last[:10]:
        return f"{first} – {last}"
    return first[11:] if first == last else f"{first[11:]}–{last[11:]}"


def _widened(column: Column, cell: Line) -> Column:
    width = width_of(cell)
    return replace(column, width=width) if width > column.width > 0 else column


class RecentCycles:
    """Results in memory, newest first, as a grid's source; its rows' keys are cycle ids."""

    def __init__(self, rows: CycleRows, results: "Sequence[CycleResult]" = ()) -> None:
        self.rows = rows
        self.results = results

    def __len__(self) -> int:
        return len(self.results)

    def key_at(self, number: int) -> int | None:
        return self.results[number].cycle_id if 0 <= number < len(self.results) else None

    def row(self, number: int) -> Row | None:
        return self.rows.row(self.results[number]) if 0 <= number < len(self.results) else None

    def number_of(self, key: Hashable) -> int | None:
        if not isinstance(key, int):
            return None
        number = bisect_left(self.results, -key, key=lambda result: -result.cycle_id)
        return number if self.key_at(number) == key else None

    def result(self, cycle_id: int) -> "CycleResult | None":
        number = self.number_of(cycle_id)
        return None if number is None else self.results[number]
