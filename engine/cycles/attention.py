"""Markets and assets at attention, or held: their figures are not to be relied on, whatever the
cycle did."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from shlex import quote
from typing import NamedTuple

from engine.ledger.accounting import NET, Position
from engine.ledger.disputes import DisputeKind, OpenDisputes
from engine.ledger.questions import NOT_HELD, Question

MIXED_SIDES = (
    "some of its fills say which side of a hedged position they are of, others do not: their "
    "positions are kept apart, and may be one"
)
ONE_KIND = "a new ledger of fills that all say it, or all do not, has it right"
BOOKED_AS_SPOT = (
    "an earlier program booked this contract by the rules of a spot market, and so its figures go "
    "on"
)
QUARANTINE = "an item in quarantine waits to be resolved"


# The kinds of notices that are of a market, or an asset, at attention.
KINDS = frozenset(
    {
        "booked_as_spot",
        "clash_open",
        "correction_open",
        "late_before_opening",
        "left_out",
        "mixed_sides",
        "oversold",
        "relabelled_open",
        "unknown_events",
        NOT_HELD,
    }
)

OVERSOLD = "more was sold than the ledger holds"
HISTORY = "history is missing: a wider start_from has it, or `cycledeck open` books what there was"


class MarketStatus(StrEnum):
    """A market's state: how far its figures can be relied on, the worst last."""

    OK = "ok"
    ATTENTION = "attention"
    CATCHING_UP = "catching_up"
    HELD = "held"

    @property
    def rank(self) -> int:
        """The higher, the worse."""
        return list(MarketStatus).index(self)


class MarketState(NamedTuple):
    """Why a market, or an asset, is at attention or held, and what helps. `kind` names the reason
    in notices."""

    symbol: str
    status: MarketStatus
    kind: str
    reason: str
    remedy: str

    @property
    def message(self) -> str:
        return "; ".join(filter(None, (self.reason, self.remedy)))


def market_states(
    positions: Iterable[Position],
    disputes: Iterable[OpenDisputes],
    questions: Iterable[Question] = (),
    held: Collection[str] = (),
) -> Iterator[MarketState]:
    """The states of markets and assets that are not ok; there may be several of each. `held` are
    markets with an item in quarantine."""
    for symbol in sorted(held):
        remedy = "`cycledeck quarantine list` shows it"
        yield MarketState(symbol, MarketStatus.HELD, "cursor_held", QUARANTINE, remedy)
    for dispute in disputes:
        yield from _of_dispute(dispute)
    yield from _of_positions(positions)
    for question in questions:
        reason, _, remedy = question.message.partition("; ")
        status = MarketStatus.ATTENTION
        yield MarketState(question.where, status, question.kind, reason, remedy)


def _of_positions(positions: Iterable[Position]) -> Iterator[MarketState]:
    sides: dict[str, set[str]] = defaultdict(set)
    status = MarketStatus.ATTENTION
    for position in positions:
        sides[position.symbol].add(position.side)
        if position.market.is_booked_as_spot and position.side == NET:
            how = f"--kind {position.market.kind.value} --size N"
            remedy = f"`cycledeck rebook {quote(position.symbol)} {how}` books it as a contract"
            yield MarketState(position.symbol, status, "booked_as_spot", BOOKED_AS_SPOT, remedy)
        if position.oversold:
            yield MarketState(position.symbol, status, "oversold", OVERSOLD, HISTORY)
    for symbol, there in sides.items():
        if NET in there and len(there) > 1:
            yield MarketState(symbol, status, "mixed_sides", MIXED_SIDES, ONE_KIND)


def _of_dispute(dispute: OpenDisputes) -> Iterator[MarketState]:
    if dispute.kind is DisputeKind.RELABELLED:
        yield from _of_names(*dispute.names)
        return
    count = dispute.number
    contents = "one content" if count == 1 else f"{count} contents"
    if dispute.kind is DisputeKind.CLASH:
        reason = f"{contents} not booked, under ids that very likely other fills have"
    else:
        reason = f"{contents} kept, other than what was booked under the same ids and stands"
    example = (
        f"`cycledeck conflicts resolve {dispute.first_id}` decides, `conflicts list` shows all"
    )
    if count == 1:
        example = f"`cycledeck conflicts resolve {dispute.first_id}` decides"
    for symbol in sorted(dispute.markets):
        kind = f"{dispute.kind.value}_open"
        yield MarketState(symbol, MarketStatus.ATTENTION, kind, reason, example)


def _of_names(old: str, new: str) -> Iterator[MarketState]:
    names = f"{quote(new)} {quote(old)}"
    remedy = (
        f"`cycledeck markets alias {names}` if it is, `cycledeck markets distinct {names}` if they "
        "are two"
    )
    reason = f"{new} may be {old} under another name: trades of both look alike"
    held = f"{reason}; nothing new of {new} is booked"
    yield MarketState(new, MarketStatus.HELD, "cursor_held", held, remedy)
    yield MarketState(old, MarketStatus.ATTENTION, "relabelled_open", reason, remedy)
