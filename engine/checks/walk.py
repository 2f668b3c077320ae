"""The walk along the chain: commits and their events, each read once for all checks that need them.

A commit's events come in parts of a bounded number, so that memory does not grow with a commit.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from operator import itemgetter

from engine.checks.check import EVERY, Batches, Finding, Progress, Record, Report, Violation
from engine.errors import CycledeckError
from engine.ledger.accounting import MAIN, NET, PositionKey
from engine.ledger.event_types import FEE, FILL
from engine.ledger.events import (
    MARGIN_MODE,
    POSITION_SIDE,
    SYMBOL,
    TRADE,
    TS,
    TYPE,
    WALLET,
    in_fold_order,
)
from engine.ledger.markets import Market, Markets
from engine.store.damage import DAMAGE
from engine.store.tx import Row, Tx

# Behind the columns of an event.
SEQ, CYCLE_ID = 27, 28

# The symbol, wallet, side and margin mode that events name.
Place = tuple[str, str | None, str | None, str | None]


def key_of(place: Place, markets: Markets) -> PositionKey:
    """The position that events of a place belong to."""
    symbol, wallet, side, margin_mode = place
    market = markets.of(symbol)
    return PositionKey(
        market.symbol, wallet or MAIN, side or NET, margin_mode or market.margin_mode
    )


@dataclass(slots=True)
class Group:
    """Rows of events that name one place, as they were booked. `ascending` ones are in fold order,
    whatever the rules of their market."""

    rows: list[Row]
    ascending: bool

    def in_order(self, market: Market) -> list[Row]:
        """The rows in fold order."""
        if self.ascending:
            return self.rows
        return list(in_fold_order(sorted(self.rows, key=itemgetter(TS)), market))


def _is_ascending(rows: Iterable[Row]) -> bool:
    """Whether each is a later fill than the one before, or a fill's only fee behind it."""
    last_ts, fee = -1, None
    for row in rows:
        if row[TYPE] == FILL and row[TS] > last_ts:
            last_ts, fee = row[TS], f"fee:{row[TRADE]}"
        elif row[TYPE] == FEE and row[TS] == last_ts and row[TRADE] == fee:
            fee = None
        else:
            return False
    return True


class Part:
    """Rows of events of one commit, or of none, in the order booked."""

    def __init__(self, commit: Record | None, rows: Sequence[Row]) -> None:
        self.commit = commit
        self.rows = rows

    @cached_property
    def groups(self) -> dict[Place, Group]:
        """Those that name a market, by their places."""
        groups: dict[Place, list[Row]] = {}
        for row in self.rows:
            place = row[SYMBOL], row[WALLET], row[POSITION_SIDE], row[MARGIN_MODE]
            group = groups.get(place)
            if group is None:
                groups[place] = [row]
            else:
                group.append(row)
        return {
            place: Group(group, _is_ascending(group))
            for place, group in groups.items()
            if place[0] is not None
        }

    @cached_property
    def others(self) -> Sequence[Row]:
        """Those of other types than fills and fees."""
        return [row for row in self.rows if row[TYPE] != FILL and row[TYPE] != FEE]


class WalkingCheck(Progress, ABC):
    """A check that is led along the commits and their events, as several are at once."""

    def begin(self) -> Iterable[Violation]:
        return ()

    def enter(self, commit: Record) -> Iterable[Violation]:
        """A commit, before its events."""
        return ()

    @abstractmethod
    def take(self, part: Part) -> Iterable[Violation]:
        """Events of the commit entered; after the last one, those that no commit has."""

    def leave(self, commit: Record) -> Iterable[Violation]:
        """A commit, after its events."""
        return ()

    def end(self) -> Iterable[Violation]:
        return ()


def walk(
    tx: Tx, kinds: Iterable[type[WalkingCheck]], report: Report, most: int
) -> list[Finding[WalkingCheck]]:
    """What checks find on one walk, each for itself: damage that stops one stops no other."""
    findings = [Finding(kind(tx, report), most) for kind in kinds]
    for finding in findings:
        report(finding.check.name, 0)
        finding.add(finding.check.begin)
    try:
        _walk(tx, findings)
    except (CycledeckError, *DAMAGE) as error:
        for finding in findings:
            finding.stop(error)
    return findings


def _walk(tx: Tx, findings: Sequence[Finding[WalkingCheck]]) -> None:
    events = Batches(tx.batches("verify_events", EVERY), SEQ)
    for commit in tx.each_named("verify_commits"):
        for finding in findings:
            finding.add(finding.check.enter, commit)
        for rows in events.upto(commit["last_seq"] or 0):
            _take(Part(commit, rows), findings)
        for finding in findings:
            finding.add(finding.check.leave, commit)
    for rows in events.upto(inf):
        _take(Part(None, rows), findings)
    for finding in findings:
        finding.add(finding.check.end)


def _take(part: Part, findings: Sequence[Finding[WalkingCheck]]) -> None:
    for finding in findings:
        finding.add(finding.check.take, part)
