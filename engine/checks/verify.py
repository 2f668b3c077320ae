"""Prove that the books are right: each check streams, and names every violation."""

from collections.abc import Iterator
from itertools import islice

from engine.checks.check import Check, Report, Violation
from engine.checks.cursors import CursorsCheck
from engine.checks.history import HistoryCheck
from engine.checks.ledger import ChainCheck, ClaimsCheck, FeesCheck, IdentityCheck, IntegrityCheck
from engine.checks.metrics import MetricsCheck
from engine.checks.positions import BalancesCheck, MarketsCheck, PositionsCheck
from engine.checks.records import (
    ConflictsCheck,
    CyclesCheck,
    EvidenceCheck,
    IdleRunsCheck,
    QuarantineCheck,
    SchemaCheck,
)
from engine.cycles.results import Frozen
from engine.errors import CycledeckError, StoreError
from engine.store.damage import DAMAGE
from engine.store.tx import Tx

__all__ = ["CHECKS", "Verification", "Violation", "verify"]

CHECKS: tuple[type[Check], ...] = (
    IntegrityCheck,
    SchemaCheck,
    IdentityCheck,
    ChainCheck,
    MarketsCheck,
    PositionsCheck,
    BalancesCheck,
    HistoryCheck,
    ClaimsCheck,
    FeesCheck,
    CursorsCheck,
    MetricsCheck,
    CyclesCheck,
    IdleRunsCheck,
    ConflictsCheck,
    QuarantineCheck,
    EvidenceCheck,
)


class Head(Frozen):
    """A commit that vouches for all before it: whoever has its hash can tell a chain that was built
    anew."""

    commit_seq: int
    hash: str


class Verification(Frozen):
    """The outcome of all checks. `checked` counts the rows that each of them looked at.

    `metrics_missing` counts commits without a metrics row, which is no violation: they are best
    effort, and can be rebuilt.
    """

    ok: bool
    checked: dict[str, int]
    violations: tuple[Violation, ...]
    metrics_missing: int = 0


def verify(
    tx: Tx,
    report: Report = lambda name, done: None,
    most: int = 1_000,
    *,
    head: str | None = None,
) -> Verification:
    """Run every check on one snapshot; at most `most` violations are listed per check.

    `head` is the hash of a commit, as `read_head` gave it before, that the chain must still have.
    """
    checked: dict[str, int] = {}
    violations: list[Violation] = []
    with tx.reading_any_text():
        for kind in CHECKS:
            check = kind(tx, report)
            report(check.name, 0)
            violations += islice(_contained(check), most)
            checked[check.name] = check.done
        violations += _lost_head(tx, head)
        missing = _metrics_missing(tx)
    return Verification(
        ok=not violations,
        checked=checked,
        violations=tuple(violations),
        metrics_missing=missing,
    )


def read_head(tx: Tx) -> Head | None:
    """The chain's last commit; null where there is none."""
    last = tx.record("commit_last")
    return Head(commit_seq=last["commit_seq"], hash=last["hash"].hex()) if last else None


def _lost_head(tx: Tx, head: str | None) -> Iterator[Violation]:
    """A chain that was built anew, or a file from before, has no commit of that hash."""
    if head is not None and not tx.rows("commit_of_hash", hash=head):
        last = read_head(tx)
        ends = f"no commit has it; the chain ends with {last.hash}" if last else "no commit at all"
        yield Violation.of("ledger_commits", "hash", head, ends)


def _contained(check: Check) -> Iterator[Violation]:
    """A check that the damage itself stops is a violation."""
    try:
        yield from check.violations()
    except (CycledeckError, *DAMAGE) as error:
        yield Violation.of(check.name, f"after {check.done}", "readable rows", repr(error))


def _metrics_missing(tx: Tx) -> int:
    try:
        return int(tx.value("verify_metrics_missing"))
    except StoreError:
        return 0  # What is wrong with the tables is among the violations.
