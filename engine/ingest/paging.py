"""Paging: a market's fills since its cursor less the lookback, to the last page.

A page that may be truncated, or an error on the way, fails that symbol's fetch as a whole.
"""

from dataclasses import dataclass, replace
from functools import partial

from engine.errors import BadResponse, VenueError
from engine.ledger.terms import USUAL, Terms
from engine.venue import Page, Venue
from engine.venues.retrying import Retrying

SECOND_MS = 1_000


@dataclass(frozen=True, slots=True)
class Request:
    """A window to ask the venue for: from `since_ms` on, never before `start_ms`."""

    symbol: str
    since_ms: int
    start_ms: int

    @classmethod
    def since_cursor(
        cls, symbol: str, cursor_ms: int | None, start_ms: int, lookback_ms: int
    ) -> "Request":
        """From the cursor less the lookback on; without one from where the history begins."""
        since_ms = start_ms if cursor_ms is None else max(start_ms, cursor_ms - lookback_ms)
        return cls(symbol, since_ms, start_ms)

    def whole(self, reached_ms: int | None) -> "Request":
        """The window from a whole second on, and as far back as a time.

        Rows without trade ids are counted among all of their time, which some exchanges tell in
        seconds.
        """
        since_ms = self.since_ms if reached_ms is None else min(self.since_ms, reached_ms)
        return replace(self, since_ms=max(self.start_ms, since_ms - since_ms % SECOND_MS))


@dataclass(frozen=True, slots=True)
class VenueResponse:
    """The venue's answer to one request, as received. `error` is set when it did not finish.

    `latest_ms` is the latest time of a fill that is believed, `terms` what else it is read by.
    """

    request: Request
    latest_ms: int
    pages: tuple[tuple[str, ...], ...]
    error: str | None = None
    terms: Terms = USUAL


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
