"""The evidence of a cycle: the venue's responses, each item with its fill or why it has none.

Items are read once more, by the same rules, from the responses stored for the cycle.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from engine.cycles.results import CycleResult, Frozen
from engine.ingest import inputs, quarantine
from engine.ingest.paging import VenueResponse
from engine.ingest.prepare import Reading, believed, read
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.fills import Fill
from engine.ledger.identity import Identity
from engine.ledger.markets import SPOT_RULES, Markets
from engine.store.tx import Tx

DECIDED = "the operator has dropped it, or put another fill in its place"
LEFT_OUT = "it is of another market, or from before this market's history begins"


class MarketEvidence(Frozen):
    """A request to the venue for one symbol (UTC milliseconds), and its response.

    `error` says why the response is not complete. `held` means that a quarantined item holds the
    cursor where it was.
    """

    symbol: str
    since_ms: int
    start_ms: int
    latest_ms: int
    pages: int
    items: int
    error: str | None
    cursor_before: int | None
    cursor_after: int | None
    held: bool

    @classmethod
    def of(cls, response: VenueResponse, result: CycleResult) -> "MarketEvidence":
        request = response.request
        change = result.cursors.get(CURSOR_PREFIX + request.symbol)
        return cls(
            symbol=request.symbol,
            since_ms=request.since_ms,
            start_ms=request.start_ms,
            latest_ms=response.latest_ms,
            pages=len(response.pages),
            items=sum(map(len, response.pages)),
            error=response.error,
            cursor_before=change.before if change else None,
            cursor_after=change.after if change else None,
            held=request.symbol in result.held,
        )


class EvidenceItem(NamedTuple):
    """One reported item, or the operator's correction of one. Either `fill` or `reason`."""

    symbol: str
    raw: str
    fill: Fill | None
    reason: str | None


def read_evidence(tx: Tx, result: CycleResult) -> dict[MarketEvidence, list[EvidenceItem]]:
    """A cycle's evidence by market, of a replay that of the cycle it replayed.

    None at all where any of it has expired.
    """
    responses = inputs.load(tx, result.replay_of or result.cycle_id, incomplete=True)
    if not responses:
        return {}
    trade_ids = Identity.of(tx).trade_ids
    corrections = _corrections(tx, result)
    edge = tx.value("cycle_edge", cycle_id=result.cycle_id) or SPOT_RULES
    evidence, pinned = {}, Markets(tx).known
    for response in responses:
        given = corrections if response.error is None else ()
        reading = read(response, trade_ids, given, edge, pinned)
        reading = believed(tx, reading, result.cycle_id)
        evidence[MarketEvidence.of(response, result)] = list(_items(reading, given))
    return evidence


def _corrections(tx: Tx, result: CycleResult) -> list[str]:
    """The operator's corrections that the cycle was given."""
    if result.replay_of is not None:
        items = quarantine.replacements(tx, result.replay_of)
    else:
        statement = "history_corrections"
        items = tx.typed(quarantine.QuarantinedItem, statement, cycle_id=result.cycle_id)
    return [item.replacement or "" for item in items]


def _items(reading: Reading, given: Sequence[str]) -> Iterator[EvidenceItem]:
    """A response's items in order: a text reads the same wherever it stands in a response."""
    response = reading.response
    readable, fills = set(reading.texts), iter(reading.fills)
    reasons = {item.raw: item.reason for item in reading.unreadable}
    own = (raw for raw in given if raw in readable or raw in reasons)
    for raw in chain(*response.pages, own):
        fill = next(fills) if raw in readable else None
        reason = None if fill else reasons.get(raw, LEFT_OUT)
        if raw in reading.decided and fill is None:
            reason = DECIDED
        yield EvidenceItem(response.request.symbol, raw, fill, reason)
