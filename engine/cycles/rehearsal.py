"""Rehearsal: a cycle's phase 1 again, on a scratch copy of the state as it was before it."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.clock import now_ms
from engine.errors import NoSuchCycle
from engine.ingest import inputs
from engine.ingest.paging import VenueResponse
from engine.ingest.prepare import Prepared, prepare
from engine.ledger import positions
from engine.ledger.accounting import Position, money_json
from engine.ledger.commit import Commit, commit_cycle, keep_positions
from engine.ledger.positions import positions_as_of
from engine.money import canonical
from engine.store.connection import connect_sqlite, translated
from engine.store.damage import sound_rows
from engine.store.migrate import migrate
from engine.store.readstore import ReadStore
from engine.store.statements import SQL
from engine.venue import TradeIds

Report = Callable[[str], None]


class Difference(BaseModel):
    """Something that came out otherwise than it was recorded."""

    model_config = ConfigDict(frozen=True)

    what: str
    key: str
    recorded: str | None
    now: str | None


class Rehearsal(BaseModel):
    """What a cycle's phase 1 does today on the state before it; `differences` should be none."""

    model_config = ConfigDict(frozen=True)

    cycle_id: int
    attempted: int
    inserted: int
    ignored: int
    conflicting: int
    differences: tuple[Difference, ...]


async def rehearse(
    path: Path, cycle_id: int, busy_timeout_ms: int, report: Report = lambda step: None
) -> Rehearsal:
    """Never writes the ledger. Raises `NoSuchCycle` where no inputs are kept, or `StoreError`."""
    store = await ReadStore.open(path, busy_timeout_ms)
    try:
        await store.require_schema()
        responses = await store.read(partial(_responses_of, cycle_id=cycle_id))
    finally:
        await store.close()
    if not responses:
        raise NoSuchCycle(f"cycle {cycle_id} does not exist, or its inputs are not kept")
    return await asyncio.to_thread(_on_scratch, path, cycle_id, responses, report)


def _responses_of(connection: sqlite3.Connection, cycle_id: int) -> list[VenueResponse]:
    return inputs.load(connection, inputs.original_of(connection, cycle_id))


def _on_scratch(
    path: Path, cycle_id: int, responses: list[VenueResponse], report: Report
) -> Rehearsal:
    """On a temporary file without a name: it is gone however this process ends."""
    scratch = connect_sqlite("", read_only=False)
    with translated(path), sound_rows(path), closing(scratch) as connection:
        migrate(connection)
        connection.execute("ATTACH ? AS source", (path.absolute().as_uri() + "?mode=ro",))
        connection.execute("BEGIN")
        try:
            return _rehearse(connection, cycle_id, responses, report)
        finally:
            connection.execute("ROLLBACK")


def _rehearse(
    connection: sqlite3.Connection, cycle_id: int, responses: list[VenueResponse], report: Report
) -> Rehearsal:
    recorded = _recorded(connection, cycle_id)
    report("copying the ledger as it was")
    for name in ("scratch_events", "scratch_claims", "scratch_commits"):
        connection.execute(SQL[name], {"commit_seq": recorded["commit_seq"]}).fetchall()
    _restore_cursors(connection, recorded, responses)
    report("folding its positions")
    symbols = {row[0] for row in connection.execute(SQL["scratch_symbols"]).fetchall()}
    keep_positions(connection, positions.apply(connection, (), symbols), 0, 0)
    report("running the cycle again")
    commit = commit_cycle(
        connection,
        _prepared(connection, cycle_id, responses).markets,
        cycle_id=cycle_id,
        lease_epoch=recorded["lease_epoch"],
        now_ms=recorded["committed_ms"],
    )
    return Rehearsal(
        cycle_id=cycle_id,
        attempted=commit.attempted,
        inserted=commit.inserted,
        ignored=commit.ignored,
        conflicting=commit.conflicting,
        differences=tuple(_differences(connection, recorded, commit)),
    )


def _recorded(connection: sqlite3.Connection, cycle_id: int) -> dict[str, Any]:
    """The cycle's commit as recorded; of one that committed nothing, where it would have been."""
    cursor = connection.execute(SQL["scratch_recorded"], (cycle_id,))
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    if rows:
        return dict(zip(names, rows[0], strict=True))
    after = connection.execute(SQL["scratch_next_commit"], (cycle_id,)).fetchall()[0][0]
    return {"commit_seq": after, "committed_ms": now_ms(), "lease_epoch": 0, "cursors_json": "{}"}


def _restore_cursors(
    connection: sqlite3.Connection, recorded: dict[str, Any], responses: Iterable[VenueResponse]
) -> None:
    starts = {response.request.symbol: response.request.start_ms for response in responses}
    for key, (before, _) in json.loads(recorded["cursors_json"]).items():
        if before is None:
            continue
        start = min(starts.get(key.partition(":")[2], before), before)
        values = {"key": key, "start_ms": start, "cycle_id": 0}
        connection.execute(SQL["cursor_start"], values).fetchall()
        values = {"key": key, "value_ms": before, "cycle_id": 0}
        connection.execute(SQL["cursor_advance"], values).fetchall()


def _prepared(
    connection: sqlite3.Connection, cycle_id: int, responses: Iterable[VenueResponse]
) -> Prepared:
    """Prepared on the ledger's identity and on the quarantine as the cycle met it."""
    for name in ("scratch_identity", "scratch_quarantine"):
        connection.execute(SQL[name], {"cycle_id": cycle_id}).fetchall()
    identity = dict(connection.execute(SQL["identity_read"]).fetchall())
    row = connection.execute(SQL["scratch_replay_of"], (cycle_id,)).fetchall()
    return prepare(
        connection,
        responses,
        trade_ids=TradeIds(identity["trade_ids"]),
        cycle_id=cycle_id,
        replay_of=row[0][0] if row else None,
    )


def _differences(
    connection: sqlite3.Connection, recorded: dict[str, Any], commit: Commit
) -> Iterator[Difference]:
    for name in ("attempted", "inserted", "ignored", "conflicting", "cursors_json"):
        now = getattr(commit, name, None)
        if name == "cursors_json":
            now = json.dumps({k: [m.before, m.after] for k, m in commit.cursors.items()})
        yield from _unless_equal("commit", name, recorded.get(name), now)
    then = dict(connection.execute(SQL["scratch_inserted_then"], _rows(recorded)).fetchall())
    now = dict(connection.execute(SQL["scratch_inserted_now"], (commit.cycle_id,)).fetchall())
    for event_id in sorted(then.keys() | now.keys()):
        pair = (row.hex() if row else None for row in (then.get(event_id), now.get(event_id)))
        yield from _unless_equal("event", event_id, *pair)
    yield from _position_differences(connection, recorded, commit)


def _position_differences(
    connection: sqlite3.Connection, recorded: dict[str, Any], commit: Commit
) -> Iterator[Difference]:
    rows = positions_as_of(connection, recorded["commit_seq"], "scratch_positions_then")
    then = {position.symbol: _money_of(position) for position in rows}
    now = {symbol: _money_of(position) for symbol, position in commit.positions.items()}
    for symbol in sorted(then.keys() | now.keys()):
        yield from _unless_equal("position", symbol, then.get(symbol), now.get(symbol))


def _money_of(position: Position) -> str:
    money = (position.qty, position.cost, position.realized_pnl)
    return " ".join([*map(canonical, money), money_json(position.fees)])


def _rows(recorded: dict[str, Any]) -> tuple[int, int]:
    if recorded.get("first_seq") is None:
        return (0, -1)
    return recorded["first_seq"], recorded["last_seq"]


def _unless_equal(what: str, key: str, recorded: Any, now: Any) -> Iterator[Difference]:
    if recorded != now:
        texts = (None if value is None else str(value) for value in (recorded, now))
        yield Difference(what=what, key=key, **dict(zip(("recorded", "now"), texts, strict=True)))
