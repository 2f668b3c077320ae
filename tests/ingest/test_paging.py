"""Fetching a window: paged to exhaustion or not at all, then read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import DAY_MS
from engine.errors import BadResponse, RateLimited, VenueError
from engine.ingest import paging
from engine.ingest.paging import Request, VenueResponse
from engine.ingest.prepare import read
from engine.ledger.fills import latest_believed
from engine.venue import Page, TradeIds
from engine.venues.retrying import Retrying
from tests.builders import BTC, ETH, LATEST_MS, T0, reported
from tests.fakes import FakeVenue


def reply(*items: Any, start_ms: int = 0) -> VenueResponse:
    texts = tuple(item if isinstance(item, str) else json.dumps(item) for item in items)
    return VenueResponse(Request(BTC, 0, start_ms), LATEST_MS, (texts,))


async def fetched(venue: FakeVenue, attempts: int = 1) -> VenueResponse:
    return await paging.fetch(venue, Request(BTC, 0, 0), LATEST_MS, Retrying(attempts, 0))


@given(st.integers(0, 10**13), st.integers(0, 10**13), st.integers(0, 10**13))
def test_a_window_begins_at_the_cursor_less_the_lookback_and_never_before_history(
    cursor: int, start: int, lookback: int
) -> None:
    since = Request.since_cursor(BTC, cursor, start, lookback).since_ms
    assert since == max(start, cursor - lookback)
    assert Request.since_cursor(BTC, None, start, lookback).since_ms == start


async def test_every_page_is_asked_for() -> None:
    venue = FakeVenue([reported(str(n)) for n in range(25)], page_size=10)
    found = await fetched(venue)
    assert [len(page) for page in found.pages] == [10, 10, 5]
    assert found.error is None


async def test_pages_that_end_before_the_last_one_fail_the_window() -> None:
    class Cut(FakeVenue):
        async def fetch_fills(self, symbol: str, since_ms: int):  # type: ignore[no-untyped-def]
            yield Page((json.dumps(reported("1")),), last=False)

    found = await fetched(Cut())
    assert found.error == "BadResponse: BTC/USDT: the pages ended before the last one"


async def test_no_page_at_all_fails_the_window() -> None:
    class Silent(FakeVenue):
        async def fetch_fills(self, symbol: str, since_ms: int):  # type: ignore[no-untyped-def]
            return
            yield

    assert (await fetched(Silent())).error is not None


@pytest.mark.parametrize(
    ("error", "tries"), [(RateLimited("429"), 3), (BadResponse("cut"), 3), (VenueError("no"), 1)]
)
async def test_only_what_may_pass_is_tried_again_and_only_so_often(
    error: Exception, tries: int
) -> None:
    venue = FakeVenue([reported("1")])
    venue.failing[BTC] = error
    found = await fetched(venue, attempts=3)
    assert found.error == f"{type(error).__name__}: {error}"
    assert len(venue.asked) == tries


async def test_a_second_try_keeps_nothing_of_the_first() -> None:
    class Once(FakeVenue):
        def _check(self, what: str) -> None:
            if what == BTC and len(self.asked) == 1:
                self.reports.pop(0)
                raise RateLimited("429")

    found = await fetched(Once([reported("1"), reported("2")], page_size=1), attempts=2)
    assert [json.loads(item)["id"] for page in found.pages for item in page] == ["2"]


def test_other_markets_and_what_was_before_the_start_are_left_out() -> None:
    items = (reported("1", ts=999), reported("2", ts=1_000), reported("3", symbol=ETH, ts=5_000))
    reading = read(reply(*items, start_ms=T0 + 1_000), TradeIds.ACCOUNT)
    assert [fill.trade_id for fill in reading.fills] == ["2"]
    assert reading.unreadable == ()


def test_what_cannot_be_read_is_kept_with_its_reason_and_the_rest_goes_in() -> None:
    reading = read(reply(reported("1"), "<html>", reported("2")), TradeIds.ACCOUNT)
    assert [fill.trade_id for fill in reading.fills] == ["1", "2"]
    assert [json.loads(text)["id"] for text in reading.texts] == ["1", "2"]
    (bad,) = reading.unreadable
    assert (bad.symbol, bad.raw) == (BTC, "<html>")
    assert "Expecting value" in bad.reason


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_fill_is_believed_up_to_a_day_after_the_later_clock(hours: int) -> None:
    venue_ms = 10**12 + hours * 3_600_000
    assert latest_believed(10**12, venue_ms) == max(10**12, venue_ms) + DAY_MS
