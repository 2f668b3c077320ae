"""Terms: what settings and venue say beside a response's items, and these are read by.

They are kept with the evidence: a replay needs no settings.
"""

import json
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from engine.money import canonical, parse_decimal

# The day of the first coin: what is dated before it was read in the wrong unit.
EARLIEST_MS = 1_230_940_800_000
FEE_FLOOR = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one market's response.

    `earliest_ms` is the earliest time that is believed, in UTC milliseconds. A fee up to
    `fee_floor`, in the market's money, is never too high. `contract_size` is that of items which do
    not say theirs. Of items `through_library`, fees that cannot be are held, not only told;
    `taker_rebates` says that the exchange pays takers, too.
    """

    earliest_ms: int = EARLIEST_MS
    fee_floor: Decimal = FEE_FLOOR
    contract_size: Decimal | None = None
    through_library: bool = False
    taker_rebates: bool = False

    @property
    def text(self) -> str | None:
        """The terms that differ from the usual, as JSON; null where none does."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        unusual = {
            name: canonical(value) if isinstance(value, Decimal) else value
            for name, value in values.items()
            if value != getattr(USUAL, name)
        }
        return json.dumps(unusual, separators=(",", ":")) if unusual else None

    @classmethod
    def of(cls, text: str | None) -> "Terms":
        if text is None:
            return USUAL
        values: dict[str, Any] = json.loads(text)
        for name in ("fee_floor", "contract_size"):
            if name in values:
                values[name] = parse_decimal(values[name])
        return cls(**values)


USUAL = Terms()
