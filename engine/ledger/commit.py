"""TX 1: ledger, accounting and cursors, all or nothing. The single commit boundary.

`commit_cycle` is the function that runs inside the transaction; nothing else writes these tables.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from engine.ledger.account_append import append_account
from engine.ledger.accounting import Position
from engine.ledger.append import append, append_events
from engine.ledger.balances import BalanceKey, Balances, StoredBalances, difference
from engine.ledger.books import Books
from engine.ledger.cursors import (
    CursorChange,
    PreparedMarket,
    cursors_json,
    move_cursors,
    read_cursors,
    unmoved,
)
from engine.ledger.decision import Decision
from engine.ledger.decisions import decide
from engine.ledger.digests import POSITIONS_ONLY, VERSION, digest
from engine.ledger.disputes import OpenDisputes, open_ones
from engine.ledger.events import Event
from engine.ledger.facts import LedgerFacts
from engine.ledger.fills import Fill
from engine.ledger.holdings import Holdings
from engine.ledger.periods import closed
from engine.ledger.positions import Positions, named
from engine.ledger.questions import Question, open_questions
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Commit:
    """The outcome of one TX 1; `positions` and `balances` are all that there are after it.

    `commit_seq` is null where there was nothing to commit, and `cursors_json` too where the cursors
    are those that the commit before left. `digest_before` is the digest of the books before it;
    null where that is not known any more. `disputes` are what waits for a decision of the operator
    after it, `questions` what is open else. `prior_period` of its events have a time in a period
    that was closed. `oversold` are the balances of which more is gone than there was,
    `newly_oversold` those of them that were not before it.
    """

    commit_seq: int | None
    cycle_id: int
    attempted: int
    inserted: int
    ignored: int
    conflicting: int
    fills_fetched: int
    fills_count: int
    cursors_json: str | None
    cursors: Mapping[str, CursorChange]
    positions: Mapping[str, Position]
    balances: Mapping[BalanceKey, Decimal]
    positions_digest: str
    digest_before: str | None
    disputes: Sequence[OpenDisputes] = ()
    oversold: frozenset[BalanceKey] = frozenset()
    newly_oversold: frozenset[BalanceKey] = frozenset()
    questions: Sequence[Question] = ()
    prior_period: int = 0

    @property
    def is_nothing(self) -> bool:
        return self.commit_seq is None

    @classmethod
    def of(cls, record: Mapping[str, Any], **rest: Any) -> "Commit":
        """The commit of a row of `ledger_commits`, and what that does not have."""
        fields = {name: record[name] for name in record if name in cls.__dataclass_fields__}
        return cls(**fields, **rest)


def commit_cycle(
    tx: Tx,
    markets: Iterable[PreparedMarket],
    *,
    cycle_id: int,
    lease_epoch: int,
    now_ms: int,
    events: Sequence[Event] = (),
    decision: Decision | None = None,
    actor: str = "",
    event_cache: dict[Fill, list[Event]] | None = None,
) -> Commit:
    """Append, account and advance the cursors: the function that runs inside the transaction.

    `events` are account events, which come without a report of a fill. A `decision` of an `actor`
    is a commit of its own, without markets. `event_cache` has the events of repeats (see `append`).
    A commit that changed no row is none, but the first of a version. Raises `DecisionRefused`, or
    `ValueError` for an account event that is not what its type says.
    """
    markets = tuple(markets)
    fills = [fill for market in markets for fill in market.fills]
    last, changed_before = tx.record("commit_last") or dict(FIRST), tx.changes
    commit_seq = last["commit_seq"] + 1
    books = Books(tx, commit_seq, cycle_id)
    begins_version = last["version"] != VERSION
    if begins_version:
        books.take_over()
        last["positions_digest"] = _digest(books)[-1]
    decided = None
    if decision is not None:
        decided = decide(
            tx,
            decision,
            books,
            actor=actor,
            now_ms=now_ms,
            commit_seq=commit_seq,
            cycle_id=cycle_id,
        )
        appended = append_events(tx, decided.events, cycle_id)
        books.positions.decided()
        books.apply(appended, (), decided.markets)
    else:
        appended = append(
            tx, fills, cycle_id, books.markets, facts=books.facts, event_cache=event_cache
        )
        if events:
            append_account(tx, events, cycle_id, appended)
        books.apply(appended, fills)
    positions, balances, after = _digest(books)
    facts = LedgerFacts(
        conflicts=books.facts.conflicts or bool(appended.disputed),
        others=books.facts.others or appended.others,
        decisions=books.facts.decisions or decided is not None,
    )
    if decided is not None:
        cursors = unmoved(tx)
    else:
        cursors = move_cursors(tx, markets, appended, cycle_id, has_conflicts=facts.conflicts)
    record: dict[str, Any] = {
        "commit_seq": commit_seq,
        "cycle_id": cycle_id,
        "committed_ms": now_ms,
        "lease_epoch": lease_epoch,
        **appended.counts,
        **_rows_inserted(tx, len(appended.inserted)),
        "fills_fetched": len(fills),
        "cursors_json": cursors_json(cursors),
        "positions_digest": after,
        "version": VERSION,
        "decision_json": decided.decision_json if decided else None,
    }
    # What a hand changed in the books since the last commit is committed too: this one vouches.
    # A claim that was given free again changed a row twice, and nothing.
    rows_changed = tx.changes - changed_before - 2 * appended.unclaimed
    changed = rows_changed != 0 or after != last["positions_digest"]
    if changed or begins_version or decided is not None:
        hashes = (event.hash for event in appended.inserted)
        record["hash"] = chain_hash(last["hash"], record, hashes)
        tx.run("commit_append", **record)
    else:
        record["commit_seq"] = None
        if read_cursors(last["cursors_json"], moved=False) == cursors:
            record["cursors_json"] = None
    return Commit.of(
        record,
        cursors=cursors,
        positions=named(positions),
        balances=balances,
        digest_before=last["positions_digest"],
        prior_period=_prior_period(tx, appended.inserted) if facts.decisions else 0,
        **_standing(tx, facts, positions, balances, difference(balances, books.moved)),
    )


def _standing(
    tx: Tx, facts: LedgerFacts, positions: Iterable[Position], balances: Balances, before: Balances
) -> dict[str, Any]:
    """The balances oversold, those newly so, and the open disputes and questions."""
    holdings = Holdings.read(tx, positions, facts.others)
    oversold = holdings.oversold(balances)
    newly = oversold - holdings.oversold(before)
    return {
        "oversold": oversold,
        "newly_oversold": newly,
        "disputes": open_ones(tx) if facts.conflicts else [],
        "questions": open_questions(tx) if facts.others else [],
    }


def _prior_period(tx: Tx, events: Iterable[Event]) -> int:
    """The number of events with a time in a period that is closed."""
    period = closed(tx)
    return sum(event.ts < period.until_ms for event in events) if period else 0


def _digest(books: Books) -> tuple[list[Position], dict[BalanceKey, Decimal], str]:
    """All positions and balances, and the digest of the books."""
    positions, balances = books.stored(), books.balances.all()
    return positions, balances, digest(positions, balances, books.markets.pinned)


def read_commit(tx: Tx, cycle_id: int) -> Commit | None:
    """The commit of a cycle, from the database; null where its TX 1 did not take effect."""
    record = tx.record("commit_of_cycle", cycle_id=cycle_id)
    if record is None:
        return None
    positions, balances = Positions(tx).all(), StoredBalances(tx)
    return Commit.of(
        record,
        cursors=read_cursors(record["cursors_json"]),
        positions=positions,
        balances=balances.all(),
        digest_before=_digest_before(tx, record["commit_seq"]),
        **_standing(
            tx,
            LedgerFacts.read(tx),
            positions.values(),
            balances.all(),
            balances.as_of(record["commit_seq"] - 1),
        ),
    )


def _digest_before(tx: Tx, commit_seq: int) -> str | None:
    """The digest of the books before a commit; null where 0.1.0 made the one before it."""
    if commit_seq == 1:
        return digest((), {}, ())
    before: str | None = tx.value("digest_of_commit", commit_seq=commit_seq - 1, version=VERSION)
    return before


# What a cycle's own row repeats of its commit.
COUNTS = ("attempted", "inserted", "ignored", "conflicting", "fills_fetched", "fills_count")
# What a commit's hash covers besides the events: everything it says.
CHAINED = (
    "commit_seq", "cycle_id", "committed_ms", "lease_epoch", "attempted", "inserted", "ignored",
    "conflicting", "fills_fetched", "fills_count", "first_seq", "last_seq", "cursors_json",
    "positions_digest",
)  # fmt: skip
CHAINED_LATER = ("version", "decision_json")
# What the first commit of a ledger follows.
FIRST = {
    "commit_seq": 0, "hash": b"", "version": POSITIONS_ONLY, "positions_digest": None,
    "cursors_json": "{}",
}  # fmt: skip


def chain_hash(before: bytes, record: Mapping[str, Any], event_hashes: Iterable[bytes]) -> bytes:
    """The link of one commit: the hash before, the commit's own fields, its events' hashes."""
    names = CHAINED if record["version"] == POSITIONS_ONLY else CHAINED + CHAINED_LATER
    link = blake2b(before, digest_size=32)
    link.update(json.dumps([record[name] for name in names]).encode())
    link.update(b"".join(event_hashes))
    return link.digest()


def _rows_inserted(tx: Tx, inserted: int) -> dict[str, int | None]:
    """The numbers of the rows just inserted: the last ones, for nothing is ever deleted."""
    last: int | None = tx.value("last_seq") if inserted else None
    return {"first_seq": None if last is None else last - inserted + 1, "last_seq": last}
