"""The books: positions, balances and markets, as TX 1 changes them together.

Runs inside TX 1.
"""

from collections import Counter
from collections.abc import Iterable

from engine.ledger.accounting import ZERO, Position, PositionKey
from engine.ledger.append import Appended
from engine.ledger.balances import StoredBalances
from engine.ledger.digests import digest
from engine.ledger.events import Event
from engine.ledger.fills import Fill
from engine.ledger.markets import Markets
from engine.ledger.positions import Positions
from engine.money import EXACT
from engine.store.tx import Tx


class Books:
    """The books of a ledger, which the commit `commit_seq` of a cycle changes."""

    def __init__(self, tx: Tx, commit_seq: int, cycle_id: int) -> None:
        self.markets = Markets(tx)
        self.positions = Positions(tx, self.markets)
        self.balances = StoredBalances(tx, self.markets)
        self._commit_seq = commit_seq
        self._cycle_id = cycle_id

    @property
    def digest(self) -> str:
        positions, balances = self.positions.all().values(), self.balances.all()
        return digest(positions, balances, self.markets.pinned)

    def take_over(self) -> None:
        """Work out what 0.1.0 did not: each market's rules, which for a contract remain its own,
        balances, and how many fills' fees are unknown."""
        for symbol in sorted({position.symbol for position in self.positions.all().values()}):
            self.markets.keep(self.markets.of(symbol), self._commit_seq)
        self.fold()

    def fold(self) -> None:
        """Work out from the whole ledger what does not follow from the fold of one position."""
        for position in self.positions.all().values():
            self._count_unknown(position)
        self._fold_balances()

    def apply(self, appended: Appended, fills: Iterable[Fill]) -> None:
        """Apply what was appended, and store what that changes."""
        events = appended.inserted
        self.markets.pin({fill.symbol: fill.market for fill in fills}, self._commit_seq)
        before = [self.positions.read(key) for key in sorted(self._contracts(events))]
        unsettled = self._of_markets(appended.unsettled) if appended.unsettled else set()
        changed = {p.key: p for p in self.positions.apply(events, unsettled)}
        for key, more in self._unknown(appended).items():
            changed[key].fees_unknown += more
        self.positions.keep(changed.values(), self._commit_seq, self._cycle_id)
        if unsettled:
            self.fold()
            return
        after = [changed[position.key] for position in before]
        moved = self.balances.moved(events, before, after)
        self.balances.keep(moved, self._commit_seq, self._cycle_id)

    def _contracts(self, events: Iterable[Event]) -> set[PositionKey]:
        """The positions of contracts among those of events."""
        keys = {PositionKey.of(event, self.markets.of(event.symbol)) for event in events}
        return {key for key in keys if self.markets.of(key.symbol).is_contract}

    def _of_markets(self, symbols: set[str]) -> set[PositionKey]:
        return {key for key in self.positions.keys_of_events() if key.symbol in symbols}

    def _unknown(self, appended: Appended) -> Counter[PositionKey]:
        """By how many fills with unknown fees positions have more, or fewer."""
        more: Counter[PositionKey] = Counter()
        for events, count in ((appended.inserted, 1), (appended.named_fees, -1)):
            for event in events:
                if event.fees_unknown:
                    more[PositionKey.of(event, self.markets.of(event.symbol))] += count
        return more

    def _count_unknown(self, position: Position) -> None:
        unknown = self.positions.fees_unknown(position.key)
        if unknown != position.fees_unknown:
            position.fees_unknown = unknown
            self.positions.keep([position], self._commit_seq, self._cycle_id)

    def _fold_balances(self) -> None:
        moved = dict(self.balances.folded(self.positions.all().values()))
        for key, amount in self.balances.all().items():
            moved[key] = EXACT.subtract(moved.get(key, ZERO), amount)
        self.balances.keep(moved, self._commit_seq, self._cycle_id)
