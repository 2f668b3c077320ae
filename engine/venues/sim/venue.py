"""The sim venue: the exchange behind the protocol that the engine asks through."""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Self

from engine.errors import BadResponse, VenueError
from engine.venue import (
    Account,
    AccountOpening,
    LimitOrder,
    MarketRules,
    Mode,
    Page,
    TradeIds,
    VenueOrder,
)
from engine.venues.registry import VenueSetup
from engine.venues.sim.exchange import Exchange
from engine.venues.sim.file import StateFile
from engine.venues.sim.market import MARKETS
from engine.venues.sim.settings import SimSettings
from engine.venues.sim.state import START_BALANCES, START_MS


class SimVenue:
    """A deterministic exchange: the same seed and requests give the same answers.

    `page_size` is how many fills a page holds. The exchange lives in the file at `path`, which is
    made where there is none, or in memory until `close` where `path` is None.
    """

    name = "sim"
    mode = Mode.SIM
    account = Account("sim", "sim")
    trade_ids_declared = True
    takes_orders = True
    trades_by_default = True

    def __init__(
        self, settings: SimSettings, seed: int, page_size: int = 100, path: Path | None = None
    ) -> None:
        self.seed = seed
        self._settings = settings
        self._page_size = page_size
        self._path = path
        self._file: StateFile | None = None
        self._exchange: Exchange | None = None

    @classmethod
    def from_setup(cls, setup: VenueSetup[SimSettings]) -> Self:
        return cls(setup.section, setup.seed, setup.page_size, cls.path_beside(setup.db))

    @staticmethod
    def path_beside(db: Path) -> Path:
        """The exchange's file beside a ledger: no two ledgers share one.

        `ledger.sim.db` beside `ledger.db`; beside any other name, that name with `.sim` added.
        """
        ledger = db.resolve()
        return ledger.with_suffix(".sim.db") if ledger.suffix == ".db" else Path(f"{ledger}.sim")

    @property
    def trade_ids(self) -> TradeIds:
        return self._settings.trade_ids

    async def open(self) -> None:
        """Raises `VenueError` where the state file is unusable or was started differently."""
        if self._page_size < 1:
            raise VenueError(f"page_size: {self._page_size} is not at least 1")
        if self._file is not None:
            return
        file = StateFile(self._path)
        try:
            file.prepare(self.seed, self._settings.trade_ids)
        except BaseException:
            file.close()
            raise
        self._file = file
        self._exchange = Exchange(self._settings, self.seed, self._page_size, file)

    async def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._exchange = None

    async def fetch_symbols(self) -> tuple[str, ...]:
        return self._open_exchange().symbols()

    async def fetch_rules(self) -> dict[str, MarketRules]:
        return {
            market.symbol: MarketRules(market.tick_size, market.lot_size, market.min_notional)
            for market in MARKETS.values()
        }

    async def fetch_time(self) -> int:
        return self._open_exchange().time()

    async def fetch_fills(self, symbol: str, since_ms: int) -> AsyncIterator[Page]:
        """Raises `BadResponse` for a page that was cut short."""
        token: str | None = None
        while True:
            answer = self._open_exchange().fills(symbol, since_ms, token)
            if len(answer.items) != answer.count:
                raise BadResponse(f"a page of {answer.count} fills came with {len(answer.items)}")
            token = answer.next
            yield Page(answer.items, last=token is None)
            if token is None:
                return

    async def fetch_marks(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        return self._open_exchange().marks(symbols)

    async def fetch_open_orders(self, symbol: str) -> tuple[VenueOrder, ...]:
        return self._open_exchange().open_orders(symbol)

    async def submit(self, order: LimitOrder) -> VenueOrder:
        return self._open_exchange().submit(order)

    async def cancel(self, symbol: str, client_order_id: str) -> None:
        self._open_exchange().cancel(symbol, client_order_id)

    async def fetch_order_by_client_id(
        self, symbol: str, client_order_id: str
    ) -> VenueOrder | None:
        return self._open_exchange().order(symbol, client_order_id)

    def opening(self) -> AccountOpening:
        return AccountOpening(START_MS, dict(START_BALANCES))

    async def fetch_balances(self) -> dict[str, Decimal]:
        return self._open_exchange().balances()

    def _open_exchange(self) -> Exchange:
        if self._exchange is None:
            raise VenueError("the sim venue is not open")
        return self._exchange
