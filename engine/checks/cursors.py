"""Cursors: where the commits left them, and not ahead of what the ledger holds."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.checks.check import Count, Violation, differing, violation
from engine.ledger.cursors import CURSOR_PREFIX
from engine.store.tx import Tx


@dataclass(slots=True)
class Walked:
    """A cursor as the commits tell of it: where it is, the cycle that moved it there, the cycle
    that started it and where that one left it."""

    value_ms: int
    cycle_id: int
    started_by: int
    first_ms: int


def check_cursors(tx: Tx, count: Count) -> Iterator[Violation]:
    """Every cursor is where the chained commits left it, and not ahead of what the ledger holds."""
    walked: dict[str, Walked] = {}
    for commit_seq, cycle_id, cursors_json in tx.each("verify_moves"):
        for key, (before, after) in json.loads(cursors_json).items():
            stood = walked[key].value_ms if key in walked else None
            if before != stood:
                where = f"{commit_seq}.cursors_json"
                yield violation("ledger_commits", where, f"{key} from {stood}", f"from {before}")
            if before is None or key not in walked:
                walked[key] = Walked(after, cycle_id, cycle_id, after)
            elif after != stood:
                walked[key].value_ms, walked[key].cycle_id = after, cycle_id
    stored = {row["key"]: row for row in tx.named("verify_cursors")}
    for key in sorted(walked.keys() | stored.keys()):
        count.add()
        if key not in stored:
            yield violation("cursors", key, f"value_ms {walked[key].value_ms}", "no row")
        elif key not in walked:
            yield violation("cursors", key, "a commit that started it", "none did")
        else:
            yield from _compare(tx, walked[key], stored[key])


def _compare(tx: Tx, walked: Walked, stored: dict[str, Any]) -> Iterator[Violation]:
    key, value_ms, start_ms = stored["key"], stored["value_ms"], stored["start_ms"]
    expected = {"value_ms": walked.value_ms, "cycle_id": walked.cycle_id}
    yield from differing("cursors", key, expected, stored)
    most = max(start_ms, stored["latest_ms"] or 0)
    if value_ms == walked.value_ms and value_ms > most:
        yield violation("cursors", f"{key}.value_ms", f"at most {most}", value_ms)
    yield from _check_start(tx, key, start_ms, walked)


def _check_start(tx: Tx, key: str, start_ms: int, walked: Walked) -> Iterator[Violation]:
    """The chain has where a cursor stood after its first commit, which is not before its start.
    The start itself is in the evidence of that commit's cycle, as long as it is kept."""
    symbol = key.removeprefix(CURSOR_PREFIX)
    asked_ms = tx.value("verify_start", symbol=symbol, cycle_id=walked.started_by)
    if asked_ms not in (None, start_ms):
        expected = f"{asked_ms}, from when on cycle {walked.started_by} asked"
        yield violation("cursors", f"{key}.start_ms", expected, start_ms)
    elif start_ms > walked.first_ms:
        yield violation("cursors", f"{key}.start_ms", f"at most {walked.first_ms}", start_ms)
