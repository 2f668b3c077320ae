"""What the screens show: one frozen value, made anew by pure functions from what comes in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING

from console.kit.lines import Tone

if TYPE_CHECKING:
    from engine import Beat, CursorView, CycleResult, Hello, LedgerSummary, Logged, PositionView

# How many cycles and log messages are kept in memory; the file has them all.
KEPT_CYCLES = 500
KEPT_LOGS = 500


class Link(StrEnum):
    """How the console knows what it shows.

    `attached`: told by the engine as it happens. `reading`: found in the ledger file, which is
    looked at twice a second.
    """

    STARTING = "starting"
    ATTACHED = "attached"
    READING = "reading"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something the operator should know at once: what happened and what to do."""

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
    screen is: `behind` cycles have ended since. `positions` are those of the last commit known.
    Times in UTC milliseconds of this machine; `heard_ms` is when anything was last heard."""

    link: Link = Link.STARTING
    account: str = ""
    hello: "Hello | None" = None
    beat: "Beat | None" = None
    books: "LedgerSummary | None" = None
    results: "tuple[CycleResult, ...]" = ()
    positions: "Mapping[str, PositionView]" = field(default_factory=dict)
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


def with_results(view: ConsoleState, results: "Iterable[CycleResult]") -> ConsoleState:
    """Cycles that ended, in any order, known ones among them."""
    results = list(results)
    if any(_of_another_past(view, result) for result in results):
        view = replace(view, results=(), positions={}, cursors={})
    known = {result.cycle_id: result for result in view.results}
    merged = [_merged(known.get(result.cycle_id), result) for result in results]
    fresh = [result for result in merged if known.get(result.cycle_id) is not result]
    if not fresh:
        return view
    known |= {result.cycle_id: result for result in fresh}
    newest_first = sorted(known.values(), key=lambda result: result.cycle_id, reverse=True)
    view = replace(view, results=tuple(newest_first[:KEPT_CYCLES]))
    for result in sorted(fresh, key=lambda result: result.cycle_id):
        view = _moved_on(view, result)
    return view


def with_books(view: ConsoleState, books: "LedgerSummary") -> ConsoleState:
    """What the file says now: the cursors and positions it holds are the true ones, but where a
    later commit is known already."""
    last = _last_committed(view)
    if last is not None and (last.commit_seq or 0) > books.last_commit_seq:
        return replace(view, books=books)
    cursors = {found.key: _mark(found) for found in books.cursors}
    return replace(view, books=books, cursors=cursors, positions=books.positions)


def with_logs(view: ConsoleState, logs: "Iterable[Logged]") -> ConsoleState:
    return replace(view, logs=(*view.logs, *logs)[-KEPT_LOGS:])


def _of_another_past(view: ConsoleState, result: "CycleResult") -> bool:
    """Of a ledger that went back, to a backup of it: no cycle begins after those that follow it,
    or again."""
    later = list(takewhile(lambda known: known.cycle_id >= result.cycle_id, view.results))
    if later and later[-1].cycle_id == result.cycle_id:
        return later[-1].started_ms != result.started_ms
    return any(known.started_ms < result.started_ms for known in later)


def _merged(known: "CycleResult | None", result: "CycleResult") -> "CycleResult":
    """What was published says more than what is read back later, but not of metrics rebuilt."""
    if known is not None and known.positions and not result.positions:
        result = result.model_copy(update={"positions": known.positions})
    if known is None or known == result:
        return known or result
    if not _published(known) or _published(result):
        return result
    if result.metrics_persisted and not known.metrics_persisted:
        told = {"positions": known.positions, "timings_ms": known.timings_ms}
        return result.model_copy(update=told)
    return known


def _published(result: "CycleResult") -> bool:
    """The file does not know how long TX 2 took, for that is what wrote it."""
    return "tx2" in result.timings_ms


def _moved_on(view: ConsoleState, result: "CycleResult") -> ConsoleState:
    if not result.committed or result is not _last_committed(view):
        return view
    cursors = dict(view.cursors)
    for key, change in result.cursors.items():
        stood = change.before == change.after
        before = cursors.get(key)
        moved_ms = (before.moved_ms if before else None) if stood else result.started_ms
        cursors[key] = CursorMark(change.after, moved_ms, _market(key) in result.held)
    positions = {
        symbol: _at_last_mark(found, view.positions.get(symbol))
        for symbol, found in result.positions.items()
    }
    return replace(view, cursors=cursors, positions=positions or view.positions)


def _at_last_mark(found: "PositionView", known: "PositionView | None") -> "PositionView":
    """A replay asks for no marks: the last ones known are still the last ones."""
    mark = known.mark if known is not None else None
    return found.at(mark) if found.mark is None and mark is not None else found


def _last_committed(view: ConsoleState) -> "CycleResult | None":
    return next((result for result in view.results if result.committed), None)


def _mark(cursor: "CursorView") -> CursorMark:
    return CursorMark(cursor.value_ms, cursor.moved_ms, cursor.held)


def _market(cursor_key: str) -> str:
    return cursor_key.partition(":")[2]
