"""Opening: what an account began with, booked with the first cycle of its ledger."""

from collections.abc import Iterable

from engine.ingest.paging import VenueResponse
from engine.ledger.account_events import account_event
from engine.ledger.event_types import OPENING
from engine.ledger.events import Event
from engine.venue import KnowsOpening, Venue


def openings(venue: Venue, responses: Iterable[VenueResponse]) -> list[Event]:
    """The OPENING events of a venue's account, where it knows them and every market's history is
    asked for from then on: else the balances would lack the fills in between."""
    if not isinstance(venue, KnowsOpening):
        return []
    ts_ms, balances = venue.opening()
    if any(response.request.start_ms > ts_ms for response in responses):
        return []
    return [
        account_event(
            OPENING, number=number, ts_ms=ts_ms, source=venue.name, asset=asset, amount=amount
        )
        for number, (asset, amount) in enumerate(sorted(balances.items()), 1)
    ]
