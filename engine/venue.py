"""What the engine asks of an exchange, whichever it is."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class Mode(StrEnum):
    """What an order sent to the venue means."""

    SIM = "sim"
    OBSERVE = "observe"
    PAPER = "paper"
    LIVE = "live"


class TradeIds(StrEnum):
    """The scope in which a venue's trade ids are unique; ledger ids are made by it.

    `ORDER`: one id may name a fill of each of several orders, and of either side.
    """

    ACCOUNT = "account"
    MARKET = "market"
    ORDER = "order"
    NONE = "none"


class Account(NamedTuple):
    """An account of an exchange, as far as its venue knows it; nulls are not known.

    `environment` is live, test, sim or recorded. `uid` and `parent_uid`, which a sub-account has,
    are the exchange's own; `position_mode` is one-way or hedge where accounts have one.
    """

    exchange: str | None = None
    environment: str | None = None
    uid: str | None = None
    parent_uid: str | None = None
    position_mode: str | None = None

    def fields(self) -> dict[str, str]:
        """The fields that have a value, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of fills as the venue sent it.

    `items` are JSON texts, one fill each, in ccxt's unified trade structure. `last` says that
    nothing follows: an iteration that ends without it was cut short.
    """

    items: tuple[str, ...]
    last: bool


class LeftOut(NamedTuple):
    """An item as a venue would send it that lies before the window it was asked for.

    `key` is what the venue knows it by.
    """

    text: str
    trade_id: str | None
    ts_ms: int
    key: int


class OrderStatus(StrEnum):
    """An order as the venue sees it."""

    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class LimitOrder:
    """A limit order of ours, as it is sent: `qty` in base units, `price` in quote units each."""

    client_order_id: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue reports it. `ts_ms` is the venue's time of its acceptance."""

    client_order_id: str | None
    exchange_order_id: str
    symbol: str
    side: Side
    qty: Decimal
    filled: Decimal
    price: Decimal
    status: OrderStatus
    ts_ms: int


@dataclass(frozen=True, slots=True)
class MarketRules:
    """What a market's orders have to fit: multiples in quote and base units, least value."""

    tick_size: Decimal
    lot_size: Decimal
    min_notional: Decimal


class Venue(Protocol):
    """An exchange account.

    Every method may raise `VenueTransient` (asking again is right) or `VenueError` (it is not).
    Times are UTC milliseconds of the venue's own clock.
    """

    @property
    def name(self) -> str:
        """The kind of venue, pinned in the ledger: fills of two kinds never mix in one."""

    @property
    def mode(self) -> Mode: ...

    @property
    def account(self) -> Account:
        """The exchange account; what is known of it is pinned, and a ledger takes no other one."""

    @property
    def trade_ids(self) -> TradeIds: ...

    @property
    def trade_ids_declared(self) -> bool:
        """Whether the venue or its settings declare `trade_ids`.

        Where only the answers of today suggest them, those a ledger is pinned to hold.
        """

    @property
    def takes_orders(self) -> bool: ...

    @property
    def trades_by_default(self) -> bool:
        """Whether orders are sent where the settings choose no strategy."""

    @property
    def seed(self) -> int | None:
        """The seed of a simulated market; null where nothing is simulated."""

    async def open(self) -> None:
        """Connect. Raises `VenueError` with what is wrong and what would be accepted."""

    async def close(self) -> None: ...

    async def fetch_symbols(self) -> tuple[str, ...]:
        """The markets this account can have fills in, in the venue's order."""

    async def fetch_rules(self) -> dict[str, MarketRules]:
        """The order rules of each market that takes orders."""

    async def fetch_time(self) -> int: ...

    def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        """The account's fills in `symbol` from `since_ms` on (inclusive), page by page.

        A fill may come twice, late or out of order; what the venue has is on some page by the
        time a page says `last`.
        """

    async def fetch_marks(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        """Fair prices, for the symbols that have one."""

    async def fetch_open_orders(self, symbol: str) -> tuple[VenueOrder, ...]: ...

    async def submit(self, order: LimitOrder) -> VenueOrder:
        """Send an order. A client id that was used before is rejected.

        Raises `OrderRejected` (it is not there), or `VenueTransient` (it may be there).
        """

    async def cancel(self, symbol: str, client_order_id: str) -> None:
        """Raises `OrderNotFound` when it is not open (any more)."""

    async def fetch_order_by_client_id(
        self, symbol: str, client_order_id: str
    ) -> VenueOrder | None: ...

    async def fetch_balances(self) -> dict[str, Decimal]: ...


class AccountOpening(NamedTuple):
    """The balances that an account began with, by asset, and when, in UTC milliseconds."""

    ts_ms: int
    balances: dict[str, Decimal]


@runtime_checkable
class KnowsOpening(Protocol):
    """A venue that knows what its account began with, before its first fill."""

    def opening(self) -> AccountOpening: ...


@runtime_checkable
class SizesContracts(Protocol):
    """A venue that knows contract sizes which its items do not say."""

    def contract_size(self, symbol: str) -> Decimal | None:
        """The size of one contract of a market; null where it is none, or nobody knows."""


@runtime_checkable
class ThroughLibrary(Protocol):
    """A venue whose items a client library has made, which may get fees wrong: new fills whose fees
    cannot be are held."""

    @property
    def taker_rebates(self) -> bool:
        """Whether the exchange pays takers in some markets."""


@runtime_checkable
class SeesAll(Protocol):
    """A venue that has its whole history at hand, as a file has, whatever window it is asked for.

    Fills that are put in front of what was booked come into no window: it tells of them.
    """

    def left_out(self, symbol: str) -> Sequence[LeftOut]:
        """A market's items before the window of its last fetch that were neither served nor settled
        since the venue was opened, with all others of the same milliseconds."""

    def settle(self, items: Iterable[LeftOut]) -> None:
        """Tell no more of these."""
