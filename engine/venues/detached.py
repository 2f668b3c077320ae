"""Stands for the venue of a ledger where nothing is asked of it: replays."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.errors import NotSupported, StoreError
from engine.store.statements import SQL
from engine.venue import MarketRules, Mode, OrderRequest, Page, TradeIds, VenueOrder


@dataclass(frozen=True, slots=True)
class DetachedVenue:
    """Knows what the ledger knows of its venue, and answers nothing."""

    name: str
    mode: Mode
    trade_ids: TradeIds
    takes_orders: bool = False

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def fetch_symbols(self) -> tuple[str, ...]:
        raise NotSupported("no venue is connected")

    async def fetch_rules(self) -> dict[str, MarketRules]:
        raise NotSupported("no venue is connected")

    async def fetch_time(self) -> int:
        raise NotSupported("no venue is connected")

    async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        raise NotSupported("no venue is connected")
        yield

    async def fetch_marks(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        raise NotSupported("no venue is connected")

    async def fetch_open_orders(self, symbol: str) -> tuple[VenueOrder, ...]:
        raise NotSupported("no venue is connected")

    async def submit(self, order: OrderRequest) -> VenueOrder:
        raise NotSupported("no venue is connected")

    async def cancel(self, symbol: str, client_order_id: str) -> None:
        raise NotSupported("no venue is connected")

    async def fetch_order_by_client_id(
        self, symbol: str, client_order_id: str
    ) -> VenueOrder | None:
        raise NotSupported("no venue is connected")

    async def fetch_balances(self) -> dict[str, Decimal]:
        raise NotSupported("no venue is connected")


def detached(connection: sqlite3.Connection) -> DetachedVenue:
    """The venue that a ledger belongs to. Raises `StoreError` where it has none yet."""
    identity = dict(connection.execute(SQL["identity_read"]).fetchall())
    if not identity:
        raise StoreError("this ledger has had no cycle yet")
    mode = connection.execute(SQL["cycle_last_mode"]).fetchall()
    return DetachedVenue(
        identity["venue"],
        Mode(mode[0][0]) if mode else Mode.OBSERVE,
        TradeIds(identity["trade_ids"]),
    )
