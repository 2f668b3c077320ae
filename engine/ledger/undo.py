"""Decisions that are taken back, each by a decision of its own.

Runs inside TX 1.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.errors import DecisionRefused
from engine.ledger import disputes
from engine.ledger.account_decisions import change_opening, reversal
from engine.ledger.decision import Deciding
from engine.ledger.disputes import Dispute
from engine.ledger.event_types import OPENING
from engine.ledger.events import Event, source_id
from engine.ledger.market_decisions import check_sizes
from engine.ledger.markets import Market, MarketChange
from engine.ledger.openings import Openings
from engine.ledger.periods import closed
from engine.ledger.quarantine_decisions import undo_resolution
from engine.store.tx import Tx


def undone(tx: Tx) -> dict[int, int]:
    """The decisions that were taken back, by number, and which one did; an undo that is undone
    gives back what it took."""
    of: dict[int, int] = {}
    taken: dict[int, int] = {}
    for number, text in tx.rows("decisions_all"):
        target = json.loads(text)["decision"].get("of")
        if target is not None:
            of[number] = target
            _take_back(taken, of, target, number)
    return taken


def _take_back(taken: dict[int, int], of: dict[int, int], target: int, by: int) -> None:
    taken[target] = by
    if target not in of:
        return
    # It was an undo itself: what that took is there again, and takes again what it took.
    given_back = of[target]
    taken.pop(given_back, None)
    if given_back in of:
        _take_back(taken, of, of[given_back], given_back)


def undo(deciding: Deciding) -> None:
    """Put back all that a decision changed, unless a later one has changed it too."""
    number = deciding.decision.of
    text = deciding.tx.value("decision_of_commit", commit_seq=number)
    if text is None:
        raise DecisionRefused(f"there is no decision {number}; `decisions list` has their numbers")
    if by := undone(deciding.tx).get(number or 0):
        raise DecisionRefused(f"decision {number} is taken back already, by decision {by}")
    made, openings = json.loads(text), Openings.read(deciding.tx)
    void = deciding.void
    wanted_void = [*made["void"]]
    wanted_valid = [*made["valid"], *made["booked"]]
    if not void.issuperset(wanted_void) or not void.isdisjoint(wanted_valid):
        raise _followed(deciding, "another ruling about its trades")
    if any(_is_replaced(deciding, trade_id, wanted_valid) for trade_id in wanted_void):
        raise _followed(deciding, "a replacement of its trade")
    deciding.effects.valid += _fills(deciding, wanted_void)
    deciding.effects.void += _fills(deciding, wanted_valid)
    if made["distinct"]:
        by_rule = set(deciding.tx.column("rule_booked", number=str(number))) - void
        deciding.effects.void += _fills(deciding, sorted(by_rule.difference(wanted_valid)))
    for change in made["conflicts"]:
        _undo_dispute(deciding, change)
    for change in made["distinct"]:
        _undo_distinct(deciding, change)
    for values in reversed(made["markets"]):
        _undo_market(deciding, MarketChange.of(values))
    for event_id in made.get("account", ()):
        stored = Event._make(deciding.tx.rows("stored_event", event_id=event_id)[0])
        taken = len(deciding.effects.account)
        deciding.effects.account.append(reversal(deciding, stored, taken))
        if event_id in openings.void:
            raise _followed(deciding, f"another one about {event_id}")
        if stored.type == OPENING:
            change_opening(deciding, event_id, ["void"])
    for change in made.get("openings", ()):
        if openings.state(change["id"]) != change["after"]:
            raise _followed(deciding, f"another one about {change['id']}")
        change_opening(deciding, change["id"], change["before"])
    for change in made.get("quarantine", ()):
        undo_resolution(deciding, change)
    if "closed_ms" in made:
        _undo_close(deciding, *made["closed_ms"])


def _undo_close(deciding: Deciding, before: int | None, after: int | None) -> None:
    current = closed(deciding.tx)
    if (current.until_ms if current else None) != after:
        raise _followed(deciding, "another one about closed periods")
    deciding.effects.closes_ms = (after, before)


def _is_replaced(deciding: Deciding, trade_id: str, but: Iterable[str]) -> bool:
    """Whether another content stands in a trade's place, which would count beside it."""
    rows = disputes.of_trade(deciding.tx, source_id(trade_id))
    void = deciding.void
    return any(
        row.status == "replaced" and row.booked_as not in (*void, *but, trade_id) for row in rows
    )


def _fills(deciding: Deciding, trade_ids: Iterable[str]) -> list[Event]:
    fills = [deciding.fill(trade_id) for trade_id in trade_ids]
    return [fill for fill in fills if fill is not None]


def _undo_dispute(deciding: Deciding, change: Mapping[str, Any]) -> None:
    (dispute,) = deciding.tx.typed(Dispute, "dispute_read", id=change["id"])
    if any(getattr(dispute, name) != value for name, value in change["after"].items()):
        raise _followed(deciding, f"another one about conflict {dispute.id}")
    deciding.change_dispute(dispute, change["before"])


def _undo_distinct(deciding: Deciding, change: Mapping[str, Any]) -> None:
    pair = {"symbol": change["symbol"], "other": change["other"]}
    deciding.effects.distinct.append({**pair, "before": change["after"], "after": change["before"]})
    if change["before"] is None:
        deciding.tx.run("distinct_drop", **pair)
    else:
        deciding.tx.run("distinct_keep", **pair, commit_seq=change["before"])


def _undo_market(deciding: Deciding, change: MarketChange) -> None:
    current = deciding.markets.stored(change.symbol)
    if current is None or current.row != change.after.row:
        raise _followed(deciding, f"another one about {change.symbol}")
    if change.before is None:
        # Once pinned, a market stays: its own name is what it was an alias of before.
        after = replace(Market.of(change.symbol), id_form=current.id_form)
        if change.after.alias_of is None:
            return
    else:
        after = change.before
    if change.after.alias_of is not None:
        check_sizes(deciding, change.symbol, after)
    deciding.change_market(current, after)


def _followed(deciding: Deciding, what: str) -> DecisionRefused:
    return DecisionRefused(
        f"decision {deciding.decision.of} cannot be undone: it was followed by {what}"
    )
