"""Items that cannot be booked as they are: kept with their raw text until the operator decides."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b

from engine.clock import DAY_MS
from engine.errors import NoSuchItem, UnreadableFill
from engine.ingest import inputs
from engine.ingest.releases import Release
from engine.ledger.identity import Identity
from engine.ledger.markets import Markets
from engine.ledger.reports import Edge, outline, read_fill
from engine.store.tx import Tx
from engine.text import storable
from engine.venues.registry import shares_unreadable


@dataclass(frozen=True, slots=True)
class Undecided:
    """An item as the venue sent it for a market, and why it cannot be booked."""

    symbol: str
    raw: str
    reason: str

    @property
    def digest(self) -> bytes:
        """What tells it from other items, in whatever market it was sent."""
        return _digest(self.raw)

    @property
    def digest_in_market(self) -> bytes:
        return _digest(f"{self.symbol}\n{self.raw}")


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    """A quarantined item. `status` is open, dropped, replaced, or booked: a cycle released it, for
    its fill is in the ledger, as `note` says."""

    id: int
    symbol: str
    raw: str
    reason: str
    cycle_id: int
    status: str
    replacement: str | None
    applied_cycle_id: int | None
    note: str | None


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


def keep(tx: Tx, items: Iterable[Undecided], cycle_id: int) -> None:
    """Quarantine what is not there already; what was resolved in a market stays resolved there.

    Of a venue that shares unreadable items, an item is one, whichever markets it is served to.
    """
    one_for_all = shares_unreadable(Identity.of(tx).venue)
    for item in items:
        tx.run(
            "quarantine_keep",
            digest=item.digest if one_for_all else item.digest_in_market,
            digest_of_any=item.digest,
            symbol=item.symbol,
            raw=storable(item.raw),
            reason=item.reason,
            cycle_id=cycle_id,
        )


def held(tx: Tx, items: Iterable[Undecided] = (), releases: Iterable[Release] = ()) -> set[str]:
    """Symbols with an item that waits for the operator: their own, or one they were served.

    The `releases` wait no longer.
    """
    released = {release.item_id for release in releases}
    symbols = set(tx.column("quarantine_held", but=json.dumps(sorted(released))))
    for item in items:
        if set(tx.column("quarantine_is_open", digest=item.digest)) - released:
            symbols.add(item.symbol)
    return symbols


def digests(tx: Tx) -> frozenset[bytes]:
    """What tells all items apart that ever were quarantined, whatever became of them."""
    return frozenset(tx.column("quarantine_digests"))


def replacements(tx: Tx, cycle_id: int | None = None) -> list[QuarantinedItem]:
    """Corrected items still to be applied; with `cycle_id`, those that cycle applied."""
    if cycle_id is None:
        return tx.typed(QuarantinedItem, "quarantine_pending")
    return tx.typed(QuarantinedItem, "quarantine_applied", cycle_id=cycle_id)


def standing(tx: Tx, before: int) -> list[QuarantinedItem]:
    """Items that were replaced before a cycle, applied or not."""
    return tx.typed(QuarantinedItem, "quarantine_standing", before=before)


def mark_applied(tx: Tx, items: Iterable[QuarantinedItem], cycle_id: int) -> None:
    for item in items:
        tx.run("quarantine_mark_applied", cycle_id=cycle_id, id=item.id)


def listing(tx: Tx) -> list[QuarantinedItem]:
    return tx.typed(QuarantinedItem, "quarantine_all")


def resolve(
    tx: Tx,
    item_id: int,
    replacement: str | None,
    now_ms: int,
    actor: str,
) -> QuarantinedItem:
    """Drop an open item, or replace it by a readable one; the audit keeps who did it.

    Raises `NoSuchItem`, or `UnreadableFill` where the replacement cannot be read either.
    """
    status = "dropped" if replacement is None else "replaced"
    items = _resolved(tx, [item_id], status, replacement, now_ms)
    if not items:
        raise NoSuchItem(f"there is no open quarantine item {item_id}")
    if replacement is not None:
        fill = read_fill(replacement, _edge(tx, replacement, now_ms))
        if fill.doubt is not None:
            raise UnreadableFill(fill.doubt)
    _audit(tx, now_ms, actor, {"id": item_id, "status": status, "replacement": replacement})
    return items[0]


def drop_all(
    tx: Tx, selection: Selection, now_ms: int, actor: str, last_id: int | None = None
) -> list[QuarantinedItem]:
    """Drop the open items of a selection, up to `last_id`; the audit keeps who did it, once.

    Raises `NoSuchItem` where there are none.
    """
    waiting = [item for item in listing(tx) if item.status == "open"]
    items = selection.of(item for item in waiting if last_id is None or item.id <= last_id)
    if not items:
        raise NoSuchItem(selection.none_of(waiting))
    dropped = _resolved(tx, [item.id for item in items], "dropped", None, now_ms)
    detail = {"count": len(dropped), "symbol": selection.symbol, "reason": selection.reason}
    _audit(tx, now_ms, actor, {**detail, "status": "dropped"})
    return dropped


def _edge(tx: Tx, replacement: str, now_ms: int) -> Edge:
    """The reading of a replacement by the next cycle: its fees are the operator's word."""
    edge = Edge(Identity.of(tx).trade_ids, now_ms + DAY_MS, pinned=Markets(tx).known)
    terms = inputs.last_terms(tx, outline(replacement, edge).symbol or "")
    return replace(edge, terms=replace(terms, through_library=False))


def _resolved(
    tx: Tx, ids: list[int], status: str, replacement: str | None, now_ms: int
) -> list[QuarantinedItem]:
    """The items that were open and are resolved now, in order."""
    values = {"ids": json.dumps(ids), "status": status, "replacement": replacement}
    items = tx.typed(QuarantinedItem, "quarantine_resolve", **values, now_ms=now_ms)
    return sorted(items, key=lambda item: item.id)


def _audit(tx: Tx, now_ms: int, actor: str, detail: dict[str, object]) -> None:
    tx.run(
        "audit_add",
        ts=now_ms,
        actor=actor,
        action="quarantine resolve",
        detail_json=json.dumps(detail),
        outcome="ok",
    )


def _digest(text: str) -> bytes:
    return blake2b(storable(text).encode(), digest_size=16).digest()
