"""Decisions: what the operator makes of disputes, trades and markets, as one commit each.

Runs inside TX 1. What a decision changed is kept in its commit, and so it can be undone.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.ledger import (
    account_decisions,
    dispute_decisions,
    market_decisions,
    quarantine_decisions,
    undo,
)
from engine.ledger.books import Books
from engine.ledger.decision import Act, Deciding, Decision
from engine.ledger.events import UNVOID, VOID, Event, ruling
from engine.ledger.markets import MarketChange
from engine.store.tx import Tx

ACTS: Mapping[Act, Callable[[Deciding], None]] = {
    Act.KEEP: dispute_decisions.keep,
    Act.REPLACE: dispute_decisions.put_in_place,
    Act.BOOK_AS: dispute_decisions.book_as,
    Act.VOID: dispute_decisions.void,
    Act.ALIAS: market_decisions.alias,
    Act.DISTINCT: market_decisions.distinct,
    Act.REBOOK: market_decisions.rebook,
    Act.OPEN: account_decisions.book_event,
    Act.ADJUST: account_decisions.book_event,
    Act.CLOSE: account_decisions.close,
    Act.KEEP_OPENING: account_decisions.keep_opening,
    Act.VOID_OPENING: account_decisions.void_opening,
    Act.DROP_ITEMS: quarantine_decisions.drop,
    Act.REPLACE_ITEM: quarantine_decisions.replace_item,
    Act.UNDO: undo.undo,
}


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that is about to be committed."""

    events: list[Event]
    markets: list[MarketChange]
    decision_json: str


def decide(
    tx: Tx,
    decision: Decision,
    books: Books,
    *,
    actor: str,
    now_ms: int,
    commit_seq: int,
    cycle_id: int,
) -> Decided:
    """Work out a decision, and change the rows it is about. Raises `DecisionRefused`."""
    deciding = Deciding(tx, decision, books, commit_seq, cycle_id, now_ms)
    ACTS[decision.act](deciding)
    effects = deciding.effects
    fields = decision.model_dump(mode="json", exclude_none=True)
    meta = {"by": actor, "at_ms": now_ms, "why": decision.reason, "act": fields["act"]}
    number = int(tx.value("last_seq"))
    rulings = [(fill, VOID) for fill in effects.void] + [(fill, UNVOID) for fill in effects.valid]
    events = [
        ruling(fill, kind, number + place, meta) for place, (fill, kind) in enumerate(rulings, 1)
    ]
    record = {"decision": fields, "by": actor, **effects.values}
    all_events = [*events, *effects.booked, *effects.account]
    return Decided(all_events, effects.markets, json.dumps(record))
