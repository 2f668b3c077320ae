"""Cursors: where the commits left them, and not ahead of what the ledger holds."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.checks.check import Check, Violation
from engine.ledger.cursors import CURSOR_PREFIX
from engine.ledger.markets import changes_of


@dataclass(slots=True)
class Walked:
    """A cursor by the commits: its value, the cycle that moved it there, the cycle that started it
    and the value that one left."""

    value_ms: int
    cycle_id: int
    started_by: int
    first_ms: int


class CursorsCheck(Check):
    """Every cursor is where the chained commits left it, and not ahead of what the ledger holds."""

    name = "cursors"

    def violations(self) -> Iterator[Violation]:
        walked: dict[str, Walked] = {}
        yield from self._walk(walked)
        stored = {row["key"]: row for row in self._tx.named("verify_cursors")}
        for key in sorted(walked.keys() | stored.keys()):
            self.count()
            if key not in stored:
                yield Violation.of("cursors", key, f"value_ms {walked[key].value_ms}", "no row")
            elif key not in walked:
                yield Violation.of("cursors", key, "a commit that started it", "none did")
            else:
                yield from self._compare(walked[key], stored[key])

    def _walk(self, walked: dict[str, Walked]) -> Iterator[Violation]:
        """Move the cursors as the commits did, each from where the one before left it."""
        for commit_seq, cycle_id, cursors_json in self._tx.each("verify_moves"):
            for key, (before, after) in json.loads(cursors_json).items():
                stood = walked[key].value_ms if key in walked else None
                if commit_seq is None:
                    if not before == after == stood:
                        expected, where = f"{key} at {stood}", f"{cycle_id}.cursors_json"
                        yield Violation.of("cycles", where, expected, f"{before} to {after}")
                    continue
                if before != stood:
                    expected, where = f"{key} from {stood}", f"{commit_seq}.cursors_json"
                    yield Violation.of("ledger_commits", where, expected, f"from {before}")
                if before is None or key not in walked:
                    walked[key] = Walked(after, cycle_id, cycle_id, after)
                elif after != stood:
                    walked[key].value_ms, walked[key].cycle_id = after, cycle_id

    def _compare(self, walked: Walked, row: dict[str, Any]) -> Iterator[Violation]:
        key, value_ms = row["key"], row["value_ms"]
        expected = {"value_ms": walked.value_ms, "cycle_id": walked.cycle_id}
        yield from Violation.of_columns("cursors", key, expected, row)
        most = max(row["start_ms"], row["latest_ms"] or 0, self._latest_in_root(key))
        if value_ms == walked.value_ms and value_ms > most:
            yield Violation.of("cursors", f"{key}.value_ms", f"at most {most}", value_ms)
        yield from self._check_start(walked, key, row["start_ms"])

    def _latest_in_root(self, key: str) -> int:
        """The latest event of all markets that are, or were, names of one with the cursor's: a fill
        is repeated under another name, too."""
        pairs = [
            {change.symbol, change.after.alias_of}
            for _, text in self._tx.rows("decisions_all")
            for change in changes_of(text)
            if change.after.alias_of is not None
        ]
        names: set[str | None] = {key.removeprefix(CURSOR_PREFIX)}
        for _ in pairs:
            names = names.union(*(pair for pair in pairs if not names.isdisjoint(pair)))
        times = [
            self._tx.value("latest_event", symbol=name) for name in sorted(filter(None, names))
        ]
        return max((ts for ts in times if ts is not None), default=0)

    def _check_start(self, walked: Walked, key: str, start_ms: int) -> Iterator[Violation]:
        """A cursor's start is not after the value that its first commit left, which the chain has.

        The start itself is in the evidence of that commit's cycle, until it expires.
        """
        symbol, cycle_id = key.removeprefix(CURSOR_PREFIX), walked.started_by
        asked_ms = self._tx.value("verify_start", symbol=symbol, cycle_id=cycle_id)
        if asked_ms not in (None, start_ms):
            expected = f"{asked_ms}, from when on cycle {cycle_id} asked"
            yield Violation.of("cursors", f"{key}.start_ms", expected, start_ms)
        elif start_ms > walked.first_ms:
            yield Violation.of("cursors", f"{key}.start_ms", f"at most {walked.first_ms}", start_ms)
