"""Decisions about the account: openings, adjustments, and periods that are closed.

Runs inside TX 1.
"""

from decimal import Decimal
from typing import Any

from engine.clock import iso
from engine.errors import DecisionRefused
from engine.ledger.account_events import account_event, next_number
from engine.ledger.accounting import MAIN
from engine.ledger.decision import Deciding, Decision, text
from engine.ledger.event_types import ADJUST, OPENING
from engine.ledger.events import Event
from engine.ledger.markets import Market, MarketKind, Markets
from engine.ledger.openings import Openings
from engine.ledger.periods import closed, end_of
from engine.money import EXACT, parse_decimal
from engine.store.tx import Tx

KINDS = {"open": OPENING, "adjust": ADJUST}


def book_event(deciding: Deciding) -> None:
    """Book an OPENING, or an ADJUST."""
    kind = KINDS[deciding.decision.act.value]
    deciding.effects.account.append(booking(deciding.tx, deciding.markets, deciding.decision, kind))


def close(deciding: Deciding) -> None:
    """Close a period: an event booked later with a time in it corrects a prior period."""
    try:
        until_ms = end_of(text("PERIOD", deciding.decision.period))
    except ValueError as error:
        raise DecisionRefused(str(error)) from None
    if until_ms > deciding.now_ms:
        raise DecisionRefused(f"{deciding.decision.period}: it ends {iso(until_ms)}, in the future")
    before = closed(deciding.tx)
    if before is not None and until_ms <= before.until_ms:
        raise DecisionRefused(
            f"{deciding.decision.period}: all until {iso(before.until_ms)} is closed already, by "
            f"decision {before.commit_seq}"
        )
    deciding.effects.closes_ms = (before.until_ms if before else None, until_ms)


def keep_opening(deciding: Deciding) -> None:
    """Keep an OPENING: fills of before it that came later were not in it."""
    opening = _opening(deciding)
    change_opening(deciding, opening.event_id, ["kept", deciding.tx.value("last_seq")])


def void_opening(deciding: Deciding) -> None:
    """Take an OPENING out of the books: the fills of before it are all there now."""
    opening = _opening(deciding)
    if not deciding.decision.reason.strip():
        raise DecisionRefused("give the --reason why the opening is void: it is on every report")
    deciding.effects.account.append(reversal(deciding, opening, 0))
    change_opening(deciding, opening.event_id, ["void"])


def change_opening(deciding: Deciding, opening_id: str, after: list[Any] | None) -> None:
    before = Openings.read(deciding.tx).state(opening_id)
    change = {"id": opening_id, "before": before, "after": after}
    deciding.effects.openings.append(change)


def _opening(deciding: Deciding) -> Event:
    """The OPENING that a decision is about, which is not void. Raises `DecisionRefused`."""
    opening_id = f"opening:{deciding.decision.opening}"
    rows = deciding.tx.typed(Event, "stored_event", event_id=opening_id)
    if not rows:
        raise DecisionRefused(f"there is no {opening_id}; `openings list` has their numbers")
    if opening_id in Openings.read(deciding.tx).void:
        raise DecisionRefused(f"{opening_id} is void already")
    (opening,) = rows
    exported = deciding.decision.model_dump(include=set(figures_of(opening)), exclude_none=True)
    if exported and exported != figures_of(opening):
        raise DecisionRefused(f"{opening_id} of this ledger is another one than this is about")
    return opening


def figures_of(opening: Event) -> dict[str, Any]:
    """The figures of an OPENING, as the decision to book it names them."""
    balance = {"asset": opening.asset, "amount": opening.amount}
    position = {"market": opening.symbol, "qty": opening.qty, "cost": opening.amount}
    figures = {
        **(balance if opening.symbol is None else position),
        "side": opening.position_side, "wallet": opening.wallet, "at_ms": opening.ts,
    }  # fmt: skip
    return {name: value for name, value in figures.items() if value is not None}


def booking(tx: Tx, markets: Markets, decision: Decision, kind: str) -> Event:
    """The OPENING or ADJUST that an operator asks for. Raises `DecisionRefused`."""
    if kind == ADJUST and not decision.reason.strip():
        raise DecisionRefused("give the --reason of the adjustment: it is on every report")
    if decision.at_ms is None:
        raise DecisionRefused("--at: give the time from when on it counts, as 2026-01-31")
    if (decision.asset is None) == (decision.market is None):
        raise DecisionRefused("give either an --asset with its --amount, or a --market")
    figures: dict[str, Any]
    if decision.asset is not None:
        figures = {"asset": decision.asset, "amount": _number("--amount", decision.amount)}
    else:
        figures = _position(markets, decision)
    try:
        return account_event(
            kind,
            ts_ms=decision.at_ms,
            number=next_number(tx, kind),
            wallet=decision.wallet or MAIN,
            position_side=decision.side,
            reason=decision.reason or None,
            source="operator",
            **figures,
        )
    except ValueError as error:
        raise DecisionRefused(str(error)) from None


def _position(markets: Markets, decision: Decision) -> dict[str, Any]:
    symbol = decision.market or ""
    try:
        market = markets.stored(symbol) or Market.of(symbol)
    except ValueError as error:
        raise DecisionRefused(f"--market: {error}") from None
    if market.kind is MarketKind.OTHER:
        raise DecisionRefused(f"--market {symbol}: options and the like are not booked yet")
    if decision.side not in (None, "long", "short"):
        raise DecisionRefused(f"--side {decision.side}: long or short is accepted")
    if market.is_booked_as_spot:
        raise DecisionRefused(f"--market {symbol}: `rebook` it first, it is booked as spot")
    return {
        "symbol": markets.root(symbol) if markets.stored(symbol) else symbol,
        "qty": _number("--qty", decision.qty),
        "cost": _number("--cost", decision.cost),
    }


def _number(name: str, text: str | None) -> Decimal:
    if text is None:
        raise DecisionRefused(f"{name}: give one")
    try:
        return parse_decimal(text)
    except ValueError as error:
        raise DecisionRefused(f"{name}: {error}") from None


def reversal(deciding: Deciding, event: Event, taken: int) -> Event:
    """The ADJUST that takes an OPENING or ADJUST back, after `taken` others of the same commit.

    Raises `DecisionRefused` where a fill of the position would come between the two.
    """
    tx = deciding.tx
    figures: dict[str, Any]
    if event.symbol is None:
        figures = {"asset": event.asset, "amount": _negative(event.amount)}
    else:
        of_position = {"qty": _negative(event.qty), "cost": _negative(event.amount)}
        figures = {"symbol": event.symbol, "position_side": event.position_side, **of_position}
    back = account_event(
        ADJUST,
        ts_ms=event.ts,
        number=next_number(tx, ADJUST) + taken,
        wallet=event.wallet or MAIN,
        margin_mode=event.margin_mode,
        reason=f"takes {event.event_id} back",
        source="operator",
        **figures,
    )
    if event.symbol is not None:
        _check_between(deciding, event, back)
    return back


def _check_between(deciding: Deciding, event: Event, back: Event) -> None:
    """A fill between an event of a position and the one that takes it back would see the first."""
    markets = deciding.markets
    market = markets.of(event.symbol or "")
    first, last = sorted(each.place(market) for each in (event, back))
    for name in market.names:
        for other in deciding.tx.typed(Event, "events_at", symbol=name, ts=event.ts):
            if first < other.place(market) < last:
                raise DecisionRefused(
                    f"{event.event_id} cannot be taken back: {other.event_id} has the same "
                    "millisecond and comes between it and what would take it back; nothing was "
                    "changed. Book the difference by `adjust`, a millisecond earlier"
                )


def _negative(text: str | None) -> Decimal:
    return EXACT.minus(Decimal(text or "0"))
