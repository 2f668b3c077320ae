"""The ledger itself: the file, the chain of commits and events, the claims, and whose it is."""

import json
from collections.abc import Iterator

from engine.checks.check import Check, Record, Report, Violation
from engine.checks.walk import CYCLE_ID, SEQ, Part, WalkingCheck
from engine.ingest import inputs, quarantine
from engine.ingest.numbering import corrections
from engine.ingest.prepare import read
from engine.ledger.commit import chain_hash
from engine.ledger.digests import POSITIONS_ONLY
from engine.ledger.events import (
    EVENT_ID,
    FEE,
    FILL,
    HASH,
    TRADE,
    TYPE,
    Event,
    event_of,
    is_as_hashed,
)
from engine.ledger.identity import Identity
from engine.ledger.markets import SPOT_RULES, Markets
from engine.store.damage import DAMAGE
from engine.store.tx import Row, Tx
from engine.venue import TradeIds

# What every ledger with a commit says of itself.
IDENTITY = ("created_ms", "ledger_id", "trade_ids", "venue")


class IntegrityCheck(Check):
    """SQLite's own check of the file."""

    name = "integrity"

    def violations(self) -> Iterator[Violation]:
        for (line,) in self._tx.each("verify_integrity"):
            self.count()
            if line != "ok":
                yield Violation.of("sqlite", "integrity_check", "ok", line)


class IdentityCheck(Check):
    """A ledger with a commit has an identity, and the ids of its trades are as that says."""

    name = "identity"

    def violations(self) -> Iterator[Violation]:
        if not self._tx.rows("commit_last"):
            return
        stored = Identity.stored(self._tx)
        for key in IDENTITY:
            self.count()
            if not stored.get(key):
                yield Violation.of("ledger_identity", key, "a value", stored.get(key, "no row"))
        kinds, numbering = list(TradeIds), stored.get("trade_ids")
        if numbering in kinds:
            yield from self._check_numbering(TradeIds(numbering))
        elif numbering:
            expected = f"one of {', '.join(kinds)}"
            yield Violation.of("ledger_identity", "trade_ids.value", expected, numbering)

    def _check_numbering(self, numbering: TradeIds) -> Iterator[Violation]:
        """The evidence of a cycle, read by the ledger's numbering, has the ids that it booked.

        The cycle is the smallest that booked a venue's fills and has its evidence; without one
        there is nothing to check by.
        """
        pinned = Markets(self._tx).known
        for cycle_id, first_seq, last_seq in self._tx.rows("verify_evidence"):
            try:
                responses = inputs.load(self._tx, cycle_id)
            except DAMAGE as error:
                yield Violation.of("cycle_inputs", cycle_id, "readable rows", repr(error))
                continue
            due = quarantine.replacements(self._tx, cycle_id)
            edge = self._tx.value("cycle_edge", cycle_id=cycle_id) or SPOT_RULES
            given = corrections(self._tx, numbering, responses, due, cycle_id, edge)
            readings = [read(response, numbering, given, pinned=pinned) for response in responses]
            reported = {fill.trade_id for reading in readings for fill in reading.fills}
            span = {"first_seq": first_seq, "last_seq": last_seq}
            events = self._tx.typed(Event, "events_between", **span)
            booked = {event.trade_id for event in events if event.type == FILL}
            if responses and booked and reported.isdisjoint(booked):
                expected = f"ids like {min(booked)} in what the venue said in cycle {cycle_id}"
                ids = f"ids like {min(reported)}" if reported else "no ids"
                actual = f"{numbering}: {ids}"
                yield Violation.of("ledger_identity", "trade_ids.value", expected, actual)


class ChainCheck(WalkingCheck):
    """Every event as it was hashed, in the commit that inserted it; every commit linked on."""

    name = "chain"

    def __init__(self, tx: Tx, report: Report) -> None:
        super().__init__(tx, report)
        self._before = b""
        self._expected_seq = 1
        self._last_cycle = 0
        self._events = 0
        self._hashes: list[bytes] = []

    def enter(self, commit: Record) -> Iterator[Violation]:
        self._events, self._hashes = 0, []
        key = commit["commit_seq"]
        if key != self._expected_seq:
            yield Violation.of("ledger_commits", key, f"commit_seq {self._expected_seq}", key)
        if commit["cycle_id"] <= self._last_cycle:
            expected, actual = f"a cycle after {self._last_cycle}", commit["cycle_id"]
            yield Violation.of("ledger_commits", f"{key}.cycle_id", expected, actual)
        self._last_cycle = max(self._last_cycle, commit["cycle_id"])

    def take(self, part: Part) -> Iterator[Violation]:
        if part.commit is None:
            for row in part.rows:
                where, expected = row[EVENT_ID], "an event of some commit"
                yield Violation.of("ledger_events", where, expected, "none has it")
            return
        cycle_id, first_seq = part.commit["cycle_id"], part.commit["first_seq"] or 0
        for row in part.rows:
            if not is_as_hashed(row) or row[CYCLE_ID] != cycle_id or row[SEQ] < first_seq:
                yield from self._check_event(row, part.commit)
        # One text for many: a commit's hash covers them one after another.
        self._hashes.append(b"".join([row[HASH] for row in part.rows]))
        self._events += len(part.rows)
        self.count(len(part.rows))

    def leave(self, commit: Record) -> Iterator[Violation]:
        key, inserted = commit["commit_seq"], commit["inserted"]
        if self._events != inserted:
            actual = f"{self._events} events"
            yield Violation.of("ledger_commits", key, f"{inserted} events", actual)
        if commit["version"] == POSITIONS_ONLY and commit["decision_json"] is not None:
            actual = commit["decision_json"]
            yield Violation.of("ledger_commits", f"{key}.decision_json", "null", actual)
        link = chain_hash(self._before, commit, self._hashes)
        if link != commit["hash"]:
            actual = f"hash {commit['hash'].hex()}"
            yield Violation.of("ledger_commits", key, f"hash {link.hex()}", actual)
        self._before, self._expected_seq = commit["hash"], key + 1

    @staticmethod
    def _check_event(row: Row, commit: Record) -> Iterator[Violation]:
        seq, cycle_id, event = row[SEQ], row[CYCLE_ID], event_of(row)
        # To the hash, a text that is empty and one that is not there are the same.
        extra = event.version == 1 and not event.is_usual
        if event.content_hash != event.hash or extra or "" in event:
            expected, actual = (
                f"content of hash {event.hash.hex()}",
                json.dumps(event._asdict() | {"hash": None}),
            )
            yield Violation.of("ledger_events", event.event_id, expected, actual)
        if cycle_id != commit["cycle_id"] or seq < (commit["first_seq"] or 0):
            expected = f"cycle_id {commit['cycle_id']}, seq from {commit['first_seq']}"
            actual = f"cycle_id {cycle_id}, seq {seq}"
            yield Violation.of("ledger_events", event.event_id, expected, actual)


class ClaimsCheck(Check):
    """applied_fills are the FILL events, each of the cycle that inserted it."""

    name = "applied_fills"

    def violations(self) -> Iterator[Violation]:
        [(claims, fills, claimed)] = self._tx.rows("verify_claims")
        self.count(claims)
        if claims == fills == claimed:
            return
        for (fill_id,) in self._tx.each("verify_unclaimed"):
            yield Violation.of("applied_fills", fill_id, "a row for the FILL event", "no row")
        for fill_id, cycle_id, booked in self._tx.each("verify_misclaimed"):
            if booked is None:
                yield Violation.of("ledger_events", f"fill:{fill_id}", "a FILL event", "no row")
            else:
                yield Violation.of("applied_fills", f"{fill_id}.cycle_id", booked, cycle_id)


class FeesCheck(WalkingCheck):
    """Every FEE has its FILL."""

    name = "fees"

    def __init__(self, tx: Tx, report: Report) -> None:
        super().__init__(tx, report)
        self._fill_id = ""

    def take(self, part: Part) -> Iterator[Violation]:
        fees, apart = 0, {}
        for row in part.rows:
            if row[TYPE] == FILL:
                self._fill_id = row[EVENT_ID]
            elif row[TYPE] == FEE:
                fees += 1
                fill_id = f"fill:{row[TRADE][4:]}"
                if fill_id != self._fill_id:
                    apart[row[EVENT_ID]] = fill_id
        self.count(fees)
        if apart:
            fill_ids = json.dumps(sorted(set(apart.values())))
            missing = set(self._tx.column("verify_missing_fills", fill_ids=fill_ids))
            for event_id, fill_id in apart.items():
                if fill_id in missing:
                    expected = f"a FILL event {fill_id}"
                    yield Violation.of("ledger_events", event_id, expected, "no row")
