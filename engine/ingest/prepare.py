"""From what the venue said to what TX 1 takes: read, corrected, held where something is unclear.

A live cycle, a replay and a replay's preview all come through here.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from engine.ingest import paging
from engine.ingest.paging import Reading, VenueResponse
from engine.ingest.quarantine import QuarantinedItem, Unreadable
from engine.ledger.commit import PreparedMarket
from engine.store.statements import SQL
from engine.venue import TradeIds


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete reply, and what could be read of it."""

    reply: VenueResponse
    reading: Reading

    @property
    def symbol(self) -> str:
        return self.reply.request.symbol


def read_answers(
    replies: Iterable[VenueResponse], trade_ids: TradeIds, corrections: Iterable[QuarantinedItem]
) -> list[Answer]:
    """Read complete replies, and what the operator corrected in them."""
    corrected = [item.replacement or "" for item in corrections]
    return [Answer(reply, paging.read(reply, trade_ids, corrected)) for reply in replies]


def undecided_in(connection: sqlite3.Connection, answers: Sequence[Answer]) -> list[Unreadable]:
    """What the operator has to decide about before a cursor may pass it."""
    unreadable = [item for answer in answers for item in answer.reading.unreadable]
    return [*unreadable, *_with_taken_ids(connection, answers)]


def _with_taken_ids(
    connection: sqlite3.Connection, answers: Sequence[Answer]
) -> Iterator[Unreadable]:
    """Fills whose trade id is that of a fill in another market: TX 1 will not book them."""
    ids = [fill.trade_id for answer in answers for fill in answer.reading.fills]
    markets = dict(connection.execute(SQL["fill_markets"], (json.dumps(ids),)).fetchall())
    venue = dict(connection.execute(SQL["identity_read"]).fetchall())["venue"]
    for answer in answers:
        for fill, text in zip(answer.reading.fills, answer.reading.texts, strict=True):
            market = markets.setdefault(fill.trade_id, fill.symbol)
            if market != fill.symbol:
                reason = (
                    f"trade id {fill.trade_id} is that of a fill in {market}; where ids are unique "
                    f"per market only, a new ledger with {venue}.trade_ids = 'market' books both"
                )
                yield Unreadable(fill.symbol, text, reason)


def windows_of(answers: Iterable[Answer], held: Collection[str]) -> list[PreparedMarket]:
    """The cursors of `held` markets stay where they are."""
    return [
        PreparedMarket(
            answer.symbol,
            answer.reply.request.since_ms,
            answer.reply.request.start_ms,
            answer.reading.fills,
            held=answer.symbol in held,
        )
        for answer in answers
    ]
