"""The ledger itself: the file, the chain of commits and events, the claims, and whose it is."""

import json
from collections.abc import Iterator
from math import inf
from typing import Any

from engine.checks.check import Ahead, Count, Violation, violation
from engine.ingest import inputs
from engine.ingest.prepare import read
from engine.ledger.commit import chain_hash
from engine.ledger.events import FILL, Event, content_hash
from engine.store.damage import DAMAGE
from engine.store.tx import Tx
from engine.venue import TradeIds

# What every ledger with a commit says of itself.
IDENTITY = ("created_ms", "ledger_id", "trade_ids", "venue")


def check_integrity(tx: Tx, count: Count) -> Iterator[Violation]:
    for (line,) in tx.each("verify_integrity"):
        count.add()
        if line != "ok":
            yield violation("sqlite", "integrity_check", "ok", line)


def check_identity(tx: Tx, count: Count) -> Iterator[Violation]:
    """A ledger with a commit says what it is, and its ids are as it says."""
    if not tx.rows("commit_last"):
        return
    found = tx.pairs("identity_read")
    for key in IDENTITY:
        count.add()
        if not found.get(key):
            yield violation("ledger_identity", key, "a value", found.get(key, "no row"))
    known, numbering = list(TradeIds), found.get("trade_ids")
    if numbering in known:
        yield from _check_numbering(tx, TradeIds(numbering))
    elif numbering:
        yield violation(
            "ledger_identity", "trade_ids.value", f"one of {', '.join(known)}", numbering
        )


def _check_numbering(tx: Tx, numbering: TradeIds) -> Iterator[Violation]:
    """What a venue said, read as the ledger says its trades are numbered, has the ids it booked.

    Of the smallest cycle that booked what a venue said and whose evidence is kept; without one,
    nothing can be told.
    """
    for cycle_id, first_seq, last_seq in tx.rows("verify_told"):
        try:
            responses = inputs.load(tx, cycle_id)
        except DAMAGE as error:
            yield violation("cycle_inputs", cycle_id, "readable rows", repr(error))
            continue
        readings = [read(response, numbering) for response in responses]
        reported = {fill.trade_id for reading in readings for fill in reading.fills}
        events = tx.typed(Event, "events_between", first_seq=first_seq, last_seq=last_seq)
        booked = {event.trade_id for event in events if event.type == FILL}
        if responses and booked and reported.isdisjoint(booked):
            expected = f"ids like {min(booked)} in what the venue said in cycle {cycle_id}"
            found = f"{numbering}: {f'ids like {min(reported)}' if reported else 'no ids'}"
            yield violation("ledger_identity", "trade_ids.value", expected, found)


def check_chain(tx: Tx, count: Count) -> Iterator[Violation]:
    """Every event as it was hashed, in the commit that inserted it; every commit linked on."""
    events = Ahead(tx.each("verify_events"))
    before, expected_seq = b"", 1
    for record in tx.each_named("verify_commits"):
        key = record["commit_seq"]
        if key != expected_seq:
            yield violation("ledger_commits", key, f"commit_seq {expected_seq}", key)
        hashes = []
        for event in events.upto(record["last_seq"] or 0):
            yield from _check_event(event, record)
            hashes.append(event[-1])
            count.add()
        if len(hashes) != record["inserted"]:
            expected = f"{record['inserted']} events"
            yield violation("ledger_commits", key, expected, f"{len(hashes)} events")
        link = chain_hash(before, record, hashes)
        if link != record["hash"]:
            found = f"hash {record['hash'].hex()}"
            yield violation("ledger_commits", key, f"hash {link.hex()}", found)
        before, expected_seq = record["hash"], key + 1
    for event in events.upto(inf):
        yield violation("ledger_events", event[2], "an event of some commit", "none has it")


def _check_event(row: tuple[Any, ...], record: dict[str, Any]) -> Iterator[Violation]:
    cycle_id, event = row[1], Event._make(row[2:])
    # To the hash, a text that is empty and one that is not there are the same.
    if content_hash(event) != event.hash or "" in event:
        expected = f"content of hash {event.hash.hex()}"
        found = json.dumps(dict(zip(Event._fields[:-1], event[:-1], strict=True)))
        yield violation("ledger_events", event.event_id, expected, found)
    if cycle_id != record["cycle_id"] or row[0] < (record["first_seq"] or 0):
        expected = f"cycle_id {record['cycle_id']}, seq from {record['first_seq']}"
        found = f"cycle_id {cycle_id}, seq {row[0]}"
        yield violation("ledger_events", event.event_id, expected, found)


def check_claims(tx: Tx, count: Count) -> Iterator[Violation]:
    """applied_fills are the FILL events, each of the cycle that inserted it."""
    count.add(tx.value("verify_claims"))
    for (fill_id,) in tx.each("verify_unclaimed"):
        yield violation("applied_fills", fill_id, "a row for the FILL event", "no row")
    for fill_id, cycle_id, booked in tx.each("verify_misclaimed"):
        if booked is None:
            yield violation("ledger_events", f"fill:{fill_id}", "a FILL event", "no row")
        else:
            yield violation("applied_fills", f"{fill_id}.cycle_id", booked, cycle_id)


def check_fees(tx: Tx, count: Count) -> Iterator[Violation]:
    """Every FEE has its FILL."""
    count.add(tx.value("verify_fees"))
    for event_id, trade_id in tx.each("verify_orphan_fees"):
        yield violation("ledger_events", event_id, f"a FILL event fill:{trade_id}", "no row")
