"""Preview: what a replay or a decision would do to today's ledger, by doing it and rolling back."""

from collections.abc import Iterable
from typing import NamedTuple

from engine.clock import now_ms
from engine.cycles.results import PositionView, Preview, views
from engine.ingest import inputs
from engine.ingest.paging import VenueResponse
from engine.ingest.prepare import prepare
from engine.ledger.balances import by_asset
from engine.ledger.books import read_books, read_oversold
from engine.ledger.commit import Commit, commit_cycle
from engine.ledger.decision import Decision
from engine.ledger.market_decisions import remarks
from engine.ledger.positions import named
from engine.ledger.quarantine_decisions import items_of
from engine.store.tx import Tx


def preview_replay(
    tx: Tx,
    cycle_id: int,
    *,
    original: int,
    responses: Iterable[VenueResponse],
    replay_id: int,
    lease_epoch: int,
) -> Preview:
    """Phase 1 of a replay of `original`, which would be cycle `replay_id`.

    It writes all that the replay would: the caller rolls the transaction back.
    """
    before = _Before.of(tx)
    clock_ms = inputs.clock_of(tx, original)
    prepared = prepare(tx, responses, clock_ms=clock_ms, cycle_id=replay_id, replay_of=original)
    commit = commit_cycle(
        tx,
        prepared.markets,
        cycle_id=replay_id,
        lease_epoch=lease_epoch,
        now_ms=now_ms(),
    )
    return _preview(cycle_id, before, commit)


def preview_decision(
    tx: Tx, decision: Decision, actor: str, *, cycle_id: int, lease_epoch: int
) -> Preview:
    """The commit of a decision, which would be cycle `cycle_id`. The caller rolls it back.

    Raises `DecisionRefused`.
    """
    before = _Before.of(tx)
    commit = commit_cycle(
        tx,
        (),
        cycle_id=cycle_id,
        lease_epoch=lease_epoch,
        now_ms=now_ms(),
        decision=decision,
        actor=actor,
    )
    items = items_of(tx.value("decision_of_commit", commit_seq=commit.commit_seq))
    effects = {"items": items, "remarks": tuple(remarks(tx, decision))}
    return _preview(cycle_id, before, commit).model_copy(update=effects)


class _Before(NamedTuple):
    """Positions and balances before a commit."""

    positions: dict[str, PositionView]
    balances: dict[str, str]

    @classmethod
    def of(cls, tx: Tx) -> "_Before":
        positions, balances = read_books(tx)
        oversold = read_oversold(tx, positions, balances)
        return cls(views(named(positions), {}, oversold), by_asset(balances))


def _preview(cycle_id: int, before: _Before, commit: Commit) -> Preview:
    return Preview(
        cycle_id=cycle_id,
        attempted=commit.attempted,
        inserted=commit.inserted,
        ignored=commit.ignored,
        conflicting=commit.conflicting,
        cursors=dict(commit.cursors),
        positions_before=before.positions,
        positions_after=views(commit.positions, {}, commit.oversold),
        balances_before=before.balances,
        balances_after=by_asset(commit.balances),
        digest_before=commit.digest_before or "",
        digest_after=commit.positions_digest,
    )
