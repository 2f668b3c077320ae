"""Holdings: which balances cannot be below zero, and are.

A wallet whose OPENING is booked has its balances; any other has what changed since its first event.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.ledger.accounting import Position
from engine.ledger.balances import BalanceKey, Balances
from engine.ledger.markets import MarketKind
from engine.ledger.openings import Openings
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Holdings:
    """The wallets of a ledger: those whose balances were `opened`, those that are
    `lent` to, and the assets that are traded as a base and `never_paid_with`."""

    opened: frozenset[str]
    lent: frozenset[str]
    never_paid_with: frozenset[str]

    @classmethod
    def read(cls, tx: Tx, positions: Iterable[Position], has_others: bool) -> "Holdings":
        """`has_others`: the ledger has other events than fills and fees."""
        lent = set(tx.column("wallets_with_interest")) if has_others else set()
        opened = Openings.wallets(tx) if has_others else set()
        bases, moneys = set(), set()
        for position in positions:
            market = position.market
            if market.kind is MarketKind.SPOT:
                bases.add(market.base)
                if position.margin_mode != "cash":
                    lent.add(position.wallet)
            moneys |= {market.quote, market.money}
        return cls(frozenset(opened), frozenset(lent), frozenset(bases - moneys))

    def oversold(self, balances: Balances) -> frozenset[BalanceKey]:
        """The balances below zero of which that tells that history is missing."""
        return frozenset(
            key
            for key, amount in balances.items()
            if amount < 0
            and key.wallet not in self.lent
            and (key.wallet in self.opened or key.asset in self.never_paid_with)
        )


def changes_since(tx: Tx) -> dict[str, int]:
    """By wallet that was not opened, when its first event was, in UTC milliseconds: its balances
    are what changed since."""
    opened = Openings.wallets(tx)
    since = tx.pairs("wallets_since")
    return {wallet: ts for wallet, ts in sorted(since.items()) if wallet not in opened}
