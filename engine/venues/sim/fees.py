"""What the exchange charges for an execution."""

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation
from typing import NamedTuple

from engine.money import EXACT
from engine.venues.sim.draws import draws
from engine.venues.sim.market import Market
from engine.venues.sim.settings import SimSettings

THIRD_CURRENCY = "BNB"
THIRD_PRICE = Decimal(620)

_PLACES = Decimal("1e-8")
_NEAREST = Context(prec=100, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero])


class Charge(NamedTuple):
    """A fee in `currency`, to 8 decimal places; negative is a rebate."""

    cost: Decimal
    currency: str


class Fees:
    """The exchange's fee schedule."""

    def __init__(self, settings: SimSettings, seed: int) -> None:
        self._rates = {"maker": settings.maker_fee, "taker": settings.taker_fee}
        self._kind = settings.fee_currency
        self._seed = seed

    def charge(
        self, market: Market, liquidity: str, qty: Decimal, price: Decimal, number: int
    ) -> Charge:
        """The fee of the account's trade `number`, which decides a mixed fee's currency."""
        rate = self._rates[liquidity]
        kind = self._kind
        if kind == "mixed":
            kind = draws(self._seed, "fee", number).choice(("quote", "base", "third"))
        if kind == "base":
            return Charge(_rounded(EXACT.multiply(qty, rate)), market.base)
        in_quote = EXACT.multiply(EXACT.multiply(qty, price), rate)
        if kind == "quote":
            return Charge(_rounded(in_quote), market.quote)
        return Charge(_rounded(_NEAREST.divide(in_quote, THIRD_PRICE)), THIRD_CURRENCY)


def _rounded(amount: Decimal) -> Decimal:
    return _NEAREST.quantize(amount, _PLACES)
