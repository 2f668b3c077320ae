"""Numbering: what the trade ids of a response's fills follow from besides the fills themselves.

Where a venue has no trade ids, identical rows are told apart by their number among all of their
time: whatever takes a number in one cycle has to take it in each. Where ids are unique per market,
all fills of a market have one qualifier.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from itertools import chain, compress
from typing import NamedTuple

from engine.ingest.paging import VenueResponse
from engine.ingest.quarantine import standing
from engine.ledger.fills import Fill, FillDetails, derive_trade_ids
from engine.ledger.markets import SPOT_RULES
from engine.ledger.quarantine_decisions import QuarantinedItem
from engine.store.tx import Tx
from engine.text import storable
from engine.venue import TradeIds


class Origin(Enum):
    """The origin of a fill: the venue's response, or the operator's correction of an item.

    A correction is `APART` where the venue no longer reports the item, though the window reaches
    it: the row has been mended, and comes by itself.
    """

    VENUE = "venue"
    CORRECTION = "correction"
    APART = "apart"


class Correction(NamedTuple):
    text: str
    origin: Origin = Origin.CORRECTION


def corrections(
    tx: Tx,
    trade_ids: TradeIds,
    responses: Sequence[VenueResponse],
    due: Iterable[QuarantinedItem],
    cycle_id: int,
    edge: int,
) -> tuple[Correction, ...]:
    """The corrections that a cycle reads, of which `due` are those it applies.

    Without trade ids a correction stands in the place of its item in every cycle, as often as the
    item does; one that 0.1.0 applied stands there once, as it was booked.
    """
    if trade_ids is not TradeIds.NONE or edge == SPOT_RULES:
        return tuple(Correction(item.replacement or "") for item in due)
    applied = {item.id: item for item in due}
    items = {item.id: item for item in standing(tx, cycle_id)} | applied
    served = _served(responses) if items else Counter[str]()
    return tuple(
        correction
        for item in sorted(items.values(), key=lambda item: item.id)
        for correction in _in_place(tx, item, served[item.raw], is_due=item.id in applied)
    )


def _in_place(tx: Tx, item: QuarantinedItem, count: int, *, is_due: bool) -> Iterator[Correction]:
    if count and item.applied_cycle_id is not None:
        applied_by = tx.value("cycle_edge", cycle_id=item.applied_cycle_id)
        count = 1 if applied_by == SPOT_RULES else count
    text = item.replacement or ""
    if is_due and not count:
        yield Correction(text, Origin.APART)
    for _ in range(count):
        yield Correction(text)


def _served(responses: Iterable[VenueResponse]) -> Counter[str]:
    """The times each text was served: one that names no market, to all of them."""
    served: Counter[str] = Counter()
    for response in responses:
        served |= Counter(storable(raw) for raw in chain(*response.pages))
    return served


def numbered(
    fills: Sequence[Fill], origins: Sequence[Origin], trade_ids: TradeIds
) -> tuple[Fill, ...]:
    """A market's fills with the ids that follow from all of them together."""
    if trade_ids is not TradeIds.NONE:
        return _of_one_qualifier(fills, trade_ids)
    apart = [origin is Origin.APART for origin in origins]
    beside = iter(derive_trade_ids(compress(fills, apart)))
    rest = iter(derive_trade_ids(compress(fills, (not is_apart for is_apart in apart))))
    return tuple(next(beside if is_apart else rest) for is_apart in apart)


def _of_one_qualifier(fills: Sequence[Fill], trade_ids: TradeIds) -> tuple[Fill, ...]:
    """The fills of a market that is not pinned yet, where some have the exchange's id of it and
    others do not: it is pinned with that."""
    ids = {fill.market.market_id for fill in fills if fill.market}
    if len(ids) != 2 or None not in ids:
        return tuple(fills)
    [market_id] = ids - {None}
    return tuple(_in_market(fill, market_id or "", trade_ids) for fill in fills)


def _in_market(fill: Fill, market_id: str, trade_ids: TradeIds) -> Fill:
    if fill.market is None or fill.market.market_id is not None:
        return fill
    market = replace(fill.market, market_id=market_id)
    trade_id = fill.trade_id
    if trade_ids is TradeIds.MARKET:
        trade_id = f"{market_id}:{fill.market.source_id(trade_id)}"
    details = (fill.details or FillDetails())._replace(market_id=market_id)
    return replace(fill, trade_id=trade_id, market=market, details=details)


def rows_alike(fill: Fill) -> str:
    """The part that ids of identical rows have in common."""
    return fill.trade_id.rpartition(":")[0]
