"""Rehearsal: a cycle's phase 1 again, on a scratch copy of the state as it was before it."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.clock import now_ms
from engine.cycles.idle import no_longer_kept
from engine.cycles.results import Frozen
from engine.errors import NoSuchCycle
from engine.ingest import inputs
from engine.ingest.paging import VenueResponse
from engine.ingest.prepare import Prepared, prepare
from engine.ledger.accounting import Position, money_json
from engine.ledger.balances import BalanceKey
from engine.ledger.books import Books
from engine.ledger.commit import Commit, commit_cycle
from engine.ledger.cursors import cursors_json, read_cursors
from engine.ledger.digests import VERSION
from engine.ledger.disputes import decide_again
from engine.ledger.events import Event
from engine.ledger.markets import SPOT_RULES, changes_of
from engine.ledger.positions import Positions
from engine.ledger.quarantine_decisions import resolve_again
from engine.money import canonical
from engine.store.damage import sound_rows
from engine.store.readstore import ReadStore
from engine.store.scratch import scratch_ledger
from engine.store.tx import Tx

Report = Callable[[str], None]

# The statements that copy a ledger as it was before a commit.
COPIED = (
    "scratch_events", "scratch_claims", "scratch_commits", "scratch_markets", "scratch_conflicts",
)  # fmt: skip


class Difference(Frozen):
    """Something that came out otherwise than it was recorded."""

    what: str
    key: str
    recorded: str | None
    now: str | None


class Rehearsal(Frozen):
    """What a cycle's phase 1 does today on the state before it; `differences` should be none."""

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
        responses = await store.read(lambda tx: inputs.load(tx, inputs.original_of(tx, cycle_id)))
        idle = await store.read(lambda tx: no_longer_kept(tx, cycle_id))
    finally:
        await store.close()
    if not responses:
        raise idle or NoSuchCycle(f"cycle {cycle_id} does not exist, or its inputs are not kept")

    def on_scratch() -> Rehearsal:
        with sound_rows(path), scratch_ledger(path) as tx:
            return _rehearse(tx, cycle_id, responses, report)

    return await asyncio.to_thread(on_scratch)


def _rehearse(tx: Tx, cycle_id: int, responses: list[VenueResponse], report: Report) -> Rehearsal:
    recorded = _recorded(tx, cycle_id)
    report("copying the ledger as it was")
    for name in COPIED:
        tx.run(name, commit_seq=recorded["commit_seq"])
    _restore_markets(tx, recorded["commit_seq"])
    decide_again(tx, tx.column("scratch_decisions_before", commit_seq=recorded["commit_seq"]))
    _restore_cursors(tx, recorded, responses)
    report("folding its positions")
    books = Books(tx, 0, 0)
    for key in books.positions.keys_of_events():
        position = books.positions.apply(books.positions.read(key), (), since_ms=0)
        books.positions.keep([position], 0, 0)
    books.work_out()
    report("running the cycle again")
    commit = commit_cycle(
        tx,
        _prepared(tx, cycle_id, recorded["commit_seq"], responses).markets,
        cycle_id=cycle_id,
        lease_epoch=recorded["lease_epoch"],
        now_ms=recorded["committed_ms"],
        events=_account_events(tx, recorded),
    )
    return Rehearsal(
        cycle_id=cycle_id,
        attempted=commit.attempted,
        inserted=commit.inserted,
        ignored=commit.ignored,
        conflicting=commit.conflicting,
        differences=tuple(_differences(tx, recorded, commit)),
    )


def _recorded(tx: Tx, cycle_id: int) -> dict[str, Any]:
    """The cycle's commit as recorded; of one that committed nothing, where it would have been."""
    recorded = tx.record("scratch_recorded", cycle_id=cycle_id)
    if recorded is not None:
        return recorded
    would_be = {"commit_seq": tx.value("scratch_next_commit", cycle_id=cycle_id)}
    nothing = tx.record("scratch_nothing", cycle_id=cycle_id)
    if nothing is not None:
        cursors = read_cursors(nothing["cursors_json"], moved=False)
        return would_be | nothing | {"cursors_json": cursors_json(cursors)}
    return would_be | {"committed_ms": now_ms(), "lease_epoch": 0, "cursors_json": "{}"}


def _restore_markets(tx: Tx, commit_seq: int) -> None:
    """Take back what decisions made of markets since."""
    for text in tx.column("scratch_decisions_after", commit_seq=commit_seq):
        for change in changes_of(text):
            if change.before is None:
                tx.run("market_drop", symbol=change.symbol)
            else:
                tx.run("market_keep", **change.before.row, commit_seq=commit_seq)


def _restore_cursors(tx: Tx, recorded: dict[str, Any], responses: Iterable[VenueResponse]) -> None:
    starts = {response.request.symbol: response.request.start_ms for response in responses}
    for key, (before, _) in json.loads(recorded["cursors_json"]).items():
        if before is None:
            continue
        start = min(starts.get(key.partition(":")[2], before), before)
        tx.run("cursor_start", key=key, start_ms=start, cycle_id=0)
        tx.run("cursor_advance", key=key, value_ms=before, cycle_id=0)


def _account_events(tx: Tx, recorded: dict[str, Any]) -> list[Event]:
    """The account events that the cycle booked: no evidence of a venue's has them."""
    first_seq, last_seq = _rows(recorded)
    span = {"first_seq": first_seq, "last_seq": last_seq}
    return tx.typed(Event, "scratch_account_events", **span)


def _prepared(
    tx: Tx, cycle_id: int, commit_seq: int, responses: Iterable[VenueResponse]
) -> Prepared:
    """Prepared on the ledger's identity and on the quarantine as the cycle met it."""
    for name in ("scratch_identity", "scratch_quarantine", "scratch_cycles"):
        tx.run(name, cycle_id=cycle_id)
    resolve_again(tx, tx.column("scratch_decisions_before", commit_seq=commit_seq))
    edge, clock_ms = tx.one("scratch_edge", cycle_id=cycle_id) or (SPOT_RULES, None)
    return prepare(
        tx,
        responses,
        clock_ms=clock_ms,
        cycle_id=cycle_id,
        replay_of=tx.value("scratch_replay_of", cycle_id=cycle_id),
        edge=edge,
    )


def _differences(tx: Tx, recorded: dict[str, Any], commit: Commit) -> Iterator[Difference]:
    for name in ("attempted", "inserted", "ignored", "conflicting"):
        yield from _unless_equal("commit", name, recorded.get(name), getattr(commit, name, None))
    cursors = recorded.get("cursors_json")
    if cursors is None or read_cursors(cursors) != commit.cursors:  # In whatever order.
        yield from _unless_equal("commit", "cursors_json", cursors, cursors_json(commit.cursors))
    first_seq, last_seq = _rows(recorded)
    then = tx.pairs("scratch_inserted_then", first_seq=first_seq, last_seq=last_seq)
    now = tx.pairs("scratch_inserted_now", cycle_id=commit.cycle_id)
    for event_id in sorted(then.keys() | now.keys()):
        pair = (row.hex() if row else None for row in (then.get(event_id), now.get(event_id)))
        yield from _unless_equal("event", event_id, *pair)
    yield from _position_differences(tx, recorded, commit)
    yield from _balance_differences(tx, recorded, commit)


def _position_differences(tx: Tx, recorded: dict[str, Any], commit: Commit) -> Iterator[Difference]:
    before = Positions(tx).as_of(_left_by(recorded), "scratch_positions_then")
    then = {symbol: _money_of(position) for symbol, position in before.items()}
    now = {symbol: _money_of(position) for symbol, position in commit.positions.items()}
    for symbol in sorted(then.keys() | now.keys()):
        yield from _unless_equal("position", symbol, then.get(symbol), now.get(symbol))


def _balance_differences(tx: Tx, recorded: dict[str, Any], commit: Commit) -> Iterator[Difference]:
    """None where the cycle's version kept no balances."""
    if recorded.get("version") != VERSION:
        return
    rows = tx.rows("scratch_balances_then", commit_seq=_left_by(recorded))
    then = {BalanceKey(wallet, asset): amount for wallet, asset, amount in rows}
    now = {key: canonical(amount) for key, amount in commit.balances.items()}
    for key in sorted(then.keys() | now.keys()):
        pair = then.get(key, "0"), now.get(key, "0")  # One that was never moved, too.
        yield from _unless_equal("balance", " ".join(key), *pair)


def _left_by(recorded: dict[str, Any]) -> int:
    """The commit that left the books as they were after the cycle."""
    commit_seq: int = recorded["commit_seq"]
    return commit_seq if "first_seq" in recorded else commit_seq - 1


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
