"""A venue in memory whose every answer a test decides. The venue contract holds for it too."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from engine.errors import OrderNotFound, OrderRejected
from engine.venue import (
    Account,
    LimitOrder,
    MarketRules,
    Mode,
    OrderStatus,
    Page,
    TradeIds,
    VenueOrder,
)
from tests.builders import BTC, Reported

RULES = MarketRules(Decimal("0.01"), Decimal("0.0001"), Decimal(5))


class FakeVenue:
    """Serves `reports`; raises what `failing` has for a method, or for a symbol's fills.

    `sent` are the orders that reached it, in order; `silent` makes it act and not answer.
    """

    name = "fake"
    mode = Mode.SIM
    trade_ids_declared = True
    trades_by_default = False
    seed = None
    account = Account()

    def __init__(
        self,
        reports: Iterable[Reported] = (),
        *,
        marks: dict[str, str] | None = None,
        page_size: int = 100,
        trade_ids: TradeIds = TradeIds.ACCOUNT,
        takes_orders: bool = True,
    ) -> None:
        self.reports = list(reports)
        self.marks = {symbol: Decimal(mark) for symbol, mark in (marks or {}).items()}
        self.page_size = page_size
        self.trade_ids = trade_ids
        self.takes_orders = takes_orders
        self.now_ms = 1_700_000_000_000
        self.failing: dict[str, Exception] = {}
        self.silent: Exception | None = None
        self.sent: list[LimitOrder] = []
        self.orders: dict[str, VenueOrder] = {}
        self.asked: list[tuple[str, int]] = []

    async def open(self) -> None:
        self._check("open")

    async def close(self) -> None:
        pass

    async def fetch_symbols(self) -> tuple[str, ...]:
        self._check("fetch_symbols")
        return tuple(dict.fromkeys([*(r["symbol"] for r in self.reports), *self.marks])) or (BTC,)

    async def fetch_rules(self) -> dict[str, MarketRules]:
        self._check("fetch_rules")
        return dict.fromkeys(self.marks, RULES)

    async def fetch_time(self) -> int:
        self._check("fetch_time")
        self.now_ms += 1_000
        return self.now_ms

    async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        self.asked.append((symbol, since_ms))
        self._check("fetch_fills")
        items = [
            json.dumps(report)
            for report in self.reports
            if report["symbol"] == symbol and report["timestamp"] >= since_ms
        ]
        for start in range(0, max(len(items), 1), self.page_size):
            end = start + self.page_size
            yield Page(tuple(items[start:end]), last=end >= len(items))
            self._check(symbol)

    async def fetch_marks(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        self._check("fetch_marks")
        return {symbol: self.marks[symbol] for symbol in symbols if symbol in self.marks}

    async def fetch_open_orders(self, symbol: str) -> tuple[VenueOrder, ...]:
        self._check("fetch_open_orders")
        return tuple(
            order
            for order in self.orders.values()
            if order.symbol == symbol and order.status is OrderStatus.OPEN
        )

    async def submit(self, order: LimitOrder) -> VenueOrder:
        self._check("submit")
        if order.client_order_id in self.orders:
            raise OrderRejected(f"client order id {order.client_order_id} was used before")
        self.sent.append(order)
        accepted = VenueOrder(
            order.client_order_id,
            f"x{len(self.sent)}",
            order.symbol,
            order.side,
            order.qty,
            Decimal(0),
            order.price,
            OrderStatus.OPEN,
            self.now_ms,
        )
        self.orders[order.client_order_id] = accepted
        if self.silent is not None:
            raise self.silent
        return accepted

    async def cancel(self, symbol: str, client_order_id: str) -> None:
        self._check("cancel")
        order = self.orders.get(client_order_id)
        if order is None or order.status is not OrderStatus.OPEN:
            raise OrderNotFound(f"no open order {client_order_id}")
        self.orders[client_order_id] = replace(order, status=OrderStatus.CANCELED)

    async def fetch_order_by_client_id(
        self, symbol: str, client_order_id: str
    ) -> VenueOrder | None:
        self._check("fetch_order_by_client_id")
        return self.orders.get(client_order_id)

    async def fetch_balances(self) -> dict[str, Decimal]:
        return {}

    def _check(self, what: str) -> None:
        if what in self.failing:
            raise self.failing[what]
