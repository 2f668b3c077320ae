"""The simulated exchange, which in some cycles says what an exchange should not say."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.errors import VenueTimeout
from engine.venue import Page
from engine.venues.sim import SimSettings, SimVenue

Item = dict[str, Any]
Slip = Callable[[list[str]], list[str]]


class SlippingVenue(SimVenue):
    """`slips` are what becomes of a market's page, by (cycle, symbol); `cycle_id` is which runs."""

    def __init__(
        self,
        settings: SimSettings,
        seed: int,
        path: Path,
        slips: Mapping[tuple[int, str], Slip],
    ) -> None:
        super().__init__(settings, seed, path=path)
        self._slips = slips
        self.cycle_id = 0

    async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        slip = self._slips.get((self.cycle_id, symbol), list)
        async for page in super().fetch_fills(symbol, since_ms):
            yield Page(tuple(slip(list(page.items))), page.last)


def another_price(items: list[str]) -> list[str]:
    """The oldest fill, which the ledger has, is told with a price that is ten cents lower."""
    return [_changed(items[0], _ten_cents_lower), *items[1:]]


def no_amount(items: list[str]) -> list[str]:
    """The newest fill is told ten cents lower, without an amount that could be read: when it comes
    readable, that is not what it is."""
    return [
        *items[:-1],
        _changed(items[-1], lambda item: _ten_cents_lower(item) | {"amount": "n/a"}),
    ]


def no_answer(items: list[str]) -> list[str]:
    raise VenueTimeout("no answer within 10 s")


def _ten_cents_lower(item: Item) -> Item:
    return item | {"price": str(Decimal(item["price"]) - Decimal("0.10"))}


def _changed(item: str, change: Callable[[Item], Item]) -> str:
    return json.dumps(change(json.loads(item)), separators=(",", ":"))
