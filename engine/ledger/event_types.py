"""Event types: what the events of each carry, what they move, and what their ids are made of.

The fold, the balances, the ids and `verify` go by this table: a type it does not have is refused.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

FILL = "FILL"
FEE = "FEE"
VOID = "VOID"
UNVOID = "UNVOID"
OPENING = "OPENING"
ADJUST = "ADJUST"
ASSERT = "ASSERT"
FUNDING = "FUNDING"
BOOKED = "BOOKED"
UNKNOWN = "UNKNOWN"


class IdForm(StrEnum):
    """The source of an event's id: the trade's, a number that counts the events of its type, or
    the source's own id, and the leg where it has several."""

    TRADE = "{type}:{trade_id}"
    NUMBER = "{type}:{n}"
    SOURCE = "{type}:{source}:{source_id}[:{leg}]"


class Fold(StrEnum):
    """The rule by which an event that names a market changes its position."""

    FILL = "fill"
    FEE = "fee"
    OPENING = "opening"
    FUNDING = "funding"
    NOTHING = "nothing"


TRADED = frozenset({"symbol", "side", "qty", "price", "exchange_trade_id"})
CHARGED = frozenset({"symbol", "fee", "fee_currency", "exchange_trade_id"})
# An amount of an asset, of a wallet's; of a position, `amount` is its cost.
LEG = frozenset({"asset", "amount"})
LEG_OF_MARKET = LEG | {"symbol"}
LEG_OF_TRADE = LEG | {"exchange_trade_id"}
POSITION = frozenset({"symbol", "qty", "amount"})
STATED_BALANCE = frozenset({"asset", "stated_balance"})
STATED_QTY = frozenset({"symbol", "qty"})
RULED = frozenset({"symbol", "exchange_trade_id"})
# What tells these from each other: events have all of one of them, and nothing of the others. With
# a leg, the exchange may say what the balance was after it.
CARRIED = sorted(TRADED | CHARGED | LEG | STATED_BALANCE)


class EventType(NamedTuple):
    """A type of event. Its events carry one of `carries`; those with an asset and an amount move
    that balance. `fold` is null where no event of it names a market."""

    name: str
    id_form: IdForm
    carries: tuple[frozenset[str], ...]
    fold: Fold | None = None


TYPES: Mapping[str, EventType] = {
    kind.name: kind
    for kind in (
        EventType(FILL, IdForm.TRADE, (TRADED,), Fold.FILL),
        EventType(FEE, IdForm.TRADE, (CHARGED,), Fold.FEE),
        EventType(VOID, IdForm.NUMBER, (RULED,), Fold.NOTHING),
        EventType(UNVOID, IdForm.NUMBER, (RULED,), Fold.NOTHING),
        EventType(OPENING, IdForm.NUMBER, (LEG, POSITION), Fold.OPENING),
        EventType(ADJUST, IdForm.NUMBER, (LEG, POSITION), Fold.OPENING),
        EventType(ASSERT, IdForm.SOURCE, (STATED_BALANCE, STATED_QTY), Fold.NOTHING),
        EventType(FUNDING, IdForm.SOURCE, (LEG, LEG_OF_MARKET), Fold.FUNDING),
        EventType("INTEREST", IdForm.SOURCE, (LEG,)),
        EventType("REBATE", IdForm.SOURCE, (LEG,)),
        EventType("REWARD", IdForm.SOURCE, (LEG,)),
        EventType("DEPOSIT", IdForm.SOURCE, (LEG,)),
        EventType("WITHDRAWAL", IdForm.SOURCE, (LEG,)),
        EventType("TRANSFER", IdForm.SOURCE, (LEG,)),
        EventType("CONVERT", IdForm.SOURCE, (LEG,)),
        EventType("DUST", IdForm.SOURCE, (LEG,)),
        EventType("EARN", IdForm.SOURCE, (LEG,)),
        EventType("MIGRATE", IdForm.SOURCE, (LEG,)),
        EventType("SETTLEMENT", IdForm.SOURCE, (LEG,)),
        EventType(BOOKED, IdForm.SOURCE, (LEG_OF_TRADE,)),
        EventType(UNKNOWN, IdForm.SOURCE, (LEG,)),
    )
}
# These are of a trade, and stand where it does.
OF_TRADES = (FILL, FEE, VOID, UNVOID)


def event_type(name: str) -> EventType:
    """The type of a name. Raises `ValueError` where the table has none."""
    if name not in TYPES:
        raise ValueError(f"{name!r} is not a type of event; known are {', '.join(TYPES)}")
    return TYPES[name]


def check_carried(name: str, event: Any) -> None:
    """Raises `ValueError` where an event does not carry what its type has."""
    there = {field for field in CARRIED if getattr(event, field) is not None}
    forms = event_type(name).carries
    if there >= LEG:
        there.discard("stated_balance")
    if there not in forms:
        expected = " or ".join(", ".join(sorted(form)) for form in forms)
        actual = ", ".join(sorted(there)) or "none of these"
        raise ValueError(f"{event.event_id}: {name} carries {expected}; it has {actual}")
