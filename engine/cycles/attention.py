"""Markets and assets at attention: their figures are not to be relied on, whatever was done."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from engine.ledger.accounting import NET, Position
from engine.ledger.questions import Question

BOOKED_AS_SPOT = (
    "an earlier program booked this contract by the rules of a spot market, and so its figures go "
    "on; a new ledger books it as a contract"
)
MIXED_SIDES = (
    "some of its fills say which side of a hedged position they are of, others do not: their "
    "positions are kept apart, and may be one; a new ledger of fills that all say it, or all do "
    "not, has it right"
)


OVERSOLD = "more was sold than the ledger holds"


def at_attention(
    positions: Iterable[Position], questions: Iterable[Question] = ()
) -> Iterator[tuple[str, str, str]]:
    """Each such market or asset, with the kind of the warning and why."""
    sides: dict[str, set[str]] = defaultdict(set)
    for position in positions:
        sides[position.symbol].add(position.side)
        if position.market.is_booked_as_spot:
            yield position.symbol, "booked_as_spot", BOOKED_AS_SPOT
        if position.oversold:
            yield position.symbol, "oversold", OVERSOLD
    for symbol, there in sides.items():
        if NET in there and len(there) > 1:
            yield symbol, "mixed_sides", MIXED_SIDES
    for question in questions:
        yield question.where, question.kind, question.message
