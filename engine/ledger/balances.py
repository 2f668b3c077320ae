"""Balances: what the ledger's events moved of each asset in each wallet.

Runs inside TX 1. A balance follows from the positions that its assets are traded in: on a spot
market the quantity is what was moved of the base, and what was realized less what is still bound
in cost is what was moved of the quote; a contract moves what it realized. Each fee left its own
asset; that of a spot market's base is in the quantity already.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from engine.ledger.accounting import ZERO, Position
from engine.money import EXACT, canonical
from engine.store.tx import Tx


class BalanceKey(NamedTuple):
    """An asset in a wallet."""

    wallet: str
    asset: str


Balances = Mapping[BalanceKey, Decimal]


class StoredBalances:
    """The balances of a ledger."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def all(self) -> dict[BalanceKey, Decimal]:
        rows = self._tx.rows("balances_all")
        return {BalanceKey(wallet, asset): Decimal(amount) for wallet, asset, amount in rows}

    def move(self, moved: Balances, commit_seq: int, cycle_id: int) -> None:
        """Store what a commit of a cycle moved."""
        if not any(moved.values()):
            return
        balances = self.all()
        for key in sorted(key for key, amount in moved.items() if amount):
            amount = canonical(EXACT.add(balances.get(key, ZERO), moved[key]))
            row = {**key._asdict(), "amount": amount}
            self._tx.run("balance_write", **row, cycle_id=cycle_id)
            self._tx.run("balance_history_write", **row, commit_seq=commit_seq)


def moved_by(positions: Iterable[Position]) -> dict[BalanceKey, Decimal]:
    """What the events of positions have moved of each balance."""
    sums: dict[BalanceKey, Decimal] = defaultdict(lambda: ZERO)
    for position in positions:
        if position.market.moves_balances:
            for asset, amount in _legs(position):
                key = BalanceKey(position.wallet, asset)
                sums[key] = EXACT.add(sums[key], amount)
    return dict(sums)


def difference(after: Balances, before: Balances) -> dict[BalanceKey, Decimal]:
    return {
        key: EXACT.subtract(after.get(key, ZERO), before.get(key, ZERO))
        for key in after.keys() | before.keys()
    }


def by_asset(balances: Balances) -> dict[str, str]:
    """Balances that are not zero by asset, and by wallet where there are several."""
    several = len({key.wallet for key in balances}) > 1
    return {
        f"{key.asset} @{key.wallet}" if several else key.asset: canonical(balances[key])
        for key in sorted(balances, key=lambda key: (key.asset, key.wallet))
        if balances[key]
    }


def _legs(position: Position) -> Iterator[tuple[str, Decimal]]:
    market = position.market
    if market.is_contract:
        yield market.money, position.realized_pnl
    else:
        yield market.base, position.qty
        yield market.quote, EXACT.subtract(position.realized_pnl, position.cost)
    for currency, fee in position.fees.items():
        if market.is_contract or currency != market.base:
            yield currency, fee.copy_negate()
