"""What stands beside the books and decides something: the schema itself, conflicts, quarantine,
evidence, cycles."""

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

from engine.checks.check import Check, Violation
from engine.ingest.quarantine import Undecided
from engine.ledger.commit import COUNTS
from engine.ledger.contents import read_content
from engine.ledger.disputes import DisputeKind, about, content_hash
from engine.ledger.quarantine_decisions import OPEN, has_reached_ledger
from engine.runs import numbers_of
from engine.store.scratch import scratch_ledger
from engine.store.tx import Tx

# A conflict that no decision was made about.
UNDECIDED = {"status": "open", "booked_as": None, "decided_seq": None}


class SchemaCheck(Check):
    """Tables, indexes and triggers are those that the migrations make, and no others."""

    name = "schema"

    def violations(self) -> Iterator[Violation]:
        stored = _schema(self._tx)
        with scratch_ledger() as fresh:
            expected = _schema(fresh)
        self.count(len(stored))
        for name in sorted(stored.keys() | expected.keys()):
            made, there = expected.get(name, "nothing"), stored.get(name, "nothing")
            if made != there:
                yield Violation.of("sqlite_master", name, made, there)


def _schema(tx: Tx) -> dict[str, str]:
    return tx.pairs("verify_schema")


class ConflictsCheck(Check):
    """Every conflict is the report that it was kept of, of a commit that had one; and its status is
    by the decisions about it."""

    name = "conflicts"

    def violations(self) -> Iterator[Violation]:
        decided = self._decided()
        whole_ones = set(self._tx.column("conflicts_whole"))
        expected_id = 0
        for row in self._tx.each_named("verify_conflicts"):
            self.count()
            expected_id += 1
            if row["id"] != expected_id:
                yield Violation.of("conflicts", expected_id, "a row", "no row")
                expected_id = row["id"]
            by_decision = decided.pop(row["id"], UNDECIDED)
            is_part = not row["reported_json"].startswith("[") and row["source_id"] in whole_ones
            if by_decision != UNDECIDED or row["status"] != "superseded" or not is_part:
                yield from Violation.of_columns("conflicts", row["id"], by_decision, row)
            events = read_content(row["reported_json"])
            whole = row["reported_json"].startswith("[")
            reported_hash = content_hash(events) if whole else events[0].hash
            if reported_hash != row["reported_hash"]:
                expected = f"content of hash {row['reported_hash'].hex()}"
                yield Violation.of("conflicts", row["id"], expected, row["reported_json"])
            columns = about(events[0])
            if not whole:
                columns["event_id"] = events[0].event_id
            yield from Violation.of_columns("conflicts", row["id"], columns, row)
            if not row["commit_conflicting"]:
                actual = f"cycle {row['cycle_id']}, which had none"
                yield Violation.of("conflicts", f"{row['id']}.cycle_id", "a cycle with one", actual)
            fields = json.loads(row["fields_json"])
            if row["kind"] == DisputeKind.RELABELLED and row["symbol"] not in fields["symbol"]:
                expected = f"names, {row['symbol']} among them"
                actual = row["fields_json"]
                yield Violation.of("conflicts", f"{row['id']}.fields_json", expected, actual)
            if not isinstance(fields, dict):
                yield Violation.of(
                    "conflicts", f"{row['id']}.fields_json", "fields with two values", "others"
                )
        yield from self._missing(decided, expected_id)

    def _missing(self, decided: Iterable[int], last_id: int) -> Iterator[Violation]:
        """Conflicts that decisions, or the counts of commits, say there are."""
        for number in sorted(decided):
            yield Violation.of("conflicts", number, "a row, which a decision is about", "no row")
        if not last_id and self._tx.value("conflicts_counted"):
            yield Violation.of("conflicts", "all", "a row, for a commit had a conflict", "no row")

    def _decided(self) -> dict[int, dict[str, Any]]:
        """The conflicts that decisions were made about, as the last one left each."""
        decided: dict[int, dict[str, Any]] = {}
        for _, text in self._tx.rows("decisions_all"):
            for change in json.loads(text)["conflicts"]:
                decided[change["id"]] = change["after"]
        return decided


class DistinctCheck(Check):
    """Markets are distinct where a decision said so."""

    name = "distinct_markets"

    def violations(self) -> Iterator[Violation]:
        decided: dict[tuple[str, str], int | None] = {}
        for _, text in self._tx.rows("decisions_all"):
            for change in json.loads(text)["distinct"]:
                decided[change["symbol"], change["other"]] = change["after"]
        stored = {
            (symbol, other): number for symbol, other, number in self._tx.rows("distinct_all")
        }
        for pair in sorted(decided.keys() | stored.keys()):
            self.count()
            if decided.get(pair) != stored.get(pair):
                expected, actual = decided.get(pair, "no row"), stored.get(pair, "no row")
                yield Violation.of("distinct_markets", " ".join(pair), expected, actual)


class QuarantineCheck(Check):
    """Every item is the text that it was quarantined for, and its status is by the decisions about
    it; a fill is in the ledger where the item says so."""

    name = "quarantine"

    def violations(self) -> Iterator[Violation]:
        decided = self._decided()
        for row in self._tx.each_named("verify_quarantine"):
            self.count()
            key, item = row["id"], Undecided(row["symbol"], row["raw"], "")
            if row["digest"] not in (item.digest, item.digest_in_market):
                expected = f"a text of digest {row['digest'].hex()}"
                yield Violation.of("quarantine", f"{key}.raw", expected, row["raw"][:200])
            if not self._was_served(row):
                expected = f"a market that served it in cycle {row['cycle_id']}"
                yield Violation.of("quarantine", f"{key}.symbol", expected, row["symbol"])
            by_decision = decided.pop(key, OPEN)
            if by_decision != OPEN:
                yield from Violation.of_columns("quarantine", key, by_decision, row)
            else:
                yield from self._undecided(row)
            if row["applied_cycle_id"] is not None and not self._is_applied(row):
                expected = "null until the fill in its place is in the ledger, or in conflict"
                actual = row["applied_cycle_id"]
                yield Violation.of("quarantine", f"{key}.applied_cycle_id", expected, actual)
        for number in sorted(decided):
            yield Violation.of("quarantine", number, "a row, which a decision is about", "no row")

    def _was_served(self, row: dict[str, Any]) -> bool:
        """Whether its cycle's evidence, if that is kept, has the item in its market; what an
        operator put in an item's place, and was held again, is in none."""
        days: dict[str, int] = self._tx.pairs("inputs_days", cycle_id=row["cycle_id"])
        digest = blake2b(row["raw"].encode(), digest_size=16).hexdigest()
        of_market = {"symbol": row["symbol"], "day": days.get(row["symbol"], -1)}
        if not days or self._tx.pairs("items_known", **of_market, digests=json.dumps([digest])):
            return True
        return bool(self._tx.value("is_replacement", raw=row["raw"]))

    def _undecided(self, row: dict[str, Any]) -> Iterator[Violation]:
        """What no commit decided about: an item that is open or that a cycle released, or one that
        an earlier program's operator resolved, of which the audit has a row."""
        key, status = row["id"], row["status"]
        if row["decided_seq"] == 0:
            if not (row["audited"] and status in ("dropped", "replaced")):
                expected = "one that was resolved when the audit says so"
                yield Violation.of("quarantine", f"{key}.status", expected, status)
            if (status == "replaced") != (row["replacement"] is not None):
                actual = f"{status}, with {'a' if row['replacement'] else 'no'} replacement"
                yield Violation.of("quarantine", f"{key}.replacement", "one if replaced", actual)
        elif status == "booked":
            if not row["note_is_true"]:
                expected, actual = "a fill in the ledger, which the note names", row["note"]
                yield Violation.of("quarantine", f"{key}.note", expected, actual)
        else:
            yield from Violation.of_columns("quarantine", key, OPEN, row)

    def _is_applied(self, row: dict[str, Any]) -> bool:
        if row["status"] != "replaced":
            return False
        if row["decided_seq"] == 0:  # 0.1.0 left some out that it called applied.
            return True
        return has_reached_ledger(self._tx, row["replacement"] or "", row["resolved_ms"] or 0)

    def _decided(self) -> dict[int, dict[str, Any]]:
        """The items that decisions were made about, as the last one left each."""
        decided: dict[int, dict[str, Any]] = {}
        for _, text in self._tx.rows("decisions_all"):
            for change in json.loads(text).get("quarantine", ()):
                decided |= dict.fromkeys(numbers_of(change["items"]), change["after"])
        return decided


class EvidenceCheck(Check):
    """Every kept item is as it was received, and every response has all of its items."""

    name = "evidence"

    def violations(self) -> Iterator[Violation]:
        for symbol, number, digest, raw in self._tx.each("verify_items"):
            self.count()
            if blake2b(raw.encode(), digest_size=16).hexdigest() != digest:
                where = f"{symbol} {number}.raw"
                yield Violation.of("input_items", where, f"a text of digest {digest}", raw[:200])
        for cycle_id, symbol, items, pages_json in self._tx.each("verify_responses"):
            self.count()
            runs = [run for page in json.loads(pages_json) for run in page]
            there = sum(
                int(self._tx.value("verify_run", symbol=symbol, first=first, last=last))
                for first, last in runs
            )
            if there != items:
                where = f"{cycle_id} {symbol}.items"
                yield Violation.of("cycle_inputs", where, f"{items} items", f"{there} kept")


COMMITTED = ("ok", "attention", "held", "partial")


class CyclesCheck(Check):
    """A cycle is `ok`, or something short of it, where it committed, or had nothing to, and only
    there.

    Where it has a commit, its counts are that one's; where it had nothing to commit, it inserted
    nothing.
    """

    name = "cycles"

    def violations(self) -> Iterator[Violation]:
        for row in self._tx.each_named("verify_cycles"):
            self.count()
            if row["status"] != "running":
                yield from self._check(row)
            elif row["committed"] is not None:
                key = f"{row['cycle_id']}.committed"
                yield Violation.of("cycles", key, "null while it runs", row["committed"])

    @staticmethod
    def _check(row: dict[str, Any]) -> Iterator[Violation]:
        cycle_id, status, outcome = row["cycle_id"], row["status"], row["committed"]
        has_commit = row["commit_seq"] is not None
        if has_commit != (outcome == "yes") or outcome is None:
            expected = "yes" if has_commit else "nothing or no, for it has no commit"
            yield Violation.of("cycles", f"{cycle_id}.committed", expected, outcome)
        went_well = has_commit or outcome == "nothing"
        if (status in COMMITTED) != went_well:
            some = " or ".join(COMMITTED)
            expected = some if went_well else f"not {some}"
            yield Violation.of("cycles", f"{cycle_id}.status", expected, status)
        yield from Violation.of_columns("cycles", cycle_id, _counts(row), row)
        if has_commit and (row["kind"] == "decision") != bool(row["decides"]):
            expected = "decision" if row["decides"] else "the kind of a cycle"
            yield Violation.of("cycles", f"{cycle_id}.kind", expected, row["kind"])
        if outcome != "nothing" and row["cursors_json"] is not None:
            actual = row["cursors_json"]
            yield Violation.of("cycles", f"{cycle_id}.cursors_json", "those of the commit", actual)


def _counts(row: dict[str, Any]) -> dict[str, Any]:
    """The counts that a cycle has to have."""
    if row["commit_seq"] is not None:
        return {name: row[f"commit_{name}"] for name in (*COUNTS, "edge")}
    if row["committed"] != "nothing":
        return dict.fromkeys(COUNTS, 0)
    attempted = row["ignored"] + row["conflicting"]
    return {"inserted": 0, "fills_count": 0, "attempted": attempted}


class IdleRunsCheck(Check):
    """A run of idle cycles has none of their rows left, and no other run has its cycles."""

    name = "idle runs"

    def violations(self) -> Iterator[Violation]:
        ended = 0
        for row in self._tx.each_named("verify_idle_runs"):
            self.count()
            first, last = row["first"], row["last"]
            key = f"{first} to {last}"
            if first <= ended:
                yield Violation.of("idle_runs", key, f"cycles after {ended}", f"from {first}")
            if row["count"] != last - first + 1 or row["fills_ignored"] < 0:
                expected = f"{last - first + 1} cycles, none or more fills"
                actual = f"{row['count']} cycles, {row['fills_ignored']} fills"
                yield Violation.of("idle_runs", key, expected, actual)
            for table, cycle_id in self._tx.rows("verify_idle_rows", first=first, last=last):
                actual = f"a row of cycle {cycle_id}"
                yield Violation.of(table, cycle_id, f"none: idle run {key}", actual)
            ended = max(ended, last)
        yield from self._check_sweep()

    def _check_sweep(self) -> Iterator[Violation]:
        """The sweep has passed every run, and not the newest cycle, which stays."""
        for through, last, newest in self._tx.rows("verify_sweep"):
            if not last <= through <= max(newest - 1, 0):
                expected = f"from {last} to {max(newest - 1, 0)}"
                yield Violation.of("idle_sweep", "through", expected, through)
