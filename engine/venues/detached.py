"""Stands for the venue of a ledger where nothing is asked of it: replays."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.errors import NotSupported
from engine.ledger.identity import Identity
from engine.store.tx import Tx
from engine.venue import Account, Mode, Page, TradeIds


@dataclass(frozen=True, slots=True)
class DetachedVenue:
    """A venue's name, mode and trade ids as its ledger has them; every question is refused."""

    name: str
    mode: Mode
    trade_ids: TradeIds

    trade_ids_declared: ClassVar[bool] = True
    takes_orders: ClassVar[bool] = False
    trades_by_default: ClassVar[bool] = False
    seed: ClassVar[int | None] = None
    account: ClassVar[Account] = Account()

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def _refuse(self, *question: object) -> Any:
        raise NotSupported("no venue is connected")

    fetch_symbols = fetch_rules = fetch_time = fetch_marks = fetch_balances = _refuse
    fetch_open_orders = fetch_order_by_client_id = submit = cancel = _refuse

    async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        yield await self._refuse()


def detached(tx: Tx) -> DetachedVenue:
    """The venue that a ledger belongs to. Raises `StoreError` where it has none yet."""
    identity = Identity.of(tx)
    mode = tx.value("cycle_last_mode")
    return DetachedVenue(
        identity.venue,
        Mode(mode) if mode else Mode.OBSERVE,
        identity.trade_ids,
    )
