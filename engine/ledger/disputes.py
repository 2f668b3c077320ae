"""Disputes: contents that do not agree with what the ledger has under their id, until the operator
decides. Each is a row of `conflicts`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from engine.ledger.contents import Contradiction, content_json, read_content
from engine.ledger.event_types import OF_TRADES
from engine.ledger.events import Event
from engine.store.tx import Tx


class DisputeKind(StrEnum):
    """A `correction` is another content of a fill that stands; a `clash` is very likely another
    fill under the same id; `relabelled` is a fill under another name of its market."""

    CORRECTION = "correction"
    CLASH = "clash"
    RELABELLED = "relabelled"


class Dispute(NamedTuple):
    """A content that waits for a decision, or about which there is one.

    `status` is open; `refused`: what stands was kept; `replaced`: it took the place of that;
    `booked`: beside that; `superseded`: 0.1.0 kept a part of what another row has whole. Times in
    UTC milliseconds. `booked_as` is the trade id under which a decision booked it, `decided_seq`
    the commit of that.
    """

    id: int
    source_id: str
    symbol: str
    ts: int
    kind: str
    status: str
    cycle_id: int
    fields_json: str
    reported_json: str
    booked_as: str | None
    decided_seq: int | None

    @property
    def fields(self) -> Mapping[str, tuple[object, object]]:
        """The fields in dispute, each with what stands and what was reported."""
        return {name: tuple(values) for name, values in json.loads(self.fields_json).items()}

    @property
    def is_whole(self) -> bool:
        """Whether all of the content is kept: 0.1.0 kept the one event in dispute."""
        return self.reported_json.startswith("[")

    @property
    def events(self) -> list[Event]:
        return read_content(self.reported_json)


def keep(
    tx: Tx, events: Sequence[Event], kind: DisputeKind, fields: Contradiction, cycle_id: int
) -> None:
    """Keep a content that is in dispute, once, however often it is reported."""
    fill = events[0]
    values = {"reported_json": content_json(events), "reported_hash": content_hash(events)}
    dispute = {"kind": kind.value, "fields_json": json.dumps(fields), "cycle_id": cycle_id}
    tx.run("dispute_keep", **about(fill), **values, **dispute)
    hashes = json.dumps([event.hash.hex().upper() for event in events])
    tx.run("dispute_supersede", source_id=about(fill)["source_id"], hashes=hashes)


def keep_event(tx: Tx, event: Event, fields: Contradiction, cycle_id: int) -> None:
    """Keep an account event that is another one than what stands under its id."""
    keep(tx, [event], DisputeKind.CORRECTION, fields, cycle_id)


def about(event: Event) -> dict[str, str | int]:
    """The subject of a dispute: the trade, or the account event, and its market or asset."""
    of_trade = event.type in OF_TRADES
    return {
        "event_id": f"fill:{event.trade_id}" if of_trade else event.event_id,
        "source_id": event.trade_id if of_trade else event.event_id,
        "symbol": event.symbol or event.asset or "",
        "ts": event.ts,
    }


def decide_again(tx: Tx, decisions: Iterable[str]) -> None:
    """Bring undecided disputes, and no distinct markets, to where decisions left them, in order."""
    for text in decisions:
        record = json.loads(text)
        for change in record["conflicts"]:
            tx.run("dispute_decide", id=change["id"], **change["after"])
        for change in record["distinct"]:
            pair = {"symbol": change["symbol"], "other": change["other"]}
            tx.run("distinct_drop", **pair)
            if change["after"] is not None:
                tx.run("distinct_keep", **pair, commit_seq=change["after"])


def content_hash(events: Iterable[Event]) -> bytes:
    digest = blake2b(digest_size=16)
    for event in events:
        digest.update(event.hash)
    return digest.digest()


def of_trade(tx: Tx, source_id: str) -> list[Dispute]:
    return tx.typed(Dispute, "disputes_of", source_id=source_id)


class OpenDisputes(NamedTuple):
    """Disputes of one kind in a market that wait for a decision: how many, and the first of them.

    `other` is the market of the fills that stand under their ids, where that is another one;
    `names` are the two names of a market that is suspected to be one.
    """

    symbol: str
    other: str | None
    kind: DisputeKind
    number: int
    first_id: int
    names: tuple[str, str] = ("", "")

    @property
    def markets(self) -> set[str]:
        """The markets whose figures are open with them."""
        return {name for name in (self.symbol, self.other) if name}


def open_ones(tx: Tx) -> list[OpenDisputes]:
    """By market and kind."""
    return [
        OpenDisputes(symbol, other, DisputeKind(kind), count, first_id, _names(fields_json))
        for symbol, other, kind, count, first_id, fields_json in tx.rows("disputes_open")
    ]


def _names(fields_json: str) -> tuple[str, str]:
    old, new = json.loads(fields_json).get("symbol", ("", ""))
    return old, new


def suspected(tx: Tx) -> dict[str, str]:
    """The markets that may be others under another name, by that name."""
    pairs = [json.loads(text)["symbol"] for text in tx.column("relabelled_open")]
    return {new: old for old, new in pairs}
