"""Items that cannot be booked as they are: kept with their raw text until the operator decides."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from engine.ingest.releases import Release
from engine.ledger.identity import Identity
from engine.ledger.quarantine_decisions import QuarantinedItem, has_reached_ledger
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


def mark_applied(tx: Tx, items: Iterable[QuarantinedItem], cycle_id: int, now_ms: int) -> None:
    """Mark items whose replacements a cycle applied; in a market that waits for its name to be
    decided TX 1 takes none, and they stay due."""
    for item in items:
        if has_reached_ledger(tx, item.replacement or "", now_ms):
            tx.run("quarantine_mark_applied", cycle_id=cycle_id, id=item.id)


def _digest(text: str) -> bytes:
    return blake2b(storable(text).encode(), digest_size=16).digest()
