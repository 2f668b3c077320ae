"""Items that cannot be booked as they are: kept with their raw text until the operator decides."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from engine.clock import DAY_MS
from engine.errors import NoSuchItem
from engine.ledger.fills import read_fill
from engine.store.statements import SQL
from engine.text import storable
from engine.venue import TradeIds
from engine.venues.registry import shares_unreadable


@dataclass(frozen=True, slots=True)
class Unreadable:
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


def keep(connection: sqlite3.Connection, items: Iterable[Unreadable], cycle_id: int) -> None:
    """Quarantine what is not there already; what was resolved in a market stays resolved there.

    Of a venue that shares unreadable items, an item is one, whichever markets it is served to.
    """
    identity = dict(connection.execute(SQL["identity_read"]).fetchall())
    one_for_all = shares_unreadable(identity.get("venue", ""))
    for item in items:
        row = {
            "digest": item.digest if one_for_all else item.digest_in_market,
            "digest_of_any": item.digest,
            "symbol": item.symbol,
            "raw": storable(item.raw),
            "reason": item.reason,
            "cycle_id": cycle_id,
        }
        connection.execute(SQL["quarantine_keep"], row).fetchall()


def held(connection: sqlite3.Connection, items: Iterable[Unreadable] = ()) -> set[str]:
    """Symbols with an item that waits for the operator: their own, or one they were served."""
    symbols = {row[0] for row in connection.execute(SQL["quarantine_held"]).fetchall()}
    for item in items:
        if connection.execute(SQL["quarantine_is_open"], (item.digest,)).fetchall():
            symbols.add(item.symbol)
    return symbols


def replacements(
    connection: sqlite3.Connection, cycle_id: int | None = None
) -> list[QuarantinedItem]:
    """Corrected items still to be applied; with `cycle_id`, those that cycle applied."""
    name = "quarantine_pending" if cycle_id is None else "quarantine_applied"
    values = () if cycle_id is None else (cycle_id,)
    return [QuarantinedItem(*row) for row in connection.execute(SQL[name], values).fetchall()]


def mark_applied(
    connection: sqlite3.Connection, items: Iterable[QuarantinedItem], cycle_id: int
) -> None:
    for item in items:
        connection.execute(SQL["quarantine_mark_applied"], (cycle_id, item.id)).fetchall()


def listing(connection: sqlite3.Connection) -> list[QuarantinedItem]:
    return [QuarantinedItem(*row) for row in connection.execute(SQL["quarantine_all"]).fetchall()]


def resolve(
    connection: sqlite3.Connection,
    item_id: int,
    replacement: str | None,
    now_ms: int,
    actor: str,
) -> QuarantinedItem:
    """Drop an open item, or replace it by a readable one; the audit keeps who did it.

    Raises `NoSuchItem`, or `UnreadableFill` where the replacement cannot be read either.
    """
    status = "dropped" if replacement is None else "replaced"
    values = {"id": item_id, "status": status, "replacement": replacement, "now_ms": now_ms}
    rows = connection.execute(SQL["quarantine_resolve"], values).fetchall()
    if not rows:
        raise NoSuchItem(f"there is no open quarantine item {item_id}")
    if replacement is not None:
        identity = dict(connection.execute(SQL["identity_read"]).fetchall())
        read_fill(replacement, TradeIds(identity["trade_ids"]), now_ms + DAY_MS)
    detail = json.dumps({"id": item_id, "status": status, "replacement": replacement})
    entry = (now_ms, actor, "quarantine resolve", detail, "ok")
    connection.execute(SQL["audit_add"], entry).fetchall()
    return QuarantinedItem(*rows[0])


def _digest(text: str) -> bytes:
    return blake2b(storable(text).encode(), digest_size=16).digest()
