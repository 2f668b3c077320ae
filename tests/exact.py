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
    funding: Fraction = Fraction(0)

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
    books = ExactBooks()
    books.fold(items)
    return books.positions, {asset: v for (_, asset), v in books.balances().items()}


Place = tuple[Any, ...]


@dataclass
class ExactBooks:
    """The books of fills in ccxt's structure and of account events as `account_event` takes them.

    `moves` are a place in the fold, a wallet, an asset and an amount each.
    """

    positions: dict[str, ExactPosition] = field(default_factory=dict)
    moves: list[tuple[Place, str, str, Fraction]] = field(default_factory=list)
    booked: set[tuple[str, str]] = field(default_factory=set)
    quantities: dict[Place, Fraction] = field(default_factory=dict)

    def balances(self, before: Place | None = None) -> dict[tuple[str, str], Fraction]:
        """Balances that are not zero by wallet and asset, before a place in the fold."""
        sums: dict[tuple[str, str], Fraction] = {}
        for place, wallet, asset, amount in self.moves:
            if before is None or place < before:
                sums[wallet, asset] = sums.get((wallet, asset), Fraction(0)) + amount
        return {key: amount for key, amount in sums.items() if amount}

    def fold(self, items: Iterable[dict[str, Any]], events: Iterable[dict[str, Any]] = ()) -> None:
        """Fold all of them; of an id that is there twice the first counts."""
        first: dict[str, tuple[Place, dict[str, Any]]] = {}
        for item in items:
            first.setdefault(f"fill:{item['id']}", (_place(item), item))
        for event in events:
            first.setdefault(event["event_id"], (place_of(event), event))
            if event["kind"] == "BOOKED":
                self.booked.add((event["trade_id"], event["asset"]))
        for place, what in sorted(first.values(), key=lambda pair: pair[0]):
            if "kind" in what:
                self._event(place, what)
            else:
                self._fill(place, what)

    def _event(self, place: Place, event: dict[str, Any]) -> None:
        kind, symbol = event["kind"], event.get("symbol")
        if symbol is not None:
            position = self._position(symbol)
            if kind == "ASSERT":
                self.quantities[place] = position.qty
            elif kind == "FUNDING":
                position.funding += Fraction(event["amount"])
            else:
                position.qty += Fraction(event["qty"])
                position.cost += Fraction(event["cost"])
        if kind != "ASSERT" and "asset" in event:
            wallet, amount = event.get("wallet", "main"), Fraction(event["amount"])
            self.moves.append((place, wallet, event["asset"], amount))

    def _position(self, symbol: str, side: str | None = None) -> ExactPosition:
        pair, _, settle = symbol.partition(":")
        inverse = bool(settle) and settle.partition("-")[0] == pair.partition("/")[0]
        name = " ".join(filter(None, [symbol, side]))
        return self.positions.setdefault(name, ExactPosition(inverse))

    def _fill(self, place: Place, item: dict[str, Any]) -> None:
        def pays(asset: str, amount: Fraction) -> None:
            if (str(item["id"]), asset) not in self.booked:
                self.moves.append((place, "main", asset, amount))

        pair, _, settle = item["symbol"].partition(":")
        base, quote = pair.split("/")
        position = self._position(item["symbol"], item.get("positionSide"))
        qty = Fraction(item["amount"]) * Fraction(item.get("contractSize", "1"))
        d = qty if item["side"] == "buy" else -qty
        price = Fraction(item["price"])
        before = position.realized_pnl
        position.moves(d, rounded(qty / price) if position.inverse else qty * price)
        if settle:
            pays(base if position.inverse else quote, position.realized_pnl - before)
        else:
            pays(base, d)
            pays(quote, -d * price)
        for currency, cost in sorted(_charged(item).items()):
            position.fees[currency] = position.fees.get(currency, Fraction(0)) + cost
            pays(currency, -cost)
            if currency == base and not settle:
                position.moves(-cost, Fraction(0))


def _place(item: dict[str, Any]) -> Place:
    return item["timestamp"], _by_id(str(item["id"])), 1, ""


def place_of(event: dict[str, Any]) -> Place:
    """Where an account event stands: those of the same time and id come after fills and fees."""
    source_id = str(event["source_id"] if "source_id" in event else event["number"])
    return event["ts_ms"], _by_id(source_id), 3, event["event_id"]


def _by_id(source_id: str) -> Place:
    return (0, int(source_id), "") if source_id.isdigit() else (1, 0, source_id)


def _charged(item: dict[str, Any]) -> dict[str, Fraction]:
    entries = item.get("fees") or ([item["fee"]] if item.get("fee") else [])
    totals: dict[str, Fraction] = {}
    for entry in entries:
        if entry["cost"] is not None:
            cost = totals.get(entry["currency"], Fraction(0)) + Fraction(entry["cost"])
            totals[entry["currency"]] = cost
    return {currency: cost for currency, cost in totals.items() if cost}
