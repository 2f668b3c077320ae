"""The state that the screens show: one frozen value, made anew from each thing that comes in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING

from console.kit.lines import Tone

if TYPE_CHECKING:
    from engine import (
        BalanceView,
        Beat,
        CycleResult,
        Hello,
        LedgerSummary,
        Logged,
        PositionView,
    )

# Cycles and log messages in memory; the file has them all.
MOST_CYCLES = 500
MOST_LOGS = 500


class Link(StrEnum):
    """The console's source: `attached` to an engine, which publishes things as they happen, or
    `reading` the ledger file twice a second."""

    STARTING = "starting"
    ATTACHED = "attached"
    READING = "reading"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault the operator should know of at once: what happened and what to do."""

    what: str
    todo: str
    tone: Tone = Tone.DANGER


@dataclass(frozen=True, slots=True)
class CursorMark:
    """A cursor in UTC milliseconds, and when the cycle that moved it last began."""

    value_ms: int
    moved_ms: int | None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """Another moment than now: a cycle, and those before it, newest first; every cursor as it
    stood then, in UTC milliseconds."""

    result: "CycleResult"
    results: "tuple[CycleResult, ...]"
    cursors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsoleState:
    """`results` are newest first. `past` is set while walking through time, `frozen` while the
    screen is: `behind` cycles have ended since. `positions` and `balances` are those of the last
    commit.
    Times in UTC milliseconds of this machine; `heard_ms` is when anything was last heard."""

    link: Link = Link.STARTING
    account: str = ""
    hello: "Hello | None" = None
    beat: "Beat | None" = None
    books: "LedgerSummary | None" = None
    results: "tuple[CycleResult, ...]" = ()
    positions: "Mapping[str, PositionView]" = field(default_factory=dict)
    balances: "Mapping[str, BalanceView]" = field(default_factory=dict)
    cursors: Mapping[str, CursorMark] = field(default_factory=dict)
    logs: "tuple[Logged, ...]" = ()
    trouble: Trouble | None = None
    past: Past | None = None
    frozen: bool = False
    behind: int = 0
    heard_ms: int = 0
    owns_engine: bool = False

    @property
    def latest(self) -> "CycleResult | None":
        """The newest cycle, whatever is shown."""
        return self.results[0] if self.results else None

    @property
    def result(self) -> "CycleResult | None":
        """The cycle that is shown."""
        return self.past.result if self.past else self.latest

    @property
    def shown_results(self) -> "tuple[CycleResult, ...]":
        """The cycle that is shown and those before it, newest first."""
        return self.past.results if self.past else self.results

    @property
    def shown_positions(self) -> "Mapping[str, PositionView]":
        return self.past.result.positions if self.past else self.positions

    @property
    def shown_balances(self) -> "Mapping[str, BalanceView]":
        return self.past.result.balances if self.past else self.balances

    @property
    def shown_doubts(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The markets, and assets, that are held, and those at attention, as of the last commit."""
        result = next((result for result in self.shown_results if result.committed), None)
        return (result.held, result.attention) if result else ((), ())

    @property
    def shown_cursors(self) -> Mapping[str, CursorMark]:
        """Cursors as they were after the cycle shown, without when they moved for a past one."""
        if self.past is None:
            return self.cursors
        held = set(self.past.result.held)
        return {
            key: CursorMark(value_ms, None, _market(key) in held)
            for key, value_ms in self.past.cursors.items()
        }

    @property
    def attached(self) -> bool:
        return self.link is Link.ATTACHED

    @property
    def fenced(self) -> bool:
        """The newest cycle was fenced by another engine than the one that is attached."""
        latest, hello = self.latest, self.hello
        if latest is None or latest.status != "fenced":
            return False
        return not self.attached or hello is None or hello.started_ms <= latest.started_ms

    def with_results(self, results: "Iterable[CycleResult]") -> "ConsoleState":
        """The state after cycles ended, in any order, also ones that it has already."""
        results = list(results)
        state = self
        if any(map(self._is_of_another_past, results)):
            state = replace(self, results=(), positions={}, balances={}, cursors={})
        before = {result.cycle_id: result for result in state.results}
        merged = [_merged(before.get(result.cycle_id), result) for result in results]
        fresh = [result for result in merged if before.get(result.cycle_id) is not result]
        if not fresh:
            return state
        after = before | {result.cycle_id: result for result in fresh}
        newest_first = sorted(after.values(), key=lambda result: result.cycle_id, reverse=True)
        state = replace(state, results=tuple(newest_first[:MOST_CYCLES]))
        for result in sorted(fresh, key=lambda result: result.cycle_id):
            state = state._moved_on(result)
        return state

    def with_books(self, books: "LedgerSummary") -> "ConsoleState":
        """The file's cursors and books are the true ones, unless a later commit is here
        already."""
        last = self._last_committed
        if last is not None and (last.commit_seq or 0) > books.last_commit_seq:
            return replace(self, books=books)
        cursors = {
            cursor.key: CursorMark(cursor.value_ms, cursor.moved_ms, cursor.held)
            for cursor in books.cursors
        }
        return replace(
            self,
            books=books,
            cursors=cursors,
            positions=books.positions,
            balances=books.balances,
        )

    def with_logs(self, logs: "Iterable[Logged]") -> "ConsoleState":
        return replace(self, logs=(*self.logs, *logs)[-MOST_LOGS:])

    def _is_of_another_past(self, result: "CycleResult") -> bool:
        """The ledger went back, to a backup of it: no cycle begins after those that follow it, or
        again."""
        later = list(takewhile(lambda other: other.cycle_id >= result.cycle_id, self.results))
        if later and later[-1].cycle_id == result.cycle_id:
            return later[-1].started_ms != result.started_ms
        return any(other.started_ms < result.started_ms for other in later)

    def _moved_on(self, result: "CycleResult") -> "ConsoleState":
        if not result.committed or result is not self._last_committed:
            return self
        cursors = dict(self.cursors)
        for key, change in result.cursors.items():
            stood = change.before == change.after
            before = cursors.get(key)
            moved_ms = (before.moved_ms if before else None) if stood else result.started_ms
            cursors[key] = CursorMark(change.after, moved_ms, _market(key) in result.held)
        positions = {
            symbol: _at_last_mark(position, self.positions.get(symbol))
            for symbol, position in result.positions.items()
        }
        return replace(
            self,
            cursors=cursors,
            positions=positions or self.positions,
            balances=result.balances or self.balances,
        )

    @property
    def _last_committed(self) -> "CycleResult | None":
        return next((result for result in self.results if result.committed), None)


def _merged(before: "CycleResult | None", result: "CycleResult") -> "CycleResult":
    """A published result says more than one read back later, but not of metrics rebuilt."""
    if before is not None and before.positions and not result.positions:
        books = {"positions": before.positions, "balances": before.balances}
        result = result.model_copy(update=books)
    if before is None or before == result:
        return before or result
    if not _published(before) or _published(result):
        return result
    if result.metrics_persisted and not before.metrics_persisted:
        names = ("positions", "balances", "timings_ms")
        return result.model_copy(update={name: getattr(before, name) for name in names})
    return before


def _published(result: "CycleResult") -> bool:
    """The file does not know how long TX 2 took, for that is what wrote it."""
    return "tx2" in result.timings_ms


def _at_last_mark(position: "PositionView", before: "PositionView | None") -> "PositionView":
    """A replay asks for no marks: the last ones are still the last ones."""
    mark = before.mark if before is not None else None
    return position.at(mark) if position.mark is None and mark is not None else position


def _market(cursor_key: str) -> str:
    return cursor_key.partition(":")[2]
