"""The evidence of a cycle: the venue's responses, each item with its fill or why it has none.

Items are read once more, by the same rules, from the responses stored for the cycle.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from engine.cycles.results import CycleResult, Frozen
from engine.ingest import inputs, quarantine
from engine.ingest.numbering import Correction, Origin, corrections
from engine.ingest.paging import VenueResponse
from engine.ingest.prepare import Reading, believed, read
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.fills import Fill
from engine.ledger.identity import Identity
from engine.ledger.markets import SPOT_RULES, Markets
from engine.ledger.quarantine_decisions import QuarantinedItem
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


class _Read(NamedTuple):
    text: str
    fill: Fill


def read_evidence(tx: Tx, result: CycleResult) -> dict[MarketEvidence, list[EvidenceItem]]:
    """A cycle's evidence by market, of a replay that of the cycle it replayed.

    None at all where any of it has expired.
    """
    responses = inputs.load(tx, result.replay_of or result.cycle_id, incomplete=True)
    if not responses:
        return {}
    trade_ids = Identity.of(tx).trade_ids
    edge = tx.value("cycle_edge", cycle_id=result.cycle_id) or SPOT_RULES
    due = _corrections(tx, result)
    complete = [response for response in responses if response.error is None]
    given_to_all = corrections(tx, trade_ids, complete, due, result.cycle_id, edge)
    evidence, pinned = {}, Markets(tx).known
    for response in responses:
        given = given_to_all if response.error is None else ()
        reading = read(response, trade_ids, given, edge, pinned)
        reading = believed(tx, reading, result.cycle_id)
        evidence[MarketEvidence.of(response, result)] = list(_items(reading, given))
    return evidence


def _corrections(tx: Tx, result: CycleResult) -> list[QuarantinedItem]:
    """The items whose corrections the cycle applied."""
    if result.replay_of is not None:
        return quarantine.replacements(tx, result.replay_of)
    return tx.typed(QuarantinedItem, "history_corrections", cycle_id=result.cycle_id)


def _items(reading: Reading, given: Iterable[Correction]) -> Iterator[EvidenceItem]:
    """A response's items in order, then corrections of its market's. A text of either reads the
    same wherever it stands."""
    response, symbol = reading.response, reading.response.request.symbol
    reasons = {item.raw: item.reason for item in reading.unreadable}
    of_venue, of_operator = deque[_Read](), deque[_Read]()
    for text, fill, origin in zip(reading.texts, reading.fills, reading.origins, strict=True):
        (of_venue if origin is Origin.VENUE else of_operator).append(_Read(text, fill))
    for raw in chain(*response.pages):
        if of_venue and of_venue[0].text == raw:
            yield EvidenceItem(symbol, raw, of_venue.popleft().fill, None)
        else:
            reason = DECIDED if raw in reading.decided else reasons.get(raw, LEFT_OUT)
            yield EvidenceItem(symbol, raw, None, reason)
    for raw, _ in given:
        if of_operator and of_operator[0].text == raw:
            yield EvidenceItem(symbol, raw, of_operator.popleft().fill, None)
        elif raw in reasons:
            yield EvidenceItem(symbol, raw, None, reasons[raw])
