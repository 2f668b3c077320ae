"""Decisions about items in quarantine: an item is dropped, or replaced by a readable fill.

Runs inside TX 1; the next cycle acts on them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from engine.clock import DAY_MS, iso
from engine.errors import DecisionRefused, UnreadableFill
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.decision import Deciding
from engine.ledger.fills import derive_trade_ids
from engine.ledger.identity import Identity
from engine.ledger.markets import Markets
from engine.ledger.names import in_root
from engine.ledger.reports import Edge, outline, read_fill
from engine.ledger.terms import Terms
from engine.runs import Runs, numbers_of, runs_of
from engine.store.tx import Tx
from engine.venue import TradeIds

# The columns of an item that a decision changes.
OPEN: Mapping[str, Any] = {
    "status": "open", "replacement": None, "resolved_ms": None, "resolved_cycle_id": None,
    "decided_seq": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    """A quarantined item. `status` is open, dropped, replaced, or booked: a cycle released it, for
    its fill is in the ledger, as `note` says. `decided_seq` is the commit of the decision about it,
    0 where an earlier program decided."""

    id: int
    symbol: str
    raw: str
    reason: str
    cycle_id: int
    status: str
    replacement: str | None
    applied_cycle_id: int | None
    note: str | None
    decided_seq: int | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Items of a market, with all of some words in their reason; null does not choose."""

    symbol: str | None = None
    reason: str | None = None

    def of(self, items: Iterable[QuarantinedItem]) -> list[QuarantinedItem]:
        return [item for item in items if self._has(item)]

    def none_of(self, items: Iterable[QuarantinedItem]) -> str:
        """The message that none of the open `items` is chosen, with what there is to choose."""
        by_market = Counter(item.symbol for item in items)
        if not by_market:
            return "there is no open quarantine item"
        if self.symbol is not None and self.symbol not in by_market:
            names = ", ".join(f"{name} ({count})" for name, count in sorted(by_market.items()))
            return f"--symbol {self.symbol}: no open item is of that market; there are: {names}"
        return (
            f"--reason {self.reason!r}: no open item has all of these words in its reason; "
            "quarantine list shows the reasons"
        )

    def _has(self, item: QuarantinedItem) -> bool:
        reason = item.reason.casefold()
        words = (self.reason or "").casefold().split()
        return self.symbol in (None, item.symbol) and all(word in reason for word in words)


def quarantined(tx: Tx) -> list[QuarantinedItem]:
    return tx.typed(QuarantinedItem, "quarantine_all")


def quarantined_item(tx: Tx, number: int | None) -> QuarantinedItem | None:
    """The item of a number; null where there is none."""
    return next(iter(tx.typed(QuarantinedItem, "quarantine_item", id=number)), None)


def drop(deciding: Deciding) -> None:
    """Drop an item, or all of a selection up to `last_item`: what they stand for is no fill."""
    decision = deciding.decision
    if decision.item is not None:
        _resolve(deciding, [_open_item(deciding)], "dropped", None)
        return
    last = decision.last_item
    waiting = [
        item
        for item in quarantined(deciding.tx)
        if item.status == "open" and (last is None or item.id <= last)
    ]
    selection = Selection(decision.market, decision.matching)
    items = selection.of(waiting)
    if not items:
        raise DecisionRefused(selection.none_of(waiting))
    _resolve(deciding, items, "dropped", None)


def replace_item(deciding: Deciding) -> None:
    """Put a readable fill in an item's place, which the next cycle books."""
    item, replacement = _open_item(deciding), deciding.decision.replacement
    if replacement is None:
        raise DecisionRefused(f"item {item.id}: give the fill that it stands for")
    try:
        fill = read_fill(replacement, _edge(deciding.tx, replacement, deciding.now_ms))
    except UnreadableFill as error:
        raise _unfit(item, str(error)) from None
    if fill.doubt is not None:
        raise _unfit(item, fill.doubt)
    start_ms = deciding.tx.value("cursor_start_of", key=CURSOR_PREFIX + fill.symbol)
    if start_ms is not None and fill.ts_ms < start_ms:
        raise _unfit(
            item,
            f"timestamp {iso(fill.ts_ms)}: the history of {fill.symbol} begins {iso(start_ms)} in "
            "this ledger; what was held before is booked by `open`",
        )
    _resolve(deciding, [item], "replaced", replacement)


def undo_resolution(deciding: Deciding, change: Mapping[str, Any]) -> None:
    """Open the items of a decision again, or put them back where it found them.

    Raises `DecisionRefused` where another decision, or a cycle, has come in between.
    """
    ids = set(numbers_of(change["items"]))
    for item in quarantined(deciding.tx):
        if item.id in ids:
            _check_unchanged(deciding, item, change["after"])
    _change(deciding, change["items"], change["after"], change["before"])


def _check_unchanged(deciding: Deciding, item: QuarantinedItem, after: Mapping[str, Any]) -> None:
    refusal = f"decision {deciding.decision.of} cannot be undone: "
    if item.status == "booked":
        raise DecisionRefused(f"{refusal}item {item.id} was released since, for {item.note}")
    if (item.status, item.decided_seq) != (after["status"], after["decided_seq"]):
        raise DecisionRefused(f"{refusal}it was followed by another one about item {item.id}")
    if item.status != "replaced":
        return
    trade_id = replacement_id(deciding.tx, item.replacement or "", deciding.now_ms)
    # The mark that it is applied is written after TX 1, at best.
    booked_in = _booked_in(deciding.tx, trade_id or "")
    if booked_in is not None and booked_in > after["resolved_cycle_id"]:
        raise DecisionRefused(
            f"{refusal}cycle {booked_in} booked what stands in the place of item {item.id}; "
            f"`void` takes trade {trade_id} out of the books"
        )
    if item.applied_cycle_id is not None:
        raise DecisionRefused(
            f"{refusal}cycle {item.applied_cycle_id} compared what stands in the place of item "
            f"{item.id} with the ledger: it is a repeat of trade {trade_id}, or `conflicts list` "
            "or `quarantine list` has it"
        )


def _booked_in(tx: Tx, trade_id: str) -> int | None:
    """The cycle that booked a trade; of rows without ids, the last that booked one like it."""
    if Identity.of(tx).trade_ids is not TradeIds.NONE:
        return cast("int | None", tx.value("fill_cycle", trade_id=trade_id))
    return cast("int | None", tx.value("alike_cycle", alike=trade_id.rpartition(":")[0]))


def resolve_again(tx: Tx, decisions: Iterable[str]) -> None:
    """Apply earlier decisions to the items of a scratch ledger, in order."""
    for text in decisions:
        for change in json.loads(text).get("quarantine", ()):
            _update(tx, change["items"], change["after"])


def items_of(decision_json: str) -> int:
    """The number of items that a decision was about."""
    changes = json.loads(decision_json)["quarantine"]
    return sum(1 for change in changes for _ in numbers_of(change["items"]))


def replacement_id(tx: Tx, replacement: str, now_ms: int) -> str | None:
    """The trade id of the fill that stands in an item's place; null where it reads no more."""
    try:
        fill = read_fill(replacement, _edge(tx, replacement, now_ms))
    except UnreadableFill:
        return None
    no_ids = Identity.of(tx).trade_ids is TradeIds.NONE
    return derive_trade_ids([fill])[0].trade_id if no_ids else fill.trade_id


def has_reached_ledger(tx: Tx, replacement: str, now_ms: int) -> bool:
    """Whether TX 1 has met the fill in an item's place: it is booked, in dispute, or held again."""
    trade_id = replacement_id(tx, replacement, now_ms) or ""
    ids = json.dumps([trade_id, in_root(trade_id, Markets(tx))])
    return bool(tx.value("replacement_reached", trade_ids=ids, raw=replacement))


def _open_item(deciding: Deciding) -> QuarantinedItem:
    number = deciding.decision.item
    item = quarantined_item(deciding.tx, number)
    if item is None:
        raise DecisionRefused(f"there is no open quarantine item {number}")
    if item.status != "open":
        by = f", by decision {item.decided_seq}" if item.decided_seq else ""
        raise DecisionRefused(f"there is no open quarantine item {number}: it is {item.status}{by}")
    return item


def _unfit(item: QuarantinedItem, why: str) -> DecisionRefused:
    return DecisionRefused(f"item {item.id}: the fill given for it cannot be booked: {why}")


def _resolve(
    deciding: Deciding, items: Iterable[QuarantinedItem], status: str, replacement: str | None
) -> None:
    after = {
        "status": status,
        "replacement": replacement,
        "resolved_ms": deciding.now_ms,
        "resolved_cycle_id": deciding.cycle_id,
        "decided_seq": deciding.commit_seq,
    }
    _change(deciding, runs_of(item.id for item in items), OPEN, after)


def _change(
    deciding: Deciding,
    items: Runs,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    change = {"items": items, "before": dict(before), "after": dict(after)}
    deciding.effects.quarantine.append(change)
    _update(deciding.tx, items, after)


def _update(tx: Tx, items: Runs, after: Mapping[str, Any]) -> None:
    for first, last in items:
        tx.run("quarantine_decide", first=first, last=last, **after)


def _edge(tx: Tx, replacement: str, now_ms: int) -> Edge:
    """The reading of a replacement by the next cycle: its fees are the operator's word."""
    edge = Edge(Identity.of(tx).trade_ids, now_ms + DAY_MS, pinned=Markets(tx).known)
    symbol = outline(replacement, edge).symbol or ""
    terms = Terms.of(tx.value("inputs_last_terms", symbol=symbol))
    return replace(edge, terms=replace(terms, through_library=False))
