"""Prove that the books are right: each check streams, and names what it finds wrong."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import DecimalException
from itertools import chain, islice
from typing import Any

from pydantic import BaseModel, ConfigDict

from engine import metrics, positions
from engine.accounting import Position, fold
from engine.commit import chain_hash
from engine.errors import CycledeckError, NoSuchCycle
from engine.events import Event, content_hash
from engine.store.statements import SQL

Report = Callable[[str, int], None]
EVERY = 1_000

# What reading a row may raise whose text or JSON is not what this program wrote.
DAMAGE = (
    sqlite3.Error, ValueError, TypeError, ArithmeticError, LookupError, AttributeError,
    CycledeckError,
)  # fmt: skip


class Violation(BaseModel):
    """One thing that is not as it has to be, and where."""

    model_config = ConfigDict(frozen=True)

    table: str
    key: str
    expected: str
    found: str


class Verification(BaseModel):
    """`checked` counts what each check looked at."""

    model_config = ConfigDict(frozen=True)

    ok: bool
    checked: dict[str, int]
    violations: tuple[Violation, ...]


@dataclass(slots=True)
class Count:
    """How much a check has looked at; tells `report` now and then."""

    name: str
    report: Report
    done: int = 0

    def add(self, more: int = 1) -> None:
        self.done += more
        if self.done % EVERY < more:
            self.report(self.name, self.done)


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    run: Callable[[sqlite3.Connection, Count], Iterator[Violation]] = field(repr=False)


def verify(
    connection: sqlite3.Connection, report: Report = lambda name, done: None, most: int = 1_000
) -> Verification:
    """Run every check on one snapshot; at most `most` violations are listed per check."""
    checked: dict[str, int] = {}
    violations: list[Violation] = []
    text_factory = connection.text_factory
    connection.text_factory = _any_text
    try:
        for check in CHECKS:
            count = Count(check.name, report)
            report(check.name, 0)
            violations += islice(_contained(check, connection, count), most)
            checked[check.name] = count.done
    finally:
        connection.text_factory = text_factory
    return Verification(ok=not violations, checked=checked, violations=tuple(violations))


def _any_text(value: bytes) -> str:
    """Text of a damaged row too: its hash will tell."""
    return value.decode("utf-8", "backslashreplace")


def _contained(check: Check, connection: sqlite3.Connection, count: Count) -> Iterator[Violation]:
    """A check that the damage itself stops is a violation."""
    try:
        yield from check.run(connection, count)
    except DAMAGE as error:
        yield _violation(check.name, f"after {count.done}", "readable rows", repr(error))


def check_integrity(connection: sqlite3.Connection, count: Count) -> Iterator[Violation]:
    for (line,) in connection.execute("PRAGMA integrity_check"):
        count.add()
        if line != "ok":
            yield _violation("sqlite", "integrity_check", "ok", line)


def check_chain(connection: sqlite3.Connection, count: Count) -> Iterator[Violation]:
    """Every event as it was hashed, in the commit that inserted it; every commit linked on."""
    events = iter(connection.execute(SQL["verify_events"]))
    commits = connection.execute(SQL["verify_commits"])
    names = [column[0] for column in commits.description]
    waiting: tuple[Any, ...] | None = next(events, None)
    before, expected_seq = b"", 1
    for row in commits:
        record = dict(zip(names, row, strict=True))
        key = str(record["commit_seq"])
        if record["commit_seq"] != expected_seq:
            yield _violation("ledger_commits", key, f"commit_seq {expected_seq}", key)
        hashes = []
        last = record["last_seq"] or 0
        while waiting is not None and waiting[0] <= last:
            yield from _check_event(waiting, record)
            hashes.append(waiting[-1])
            count.add()
            waiting = next(events, None)
        if len(hashes) != record["inserted"]:
            yield _violation(
                "ledger_commits", key, f"{record['inserted']} events", f"{len(hashes)} events"
            )
        link = chain_hash(before, record, hashes)
        if link != record["hash"]:
            found = f"hash {record['hash'].hex()}"
            yield _violation("ledger_commits", key, f"hash {link.hex()}", found)
        before, expected_seq = record["hash"], record["commit_seq"] + 1
    if waiting is not None:
        for row in chain([waiting], events):
            yield _violation("ledger_events", row[2], "an event of some commit", "none has it")


def _check_event(row: tuple[Any, ...], record: dict[str, Any]) -> Iterator[Violation]:
    cycle_id, event = row[1], Event._make(row[2:])
    if content_hash(event) != event.hash:
        expected = f"content of hash {event.hash.hex()}"
        found = json.dumps(dict(zip(Event._fields[:-1], event[:-1], strict=True)))
        yield _violation("ledger_events", event.event_id, expected, found)
    if cycle_id != record["cycle_id"] or row[0] < (record["first_seq"] or 0):
        expected = f"cycle_id {record['cycle_id']}, seq from {record['first_seq']}"
        found = f"cycle_id {cycle_id}, seq {row[0]}"
        yield _violation("ledger_events", event.event_id, expected, found)


def check_positions(connection: sqlite3.Connection, count: Count) -> Iterator[Violation]:
    """Stored positions and checkpoints are the fold of the ledger."""
    for (symbol,) in connection.execute(SQL["verify_symbols"]).fetchall():
        events = positions.read_events(connection, symbol)
        position = Position(symbol)
        for row in connection.execute(SQL["verify_checkpoints"], (symbol,)):
            _fold_some(position, islice(events, row[5] - position.events), count)
            yield from _compare("position_checkpoints", position, row)
        _fold_some(position, events, count)
        stored = connection.execute(SQL["position_read"], (symbol,)).fetchall()
        yield from _compare("stage4_positions", position, stored[0] if stored else None)


def _fold_some(position: Position, events: Iterator[Event], count: Count) -> None:
    while batch := list(islice(events, EVERY)):
        try:
            fold(position, batch)
        except DecimalException as error:
            span = f"{batch[0].event_id} … {batch[-1].event_id}"
            raise ValueError(f"{position.symbol}: no fold of {span}: {error!r}") from error
        count.add(len(batch))


def _compare(table: str, position: Position, stored: tuple[Any, ...] | None) -> Iterator[Violation]:
    expected = positions.row_of(position)
    if stored is None:
        yield _violation(table, position.symbol, str(expected), "no row")
        return
    names = ("symbol", "qty", "cost", "realized_pnl", "fees_json", "events", "last_ts",
             "last_trade_id", "last_event_id")  # fmt: skip
    for name, value, found in zip(names, expected, stored, strict=True):
        if value != found:
            key = f"{position.symbol}.{name}"
            yield _violation(table, key, str(value), str(found))


def check_claims(connection: sqlite3.Connection, count: Count) -> Iterator[Violation]:
    """applied_fills are the FILL events."""
    count.add(connection.execute(SQL["verify_claims"]).fetchall()[0][0])
    for (fill_id,) in connection.execute(SQL["verify_unclaimed"]):
        yield _violation("applied_fills", fill_id, "a row for the FILL event", "no row")
    for (fill_id,) in connection.execute(SQL["verify_unledgered"]):
        yield _violation("ledger_events", f"fill:{fill_id}", "a FILL event", "no row")


def check_fees(connection: sqlite3.Connection, count: Count) -> Iterator[Violation]:
    """Every FEE has its FILL."""
    count.add(connection.execute(SQL["verify_fees"]).fetchall()[0][0])
    for event_id, trade_id in connection.execute(SQL["verify_orphan_fees"]):
        yield _violation("ledger_events", event_id, f"a FILL event fill:{trade_id}", "no row")


def check_cursors(connection: sqlite3.Connection, count: Count) -> Iterator[Violation]:
    """No cursor is ahead of what the ledger holds."""
    for key, value_ms, start_ms, latest in connection.execute(SQL["verify_cursors"]):
        count.add()
        most = max(start_ms, latest or 0)
        if value_ms > most:
            yield _violation("cursors", key, f"at most {most}", str(value_ms))


def check_metrics(connection: sqlite3.Connection, count: Count) -> Iterator[Violation]:
    """Every cycle's metrics are what the ledger and the orders say."""
    exact = ("fills_count", "orders_submitted", "orders_canceled", "rejects_count", "fill_rate",
             "fees_json", "pnl_json")  # fmt: skip
    for row in connection.execute(SQL["verify_metrics"]):
        count.add()
        cycle_id, *stored, meta_json, ts_end = row
        try:
            rebuilt = metrics.build(connection, cycle_id, ts_end)
            pairs = [(name, getattr(rebuilt, name), stored.pop(0)) for name in exact]
            meta, found_meta = json.loads(rebuilt.meta_json), json.loads(meta_json)
            pairs += [(name, meta[name], found_meta.get(name)) for name in meta if "ledger" in name]
        except NoSuchCycle as error:
            yield _violation("cycle_metrics", str(cycle_id), "a committed cycle", str(error))
            continue
        except DAMAGE as error:
            yield _violation("cycle_metrics", str(cycle_id), "readable rows", repr(error))
            continue
        for name, value, found in pairs:
            if value != found:
                yield _violation("cycle_metrics", f"{cycle_id}.{name}", str(value), str(found))


CHECKS = (
    Check("integrity", check_integrity),
    Check("chain", check_chain),
    Check("positions", check_positions),
    Check("applied_fills", check_claims),
    Check("fees", check_fees),
    Check("cursors", check_cursors),
    Check("metrics", check_metrics),
)


def _violation(table: str, key: str, expected: str, found: str) -> Violation:
    return Violation(table=table, key=key, expected=expected, found=found)
