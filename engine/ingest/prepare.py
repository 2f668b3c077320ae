"""Prepare: what the venue answered, read, corrected, and held where something is unclear.

Live cycles, replays, previews and rehearsals are four uses of `prepare`.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress
from types import MappingProxyType

from engine.errors import UnreadableFill
from engine.ingest import quarantine
from engine.ingest.paging import VenueResponse
from engine.ingest.quarantine import QuarantinedItem, Undecided
from engine.ingest.releases import Release, releases_due
from engine.ledger.cursors import PreparedMarket
from engine.ledger.doubts import currency_doubt
from engine.ledger.events import Event
from engine.ledger.fills import Fill, derive_trade_ids
from engine.ledger.identity import Identity
from engine.ledger.markets import RULES, SPOT_RULES, Market, Markets
from engine.ledger.reports import Edge, read_fill
from engine.store.tx import Tx
from engine.venue import TradeIds


@dataclass(frozen=True, slots=True)
class Reading:
    """The readable fills of a response, the text each was read from, and the items that are not.

    `decided` are the texts of fills that the operator has dropped, or put another in place of.
    """

    response: VenueResponse
    fills: tuple[Fill, ...]
    texts: tuple[str, ...]
    unreadable: tuple[Undecided, ...]
    decided: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """The markets that are fit for TX 1, one for each complete response.

    `undecided` items wait for the operator and hold their markets' cursors, as older items may:
    `held` names all such markets. `corrections` are the operator's, which the fills include.
    `releases` are items that wait no longer once TX 1 has booked the fills.
    """

    markets: tuple[PreparedMarket, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    held: frozenset[str] = frozenset()
    corrections: tuple[QuarantinedItem, ...] = ()
    releases: tuple[Release, ...] = ()


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
    pinned = Markets(tx).known
    readings = [
        believed(tx, read(response, identity.trade_ids, texts, edge, pinned), cycle_id)
        for response in responses
    ]
    unreadable = chain.from_iterable(reading.unreadable for reading in readings)
    # By later rules TX 1 tells what came under an id that is taken.
    taken = _with_taken_ids(tx, readings, identity.venue, cycle_id) if edge == SPOT_RULES else ()
    undecided = (*unreadable, *taken)
    if quarantining:
        quarantine.keep(tx, undecided, cycle_id)
    # The rules of 0.1.0 released nothing.
    releases = () if edge == SPOT_RULES else _releases(tx, readings, undecided)
    held = frozenset(quarantine.held(tx, undecided, releases))
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
    return Prepared(markets, undecided, held, tuple(corrections), releases)


def read(
    response: VenueResponse,
    trade_ids: TradeIds,
    corrections: Iterable[str] = (),
    rules: int = RULES,
    pinned: Mapping[str, Market] = MappingProxyType({}),
) -> Reading:
    """Read a response's items, and the operator's corrections of some of them.

    Other markets' fills and those before the market's start are left out.
    """
    request = response.request
    fills, texts, unreadable = [], [], []
    edge = Edge(trade_ids, response.latest_ms, rules, pinned=pinned)
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


def believed(tx: Tx, reading: Reading, cycle_id: int) -> Reading:
    """The reading with doubtful fills among what cannot be booked, but for those that cycles before
    this one booked: only what is new is judged."""
    reading = _without_decided(tx, reading, cycle_id)
    fills = _of_one_market(reading.fills)
    doubtful = {fill.trade_id for fill in fills if fill.doubt}
    if not doubtful:
        return reading
    ids = json.dumps(sorted(doubtful))
    booked = tx.pairs("fill_markets", trade_ids=ids, before=cycle_id).keys()
    new = [fill.doubt is not None and not _is_repeat(tx, fill, booked) for fill in fills]
    pairs = list(zip(fills, reading.texts, new, strict=True))
    symbol = reading.response.request.symbol
    return replace(
        reading,
        fills=tuple(fill for fill, _, is_new in pairs if not is_new),
        texts=tuple(text for _, text, is_new in pairs if not is_new),
        unreadable=(
            *reading.unreadable,
            *(Undecided(symbol, text, fill.doubt or "") for fill, text, is_new in pairs if is_new),
        ),
    )


def _without_decided(tx: Tx, reading: Reading, cycle_id: int) -> Reading:
    """The reading without items that the operator dropped or put another in place of: the decision
    stands, also once they can be read. What is in the ledger all the same is left to TX 1."""
    digests = frozenset(tx.column("quarantine_decided", before=cycle_id))
    if not digests:
        return reading
    symbol, pairs = reading.response.request.symbol, zip(reading.fills, reading.texts, strict=True)
    items = [(fill, Undecided(symbol, text, "")) for fill, text in pairs]
    decided = [not digests.isdisjoint((i.digest, i.digest_in_market)) for _, i in items]
    ids = json.dumps([fill.trade_id for fill in compress(reading.fills, decided)])
    booked = tx.pairs("fill_markets", trade_ids=ids, before=cycle_id)
    kept: list[tuple[Fill, str]] = []
    dropped: list[str] = []
    for (fill, item), is_decided in zip(items, decided, strict=True):
        if is_decided and (fill.doubt or fill.trade_id not in booked):
            dropped.append(item.raw)
        else:
            kept.append((fill, item.raw))
    return replace(
        reading,
        fills=tuple(fill for fill, _ in kept),
        texts=tuple(text for _, text in kept),
        decided=tuple(dropped),
    )


def _of_one_market(fills: Sequence[Fill]) -> Sequence[Fill]:
    """The fills, all doubted where they call their market by two kinds, and none is pinned."""
    kinds = {fill.market.kind for fill in fills if fill.market}
    if len(kinds) < 2:
        return fills
    doubt = f"linear: some items call {fills[0].symbol} {' and others '.join(sorted(kinds))}"
    return [replace(fill, doubt=fill.doubt or doubt) for fill in fills]


def _is_repeat(tx: Tx, fill: Fill, booked: Collection[str]) -> bool:
    """Whether the ledger has a doubtful fill, with its fees, if these are what is doubted."""
    if fill.trade_id not in booked:
        return False
    if fill.market is None or currency_doubt(fill, fill.market) is None:
        return True
    fees = tx.typed(Event, "stored_fees", fee_id=f"fee:{fill.trade_id}")
    return {fee.currency for fee in fill.fees} <= {fee.fee_currency for fee in fees}


def _releases(
    tx: Tx, readings: Sequence[Reading], undecided: Iterable[Undecided]
) -> tuple[Release, ...]:
    """What waits no longer once the readings' fills are booked, but for those that will not be."""
    refused = {(item.symbol, item.raw) for item in undecided}
    coming = (
        (fill, text)
        for reading in readings
        for fill, text in zip(reading.fills, reading.texts, strict=True)
        if (fill.symbol, text) not in refused
    )
    latest_ms = max((reading.response.latest_ms for reading in readings), default=0)
    return releases_due(tx, coming, latest_ms)


def _with_taken_ids(
    tx: Tx, readings: Sequence[Reading], venue: str, cycle_id: int
) -> Iterator[Undecided]:
    """Fills whose trade id is that of a fill in another market: TX 1 will not book them."""
    ids = [fill.trade_id for reading in readings for fill in reading.fills]
    markets = tx.pairs("fill_markets", trade_ids=json.dumps(ids), before=cycle_id)
    for reading in readings:
        for fill, text in zip(reading.fills, reading.texts, strict=True):
            market = markets.setdefault(fill.trade_id, fill.symbol)
            if market != fill.symbol:
                reason = (
                    f"trade id {fill.trade_id} is that of a fill in {market}; where ids are unique "
                    f"per market only, a new ledger with {venue}.trade_ids = 'market' books both"
                )
                yield Undecided(fill.symbol, text, reason)
