"""Prove that the books are right: each check streams, and names every violation."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from engine.checks.account_events import AccountEventsCheck, AssertionsCheck, LateEventsCheck
from engine.checks.anchors import compare
from engine.checks.check import Check, CheckResult, Finding, Report, Violation
from engine.checks.cursors import CursorsCheck
from engine.checks.history import HistoryCheck
from engine.checks.ledger import ChainCheck, ClaimsCheck, FeesCheck, IdentityCheck, IntegrityCheck
from engine.checks.metrics import MetricsCheck
from engine.checks.positions import BalancesCheck, MarketsCheck, PositionsCheck
from engine.checks.records import (
    ConflictsCheck,
    CyclesCheck,
    DistinctCheck,
    EvidenceCheck,
    IdleRunsCheck,
    QuarantineCheck,
    SchemaCheck,
)
from engine.checks.second_process import second_process
from engine.checks.walk import WalkingCheck, walk
from engine.cycles.results import Frozen
from engine.errors import StoreError
from engine.ledger.questions import NOT_HELD, open_questions
from engine.store.damage import DAMAGE
from engine.store.tx import Tx

__all__ = ["CHECKS", "Verification", "Violation", "verify"]

Kind = type[Check] | type[WalkingCheck]

CHECKS: tuple[Kind, ...] = (
    IntegrityCheck,
    SchemaCheck,
    IdentityCheck,
    MarketsCheck,
    BalancesCheck,
    ChainCheck,
    PositionsCheck,
    HistoryCheck,
    FeesCheck,
    AccountEventsCheck,
    MetricsCheck,
    ClaimsCheck,
    AssertionsCheck,
    LateEventsCheck,
    CursorsCheck,
    CyclesCheck,
    IdleRunsCheck,
    ConflictsCheck,
    DistinctCheck,
    QuarantineCheck,
    EvidenceCheck,
)
# About half the work, and what another process may make.
OF_SECOND_PROCESS: tuple[Kind, ...] = (
    IntegrityCheck,
    ChainCheck,
    FeesCheck,
    ClaimsCheck,
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
    effort, and can be rebuilt. `not_held` are assertions of the exchange's that the books do not
    bear out: those are as they should be, and something is missing.
    """

    ok: bool
    checked: dict[str, int]
    violations: tuple[Violation, ...]
    metrics_missing: int = 0
    not_held: tuple[str, ...] = ()


def verify(
    tx: Tx,
    report: Report = lambda name, done: None,
    most: int = 1_000,
    *,
    head: str | None = None,
    anchor: Path | None = None,
    two_processes: bool = False,
) -> Verification:
    """Run every check on one snapshot; at most `most` violations are listed per check.

    `head` is the hash of a commit, as `read_head` gave it before, that the chain must still have;
    `anchor` a file of such hashes. Of a large ledger `two_processes` share the checks. Raises
    `AnchorError` where the file of hashes cannot be read.
    """
    outcomes = _look_by_two(tx, report, most) if two_processes else look(tx, CHECKS, report, most)
    checked = {outcome.name: outcome.done for outcome in outcomes}
    violations = [violation for outcome in outcomes for violation in outcome.violations]
    with tx.reading_any_text():
        violations += _lost_head(tx, head)
        if anchor is not None:
            checked["anchors"], contradicted = compare(tx, anchor)
            violations += contradicted
        missing = _metrics_missing(tx)
        not_held = _not_held(tx)
    return Verification(
        ok=not violations,
        checked=checked,
        violations=tuple(violations),
        metrics_missing=missing,
        not_held=not_held,
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


def look(tx: Tx, kinds: Sequence[Kind], report: Report, most: int) -> list[CheckResult]:
    """The outcomes of checks. Those that walk do so at once, with the first of them."""
    walking = [kind for kind in kinds if issubclass(kind, WalkingCheck)]
    outcomes: list[CheckResult] = []
    for kind in kinds:
        if not issubclass(kind, WalkingCheck):
            outcomes += _any_text(tx, partial(_alone, tx, kind, report, most))
        elif kind is walking[0]:
            outcomes += _any_text(tx, partial(walk, tx, walking, report, most))
    return outcomes


def _any_text(tx: Tx, run: Callable[[], Sequence[Finding[Any]]]) -> Iterator[CheckResult]:
    """Run checks; where damage stopped one, run all again with text that is not UTF-8 read too,
    which takes twice as long."""
    findings = run()
    if any(finding.broken for finding in findings):
        with tx.reading_any_text():
            findings = run()
    return (finding.outcome for finding in findings)


def _alone(tx: Tx, kind: type[Check], report: Report, most: int) -> Sequence[Finding[Check]]:
    finding = Finding(kind(tx, report), most)
    report(finding.check.name, 0)
    finding.add(finding.check.violations)
    return [finding]


def _look_by_two(tx: Tx, report: Report, most: int) -> list[CheckResult]:
    with second_process(tx, most) as process:
        outcomes = look(
            tx, [kind for kind in CHECKS if kind not in OF_SECOND_PROCESS], report, most
        )
        others = process.outcomes()
    outcomes += look(tx, OF_SECOND_PROCESS, report, most) if others is None else others
    names = [kind.name for kind in CHECKS]
    return sorted(outcomes, key=lambda outcome: names.index(outcome.name))


def _not_held(tx: Tx) -> tuple[str, ...]:
    try:
        questions = [question for question in open_questions(tx) if question.kind == NOT_HELD]
    except (StoreError, *DAMAGE):
        return ()  # What is wrong with the tables is among the violations.
    return tuple(f"{question.where}: {question.message}" for question in questions)


def _metrics_missing(tx: Tx) -> int:
    try:
        return int(tx.value("verify_metrics_missing"))
    except StoreError:
        return 0  # What is wrong with the tables is among the violations.
