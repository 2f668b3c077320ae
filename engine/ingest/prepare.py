"""Prepare: what the venue answered, read, corrected, and held where something is unclear.

Live cycles, replays, previews and rehearsals are four uses of `prepare`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from engine.errors import UnreadableFill
from engine.ingest import quarantine
from engine.ingest.paging import VenueResponse
from engine.ingest.quarantine import QuarantinedItem, Undecided
from engine.ledger.cursors import PreparedMarket
from engine.ledger.fills import Fill, derive_trade_ids
from engine.ledger.identity import Identity
from engine.ledger.markets import RULES, SPOT_RULES
from engine.ledger.reports import Edge, read_fill
from engine.store.tx import Tx
from engine.venue import TradeIds


@dataclass(frozen=True, slots=True)
class Reading:
    """The readable fills of a response, the text each was read from, and the items that are not."""

    response: VenueResponse
    fills: tuple[Fill, ...]
    texts: tuple[str, ...]
    unreadable: tuple[Undecided, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The markets that are fit for TX 1, one for each complete response.

    `undecided` items wait for the operator and hold their markets' cursors, as older items may:
    `held` names all such markets. `corrections` are the operator's, which the fills include.
    """

    markets: tuple[PreparedMarket, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    held: frozenset[str] = frozenset()
    corrections: tuple[QuarantinedItem, ...] = ()


def prepare(
    tx: Tx,
    responses: Iterable[VenueResponse],
    *,
    clock_ms: int | None,
    cycle_id: int,
    replay_of: int | None = None,
    quarantining: bool = True,
    edge: int = RULES,
) -> Prepared:
    """Read complete responses, with the corrections that are due or that the replayed cycle had.

    Items that cannot be booked are quarantined for `cycle_id`, unless that is not wanted. `edge` is
    the version of the rules that they are read by, `clock_ms` the venue's clock when it answered.
    """
    identity = Identity.of(tx)
    corrections = quarantine.replacements(tx, replay_of)
    texts = [item.replacement or "" for item in corrections]
    readings = [
        believed(tx, read(response, identity.trade_ids, texts, edge)) for response in responses
    ]
    unreadable = chain.from_iterable(reading.unreadable for reading in readings)
    undecided = (*unreadable, *_with_taken_ids(tx, readings, identity.venue))
    if quarantining:
        quarantine.keep(tx, undecided, cycle_id)
    held = frozenset(quarantine.held(tx, undecided))
    markets = tuple(
        PreparedMarket(
            reading.response.request.symbol,
            reading.response.request.since_ms,
            reading.response.request.start_ms,
            reading.fills,
            held=reading.response.request.symbol in held,
            clock_ms=None if edge == SPOT_RULES else clock_ms,
        )
        for reading in readings
    )
    return Prepared(markets, undecided, held, tuple(corrections))


def read(
    response: VenueResponse,
    trade_ids: TradeIds,
    corrections: Iterable[str] = (),
    rules: int = RULES,
) -> Reading:
    """Read a response's items, and the operator's corrections of some of them.

    Other markets' fills and those before the market's start are left out.
    """
    request = response.request
    fills, texts, unreadable = [], [], []
    edge = Edge(trade_ids, response.latest_ms, rules)
    for raw in chain(*response.pages, corrections):
        try:
            fill = read_fill(raw, edge)
        except UnreadableFill as error:
            unreadable.append(Undecided(request.symbol, raw, str(error)))
            continue
        if fill.symbol == request.symbol and fill.ts_ms >= request.start_ms:
            fills.append(fill)
            texts.append(raw)
    if trade_ids is TradeIds.NONE:
        fills = derive_trade_ids(fills)
    return Reading(response, tuple(fills), tuple(texts), tuple(unreadable))


def believed(tx: Tx, reading: Reading) -> Reading:
    """The reading with doubtful fills among what cannot be booked, but for those that the ledger
    has already: only new ones are judged."""
    if not any(fill.doubt for fill in reading.fills):
        return reading
    ids = json.dumps([fill.trade_id for fill in reading.fills if fill.doubt])
    booked = tx.pairs("fill_markets", trade_ids=ids)
    pairs = list(zip(reading.fills, reading.texts, strict=True))
    bookable = [(f, t) for f, t in pairs if f.doubt is None or f.trade_id in booked]
    doubtful = (
        Undecided(reading.response.request.symbol, text, fill.doubt)
        for fill, text in pairs
        if fill.doubt is not None and fill.trade_id not in booked
    )
    fills, texts = zip(*bookable, strict=True) if bookable else ((), ())
    return replace(reading, fills=fills, texts=texts, unreadable=(*reading.unreadable, *doubtful))


def _with_taken_ids(tx: Tx, readings: Sequence[Reading], venue: str) -> Iterator[Undecided]:
    """Fills whose trade id is that of a fill in another market: TX 1 will not book them."""
    ids = [fill.trade_id for reading in readings for fill in reading.fills]
    markets = tx.pairs("fill_markets", trade_ids=json.dumps(ids))
    for reading in readings:
        for fill, text in zip(reading.fills, reading.texts, strict=True):
            market = markets.setdefault(fill.trade_id, fill.symbol)
            if market != fill.symbol:
                reason = (
                    f"trade id {fill.trade_id} is that of a fill in {market}; where ids are unique "
                    f"per market only, a new ledger with {venue}.trade_ids = 'market' books both"
                )
                yield Undecided(fill.symbol, text, reason)
