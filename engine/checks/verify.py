"""Prove that the books are right: each check streams, and names what it finds wrong."""

from collections.abc import Iterator
from itertools import islice

from pydantic import BaseModel, ConfigDict

from engine.checks.check import Check, Count, Report, Violation, violation
from engine.checks.cursors import check_cursors
from engine.checks.history import check_history
from engine.checks.ledger import (
    check_chain,
    check_claims,
    check_fees,
    check_identity,
    check_integrity,
)
from engine.checks.metrics import check_metrics
from engine.checks.positions import check_positions
from engine.errors import CycledeckError, StoreError
from engine.store.damage import DAMAGE
from engine.store.tx import Tx

__all__ = ["CHECKS", "Verification", "Violation", "verify"]

CHECKS = (
    Check("integrity", check_integrity),
    Check("identity", check_identity),
    Check("chain", check_chain),
    Check("positions", check_positions),
    Check("history", check_history),
    Check("applied_fills", check_claims),
    Check("fees", check_fees),
    Check("cursors", check_cursors),
    Check("metrics", check_metrics),
)


class Verification(BaseModel):
    """`checked` counts what each check looked at.

    `metrics_missing` counts commits without a metrics row, which is no violation: they are best
    effort, and can be rebuilt.
    """

    model_config = ConfigDict(frozen=True)

    ok: bool
    checked: dict[str, int]
    violations: tuple[Violation, ...]
    metrics_missing: int = 0


def verify(tx: Tx, report: Report = lambda name, done: None, most: int = 1_000) -> Verification:
    """Run every check on one snapshot; at most `most` violations are listed per check."""
    checked: dict[str, int] = {}
    violations: list[Violation] = []
    with tx.reading_any_text():
        for check in CHECKS:
            count = Count(check.name, report)
            report(check.name, 0)
            violations += islice(_contained(check, tx, count), most)
            checked[check.name] = count.done
        missing = _metrics_missing(tx)
    return Verification(
        ok=not violations,
        checked=checked,
        violations=tuple(violations),
        metrics_missing=missing,
    )


def _contained(check: Check, tx: Tx, count: Count) -> Iterator[Violation]:
    """A check that the damage itself stops is a violation."""
    try:
        yield from check.run(tx, count)
    except (CycledeckError, *DAMAGE) as error:
        yield violation(check.name, f"after {count.done}", "readable rows", repr(error))


def _metrics_missing(tx: Tx) -> int:
    try:
        return int(tx.value("verify_metrics_missing"))
    except StoreError:
        return 0  # What is wrong with the tables is among the violations.
