"""Fees that are hardly what the exchange charged: client libraries get signs and amounts wrong."""

from decimal import Decimal

from engine.ledger.fills import Fee, Fill
from engine.ledger.markets import Market
from engine.ledger.terms import Terms
from engine.money import EXACT, canonical

# A fee is rarely more than so much of the value.
USUAL_SHARE = Decimal("0.02")


def strange_fee(fill: Fill, market: Market, value: Decimal | None, terms: Terms) -> str | None:
    """Why a fill's fees are strange, null where they are not.

    `value` is the fill's, in the market's money; null where nobody knows it.
    """
    for fee in fill.fees:
        if fee.cost < 0 and fill.liquidity == "taker" and not terms.taker_rebates:
            return f"fee: {_shown(fee)} would pay a taker: is its sign wrong?"
        worth = _worth(fee, fill, market)
        if worth is None or value is None or worth <= terms.fee_floor:
            continue
        if worth > EXACT.multiply(value, USUAL_SHARE):
            return (
                f"fee: {_shown(fee)} is more than 2 % of the value, {canonical(value)} "
                f"{market.money}, and above fee_floor, {canonical(terms.fee_floor)}"
            )
    return None


def _worth(fee: Fee, fill: Fill, market: Market) -> Decimal | None:
    """A fee in the market's money, whatever its sign; null where it is in a third currency."""
    cost = fee.cost.copy_abs()
    if fee.currency == market.money:
        return cost
    return EXACT.multiply(cost, fill.price) if fee.currency == market.base else None


def _shown(fee: Fee) -> str:
    return f"{canonical(fee.cost)} {fee.currency}"
