"""Balances: what the ledger's events moved of each asset in each wallet.

Runs inside TX 1. What trades moved follows from the positions: on a spot market the quantity is
what was moved of the base, and what was realized less what is still bound in cost is what was
moved of the quote; a contract moves what it realized. Each fee left its own asset; that of a spot
market's base is in the quantity already. What else moved a balance, account events say.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from engine.ledger.accounting import MAIN, ZERO, Position, total
from engine.ledger.event_types import BOOKED
from engine.ledger.events import Event
from engine.money import EXACT, canonical
from engine.store.tx import Tx

LAST = 2**63 - 1


class BalanceKey(NamedTuple):
    """An asset in a wallet."""

    wallet: str
    asset: str

    def named(self, several: bool) -> str:
        """The asset, and the wallet where there are several."""
        return f"{self.asset} @{self.wallet}" if several else self.asset


Balances = Mapping[BalanceKey, Decimal]


class StoredBalances:
    """The balances of a ledger."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._all: dict[BalanceKey, Decimal] | None = None

    def all(self) -> dict[BalanceKey, Decimal]:
        """The balances as they were when first asked for, and as moves left them since."""
        if self._all is None:
            self._all = self._read("balances_all")
        return self._all

    def as_of(self, commit_seq: int) -> dict[BalanceKey, Decimal]:
        """The balances as they were after a commit."""
        return self._read("balances_as_of", commit_seq=commit_seq)

    def _read(self, statement: str, **values: int) -> dict[BalanceKey, Decimal]:
        rows = self._tx.rows(statement, **values)
        return {BalanceKey(wallet, asset): Decimal(amount) for wallet, asset, amount in rows}

    def move(self, moved: Balances, commit_seq: int, cycle_id: int) -> None:
        """Store what a commit of a cycle moved."""
        if not any(moved.values()):
            return
        balances = dict(self.all())
        for key in sorted(key for key, amount in moved.items() if amount):
            balances[key] = EXACT.add(balances.get(key, ZERO), moved[key])
            row = {**key._asdict(), "amount": canonical(balances[key])}
            self._tx.run("balance_write", **row, cycle_id=cycle_id)
            self._tx.run("balance_history_write", **row, commit_seq=commit_seq)
        self._all = {key: balances[key] for key in sorted(balances)}


def moved_by(positions: Iterable[Position]) -> dict[BalanceKey, Decimal]:
    """What the events of positions have moved of each balance."""
    return total(
        (BalanceKey(position.wallet, asset), amount)
        for position in positions
        if position.market.moves_balances
        for asset, amount in position.legs
    )


def account_moves(tx: Tx, last_seq: int = LAST) -> dict[BalanceKey, Decimal]:
    """The moves of each balance by the account events among the ledger's first events; what the
    exchange booked for a trade that is void is none."""
    void = frozenset(tx.column("void_trades", last_seq=last_seq))
    return total(
        (BalanceKey(wallet, asset), Decimal(amount))
        for wallet, asset, amount, booked_for in tx.each("legs_all", last_seq=last_seq)
        if booked_for not in void
    )


def legs_of(
    events: Iterable[Event], void: Collection[str] = frozenset()
) -> dict[BalanceKey, Decimal]:
    """The moves of each balance by account events, but for those booked for `void` trades."""
    return total(
        (BalanceKey(event.wallet or MAIN, event.asset), Decimal(event.amount))
        for event in events
        if event.asset is not None and event.amount is not None
        and not (event.type == BOOKED and event.trade_id in void)
    )  # fmt: skip


def ruled_moves(
    tx: Tx, void: Iterable[str], valid: Iterable[str], last_seq: int = LAST
) -> dict[BalanceKey, Decimal]:
    """The moves of each balance where trades become void, or valid again, for which the exchange
    stated what they moved."""
    by_ruling = []
    for trade_ids in (valid, void):
        ids = json.dumps(sorted({*trade_ids}))
        rows = tx.rows("legs_booked", trade_ids=ids, last_seq=last_seq)
        legs = ((BalanceKey(wallet, asset), Decimal(amount)) for wallet, asset, amount in rows)
        by_ruling.append(total(legs))
    return difference(*by_ruling)


def together(*moves: Balances) -> dict[BalanceKey, Decimal]:
    """Several moves of balances as one."""
    return total(leg for balances in moves for leg in balances.items())


def difference(after: Balances, before: Balances) -> dict[BalanceKey, Decimal]:
    return {
        key: EXACT.subtract(after.get(key, ZERO), before.get(key, ZERO))
        for key in after.keys() | before.keys()
    }


def by_asset(balances: Balances) -> dict[str, str]:
    """Balances that are not zero by asset, and by wallet where there are several."""
    several = len({key.wallet for key in balances}) > 1
    return {
        key.named(several): canonical(balances[key])
        for key in sorted(balances, key=lambda key: (key.asset, key.wallet))
        if balances[key]
    }
