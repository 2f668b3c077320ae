"""A decision of the operator's on its way: what it is about, and the rows that it changes.

Runs inside TX 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.errors import DecisionRefused
from engine.ledger.books import Books
from engine.ledger.disputes import Dispute
from engine.ledger.events import FILL, Event
from engine.ledger.identity import Identity
from engine.ledger.markets import Market, MarketChange, Markets
from engine.store.tx import Tx

MAX_TEXT = 200


class Act(StrEnum):
    """The kinds of decisions."""

    KEEP = "keep"
    REPLACE = "replace"
    BOOK_AS = "book-as"
    VOID = "void"
    ALIAS = "alias"
    DISTINCT = "distinct"
    REBOOK = "rebook"
    OPEN = "open"
    ADJUST = "adjust"
    CLOSE = "close"
    KEEP_OPENING = "keep-opening"
    VOID_OPENING = "void-opening"
    DROP_ITEMS = "drop-items"
    REPLACE_ITEM = "replace-item"
    UNDO = "undo"


class Decision(BaseModel):
    """A decision as the operator made it.

    `conflict` is the number of a dispute (keep, replace, book-as), `trade_id` the trade that is
    void, or the id that a content is booked as; `market` the one that is an alias of `other`, or
    distinct from it, or is booked anew as `kind` with `size`; `of` the commit that is undone.
    An opening or an adjustment says the `amount` of an `asset`, or a `qty` and its `cost` of a
    `market`, from `at_ms` on (UTC milliseconds). `period` is one that is closed, `opening` the
    number of an OPENING that is kept or void. `item` is the quarantined item that is
    dropped, or replaced by the text `replacement`. Without `item`, every open item up to number
    `last_item` is dropped whose market is `market` and whose reason has all words of `matching`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    act: Act
    conflict: int | None = None
    trade_id: str | None = None
    market: str | None = None
    other: str | None = None
    kind: str | None = None
    size: str | None = None
    of: int | None = None
    asset: str | None = None
    amount: str | None = None
    wallet: str | None = None
    side: str | None = None
    qty: str | None = None
    cost: str | None = None
    at_ms: int | None = None
    period: str | None = None
    opening: int | None = None
    item: int | None = None
    replacement: str | None = None
    matching: str | None = None
    last_item: int | None = None
    reason: str = ""

    @property
    def words(self) -> str:
        """The decision in one line, without its reason."""
        numbered = {
            "conflict": self.conflict, "decision": self.of, "opening": self.opening,
            "item": self.item, "up to item": self.last_item,
        }  # fmt: skip
        about = [f"{name} {number}" for name, number in numbered.items() if number is not None]
        subjects = (self.trade_id, self.market, self.other, self.kind, self.size, self.asset)
        figures = (self.amount, self.qty, self.cost, self.period, self.matching)
        return " ".join([self.act.value, *about, *filter(None, (*subjects, *figures))])


@dataclass(slots=True)
class Effects:
    """The changes of a decision: the events it appends, rulings first, and rows of tables."""

    void: list[Event] = field(default_factory=list)
    valid: list[Event] = field(default_factory=list)
    booked: list[Event] = field(default_factory=list)
    account: list[Event] = field(default_factory=list)
    closes_ms: tuple[int | None, int | None] | None = None
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    markets: list[MarketChange] = field(default_factory=list)
    distinct: list[dict[str, Any]] = field(default_factory=list)
    openings: list[dict[str, Any]] = field(default_factory=list)
    quarantine: list[dict[str, Any]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """The changes as the commit keeps them, so that it can be undone."""
        closes = {"closed_ms": [*self.closes_ms]} if self.closes_ms is not None else {}
        return closes | {
            "account": [event.event_id for event in self.account],
            "void": [fill.trade_id for fill in self.void],
            "valid": [fill.trade_id for fill in self.valid],
            "booked": [event.trade_id for event in self.booked if event.type == FILL],
            "conflicts": self.conflicts,
            "markets": [change.values for change in self.markets],
            "distinct": self.distinct,
            "openings": self.openings,
            "quarantine": self.quarantine,
        }


@dataclass(frozen=True, slots=True)
class Deciding:
    """A decision with the books that it is about, for the commit `commit_seq` of a cycle; `effects`
    grows."""

    tx: Tx
    decision: Decision
    books: Books
    commit_seq: int
    cycle_id: int
    now_ms: int
    effects: Effects = field(default_factory=Effects)

    @property
    def markets(self) -> Markets:
        return self.books.markets

    @property
    def void(self) -> frozenset[str]:
        """The trades that are void."""
        return self.books.positions.void

    def fill(self, trade_id: str) -> Event | None:
        row = self.tx.one("stored_event", event_id=f"fill:{trade_id}")
        return Event._make(row) if row else None

    def settle(self, dispute: Dispute, status: str, booked_as: str | None = None) -> None:
        after = {"status": status, "booked_as": booked_as, "decided_seq": self.commit_seq}
        self.change_dispute(dispute, after)

    def change_dispute(self, dispute: Dispute, after: Mapping[str, Any]) -> None:
        before = {name: getattr(dispute, name) for name in after}
        self.effects.conflicts.append({"id": dispute.id, "before": before, "after": dict(after)})
        self.tx.run("dispute_decide", id=dispute.id, **after)

    def change_market(self, before: Market | None, after: Market) -> None:
        if before is None:
            after = replace(after, id_form=Identity.of(self.tx).trade_ids)
        self.effects.markets.append(MarketChange(after.symbol, before, after))


def text(name: str, value: str | None) -> str:
    if not value or not value.strip():
        raise DecisionRefused(f"{name}: give one")
    if len(value) > MAX_TEXT or not value.isprintable() or value != value.strip():
        raise DecisionRefused(f"{name}: {value!a} has characters that cannot be shown, or too many")
    return value
