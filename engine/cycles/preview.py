"""Preview: what a replay would do to today's ledger, by doing it and rolling back."""

from collections.abc import Iterable

from engine.clock import now_ms
from engine.cycles.results import Preview, views
from engine.ingest import inputs
from engine.ingest.paging import VenueResponse
from engine.ingest.prepare import prepare
from engine.ledger.books import read_books, read_oversold
from engine.ledger.commit import commit_cycle
from engine.ledger.positions import named
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
    before, balances = read_books(tx)
    oversold = read_oversold(tx, before, balances)
    clock_ms = inputs.clock_of(tx, original)
    prepared = prepare(tx, responses, clock_ms=clock_ms, cycle_id=replay_id, replay_of=original)
    commit = commit_cycle(
        tx,
        prepared.markets,
        cycle_id=replay_id,
        lease_epoch=lease_epoch,
        now_ms=now_ms(),
    )
    return Preview(
        cycle_id=cycle_id,
        attempted=commit.attempted,
        inserted=commit.inserted,
        ignored=commit.ignored,
        conflicting=commit.conflicting,
        cursors=dict(commit.cursors),
        positions_before=views(named(before), {}, oversold),
        positions_after=views(commit.positions, {}, commit.oversold),
        digest_before=commit.digest_before or "",
        digest_after=commit.positions_digest,
    )
