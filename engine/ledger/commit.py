"""TX 1: ledger, accounting and cursors, all or nothing. The single commit boundary.

`commit_cycle` is the function that runs inside the transaction; nothing else writes these tables.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from engine.ledger import append, positions
from engine.ledger.accounting import Position
from engine.ledger.append import Appended
from engine.ledger.cursors import CursorChange, PreparedMarket, move_cursors
from engine.ledger.events import FILL
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Commit:
    """What one TX 1 did."""

    commit_seq: int
    cycle_id: int
    attempted: int
    inserted: int
    ignored: int
    conflicting: int
    fills_fetched: int
    fills_count: int
    cursors: Mapping[str, CursorChange]
    positions: Mapping[str, Position]
    positions_digest: str


def commit_cycle(
    tx: Tx,
    markets: Iterable[PreparedMarket],
    *,
    cycle_id: int,
    lease_epoch: int,
    now_ms: int,
) -> Commit:
    """Append, account and advance the cursors: the function that runs inside the transaction."""
    markets = tuple(markets)
    fills = [fill for market in markets for fill in market.fills]
    appended = append.append(tx, fills, cycle_id)
    changed = positions.apply(tx, appended.inserted, appended.unsettled)
    contradicted = {event.trade_id for event in appended.conflicting if event.type == FILL}
    cursors = move_cursors(tx, markets, contradicted, cycle_id)
    seq, before = _last_commit(tx)
    keep_positions(tx, changed, seq + 1, cycle_id)
    first_seq, last_seq = _rows_of(tx, len(appended.inserted))
    after = positions.read_positions(tx)
    digest = positions.digest(after)
    record: dict[str, Any] = {
        "commit_seq": seq + 1,
        "cycle_id": cycle_id,
        "committed_ms": now_ms,
        "lease_epoch": lease_epoch,
        **_counts(appended),
        "fills_fetched": len(fills),
        "fills_count": appended.fills_count,
        "first_seq": first_seq,
        "last_seq": last_seq,
        "cursors_json": json.dumps({k: [m.before, m.after] for k, m in cursors.items()}),
        "positions_digest": digest,
    }
    record["hash"] = chain_hash(before, record, (event.hash for event in appended.inserted))
    tx.run("commit_append", **record)
    return Commit(
        commit_seq=seq + 1,
        cycle_id=cycle_id,
        **_counts(appended),
        fills_fetched=len(fills),
        fills_count=appended.fills_count,
        cursors=cursors,
        positions=after,
        positions_digest=digest,
    )


def read_commit(tx: Tx, cycle_id: int) -> Commit | None:
    """What a cycle's TX 1 did, from the database; null where it did not take effect."""
    record = tx.record("commit_of_cycle", cycle_id=cycle_id)
    if record is None:
        return None
    changes = json.loads(record["cursors_json"]).items()
    return Commit(
        **{name: value for name, value in record.items() if name in Commit.__dataclass_fields__},
        cursors={key: CursorChange(before=then, after=now) for key, (then, now) in changes},
        positions=positions.read_positions(tx),
    )


# What a commit's hash covers besides the events: everything it says.
CHAINED = (
    "commit_seq", "cycle_id", "committed_ms", "lease_epoch", "attempted", "inserted", "ignored",
    "conflicting", "fills_fetched", "fills_count", "first_seq", "last_seq", "cursors_json",
    "positions_digest",
)  # fmt: skip


def chain_hash(before: bytes, record: Mapping[str, Any], event_hashes: Iterable[bytes]) -> bytes:
    """The link of one commit: the hash before, the commit's own fields, its events' hashes."""
    link = blake2b(before, digest_size=32)
    link.update(json.dumps([record[name] for name in CHAINED]).encode())
    for event_hash in event_hashes:
        link.update(event_hash)
    return link.digest()


def _counts(appended: Appended) -> dict[str, int]:
    return {
        "attempted": appended.attempted,
        "inserted": len(appended.inserted),
        "ignored": appended.ignored,
        "conflicting": len(appended.conflicting),
    }


def keep_positions(tx: Tx, changed: Mapping[str, Position], seq: int, cycle_id: int) -> None:
    for position in changed.values():
        row = positions.row_of(position)
        tx.run("position_write", **row, cycle_id=cycle_id)
        tx.run("history_write", **row, commit_seq=seq)


def _last_commit(tx: Tx) -> tuple[int, bytes]:
    seq, link = tx.one("commit_last") or (0, b"")
    return seq, link


def _rows_of(tx: Tx, inserted: int) -> tuple[int | None, int | None]:
    """The numbers of the rows just inserted: the last ones, for nothing is ever deleted."""
    if not inserted:
        return None, None
    last: int = tx.value("last_seq")
    return last - inserted + 1, last
