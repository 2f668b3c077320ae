"""Decisions that book an account event: what the account began with, and adjustments.

Runs inside TX 1.
"""

from decimal import Decimal
from typing import Any, Protocol

from engine.errors import DecisionRefused
from engine.ledger.account_events import account_event, next_number
from engine.ledger.accounting import MAIN
from engine.ledger.event_types import ADJUST, OPENING
from engine.ledger.events import Event
from engine.ledger.markets import Market, MarketKind, Markets
from engine.money import EXACT, parse_decimal
from engine.store.tx import Tx


class Booking(Protocol):
    """What an opening or an adjustment says: of a balance by its asset, or of a position."""

    @property
    def market(self) -> str | None: ...
    @property
    def asset(self) -> str | None: ...
    @property
    def wallet(self) -> str | None: ...
    @property
    def side(self) -> str | None: ...
    @property
    def amount(self) -> str | None: ...
    @property
    def qty(self) -> str | None: ...
    @property
    def cost(self) -> str | None: ...
    @property
    def at_ms(self) -> int | None: ...
    @property
    def reason(self) -> str: ...


def booking(tx: Tx, markets: Markets, said: Booking, kind: str) -> Event:
    """The OPENING or ADJUST that an operator asks for. Raises `DecisionRefused`."""
    if kind == ADJUST and not said.reason.strip():
        raise DecisionRefused("give the --reason of the adjustment: it is on every report")
    if said.at_ms is None:
        raise DecisionRefused("--at: give the time from when on it counts, as 2026-01-31")
    if (said.asset is None) == (said.market is None):
        raise DecisionRefused("give either an --asset with its --amount, or a --market")
    figures: dict[str, Any]
    if said.asset is not None:
        figures = {"asset": said.asset, "amount": _number("--amount", said.amount)}
    else:
        figures = _position(markets, said)
    try:
        return account_event(
            kind,
            ts_ms=said.at_ms,
            number=next_number(tx, kind),
            wallet=said.wallet or MAIN,
            position_side=said.side,
            reason=said.reason or None,
            source="operator",
            **figures,
        )
    except ValueError as error:
        raise DecisionRefused(str(error)) from None


def _position(markets: Markets, said: Booking) -> dict[str, Any]:
    symbol = said.market or ""
    try:
        market = markets.stored(symbol) or Market.of(symbol)
    except ValueError as error:
        raise DecisionRefused(f"--market: {error}") from None
    if market.kind is MarketKind.OTHER:
        raise DecisionRefused(f"--market {symbol}: options and the like are not booked yet")
    if said.side not in (None, "long", "short"):
        raise DecisionRefused(f"--side {said.side}: long or short is accepted")
    if market.is_booked_as_spot:
        raise DecisionRefused(f"--market {symbol}: `rebook` it first, it is booked as spot")
    return {
        "symbol": markets.root(symbol) if markets.stored(symbol) else symbol,
        "qty": _number("--qty", said.qty),
        "cost": _number("--cost", said.cost),
    }


def _number(name: str, text: str | None) -> Decimal:
    if text is None:
        raise DecisionRefused(f"{name}: give one")
    try:
        return parse_decimal(text)
    except ValueError as error:
        raise DecisionRefused(f"{name}: {error}") from None


def reversal(tx: Tx, event: Event, taken: int) -> Event:
    """The ADJUST that takes an OPENING or ADJUST back, after `taken` others of the same commit."""
    figures: dict[str, Any]
    if event.symbol is None:
        figures = {"asset": event.asset, "amount": _negative(event.amount)}
    else:
        of_position = {"qty": _negative(event.qty), "cost": _negative(event.amount)}
        figures = {"symbol": event.symbol, "position_side": event.position_side, **of_position}
    return account_event(
        ADJUST,
        ts_ms=event.ts,
        number=next_number(tx, ADJUST) + taken,
        wallet=event.wallet or MAIN,
        margin_mode=event.margin_mode,
        reason=f"takes {event.event_id} back",
        source="operator",
        **figures,
    )


def _negative(text: str | None) -> Decimal:
    return EXACT.minus(Decimal(text or "0"))


KINDS = {"open": OPENING, "adjust": ADJUST}
