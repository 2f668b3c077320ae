"""The account's trades as the exchange reports them, page by page."""

import json
from dataclasses import dataclass
from typing import Any

from engine.venue import TradeIds
from engine.venues.sim.file import StateFile
from engine.venues.sim.mischief import Dice
from engine.venues.sim.state import Trade


@dataclass(frozen=True, slots=True)
class FillsAnswer:
    """`count` items were sent; `next` is the token of the page that follows, if one does."""

    count: int
    items: tuple[str, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far a reader got: behind the key (time, number), in what was published by `as_of_ms`.

    A reader sees the moment of its first page on every page, so that it comes to an end.
    """

    as_of_ms: int
    ts_ms: int
    number: int

    @classmethod
    def read(cls, token: str) -> "Bookmark":
        return cls(*map(int, token.split(":")))

    @property
    def token(self) -> str:
        return f"{self.as_of_ms}:{self.ts_ms}:{self.number}"


class Reports:
    """Pages of trades; what goes wrong with them is up to the request's dice."""

    def __init__(self, file: StateFile, page_size: int, trade_ids: TradeIds) -> None:
        self._file = file
        self._page_size = page_size
        self._trade_ids = trade_ids

    def page(self, symbol: str, start: Bookmark, dice: Dice) -> FillsAnswer:
        after = (start.ts_ms, start.number)
        trades = self._file.trades(symbol, after, start.as_of_ms, self._page_size)
        following = None
        if len(trades) == self._page_size:
            last = trades[-1]
            following = Bookmark(start.as_of_ms, last.ts_ms, last.number).token
        arranged = dice.arranged(self._with_duplicates(trades, start, dice))
        items = [self._item(trade, start.as_of_ms) for trade in arranged]
        return FillsAnswer(len(items), tuple(dice.sent(items)), following)

    def _with_duplicates(self, trades: list[Trade], start: Bookmark, dice: Dice) -> list[Trade]:
        first_page = start.number == 0
        repeated = [] if first_page or not dice.duplicates() else [self._file.trade(start.number)]
        for trade in trades:
            repeated += [trade] * (2 if dice.duplicates() else 1)
        return repeated

    def _item(self, trade: Trade, as_of_ms: int) -> str:
        fee = {"cost": trade.fee, "currency": trade.fee_currency}
        fees = [fee] if trade.fee_known_ms <= as_of_ms else []
        by_market = self._trade_ids is TradeIds.MARKET
        item: dict[str, Any] = {
            "id": str(trade.market_number if by_market else trade.number),
            "order": trade.order_id,
            "clientOrderId": trade.client_order_id,
            "symbol": trade.symbol,
            "side": trade.side,
            "amount": trade.qty,
            "price": trade.price,
            "timestamp": trade.ts_ms,
            "takerOrMaker": trade.liquidity,
            "fee": fees[0] if fees else None,
            "fees": fees,
        }
        return json.dumps(item, separators=(",", ":"))
