"""Fetch: which windows to ask the venue for, its answers, and the marks."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from engine.clock import now_ms
from engine.errors import VenueError
from engine.ingest import paging, quarantine
from engine.ingest.paging import Request, VenueResponse
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.fills import latest_believed
from engine.ledger.identity import Identity
from engine.ledger.positions import Positions
from engine.ledger.terms import Terms
from engine.settings import Settings
from engine.store.store import Store
from engine.store.tx import Tx
from engine.trading import orders
from engine.venue import SizesContracts, ThroughLibrary, TradeIds, Venue
from engine.venues.retrying import Retrying

# How many of a venue's markets a message names.
MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Fetched:
    """The venue's answers in one cycle: a response for each market, and marks by symbol.

    `marks_error` says why there are no marks.
    """

    responses: tuple[VenueResponse, ...]
    marks: Mapping[str, Decimal]
    marks_error: VenueError | None = None


class Fetcher:
    """Asks the venue, again after errors that may pass."""

    def __init__(self, settings: Settings, store: Store, venue: Venue, retrying: Retrying) -> None:
        self._settings = settings
        self._store = store
        self._venue = venue
        self._retrying = retrying

    async def venue_ms(self) -> int:
        """The venue's clock, in UTC milliseconds. Raises `VenueError`."""
        return await self._retrying(self._venue.fetch_time)

    async def fetch(self, venue_ms: int, *, reconciling: bool = False) -> Fetched:
        """Fills of every market since its cursor less the lookback; `reconciling` looks back more.

        A market's failure is in its response. Raises `VenueError` where not even the venue's
        markets can be had.
        """
        lookback = self._settings.lookback
        if reconciling:
            lookback = max(lookback, self._settings.reconcile_lookback)
        latest = latest_believed(now_ms(), venue_ms)
        answers = [
            replace(
                await paging.fetch(self._venue, request, latest, self._retrying),
                terms=self._terms(request.symbol),
            )
            for request in await self._requests(venue_ms, lookback)
        ]
        responses = tuple(await self._doubting_the_empty(answers))
        symbols = [response.request.symbol for response in responses]
        try:
            marks = await self._retrying(partial(self._venue.fetch_marks, symbols))
        except VenueError as error:
            return Fetched(responses, {}, error)
        return Fetched(responses, marks)

    def _terms(self, symbol: str) -> Terms:
        """The terms that settings and venue give beside a market's items."""
        venue, settings = self._venue, self._settings
        size = venue.contract_size(symbol) if isinstance(venue, SizesContracts) else None
        terms = Terms(settings.earliest_ms, settings.fee_floor, size)
        if isinstance(venue, ThroughLibrary):
            return replace(terms, through_library=True, taker_rebates=venue.taker_rebates)
        return terms

    async def _requests(self, venue_ms: int, lookback: int) -> list[Request]:
        """Configured markets, and those where something is still held, open or to be corrected."""
        wanted = self._settings.symbols or await self._retrying(self._venue.fetch_symbols)
        cursors, attached, trade_ids = await self._store.read(_attachments)
        symbols = dict.fromkeys([*wanted, *sorted(attached)])
        starts = await self._starts([s for s in symbols if s not in cursors], venue_ms)
        begins: dict[str, tuple[int | None, int]] = {s: (None, starts[s]) for s in starts}
        begins.update(cursors)
        requests = [Request.since_cursor(symbol, *begins[symbol], lookback) for symbol in symbols]
        if trade_ids is not TradeIds.NONE:
            return requests
        return [request.whole(attached.get(request.symbol)) for request in requests]

    async def _doubting_the_empty(
        self, responses: Sequence[VenueResponse]
    ) -> Iterable[VenueResponse]:
        """The responses, where an empty one may be an error: of a configured market that the venue
        does not name, and that nothing was ever booked in."""
        empty = {r.request.symbol for r in responses if not (r.error or any(r.pages))}
        suspects = empty.intersection(self._settings.symbols)
        if not suspects or not (suspects := suspects - await self._store.read(_booked)):
            return responses
        try:
            markets = await self._retrying(self._venue.fetch_symbols)
        except VenueError:
            return responses  # The next cycle asks again.
        unknown = suspects.difference(markets) if markets else ()
        return (
            replace(r, error=_no_such_market(self._named, r.request.symbol, markets))
            if r.request.symbol in unknown
            else r
            for r in responses
        )

    @property
    def _named(self) -> str:
        """The venue as the settings name it, with its file; one that takes its place, by name."""
        kind = self._settings.venue.partition(":")[0]
        return self._settings.venue if kind == self._venue.name else self._venue.name

    async def _starts(self, symbols: Sequence[str], venue_ms: int) -> dict[str, int]:
        """Where the histories of markets without a cursor begin. A `now` is kept before anything
        is asked, for a market's first fetch or commit may fail."""
        start = self._settings.start_ms(venue_ms)
        if symbols and self._settings.start_from == "now":
            return await self._store.write(partial(_keep_starts, symbols=symbols, start_ms=start))
        return dict.fromkeys(symbols, start)


def _keep_starts(tx: Tx, symbols: Sequence[str], start_ms: int) -> dict[str, int]:
    """Keep where histories begin, unless that is kept already; returns what is kept."""
    replace(Identity.of(tx), starts=dict.fromkeys(symbols, start_ms)).keep(tx)
    starts = Identity.of(tx).starts
    return {symbol: starts[symbol] for symbol in symbols}


def _no_such_market(venue: str, symbol: str, markets: Sequence[str]) -> str:
    names = ", ".join(markets[:MOST_NAMES])
    more = len(markets) - MOST_NAMES
    names += f" and {more:,} more" if more > 0 else ""
    return f"symbols = {symbol!r}: {venue} has no such market; it has {names}"


def _booked(tx: Tx) -> set[str]:
    """The markets that fills are booked in."""
    return {position.symbol for position in Positions(tx).all().values()}


def _attachments(
    tx: Tx,
) -> tuple[dict[str, tuple[int, int]], dict[str, int | None], TradeIds]:
    """Cursors by symbol (value, start); the symbols that have to be fetched in any case, with the
    time of the first correction that is due there; and where trade ids are unique."""
    cursors = {
        row["key"].removeprefix(CURSOR_PREFIX): (row["value_ms"], row["start_ms"])
        for row in tx.named("cursors_all")
    }
    open_positions = {p.symbol for p in Positions(tx).all().values() if p.qty}
    attached: dict[str, int | None] = dict.fromkeys(open_positions | orders.live_symbols(tx))
    for item in quarantine.replacements(tx):
        fill = json.loads(item.replacement or "")
        times = (int(fill["timestamp"]), attached.get(fill["symbol"]))
        attached[fill["symbol"]] = min(ts for ts in times if ts is not None)
    return cursors, attached, Identity.of(tx).trade_ids
