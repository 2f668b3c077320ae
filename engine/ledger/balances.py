"""Balances: what the ledger's events move of each asset in each wallet.

Runs inside TX 1. A balance is a sum, so it does not matter in which order events come; only a
contract's profit follows from the fold of its position.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from engine.ledger.accounting import MAIN, ZERO, Position
from engine.ledger.events import FEE, FILL, Event
from engine.ledger.markets import Market, Markets
from engine.ledger.positions import LAST
from engine.money import EXACT, canonical
from engine.store.tx import Tx


class BalanceKey(NamedTuple):
    """An asset in a wallet."""

    wallet: str
    asset: str


Balances = Mapping[BalanceKey, Decimal]


class StoredBalances:
    """The balances of a ledger."""

    def __init__(self, tx: Tx, markets: Markets) -> None:
        self._tx = tx
        self._markets = markets

    def all(self) -> dict[BalanceKey, Decimal]:
        return self._read(self._tx.rows("balances_all"))

    def as_of(self, commit_seq: int) -> dict[BalanceKey, Decimal]:
        """The balances as they were after a commit."""
        return self._read(self._tx.rows("balances_as_of", commit_seq=commit_seq))

    def moved(
        self, events: Iterable[Event], before: Iterable[Position], after: Iterable[Position]
    ) -> dict[BalanceKey, Decimal]:
        """What events, and the positions they changed, move of each balance."""
        sums: dict[BalanceKey, Decimal] = defaultdict(lambda: ZERO)
        for key, amount in self._legs(events):
            sums[key] = EXACT.add(sums[key], amount)
        for positions, change in ((before, EXACT.subtract), (after, EXACT.add)):
            for key, profit in _profits(positions):
                sums[key] = change(sums[key], profit)
        return sums

    def folded(self, positions: Iterable[Position]) -> dict[BalanceKey, Decimal]:
        """The balances that the whole ledger comes to, streamed."""
        events = map(Event._make, self._tx.each("events_until", last_seq=LAST))
        return self.moved(events, (), positions)

    def keep(
        self, moved: Mapping[BalanceKey, Decimal], commit_seq: int, cycle_id: int
    ) -> dict[BalanceKey, Decimal]:
        """Store what a commit of a cycle moved; returns all balances after it."""
        balances = self.all()
        for key in sorted(key for key, amount in moved.items() if amount):
            balances[key] = EXACT.add(balances.get(key, ZERO), moved[key])
            row = {**key._asdict(), "amount": canonical(balances[key])}
            self._tx.run("balance_write", **row, cycle_id=cycle_id)
            self._tx.run("balance_history_write", **row, commit_seq=commit_seq)
        return balances

    def _legs(self, events: Iterable[Event]) -> Iterator[tuple[BalanceKey, Decimal]]:
        for event in events:
            market = self._markets.of(event.symbol) if event.symbol else None
            if market is None or market.moves_balances:
                wallet = event.wallet or MAIN
                for asset, amount in legs(event, market):
                    yield BalanceKey(wallet, asset), amount

    @staticmethod
    def _read(rows: Iterable[tuple[str, str, str]]) -> dict[BalanceKey, Decimal]:
        return {BalanceKey(wallet, asset): Decimal(amount) for wallet, asset, amount in rows}


def legs(event: Event, market: Market | None) -> list[tuple[str, Decimal]]:
    """What an event by itself moves of which assets; a contract's profit is its position's."""
    if event.type == FEE:
        return [(event.fee_currency or "", Decimal(event.fee or "").copy_negate())]
    if event.type == FILL and market is not None:
        if market.is_contract:
            return []
        qty, price = Decimal(event.qty or ""), Decimal(event.price or "")
        value = EXACT.multiply(qty, price)
        if event.side == "buy":
            return [(market.base, qty), (market.quote, value.copy_negate())]
        return [(market.base, qty.copy_negate()), (market.quote, value)]
    return [(event.asset, Decimal(event.amount))] if event.asset and event.amount else []


def by_asset(balances: Balances) -> dict[str, str]:
    """Balances that are not zero by asset, and by wallet where there are several."""
    several = len({key.wallet for key in balances}) > 1
    return {
        f"{key.asset} @{key.wallet}" if several else key.asset: canonical(balances[key])
        for key in sorted(balances, key=lambda key: (key.asset, key.wallet))
        if balances[key]
    }


def _profits(positions: Iterable[Position]) -> Iterator[tuple[BalanceKey, Decimal]]:
    """What contracts have realized, which is all that they move."""
    for position in positions:
        if position.market.is_contract:
            yield BalanceKey(position.wallet, position.market.money), position.realized_pnl
