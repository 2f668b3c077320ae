"""What the venue said in a cycle, item by item: each with what was read of it, or why nothing was.

The items are read again by the same rules, from what was kept of the cycle.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from engine.ingest import inputs, quarantine
from engine.ingest.paging import VenueResponse
from engine.ingest.prepare import read
from engine.ledger.fills import Fill
from engine.ledger.identity import Identity
from engine.store.tx import Tx
from engine.venue import TradeIds

LEFT_OUT = "it is of another market, or from before this market's history begins"


class EvidenceItem(NamedTuple):
    """One reported item, or what the operator put in its place. Either `fill` or `reason`."""

    raw: str
    fill: Fill | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """What the venue said to one request, complete or not."""

    reply: VenueResponse
    items: tuple[EvidenceItem, ...]

    @property
    def symbol(self) -> str:
        return self.reply.request.symbol


def read_evidence(tx: Tx, cycle_id: int, replay_of: int | None) -> list[Told]:
    """All that the venue said to a cycle, of a replay to the one it replayed.

    None at all where any of it is kept no more.
    """
    responses = inputs.load(tx, replay_of or cycle_id, incomplete=True)
    if not responses:
        return []
    trade_ids = Identity.of(tx).trade_ids
    corrections = _corrections(tx, cycle_id, replay_of)
    return [
        Told(response, tuple(_items(response, trade_ids, corrections))) for response in responses
    ]


def _corrections(tx: Tx, cycle_id: int, replay_of: int | None) -> list[str]:
    """The operator's corrections that the cycle was given."""
    if replay_of is not None:
        found = quarantine.replacements(tx, replay_of)
    else:
        found = tx.typed(quarantine.QuarantinedItem, "history_corrections", cycle_id=cycle_id)
    return [item.replacement or "" for item in found]


def _items(
    reply: VenueResponse, trade_ids: TradeIds, corrections: Sequence[str]
) -> Iterator[EvidenceItem]:
    """A text reads the same wherever it stands in a reply: that tells what was read of which."""
    given = corrections if reply.error is None else ()
    reading = read(reply, trade_ids, given)
    readable, fills = set(reading.texts), iter(reading.fills)
    reasons = {item.raw: item.reason for item in reading.unreadable}
    for raw in chain(*reply.pages, (raw for raw in given if raw in readable or raw in reasons)):
        if raw in readable:
            yield EvidenceItem(raw, next(fills), None)
        else:
            yield EvidenceItem(raw, None, reasons.get(raw, LEFT_OUT))
