"""Append account events to the ledger, each once: the first of an id stands.

Runs inside TX 1.
"""

import json
from collections.abc import Sequence

from engine.ledger.account_events import check_account_event
from engine.ledger.append import Appended
from engine.ledger.contents import Contradiction
from engine.ledger.disputes import keep_event
from engine.ledger.events import Event
from engine.store.tx import Tx


def append_account(tx: Tx, events: Sequence[Event], cycle_id: int, done: Appended) -> None:
    """Append account events after a cycle's fills, and count them with these. Raises `ValueError`
    for an event that is not what its type says."""
    for event in events:
        check_account_event(event)
    standing = _stored(tx, events)
    new: list[Event] = []
    for event in events:
        stands = standing.get(event.event_id)
        if stands is None:
            standing[event.event_id] = event
            new.append(event)
        elif stands.hash == event.hash:
            done.ignored += 1
        else:
            done.conflicting.append(event)
            keep_event(tx, event, _contradiction(stands, event), cycle_id)
    tx.run_many("append_detailed_events", [(*event, cycle_id) for event in new])
    done.attempted += len(events)
    done.inserted += new
    done.account += new
    done.others = bool(new)


def _stored(tx: Tx, events: Sequence[Event]) -> dict[str, Event]:
    """The ledger's events of the same ids."""
    ids = json.dumps([event.event_id for event in events])
    hashes = tx.pairs("stored_hashes", event_ids=ids) if events else {}
    rows = (tx.rows("stored_event", event_id=event_id) for event_id in hashes)
    return {event.event_id: event for [row] in rows for event in [Event._make(row)]}


def _contradiction(stored: Event, reported: Event) -> Contradiction:
    before, now = stored.fields, reported.fields
    return {name: (before.get(name), now[name]) for name in now if before.get(name) != now[name]}
