"""From what the venue said to what TX 1 takes: read, corrected, held where something is unclear.

A live cycle, a replay and a replay's preview all come through here.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from engine import ingest
from engine.commit import Window
from engine.ingest import Reading, Reply
from engine.quarantine import Item, Unreadable
from engine.venue import TradeIds


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete reply, and what could be read of it."""

    reply: Reply
    reading: Reading

    @property
    def symbol(self) -> str:
        return self.reply.request.symbol


def read_answers(
    replies: Iterable[Reply], trade_ids: TradeIds, corrections: Iterable[Item]
) -> list[Answer]:
    """Read complete replies, and what the operator corrected in them."""
    corrected = [item.replacement or "" for item in corrections]
    return [Answer(reply, ingest.read(reply, trade_ids, corrected)) for reply in replies]


def unreadable_in(answers: Iterable[Answer]) -> list[Unreadable]:
    return [item for answer in answers for item in answer.reading.unreadable]


def windows_of(answers: Iterable[Answer], held: Collection[str]) -> list[Window]:
    """The cursors of `held` markets stay where they are."""
    return [
        Window(
            answer.symbol,
            answer.reply.request.since_ms,
            answer.reply.request.start_ms,
            answer.reading.fills,
            held=answer.symbol in held,
        )
        for answer in answers
    ]
