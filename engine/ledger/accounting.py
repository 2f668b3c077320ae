"""Positions: a pure function of the set of their ledger events. No I/O.

Sort by (time, source id, FILL before FEE before others), then fold. Every product and sum is
exact; the only rounding is `money.share`. What is released plus what stays is always what was
there.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from engine.ledger.event_types import TYPES, Fold
from engine.ledger.events import (
    AMOUNT,
    ASSET,
    CONTRACT_SIZE,
    COST,
    CURRENCY,
    EVENT_ID,
    PRICE,
    QTY,
    SIDE,
    TS,
    TYPE,
    Event,
    SortKey,
    sort_key,
    source_of,
    trade_of,
)
from engine.ledger.markets import Market
from engine.money import EXACT, canonical, share
from engine.store.tx import Row

Key = TypeVar("Key")

ZERO, ONE = Decimal(0), Decimal(1)
MAIN, NET = "main", "net"
# By trade, the assets of which the exchange itself stated what the trade moved.
Booked = Mapping[str, Collection[str]]
NOTHING_BOOKED: Booked = MappingProxyType({})


class PositionKey(NamedTuple):
    """What tells a position from others: its market, wallet, side (`net`, `long` or `short`) and
    margin mode."""

    symbol: str
    wallet: str
    side: str
    margin_mode: str

    def __str__(self) -> str:
        """The symbol, and what else is not the usual."""
        words = [self.symbol]
        if self.side != NET:
            words.append(self.side)
        if self.margin_mode == "isolated":
            words.append(self.margin_mode)
        if self.wallet != MAIN:
            words.append(f"@{self.wallet}")
        return " ".join(words)

    @classmethod
    def of(cls, event: Event, market: Market) -> "PositionKey":
        """The position that an event belongs to."""
        return cls(
            market.symbol,
            event.wallet or MAIN,
            event.position_side or NET,
            event.margin_mode or market.margin_mode,
        )


@dataclass(slots=True)
class Position:
    """What is held of a market, in one wallet and on one side, after `events` events, the last of
    them `last_…`.

    `qty` is signed: units of the base; of an inverse contract, of the quote. `cost` is signed like
    it: what the open quantity was paid, or sold, for, in the market's money, and so is
    `realized_pnl`, which is gross of fees but for those that a spot market's base paid. `fees` is
    by currency. `fees_unknown` fills have fees that the venue has not named yet. `funding` of a
    contract is beside what was realized, in the same money. What of the figures moved no balance
    is, by asset, in `opened` (openings and adjustments of the position) and in `replaced` (of
    trades of which the exchange stated what they moved).
    """

    symbol: str
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    events: int = 0
    last_ts: int = 0
    last_trade_id: str = ""
    last_event_id: str = ""
    wallet: str = MAIN
    side: str = NET
    margin_mode: str = ""
    fees_unknown: int = 0
    funding: Decimal = ZERO
    opened: dict[str, Decimal] = field(default_factory=dict)
    replaced: dict[str, Decimal] = field(default_factory=dict)
    market: Market = field(kw_only=True, default=None)  # type: ignore[assignment]
    # Asked of the market once, not at every event.
    _is_contract: bool = field(init=False, repr=False, compare=False)
    _is_inverse: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.market = self.market or Market.of(self.symbol)
        self.margin_mode = self.margin_mode or self.market.margin_mode
        self._is_contract, self._is_inverse = self.market.is_contract, self.market.is_inverse

    @classmethod
    def empty(cls, key: PositionKey, market: Market) -> "Position":
        """The position before its first event."""
        return cls(
            key.symbol,
            wallet=key.wallet,
            side=key.side,
            margin_mode=key.margin_mode,
            market=market,
        )

    @classmethod
    def of(cls, row: Row, market: Market) -> "Position":
        """The position of a row; without its place in the fold where the row has none."""
        symbol, qty, cost, realized_pnl, fees_json, *place = row[:13]
        values: list[Any] = [symbol, Decimal(qty), Decimal(cost), Decimal(realized_pnl)]
        values += [read_money_json(fees_json), *place]
        funding, opened, replaced = row[13:]
        values += [Decimal(funding), read_money_json(opened), read_money_json(replaced)]
        return cls(*values, market=market)

    @property
    def key(self) -> PositionKey:
        return PositionKey(self.symbol, self.wallet, self.side, self.margin_mode)

    @property
    def row(self) -> dict[str, Any]:
        """All columns, in the order that digests have them in. `BESIDE` are the last of them."""
        return {
            "symbol": self.symbol,
            "qty": canonical(self.qty),
            "cost": canonical(self.cost),
            "realized_pnl": canonical(self.realized_pnl),
            "fees_json": money_json(self.fees),
            "events": self.events,
            "last_ts": self.last_ts,
            "last_trade_id": self.last_trade_id,
            "last_event_id": self.last_event_id,
            "wallet": self.wallet,
            "side": self.side,
            "margin_mode": self.margin_mode,
            "fees_unknown": self.fees_unknown,
            "funding": canonical(self.funding),
            "opened_json": money_json(self.opened),
            "replaced_json": money_json(self.replaced),
        }

    @property
    def last(self) -> SortKey:
        """Where the fold stands: an event that sorts before this is a late one."""
        if not self.events:
            return (-1, (0, 0, ""), 0, "")
        return sort_key(self.last_ts, self.market, self.last_trade_id, self.last_event_id)

    @property
    def avg_cost(self) -> Decimal | None:
        """Quote units per base unit of the open quantity, rounded to 18 places for reading."""
        over, under = (self.qty, self.cost) if self.market.is_inverse else (self.cost, self.qty)
        return share(over, ONE, under) if over and under else None

    @property
    def net(self) -> Decimal:
        """Realized PnL less the fees charged in the market's money."""
        return EXACT.subtract(self.realized_pnl, self.fees.get(self.market.money, ZERO))

    @property
    def oversold(self) -> bool:
        """More was closed of one side than the ledger has opened: earlier history is missing."""
        return self.qty > 0 if self.side == "short" else self.side == "long" and self.qty < 0

    @property
    def products(self) -> Iterator[tuple[str, Decimal]]:
        """The amounts of each asset that the figures say; an asset may come twice."""
        market = self.market
        if market.is_contract:
            yield market.money, self.realized_pnl
        else:
            yield market.base, self.qty
            yield market.quote, EXACT.subtract(self.realized_pnl, self.cost)
        for currency, fee in self.fees.items():
            if market.is_contract or currency != market.base:
                yield currency, fee.copy_negate()

    @property
    def legs(self) -> Iterator[tuple[str, Decimal]]:
        """The moves of each asset's balance by the figures; an asset may come more than once."""
        yield from self.products
        for apart in (self.opened, self.replaced):
            for asset, amount in apart.items():
                yield asset, amount.copy_negate()

    def unrealized(self, mark: Decimal) -> Decimal | None:
        """What closing the open quantity at `mark` would realize, in the market's money; null for
        an inverse contract at no price."""
        return unrealized(self.qty, self.cost, mark, self.market.is_inverse)

    def fold(
        self,
        events: Iterable[Row],
        booked: Booked = NOTHING_BOOKED,
        void: Collection[str] = (),
    ) -> None:
        """Carry the position on over events of its market, or their rows, given in sort order. Of
        `booked` trades the exchange stated what they moved; those of a `void` trade move nothing.

        Raises `ValueError` for an event of a type that has no rule.
        """
        event = None
        with localcontext(EXACT):
            for event in events:
                self.events += 1
                rule = _RULES.get(event[TYPE])
                if rule is None:
                    kind = event[TYPE]
                    raise ValueError(f"{event[EVENT_ID]}: no rule folds events of {kind!r}")
                if void and trade_of(event) in void:
                    continue
                if booked and (assets := booked.get(trade_of(event))) is not None:
                    self._fold_booked(rule, event, assets)
                else:
                    rule(self, event)
        if event is not None:
            self.last_ts = event[TS]
            self.last_trade_id = source_of(event)
            self.last_event_id = event[EVENT_ID]

    def _fold_booked(self, rule: "Rule", event: Row, assets: Collection[str]) -> None:
        """Fold an event whose product is not what moves the balances of some assets."""
        before = total(self.products)
        rule(self, event)
        for asset, amount in total(self.products).items():
            product = amount - before.get(asset, ZERO)
            if asset in assets and product:
                self.replaced[asset] = self.replaced.get(asset, ZERO) + product

    def _fill(self, event: Row) -> None:
        qty, price = Decimal(event[QTY] or ""), Decimal(event[PRICE] or "")
        if self._is_contract and (size := event[CONTRACT_SIZE] or self.market.contract_size):
            qty *= Decimal(size)
        value = share(qty, ONE, price) if self._is_inverse else qty * price
        self._move(qty if event[SIDE] == "buy" else -qty, value)

    def _fee(self, event: Row) -> None:
        currency, fee = event[CURRENCY] or "", Decimal(event[COST] or "")
        if fee:
            self.fees[currency] = self.fees.get(currency, ZERO) + fee
        if currency == self.market.base and not self._is_contract:
            self._move(-fee, ZERO)

    def _open(self, event: Row) -> None:
        """A quantity and a cost that no fill of the ledger's brought."""
        qty, cost = Decimal(event[QTY] or ""), Decimal(event[AMOUNT] or "")
        self.qty += qty
        self.cost += cost
        if not self._is_contract:
            for asset, amount in ((self.market.base, qty), (self.market.quote, -cost)):
                self.opened[asset] = self.opened.get(asset, ZERO) + amount

    def _fund(self, event: Row) -> None:
        if event[ASSET] != self.market.money:
            raise ValueError(
                f"{event[EVENT_ID]}: funding in {event[ASSET]} of {self.symbol}, whose money is "
                f"{self.market.money}; without the market it moves the balance alone"
            )
        self.funding += Decimal(event[AMOUNT] or "")

    def _nothing(self, event: Row) -> None:
        """What was said about the position changes nothing of it: whether a trade is void is looked
        up by trade, never carried along."""

    def _move(self, d: Decimal, v: Decimal) -> None:
        """The one rule: an event moves the quantity by `d` and brings a value `v` ≥ 0."""
        qty = self.qty
        self.qty = now = qty + d
        if not qty or (d > ZERO) == (qty > ZERO):
            self.cost += v if d > ZERO else -v
        elif not now:
            self._realize((v if qty > ZERO else -v) - self.cost)
            self.cost = ZERO
        elif (now > ZERO) == (qty > ZERO):
            released = share(self.cost, abs(d), abs(qty))
            self._realize((v if qty > ZERO else -v) - released)
            self.cost -= released
        else:
            closing = share(v, abs(qty), abs(d))
            self._realize((closing if qty > ZERO else -closing) - self.cost)
            opening = v - closing
            self.cost = opening if d > ZERO else -opening

    def _realize(self, gain: Decimal) -> None:
        """An inverse contract gains where its value, in coins, falls."""
        self.realized_pnl += -gain if self._is_inverse else gain


Rule = Callable[[Position, Row], None]
_FOLDS: Mapping[Fold, Rule] = {
    Fold.FILL: Position._fill,
    Fold.FEE: Position._fee,
    Fold.OPENING: Position._open,
    Fold.FUNDING: Position._fund,
    Fold.NOTHING: Position._nothing,
}
# The rule that folds the events of each type into the position of the market that they name.
_RULES: Mapping[str, Rule] = {
    kind.name: _FOLDS[kind.fold] for kind in TYPES.values() if kind.fold is not None
}
# Of a position's row, what only account events change, as it is where none did. Digests have these
# only where they are otherwise.
BESIDE: Mapping[str, str] = {"funding": "0", "opened_json": "{}", "replaced_json": "{}"}


def total(legs: Iterable[tuple[Key, Decimal]]) -> dict[Key, Decimal]:
    """Amounts by asset, or by whatever else they are of."""
    sums: dict[Key, Decimal] = {}
    for key, amount in legs:
        sums[key] = EXACT.add(sums.get(key, ZERO), amount)
    return sums


def unrealized(qty: Decimal, cost: Decimal, mark: Decimal, inverse: bool) -> Decimal | None:
    """What closing a position at `mark` would realize; null where that has no value."""
    if not inverse:
        return EXACT.subtract(EXACT.multiply(qty, mark), cost)
    return EXACT.subtract(cost, share(qty, ONE, mark)) if mark else None


def money_json(amounts: Mapping[str, Decimal]) -> str:
    """Amounts by name as JSON with money in strings, the names sorted, zeros left in."""
    if not amounts:
        return "{}"
    return json.dumps({key: canonical(amounts[key]) for key in sorted(amounts)})


def read_money_json(text: str) -> dict[str, Decimal]:
    if text == "{}":
        return {}
    return {key: Decimal(value) for key, value in json.loads(text).items()}
