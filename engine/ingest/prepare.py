"""Prepare: what the venue answered, read, corrected, and held where something is unclear.

Live cycles, replays, previews and rehearsals are four uses of `prepare`.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, compress
from types import MappingProxyType

from engine.errors import UnreadableFill
from engine.ingest import quarantine
from engine.ingest.fill_cache import FillCache
from engine.ingest.numbering import Correction, Origin, corrections, numbered, rows_alike
from engine.ingest.paging import VenueResponse
from engine.ingest.quarantine import Undecided
from engine.ingest.releases import Release, releases_due
from engine.ledger.cursors import PreparedMarket
from engine.ledger.doubts import currency_doubt
from engine.ledger.events import Event
from engine.ledger.fills import Fill
from engine.ledger.identity import Identity
from engine.ledger.markets import RULES, SPOT_RULES, Market, Markets
from engine.ledger.quarantine_decisions import QuarantinedItem
from engine.ledger.reports import Edge, read_fill
from engine.store.tx import Tx
from engine.venue import TradeIds


@dataclass(frozen=True, slots=True)
class Reading:
    """The readable fills of a response, each with its text and origin, and the items that are not.

    `decided` are the texts of fills that the operator has dropped, or put another in place of.
    """

    response: VenueResponse
    trade_ids: TradeIds
    fills: tuple[Fill, ...]
    texts: tuple[str, ...]
    origins: tuple[Origin, ...]
    unreadable: tuple[Undecided, ...]
    decided: tuple[str, ...] = ()

    def only(self, chosen: Sequence[bool]) -> "Reading":
        """The reading with some of its fills, which are numbered among themselves."""
        fills, origins = [*compress(self.fills, chosen)], (*compress(self.origins, chosen),)
        return replace(
            self,
            fills=numbered(fills, origins, self.trade_ids),
            texts=(*compress(self.texts, chosen),),
            origins=origins,
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """The markets that are fit for TX 1, one for each complete response.

    `undecided` items wait for the operator and hold their markets' cursors, as older items may:
    `held` names all such markets. `corrections` are the operator's, which the fills include.
    `releases` are items that wait no longer once TX 1 has booked the fills. `strange_fees` are new
    fills whose fees are hardly right, by market: how many, and what is strange of one.
    """

    markets: tuple[PreparedMarket, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    held: frozenset[str] = frozenset()
    corrections: tuple[QuarantinedItem, ...] = ()
    releases: tuple[Release, ...] = ()
    strange_fees: Mapping[str, tuple[int, str]] = field(default_factory=dict)


def prepare(
    tx: Tx,
    responses: Iterable[VenueResponse],
    *,
    clock_ms: int | None,
    cycle_id: int,
    replay_of: int | None = None,
    quarantining: bool = True,
    edge: int = RULES,
    cache: FillCache | None = None,
) -> Prepared:
    """Read complete responses, with the corrections that are due or that the replayed cycle had.

    Items that cannot be booked are quarantined for `cycle_id`, unless that is not wanted. `edge` is
    the version of the rules that they are read by, `clock_ms` the venue's clock when it answered.
    A text that is in the `cache` is not read again.
    """
    identity, responses = Identity.of(tx), tuple(responses)
    due = quarantine.replacements(tx, replay_of)
    given = corrections(tx, identity.trade_ids, responses, due, cycle_id, edge)
    pinned = Markets(tx).known
    readings = [
        believed(tx, read(response, identity.trade_ids, given, edge, pinned, cache), cycle_id)
        for response in responses
    ]
    if cache is not None:
        cache.keep_only(
            (reading.response.request.symbol for reading in readings),
            [fill for reading in readings for fill in reading.fills],
        )
    unreadable = chain.from_iterable(reading.unreadable for reading in readings)
    # By later rules TX 1 tells what came under an id that is taken.
    taken = _with_taken_ids(tx, readings, identity, cycle_id) if edge == SPOT_RULES else ()
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
    strange = _strange_fees(tx, readings, cycle_id)
    return Prepared(markets, undecided, held, tuple(due), releases, strange)


def read(
    response: VenueResponse,
    trade_ids: TradeIds,
    given: Iterable[Correction] = (),
    rules: int = RULES,
    pinned: Mapping[str, Market] = MappingProxyType({}),
    cache: FillCache | None = None,
) -> Reading:
    """Read a response's items, and the operator's corrections of some of them.

    Other markets' fills and those before the market's start are left out.
    """
    request, terms = response.request, response.terms
    fills, texts, origins, unreadable = [], [], [], []
    of_venue = Edge(trade_ids, response.latest_ms, rules, pinned=pinned, terms=terms)
    # What the operator says of fees is no library's word.
    of_operator = replace(of_venue, terms=replace(terms, through_library=False))
    before = {} if cache is None else cache.of(request.symbol, of_venue)
    now: dict[str, Fill] = {}
    reported = ((raw, Origin.VENUE) for raw in chain(*response.pages))
    for raw, origin in chain(reported, given):
        fill = before.get(raw) if origin is Origin.VENUE else None
        try:
            fill = fill or read_fill(raw, of_venue if origin is Origin.VENUE else of_operator)
        except UnreadableFill as error:
            unreadable.append(Undecided(request.symbol, raw, str(error)))
            continue
        if origin is Origin.VENUE and fill.symbol == request.symbol:
            now[raw] = fill
        if fill.symbol == request.symbol and fill.ts_ms >= request.start_ms:
            fills.append(fill)
            texts.append(raw)
            origins.append(origin)
    if cache is not None:
        cache.keep(request.symbol, of_venue, now)
    named = numbered(fills, origins, trade_ids)
    readable = named, tuple(texts), tuple(origins)
    return Reading(response, trade_ids, *readable, tuple(unreadable))


def believed(tx: Tx, reading: Reading, cycle_id: int) -> Reading:
    """The reading with doubtful fills among what cannot be booked, but for those that cycles before
    this one booked: only what is new is judged."""
    reading = _without_decided(tx, reading, cycle_id)
    fills = _of_one_market(reading.fills)
    if not any(fill.doubt for fill in fills):
        return reading
    booked = _booked(tx, _doubtful_ids(fills, reading.trade_ids), cycle_id)
    if reading.trade_ids is TradeIds.NONE:
        booked = _wholly_booked(fills, booked)
    new = [fill.doubt is not None and not _is_repeat(tx, fill, booked) for fill in fills]
    symbol = reading.response.request.symbol
    undecided = (
        Undecided(symbol, text, fill.doubt or "")
        for fill, text, is_new in zip(fills, reading.texts, new, strict=True)
        if is_new
    )
    unreadable = (*reading.unreadable, *undecided)
    return replace(reading.only([not is_new for is_new in new]), unreadable=unreadable)


def _doubtful_ids(fills: Sequence[Fill], trade_ids: TradeIds) -> set[str]:
    """The ids of doubtful fills; where rows have none, of all rows that look like one of them."""
    if trade_ids is not TradeIds.NONE:
        return {fill.trade_id for fill in fills if fill.doubt}
    alike = {rows_alike(fill) for fill in fills if fill.doubt}
    return {fill.trade_id for fill in fills if rows_alike(fill) in alike}


def _wholly_booked(fills: Iterable[Fill], booked: Collection[str]) -> set[str]:
    """The ids, made of rows, of which all alike are booked: a doubtful row that is new takes no
    number from one that is not."""
    partly = {rows_alike(fill) for fill in fills if fill.trade_id not in booked}
    return {fill.trade_id for fill in fills if rows_alike(fill) not in partly}


def _booked(tx: Tx, trade_ids: Iterable[str], cycle_id: int) -> set[str]:
    """The trade ids whose fills cycles before this one booked."""
    ids = json.dumps(sorted(trade_ids))
    return set(tx.pairs("fill_markets", trade_ids=ids, before=cycle_id))


def _without_decided(tx: Tx, reading: Reading, cycle_id: int) -> Reading:
    """The reading without items that the operator dropped or put another in place of: the decision
    stands, also once they can be read. What is in the ledger all the same is left to TX 1; where
    rows have no ids, another one that looks like it may be that."""
    digests = frozenset(tx.column("quarantine_decided", before=cycle_id))
    if not digests:
        return reading
    decided = [
        origin is Origin.VENUE and not digests.isdisjoint((item.digest, item.digest_in_market))
        for item, origin in zip(_items(reading), reading.origins, strict=True)
    ]
    if not any(decided):
        return reading
    booked: Collection[str] = ()
    if reading.trade_ids is not TradeIds.NONE:
        booked = _booked(tx, (f.trade_id for f in compress(reading.fills, decided)), cycle_id)
    dropped = [
        is_decided and (fill.doubt is not None or fill.trade_id not in booked)
        for fill, is_decided in zip(reading.fills, decided, strict=True)
    ]
    texts = tuple(compress(reading.texts, dropped))
    return replace(reading.only([not is_dropped for is_dropped in dropped]), decided=texts)


def _items(reading: Reading) -> Iterator[Undecided]:
    symbol = reading.response.request.symbol
    return (Undecided(symbol, text, "") for text in reading.texts)


def _of_one_market(fills: Sequence[Fill]) -> Sequence[Fill]:
    """The fills, all doubted where they call their market by two kinds or the exchange's ids of it
    by two, and none is pinned."""
    kinds = {fill.market.kind for fill in fills if fill.market}
    ids = {fill.market.market_id for fill in fills if fill.market and fill.market.market_id}
    for name, values in (("linear", kinds), ("market_id", ids)):
        if len(values) > 1:
            names = " and others ".join(sorted(values))
            doubt = f"{name}: some items call {fills[0].symbol} {names}"
            return [replace(fill, doubt=fill.doubt or doubt) for fill in fills]
    return fills


def _is_repeat(tx: Tx, fill: Fill, booked: Collection[str]) -> bool:
    """Whether the ledger has a doubtful fill, with its fees, if these are what is doubted."""
    if fill.trade_id not in booked:
        return False
    if fill.market is None or currency_doubt(fill, fill.market) is None:
        return True
    fees = tx.typed(Event, "stored_fees", fee_id=f"fee:{fill.trade_id}")
    return {fee.currency for fee in fill.fees} <= {fee.fee_currency for fee in fees}


def _strange_fees(tx: Tx, readings: Sequence[Reading], cycle_id: int) -> dict[str, tuple[int, str]]:
    fills = {
        fill.trade_id: fill for reading in readings for fill in reading.fills if fill.strange_fee
    }
    new = fills.keys() - _booked(tx, fills, cycle_id) if fills else ()
    strange: dict[str, tuple[int, str]] = {}
    for fill in (fills[trade_id] for trade_id in sorted(new)):
        count, _ = strange.get(fill.symbol, (0, ""))
        strange[fill.symbol] = count + 1, fill.strange_fee or ""
    return strange


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
    tx: Tx, readings: Sequence[Reading], identity: Identity, cycle_id: int
) -> Iterator[Undecided]:
    """Fills whose trade id is that of a fill in another market, as 0.1.0 held them."""
    ids = [fill.trade_id for reading in readings for fill in reading.fills]
    markets = tx.pairs("fill_markets", trade_ids=json.dumps(ids), before=cycle_id)
    for reading in readings:
        for fill, text in zip(reading.fills, reading.texts, strict=True):
            market = markets.setdefault(fill.trade_id, fill.symbol)
            if market != fill.symbol:
                reason = (
                    f"trade id {fill.trade_id} is that of a fill in {market}; where ids are unique "
                    f"per market only, a new ledger with {identity.venue}.trade_ids = 'market' "
                    "books both"
                )
                yield Undecided(fill.symbol, text, reason)
