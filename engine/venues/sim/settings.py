"""Settings of the sim venue."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from engine.sections import Section
from engine.venue import TradeIds
from engine.venues.sim.mischief import Mischief

FeeCurrency = Literal["quote", "base", "third", "mixed"]


class SimSettings(Section):
    """How the sim venue behaves."""

    latency_ms: int = Field(
        100, ge=0, description="Milliseconds of exchange time that each request takes."
    )
    step_ms: int = Field(
        1_000, ge=0, description="Milliseconds of exchange time that pass between two cycles."
    )
    maker_fee: Decimal = Field(
        Decimal("0.0002"), gt=-1, lt=1, description="Rate charged to makers; negative is a rebate."
    )
    taker_fee: Decimal = Field(
        Decimal("0.0005"), gt=-1, lt=1, description="Rate charged to takers; negative is a rebate."
    )
    fee_currency: FeeCurrency = Field(
        "mixed",
        description="Charge fees in the market's quote or base currency, a third one, or any.",
    )
    trade_ids: Literal[TradeIds.ACCOUNT, TradeIds.MARKET] = Field(
        TradeIds.ACCOUNT,
        description="Number trades through the whole account or from 1 in each market.",
    )
    mischief: Mischief = Field(
        Mischief(), description="What the exchange does wrong, each as a probability from 0 to 1."
    )
