"""Items that cannot be booked as they are: kept with their raw text until the operator decides."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from engine.clock import DAY_MS
from engine.errors import NoSuchItem, UnreadableFill
from engine.ledger.identity import Identity
from engine.ledger.reports import Edge, read_fill
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
    """A quarantined item. `status` is open, dropped or replaced."""

    id: int
    symbol: str
    raw: str
    reason: str
    cycle_id: int
    status: str
    replacement: str | None
    applied_cycle_id: int | None


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


def held(tx: Tx, items: Iterable[Undecided] = ()) -> set[str]:
    """Symbols with an item that waits for the operator: their own, or one they were served."""
    symbols = set(tx.column("quarantine_held"))
    for item in items:
        if tx.rows("quarantine_is_open", digest=item.digest):
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
    values = {"id": item_id, "status": status, "replacement": replacement}
    items = tx.typed(QuarantinedItem, "quarantine_resolve", **values, now_ms=now_ms)
    if not items:
        raise NoSuchItem(f"there is no open quarantine item {item_id}")
    if replacement is not None:
        fill = read_fill(replacement, Edge(Identity.of(tx).trade_ids, now_ms + DAY_MS))
        if fill.doubt is not None:
            raise UnreadableFill(fill.doubt)
    tx.run(
        "audit_add",
        ts=now_ms,
        actor=actor,
        action="quarantine resolve",
        detail_json=json.dumps(values),
        outcome="ok",
    )
    return items[0]


def _digest(text: str) -> bytes:
    return blake2b(storable(text).encode(), digest_size=16).digest()
