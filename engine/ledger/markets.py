"""Markets: what a symbol's fills move, in which asset their money is, and by which rules."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from engine.ledger.identity import Identity
from engine.store.tx import Tx
from engine.venue import TradeIds

# Rules of 0.1.0: whatever the symbol says, it was folded as spot.
SPOT_RULES = 1
RULES = 2

_NAME = r"[^\s/:](?:[^/:]*[^\s/:])?"
_SYMBOL = re.compile(rf"({_NAME})/({_NAME})(?::(\S(?:.*\S)?))?")
# The expiry of a dated contract, and what makes an option of it.
_SETTLE = re.compile(r"([^/:]+?)(-\d{6,8})?(-[\d.]+-[CP])?")
# What comes before the exchange's own id where ids are unique within an order's side only.
_ORDER = re.compile(r".*?:(?:buy|sell):")


class MarketKind(StrEnum):
    """What is traded. `OTHER` are quantos and options, which today's rules do not book."""

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Market:
    """A market, pinned in the ledger with its first fill.

    `money` is the asset that profits are in. `rules` is the version of the rules it is booked by.
    `market_id` is the exchange's, where the first report had one; `id_form` says where ids are
    unique, null where an earlier schema pinned it. Both stay, for trade ids are made with them.
    """

    symbol: str
    kind: MarketKind
    base: str
    quote: str
    money: str
    rules: int = RULES
    market_id: str | None = None
    id_form: TradeIds | None = None

    @classmethod
    @lru_cache(maxsize=4_096)
    def of(cls, symbol: str, linear: bool = False, market_id: str | None = None) -> "Market":
        """The market that a symbol names; `linear` where the venue calls the contract that.

        Raises `ValueError` for what does not read like `BASE/QUOTE` or `BASE/QUOTE:SETTLE`.
        """
        if market_id is not None:
            return replace(cls.of(symbol, linear), market_id=market_id)
        match = _SYMBOL.fullmatch(symbol)
        if not match:
            raise ValueError(f"symbol: {symbol!a} does not read like BASE/QUOTE")
        base, quote, rest = match.groups()
        if rest is None:
            return cls(symbol, MarketKind.SPOT, base, quote, quote)
        contract = _SETTLE.fullmatch(rest)
        if contract is None or contract[3]:
            return cls(symbol, MarketKind.OTHER, base, quote, rest.partition("-")[0])
        settle = contract[1]
        if settle == quote or linear:
            kind = MarketKind.LINEAR
        else:
            kind = MarketKind.INVERSE if settle == base else MarketKind.OTHER
        return cls(symbol, kind, base, quote, settle)

    @classmethod
    def by_spot_rules(cls, symbol: str) -> "Market":
        """The market as 0.1.0 booked all of them, whatever its symbol looked like."""
        base, _, rest = symbol.partition("/")
        quote = rest.partition(":")[0]
        try:
            market = cls.of(symbol)
        except ValueError:
            return cls(symbol, MarketKind.OTHER, base, quote, quote, SPOT_RULES)
        if market.kind is MarketKind.SPOT:
            return market
        return cls(symbol, market.kind, base, quote, quote, SPOT_RULES)

    @property
    def row(self) -> dict[str, str | int | None]:
        """Its columns, in the order that digests have them in."""
        return {
            "symbol": self.symbol,
            "kind": self.kind.value,
            "base": self.base,
            "quote": self.quote,
            "money": self.money,
            "rules": self.rules,
            "market_id": self.market_id,
            "id_form": self.id_form,
        }

    @property
    def qualifier(self) -> str:
        """What the ids of its fills begin with where they are unique per market only."""
        return self.market_id or self.symbol

    def source_id(self, trade_id: str) -> str:
        """The exchange's own id of a trade, without what qualifies it in the ledger."""
        if self.id_form is TradeIds.ORDER:
            return _ORDER.sub("", trade_id, count=1)
        return trade_id.removeprefix(f"{self.qualifier}:")

    @property
    def is_contract(self) -> bool:
        """Whether its fills move contracts, and their profits only the money."""
        return self.kind is not MarketKind.SPOT and self.rules != SPOT_RULES

    @property
    def is_inverse(self) -> bool:
        return self.kind is MarketKind.INVERSE and self.rules != SPOT_RULES

    @property
    def is_booked_as_spot(self) -> bool:
        """Whether it is a contract that 0.1.0 booked by the rules of a spot market."""
        return self.kind is not MarketKind.SPOT and self.rules == SPOT_RULES

    @property
    def moves_balances(self) -> bool:
        """A contract that was booked by spot rules moves none until it is booked anew."""
        return not self.is_booked_as_spot

    @property
    def margin_mode(self) -> str:
        """The one of its positions, where fills do not say otherwise."""
        return "cash" if self.kind is MarketKind.SPOT else "cross"


class Markets:
    """The markets of a ledger, as they are pinned.

    Runs inside TX 1. Where 0.1.0 has booked fills that no later commit has looked at, contracts
    are pinned to its rules.
    """

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._pinned = {
            symbol: replace(
                Market(symbol, MarketKind(kind), *rest), id_form=TradeIds(form) if form else None
            )
            for symbol, kind, *rest, form in tx.rows("markets_all")
        }

    def of(self, symbol: str) -> Market:
        market = self._pinned.get(symbol)
        return market if market is not None else Market.by_spot_rules(symbol)

    @property
    def known(self) -> Mapping[str, Market]:
        """The pinned ones, and those that 0.1.0 began and no later commit has pinned yet."""
        begun = self._tx.column("markets_begun")
        return {symbol: self.of(symbol) for symbol in (*begun, *self._pinned)}

    @property
    def pinned(self) -> Collection[Market]:
        return self._pinned.values()

    def pin(self, reported: Mapping[str, Market | None], commit_seq: int) -> None:
        """Pin markets that are not yet, by symbol, as their fills' reports have them."""
        for symbol in sorted(reported.keys() - self._pinned.keys()):
            self.keep(reported[symbol] or Market.by_spot_rules(symbol), commit_seq)

    def keep(self, market: Market, commit_seq: int) -> None:
        """Pin a market as it is, with where the ledger's trade ids are unique."""
        identity = Identity.read(self._tx)
        market = replace(market, id_form=identity.trade_ids if identity else None)
        self._pinned[market.symbol] = market
        self._tx.run("market_keep", **market.row, commit_seq=commit_seq)
