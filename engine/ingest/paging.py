"""Fetch: each symbol's fills since its cursor less the lookback, paged to exhaustion, then read.

A page that may be truncated, or an error on the way, fails that symbol's fetch as a whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain

from engine.errors import BadResponse, UnreadableFill, VenueError
from engine.ingest.quarantine import Unreadable
from engine.ledger.fills import Fill, derive_trade_ids, read_fill
from engine.venue import Page, TradeIds, Venue
from engine.venues.retrying import Retrying


@dataclass(frozen=True, slots=True)
class Request:
    """A window to ask the venue for: from `since_ms` on, never before `start_ms`."""

    symbol: str
    since_ms: int
    start_ms: int


@dataclass(frozen=True, slots=True)
class VenueResponse:
    """What the venue said to one request, as received. `error` is set when it did not finish.

    `latest_ms` is the latest time of a fill that is believed.
    """

    request: Request
    latest_ms: int
    pages: tuple[tuple[str, ...], ...]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The readable fills of a reply, the text each was read from, and the items that are not."""

    fills: tuple[Fill, ...]
    texts: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]


def window(symbol: str, cursor_ms: int | None, start_ms: int, lookback_ms: int) -> Request:
    """Where to ask from: the cursor less the lookback, or where the symbol's history begins."""
    if cursor_ms is None:
        return Request(symbol, start_ms, start_ms)
    return Request(symbol, max(start_ms, cursor_ms - lookback_ms), start_ms)


async def fetch(
    venue: Venue, request: Request, latest_ms: int, retrying: Retrying
) -> VenueResponse:
    """Ask for one window, again from its beginning after an error that may pass."""
    pages: list[tuple[str, ...]] = []
    try:
        await retrying(partial(_page_through, venue, request, pages))
    except VenueError as error:
        reason = f"{type(error).__name__}: {error}"
        return VenueResponse(request, latest_ms, tuple(pages), reason)
    return VenueResponse(request, latest_ms, tuple(pages))


async def _page_through(venue: Venue, request: Request, pages: list[tuple[str, ...]]) -> None:
    pages.clear()
    page = Page((), last=False)
    async for page in venue.fetch_fills(request.symbol, request.since_ms):
        pages.append(page.items)
    if not page.last:
        raise BadResponse(f"{request.symbol}: the pages ended before the last one")


def read(reply: VenueResponse, trade_ids: TradeIds, corrections: Iterable[str] = ()) -> Reading:
    """Read a reply's items, and what stands for those of them that the operator corrected.

    Other markets' and those before the symbol's start are left out.
    """
    request = reply.request
    fills, texts, unreadable = [], [], []
    for raw in chain(*reply.pages, corrections):
        try:
            fill = read_fill(raw, trade_ids, reply.latest_ms)
        except UnreadableFill as error:
            unreadable.append(Unreadable(request.symbol, raw, str(error)))
            continue
        if fill.symbol == request.symbol and fill.ts_ms >= request.start_ms:
            fills.append(fill)
            texts.append(raw)
    if trade_ids is TradeIds.NONE:
        fills = derive_trade_ids(fills)
    return Reading(tuple(fills), tuple(texts), tuple(unreadable))
