"""ACCOUNTING.md once more, written with fractions and independently of the engine."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

PLACES = 10**18


@dataclass
class ExactPosition:
    inverse: bool = False
    qty: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    realized_pnl: Fraction = Fraction(0)
    fees: dict[str, Fraction] = field(default_factory=dict)

    def moves(self, d: Fraction, v: Fraction) -> None:
        if not d:
            return
        if self.qty == 0 or (d > 0) == (self.qty > 0):
            self.cost += v if d > 0 else -v
        elif abs(d) < abs(self.qty):
            released = rounded(self.cost * abs(d) / abs(self.qty))
            self.realizes((v if self.qty > 0 else -v) - released)
            self.cost -= released
        else:
            closing = v if d == -self.qty else rounded(v * abs(self.qty) / abs(d))
            self.realizes((closing if self.qty > 0 else -closing) - self.cost)
            self.cost = (v - closing) * (1 if d > 0 else -1)
        self.qty += d

    def realizes(self, gain: Fraction) -> None:
        self.realized_pnl += -gain if self.inverse else gain


def rounded(value: Fraction) -> Fraction:
    """Half-even to 18 decimal places."""
    return Fraction(round(value * PLACES), PLACES)


def exact_positions(items: Iterable[dict[str, Any]]) -> dict[str, ExactPosition]:
    """Positions of fills in ccxt's structure; of an id reported twice the first counts."""
    return exact_books(items)[0]


def exact_books(
    items: Iterable[dict[str, Any]],
) -> tuple[dict[str, ExactPosition], dict[str, Fraction]]:
    """Positions by name, and balances by asset."""
    first: dict[str, dict[str, Any]] = {}
    for item in items:
        first.setdefault(str(item["id"]), item)
    positions: dict[str, ExactPosition] = {}
    balances: dict[str, Fraction] = {}

    def pays(asset: str, amount: Fraction) -> None:
        balances[asset] = balances.get(asset, Fraction(0)) + amount

    for item in sorted(first.values(), key=_order):
        pair, _, settle = item["symbol"].partition(":")
        base, quote = pair.split("/")
        inverse = bool(settle) and settle.partition("-")[0] == base
        name = " ".join(filter(None, [item["symbol"], item.get("positionSide")]))
        position = positions.setdefault(name, ExactPosition(inverse))
        qty = Fraction(item["amount"]) * Fraction(item.get("contractSize", "1"))
        d = qty if item["side"] == "buy" else -qty
        price = Fraction(item["price"])
        before = position.realized_pnl
        position.moves(d, rounded(qty / price) if inverse else qty * price)
        if settle:
            pays(base if inverse else quote, position.realized_pnl - before)
        else:
            pays(base, d)
            pays(quote, -d * price)
        for currency, cost in sorted(_charged(item).items()):
            position.fees[currency] = position.fees.get(currency, Fraction(0)) + cost
            pays(currency, -cost)
            if currency == base and not settle:
                position.moves(-cost, Fraction(0))
    return positions, {asset: amount for asset, amount in balances.items() if amount}


def _order(item: dict[str, Any]) -> tuple[Any, ...]:
    trade_id = str(item["id"])
    return item["timestamp"], (0, int(trade_id), "") if trade_id.isdigit() else (1, 0, trade_id)


def _charged(item: dict[str, Any]) -> dict[str, Fraction]:
    entries = item.get("fees") or ([item["fee"]] if item.get("fee") else [])
    totals: dict[str, Fraction] = {}
    for entry in entries:
        if entry["cost"] is not None:
            cost = totals.get(entry["currency"], Fraction(0)) + Fraction(entry["cost"])
            totals[entry["currency"]] = cost
    return {currency: cost for currency, cost in totals.items() if cost}
