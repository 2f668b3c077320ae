"""Markets: what a symbol's fills move, in which asset their money is, and by which rules."""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

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
    `contract_size` is that of events without one of their own: of a market that was booked anew.
    `alias_of` is the market whose positions its events fold into, where the operator said that it
    is another name of that; `aliases` are the markets that are other names of this one. The fills
    of one that `is_contract` move contracts, and their profits only the money.
    """

    symbol: str
    kind: MarketKind
    base: str
    quote: str
    money: str
    rules: int = RULES
    market_id: str | None = None
    id_form: TradeIds | None = None
    contract_size: str | None = None
    alias_of: str | None = None
    aliases: tuple["Market", ...] = ()
    is_contract: bool = field(init=False, repr=False, compare=False)
    is_inverse: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Every fill is folded by these.
        by_its_kind = self.rules != SPOT_RULES
        object.__setattr__(self, "is_contract", by_its_kind and self.kind is not MarketKind.SPOT)
        object.__setattr__(self, "is_inverse", by_its_kind and self.kind is MarketKind.INVERSE)

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

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Market":
        form = row["id_form"]
        kinds = {"kind": MarketKind(row["kind"]), "id_form": TradeIds(form) if form else None}
        return cls(**{**row, **kinds})

    @property
    def names(self) -> tuple[str, ...]:
        return (self.symbol, *(market.symbol for market in self.aliases))

    @property
    def row(self) -> dict[str, Any]:
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
            "contract_size": self.contract_size,
            "alias_of": self.alias_of,
        }

    @property
    def qualifier(self) -> str:
        """The prefix of its fills' ids where they are unique per market only."""
        if self.id_form is TradeIds.NONE:  # What such ids are made of begins with the symbol.
            return self.symbol
        return self.market_id or self.symbol

    def source_id(self, trade_id: str) -> str:
        """The exchange's own id of a trade, without what qualifies it in the ledger."""
        if self.id_form is TradeIds.ORDER:
            return _ORDER.sub("", trade_id, count=1)
        names = [market.qualifier for market in (self, *self.aliases)]
        names = [name for name in names if trade_id.startswith(f"{name}:")]
        qualifier = max(names, key=len, default=self.qualifier)  # Names may begin alike.
        return trade_id.removeprefix(f"{qualifier}:")

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


class MarketChange(NamedTuple):
    """A market before and after a decision; null before it was pinned."""

    symbol: str
    before: Market | None
    after: Market

    @property
    def values(self) -> dict[str, Any]:
        before = None if self.before is None else self.before.row
        return {"before": before, "after": self.after.row}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "MarketChange":
        before, after = (
            None if row is None else Market.of_row(row)
            for row in (values["before"], values["after"])
        )
        if after is None:
            raise ValueError("a decision about a market says what it is")
        return cls(after.symbol, before, after)


def decided_after(tx: Tx, commit_seq: int) -> list[list[MarketChange]]:
    """The changes of markets by decisions after a commit, the last first."""
    texts = tx.column("decisions_after", commit_seq=commit_seq)
    return [changes_of(text) for text in texts]


def changes_of(decision_json: str) -> list[MarketChange]:
    return [MarketChange.of(values) for values in json.loads(decision_json).get("markets", ())]


class Markets:
    """The markets of a ledger, as they are pinned.

    Runs inside TX 1. Where 0.1.0 has booked fills that no later commit has looked at, contracts
    are pinned to its rules.
    """

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._stored: dict[str, Market] = {}
        self._folded: dict[str, Market] = {}
        rows = tx.named("markets_all")
        self.commits: dict[str, int] = {row["symbol"]: row.pop("commit_seq") for row in rows}
        self.take(map(Market.of_row, rows))

    def take(self, changed: Iterable[Market]) -> None:
        """Go on with markets as they are now."""
        self._stored |= {market.symbol: market for market in changed}
        aliases: dict[str, list[Market]] = defaultdict(list)
        for symbol in sorted(self._stored):
            if (root := self._stored[symbol].alias_of) is not None:
                aliases[root].append(self._stored[symbol])
        self._folded = {
            symbol: replace(market, aliases=tuple(aliases[symbol])) if symbol in aliases else market
            for symbol, market in self._stored.items()
        }

    def undo(self, changes: Sequence["MarketChange"]) -> None:
        """Go back to markets as they were before a decision."""
        for change in changes:
            if change.before is None:
                self._stored.pop(change.symbol, None)
        self.take(change.before for change in changes if change.before is not None)

    def of(self, symbol: str) -> Market:
        """The market that a symbol's events are booked in: of an alias, the one it is that of."""
        market = self._folded.get(symbol)
        if market is None:
            return Market.by_spot_rules(symbol)
        return market if market.alias_of is None else self.of(market.alias_of)

    def root(self, symbol: str) -> str:
        """The symbol of the market that a name stands for."""
        return self.of(symbol).symbol

    @property
    def known(self) -> Mapping[str, Market]:
        """The pinned ones, and those that 0.1.0 began and no later commit has pinned yet."""
        begun = self._tx.column("markets_begun")
        return {symbol: self._as_read(symbol) for symbol in (*begun, *self._stored)}

    def _as_read(self, symbol: str) -> Market:
        """The market by whose rules reports are read, with what trade ids are made with."""
        market, own = self.of(symbol), self._stored.get(symbol)
        if own is None or own.alias_of is None:
            return market
        ids = {"market_id": own.market_id, "id_form": own.id_form}
        return replace(market, symbol=symbol, aliases=(), **ids)  # type: ignore[arg-type]

    @property
    def pinned(self) -> Collection[Market]:
        return self._stored.values()

    def stored(self, symbol: str) -> Market | None:
        """The row of a symbol; null where it is not pinned."""
        return self._stored.get(symbol)

    def pin(self, reported: Mapping[str, Market | None], commit_seq: int) -> None:
        """Pin markets that are not yet, by symbol, as their fills' reports have them."""
        for symbol in sorted(reported.keys() - self._stored.keys()):
            self.keep(reported[symbol] or Market.by_spot_rules(symbol), commit_seq)

    def keep(self, market: Market, commit_seq: int) -> None:
        """Pin a market as it is, with where the ledger's trade ids are unique; of one that is
        pinned, its rules are others from now on."""
        if market.symbol not in self._stored:
            identity = Identity.read(self._tx)
            market = replace(market, id_form=identity.trade_ids if identity else None)
        self.take([market])
        self.commits.setdefault(market.symbol, commit_seq)
        self._tx.run("market_keep", **market.row, commit_seq=commit_seq)
