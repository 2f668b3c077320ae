"""The lines of every report about account events: adjustments, and roundings."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

from engine.ledger.accounting import MAIN, Position, total
from engine.ledger.balances import BalanceKey, Balances, difference
from engine.ledger.event_types import ADJUST, OPENING
from engine.ledger.events import Event
from engine.ledger.openings import Openings
from engine.ledger.positions import Positions
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account event: what it says of a market's position (its quantity and cost), or of an
    asset's balance."""

    event_id: str
    type: str
    ts_ms: int
    where: str
    qty: str | None
    amount: str | None
    reason: str

    @classmethod
    def of(cls, event: Event) -> Self:
        wallet = event.wallet or MAIN
        where = event.symbol or BalanceKey(wallet, event.asset or "").named(wallet != MAIN)
        amount = event.amount or event.stated_balance
        figures = event.qty, amount, event.reason
        return cls(event.event_id, event.type, event.ts, where, *figures)

    @property
    def words(self) -> str:
        """The figures in words, and the reason where one was given."""
        cost = "that cost" if self.qty and self.amount else None
        figures = " ".join(filter(None, (self.where, self.qty, cost, self.amount)))
        return f"{figures}: {self.reason}" if self.reason else figures


def adjustments(tx: Tx) -> tuple[AccountLine, ...]:
    """All adjustments, by time."""
    return tuple(map(AccountLine.of, tx.typed(Event, "events_of_type", type=ADJUST, since_ms=0)))


@dataclass(frozen=True, slots=True)
class OpeningLine(AccountLine):
    """An OPENING; `decided` is "kept" or "void", null where nothing was decided about it."""

    decided: str | None = None


def opening_lines(tx: Tx) -> list[OpeningLine]:
    """All OPENINGs, by time, the void ones too."""
    openings = Openings.read(tx)
    lines = []
    for event in tx.typed(Event, "events_of_type", type=OPENING, since_ms=0):
        state = openings.state(event.event_id)
        line = OpeningLine.of(event)
        lines.append(replace(line, decided=state[0] if state else None))
    return lines


def account_lines(events: Iterable[Event]) -> tuple[AccountLine, ...]:
    """Account events for reading."""
    return tuple(map(AccountLine.of, events))


def roundings(tx: Tx, positions: Iterable[Position]) -> Balances:
    """The amounts that the exchange stated for trades, less those that they compute to."""
    rows = tx.rows("rounding")
    void = Positions(tx).void if rows else ()
    stated = total(
        (BalanceKey(wallet, asset), Decimal(amount))
        for wallet, asset, amount, trade_id in rows
        if trade_id not in void
    )
    computed = total(
        (BalanceKey(position.wallet, asset), amount)
        for position in positions
        if position.market.moves_balances
        for asset, amount in position.replaced.items()
    )
    return difference(stated, computed)
