"""What a venue that sees its whole history has before the windows that cycles read: told, where it
is not booked, with what books it.

Nothing is asked for before a cursor less the lookback: older lines that are put in front of a file
would lie there unread, with status ok.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from engine.clock import DAY_MS, iso
from engine.ingest import quarantine
from engine.ingest.paging import Request, VenueResponse
from engine.ingest.prepare import read
from engine.ingest.quarantine import Undecided
from engine.ledger.identity import Identity
from engine.ledger.markets import Markets
from engine.ledger.reports import Edge, outlined_id
from engine.settings import Settings
from engine.store.store import Store
from engine.store.tx import Tx
from engine.venue import LeftOut, SeesAll, TradeIds, Venue

# Types of warnings: lines that a longer lookback reaches, and lines that nothing does.
LEFT_OUT = "left_out"
START_IS_FIXED = "start_is_fixed"


class Warned(NamedTuple):
    """A warning about a market's lines: its type and its text."""

    symbol: str
    type: str
    message: str


class Overlooked:
    """Tells of lines that no cycle reads; where the venue cannot see them, of none."""

    def __init__(self, settings: Settings, store: Store, venue: Venue) -> None:
        self._settings = settings
        self._store = store
        self._venue = venue

    async def of(self, response: VenueResponse, cursor_ms: int, venue_ms: int) -> Sequence[Warned]:
        """Warnings about the market of a response, whose cursor is at `cursor_ms` now."""
        venue, symbol = self._venue, response.request.symbol
        if not isinstance(venue, SeesAll) or not (items := venue.left_out(symbol)):
            return ()
        start_ms = response.request.start_ms
        earliest_ms = min(start_ms, self._wanted_start_ms(start_ms, venue_ms))
        wanted = [item for item in items if item.ts_ms >= earliest_ms]
        lines = await self._store.read(partial(unbooked, items=wanted, response=response))
        keys = {line.key for line in lines}
        venue.settle(item for item in items if item.key not in keys)
        return tuple(self._warnings(symbol, lines, start_ms, cursor_ms))

    def _wanted_start_ms(self, start_ms: int, venue_ms: int) -> int:
        """Where history should begin by a `start_from` that was given; the default is no wish."""
        settings = self._settings
        if settings.start_from == "now" or "start_from" not in settings.model_fields_set:
            return start_ms
        return settings.start_ms(venue_ms)

    def _warnings(
        self, symbol: str, lines: Sequence[LeftOut], start_ms: int, cursor_ms: int
    ) -> Sequence[Warned]:
        unread = [line.ts_ms for line in lines if line.ts_ms >= start_ms]
        warnings = []
        if unread:
            days = -((min(unread) - cursor_ms) // DAY_MS)
            message = (
                f"{_lines(len(unread))} before the window that is read, from {iso(min(unread))} "
                f"on; not booked: --lookback {days}d, for one cycle, books what lies there"
            )
            warnings.append(Warned(symbol, LEFT_OUT, message))
        if early := len(lines) - len(unread):
            message = (
                f"{_lines(early)} before {iso(start_ms)}, where this ledger's history begins; "
                f"start_from = {self._settings.start_from!r} does not move that, but a new ledger "
                "begins there: --db with another file books them"
            )
            warnings.append(Warned(symbol, START_IS_FIXED, message))
        return warnings


def unbooked(tx: Tx, items: Sequence[LeftOut], response: VenueResponse) -> list[LeftOut]:
    """The items of a market that the ledger neither has nor has in quarantine."""
    symbol = response.request.symbol
    trade_ids = Identity.of(tx).trade_ids
    if trade_ids is TradeIds.NONE:
        items = _unbooked_of_content(tx, items, response)
    else:
        edge = Edge(trade_ids, response.latest_ms, pinned=Markets(tx).known)
        ids = [_ledger_id(item, symbol, edge) for item in items]
        items = [items[place] for place in _not_booked(tx, ids, symbol)]
    digests = quarantine.digests(tx) if items else frozenset()
    return [item for item in items if not _is_quarantined(item, symbol, digests)]


def _unbooked_of_content(
    tx: Tx, items: Sequence[LeftOut], response: VenueResponse
) -> list[LeftOut]:
    """The same where ids are made of what the lines say. Only the milliseconds that have more lines
    than fills are looked at, and lines only read where some of them are booked."""
    symbol = response.request.symbol
    lines = Counter(item.ts_ms for item in items)
    first_ms, last_ms = min(lines, default=0), max(lines, default=0)
    fills = tx.pairs("fills_at_times", symbol=symbol, first_ms=first_ms, last_ms=last_ms)
    doubtful = [item for item in items if 0 < fills.get(item.ts_ms, 0) < lines[item.ts_ms]]
    texts = tuple(item.text for item in doubtful)
    lines_again = replace(response, request=Request(symbol, 0, 0), pages=(texts,))
    reading = read(lines_again, TradeIds.NONE, pinned=Markets(tx).known)
    left = Counter(undecided.raw for undecided in reading.unreadable)
    ids = [fill.trade_id for fill in reading.fills]
    left.update(reading.texts[place] for place in _not_booked(tx, ids, symbol))
    unbooked_ones = [item for item in items if item.ts_ms not in fills]
    for item in doubtful:
        if left[item.text]:
            left[item.text] -= 1
            unbooked_ones.append(item)
    return unbooked_ones


def _not_booked(tx: Tx, ids: Sequence[str | None], symbol: str) -> list[int]:
    """Where among trade ids those stand that are of no fill in the market."""
    return tx.column("fills_not_booked", trade_ids=json.dumps(ids), symbol=symbol)


def _ledger_id(item: LeftOut, symbol: str, edge: Edge) -> str | None:
    """The ledger's id of a line: of some forms it takes no more than what the venue tells."""
    if edge.trade_ids is TradeIds.ORDER:
        return outlined_id(item.text, edge)
    market = edge.pinned.get(symbol)
    qualifier = market.qualifier if market else symbol
    return f"{qualifier}:{item.trade_id}" if edge.trade_ids is TradeIds.MARKET else item.trade_id


def _is_quarantined(item: LeftOut, symbol: str, digests: frozenset[bytes]) -> bool:
    undecided = Undecided(symbol, item.text, "")
    return bool(digests) and not digests.isdisjoint((undecided.digest, undecided.digest_in_market))


def _lines(count: int) -> str:
    return "1 line lies" if count == 1 else f"{count:,} lines lie"
