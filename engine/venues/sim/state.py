"""The exchange's state at one moment, apart from the orders and trades of its account."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from engine.errors import VenueError
from engine.money import EXACT
from engine.venue import LimitOrder, OrderStatus, Side, VenueOrder
from engine.venues.sim.book import Book, Order
from engine.venues.sim.fees import THIRD_CURRENCY
from engine.venues.sim.market import MARKETS, Market, opening_quotes

# 2026-01-01T00:00:00Z
START_MS = 1_767_225_600_000
START_BALANCES = {
    "USDT": Decimal(1_000_000),
    "BTC": Decimal(10),
    "ETH": Decimal(200),
    "SOL": Decimal(5_000),
    THIRD_CURRENCY: Decimal(100),
}


class Trade(NamedTuple):
    """An execution of an order of the account, as it is stored: money is canonical text.

    It is published at `published_ms`, its fee at `fee_known_ms`. `number` counts the account's
    trades, `market_number` those in the market.
    """

    number: int
    market_number: int
    symbol: str
    ts_ms: int
    published_ms: int
    fee_known_ms: int
    order_id: str
    client_order_id: str
    side: str
    qty: str
    price: str
    liquidity: str
    fee: str
    fee_currency: str


@dataclass(slots=True)
class MarketState:
    """One market: `deviation` is its fair price, `trades` how many the account had in it."""

    market: Market
    book: Book
    deviation: int = 0
    trades: int = 0

    @property
    def fair_price(self) -> Decimal:
        return self.market.price(self.deviation)


@dataclass(slots=True)
class State:
    """The whole exchange; `changed` are the markets that differ from what was last saved."""

    clock_ms: int
    requests: int
    orders: int
    trades: int
    balances: dict[str, Decimal]
    markets: dict[str, MarketState]
    changed: set[str] = field(default_factory=set)

    def credit(self, currency: str, amount: Decimal) -> None:
        """Add `amount` to a balance; a negative one is a debit."""
        self.balances[currency] = EXACT.add(self.balances.get(currency, Decimal(0)), amount)

    def market(self, symbol: str) -> MarketState:
        """Raises `VenueError`, with the symbols that are accepted."""
        if symbol not in self.markets:
            raise VenueError(f"symbol: {symbol!r} is not one of {', '.join(MARKETS)}")
        return self.markets[symbol]

    def accept(self, order: LimitOrder) -> VenueOrder:
        """The order under the exchange's next number, with nothing of it filled."""
        self.orders += 1
        return VenueOrder(
            client_order_id=order.client_order_id,
            exchange_order_id=str(self.orders),
            symbol=order.symbol,
            side=order.side,
            qty=order.qty,
            filled=Decimal(0),
            price=order.price,
            status=OrderStatus.OPEN,
            ts_ms=self.clock_ms,
        )


def founded(seed: int) -> State:
    """The exchange as it opens on its first day."""
    markets = {
        symbol: MarketState(market, Book(opening_quotes(market, seed)))
        for symbol, market in MARKETS.items()
    }
    return State(START_MS, 0, 0, 0, dict(START_BALANCES), markets, set(markets))


def encode_book(book: Book) -> str:
    return json.dumps(
        [[o.order_id, o.owner, o.side, str(o.price), str(o.qty)] for o in book.orders()],
        separators=(",", ":"),
    )


def decode_book(text: str) -> Book:
    return Book(
        Order(order_id, owner, Side(side), Decimal(price), Decimal(qty))
        for order_id, owner, side, price, qty in json.loads(text)
    )


def encode_balances(balances: dict[str, Decimal]) -> str:
    return json.dumps({currency: str(amount) for currency, amount in balances.items()})


def decode_balances(text: str) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in json.loads(text).items()}
