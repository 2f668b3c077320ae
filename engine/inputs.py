"""Evidence: what the venue said in a cycle, as received, which replays run on."""

import sqlite3
from collections.abc import Iterable

from engine import ingest
from engine.ingest import Reply, Request
from engine.store.statements import SQL


def keep(connection: sqlite3.Connection, cycle_id: int, replies: Iterable[Reply]) -> None:
    for reply in replies:
        connection.execute(SQL["inputs_keep"], _row(cycle_id, reply)).fetchall()


def expire(connection: sqlite3.Connection, before_ms: int) -> None:
    """Drop the oldest inputs, a few at a time, of cycles that began before `before_ms`."""
    connection.execute(SQL["inputs_expire"], (before_ms,)).fetchall()


def load(connection: sqlite3.Connection, cycle_id: int) -> list[Reply]:
    """The complete replies of a cycle, as they were received."""
    rows = connection.execute(SQL["inputs_of_cycle"], (cycle_id,)).fetchall()
    return [
        Reply(Request(symbol, since, start), latest, ingest.unpack(body))
        for symbol, since, start, latest, whole, body in rows
        if whole
    ]


def _row(cycle_id: int, reply: Reply) -> tuple[object, ...]:
    request = reply.request
    return (
        cycle_id,
        request.symbol,
        request.since_ms,
        request.start_ms,
        reply.latest_ms,
        reply.error is None,
        len(reply.pages),
        reply.items,
        reply.error,
        ingest.pack(reply.pages),
    )


def original_of(connection: sqlite3.Connection, cycle_id: int) -> int:
    """The cycle whose inputs a replay runs on: of a replay, the one it replayed."""
    rows = connection.execute(SQL["cycle_replay_of"], (cycle_id,)).fetchall()
    return rows[0][0] if rows and rows[0][0] is not None else cycle_id
