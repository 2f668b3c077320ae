"""What the venue said in a cycle, item by item: each with what was read of it, or why nothing was.

The items are read again by the same rules, from what was kept of the cycle.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from engine import ingest, quarantine
from engine.fills import Fill, derive_trade_ids
from engine.ingest import Reply, Request
from engine.results import CycleResult
from engine.store.statements import SQL
from engine.venue import TradeIds

LEFT_OUT = "it is of another market, or from before this market's history begins"


@dataclass(frozen=True, slots=True)
class Item:
    """One reported item, or what the operator put in its place. Either `fill` or `reason`."""

    raw: str
    fill: Fill | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """What the venue said to one request, complete or not."""

    reply: Reply
    items: tuple[Item, ...]

    @property
    def symbol(self) -> str:
        return self.reply.request.symbol


def read_evidence(connection: sqlite3.Connection, result: CycleResult) -> list[Told]:
    """All that the venue said to a cycle, of a replay to the one it replayed.

    None at all where any of it is kept no more.
    """
    replies = list(_replies(connection, result.replay_of or result.cycle_id))
    if None in replies:
        return []
    identity = dict(connection.execute(SQL["identity_read"]).fetchall())
    trade_ids = TradeIds(identity["trade_ids"])
    corrections = _corrections(connection, result)
    return [
        Told(reply, tuple(_items(reply, trade_ids, corrections)))
        for reply in replies
        if reply is not None
    ]


def _replies(connection: sqlite3.Connection, cycle_id: int) -> Iterator[Reply | None]:
    """A cycle's replies as received; null for one whose items are not all there."""
    for row in connection.execute(SQL["history_inputs"], (cycle_id,)).fetchall():
        symbol, since_ms, start_ms, latest_ms, items, error, pages_json = row
        pages = tuple(
            tuple(
                raw
                for run in runs
                for (raw,) in connection.execute(SQL["items_run"], (symbol, *run)).fetchall()
            )
            for runs in json.loads(pages_json)
        )
        whole = sum(map(len, pages)) == items
        yield Reply(Request(symbol, since_ms, start_ms), latest_ms, pages, error) if whole else None


def _corrections(connection: sqlite3.Connection, result: CycleResult) -> list[str]:
    """The operator's corrections that the cycle was given."""
    if result.replay_of is not None:
        found = quarantine.replacements(connection, result.replay_of)
    else:
        wanted = {"cycle_id": result.cycle_id, "started_ms": result.started_ms}
        rows = connection.execute(SQL["history_corrections"], wanted).fetchall()
        found = [quarantine.Item(*row) for row in rows]
    return [item.replacement or "" for item in found]


def _items(reply: Reply, trade_ids: TradeIds, corrections: Iterable[str]) -> Iterator[Item]:
    items = [_read(reply, raw, trade_ids) for page in reply.pages for raw in page]
    if reply.error is None:
        corrected = (_read(reply, raw, trade_ids) for raw in corrections)
        items += (item for item in corrected if item.reason != LEFT_OUT)
    if trade_ids is not TradeIds.NONE:
        return iter(items)
    named = iter(derive_trade_ids(item.fill for item in items if item.fill))
    return (replace(item, fill=next(named)) if item.fill else item for item in items)


def _read(reply: Reply, raw: str, trade_ids: TradeIds) -> Item:
    """One item, by the rules for all of a reply."""
    reading = ingest.read(replace(reply, pages=((raw,),)), trade_ids)
    if reading.unreadable:
        return Item(raw, None, reading.unreadable[0].reason)
    if not reading.fills:
        return Item(raw, None, LEFT_OUT)
    return Item(raw, reading.fills[0], None)
