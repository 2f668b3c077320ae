"""Fills: what an exchange says was traded, once it has been read."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from engine.clock import DAY_MS
from engine.ledger.markets import Market
from engine.money import canonical
from engine.venue import Side


@dataclass(frozen=True, slots=True)
class Fee:
    """A charge in `currency`; a negative one is a rebate."""

    currency: str
    cost: Decimal


class FillDetails(NamedTuple):
    """What is to be said of a fill besides the usual, and null where nothing is.

    The usual is the main wallet, the net side, the market's own margin mode, and no contract.
    """

    wallet: str | None = None
    market_id: str | None = None
    position_side: str | None = None
    margin_mode: str | None = None
    contract_size: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order of this account.

    `trade_id` is unique in the account. Quantity is in base units, of a contract market in
    contracts; price in quote units per base unit. `fees` has one entry a currency, none of them
    zero; `fees_complete` is false until the venue has named all that it charges. `market` is what
    the report says of it; null where it was read by the rules of 0.1.0. `doubt` is why the fill is
    not believed where it is new, `strange_fee` why its fees are hardly right.
    """

    trade_id: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    ts_ms: int
    fees: tuple[Fee, ...] = ()
    fees_complete: bool = True
    order_id: str | None = None
    client_order_id: str | None = None
    liquidity: str | None = None
    details: FillDetails | None = None
    market: Market | None = None
    doubt: str | None = None
    strange_fee: str | None = None

    def __hash__(self) -> int:
        return hash(self.trade_id)

    @property
    def charges(self) -> tuple[str, bool, int, list[tuple[str, Decimal]]]:
        """A sort key: fills that are charged, and the fuller charged ones, come first."""
        fees = sorted((fee.currency, fee.cost) for fee in self.fees)
        return self.liquidity or "", not self.fees_complete, -len(fees), fees


def derive_trade_ids(fills: Iterable[Fill]) -> list[Fill]:
    """Give the fills of a venue without trade ids such ids, made of their content: a side of a
    hedged position is part of it. 0.1.0 knew none, and in its markets no fill has one.

    Identical rows differ by their number within the response: a response holds whole milliseconds,
    so it is the same number each time. In whatever order they come, those that are charged are
    numbered before those that are not (yet): a fee that comes late stays with its number as long as
    identical rows are charged alike.
    """
    fills = list(fills)
    seen: Counter[str] = Counter()
    named = fills.copy()
    for place in sorted(range(len(fills)), key=lambda place: fills[place].charges):
        fill = fills[place]
        money = canonical(fill.price), canonical(fill.qty)
        key = ":".join((fill.symbol, fill.order_id or "", str(fill.ts_ms), fill.side, *money))
        if fill.details and fill.details.position_side:
            key = f"{key}:{fill.details.position_side}"
        seen[key] += 1
        named[place] = replace(fill, trade_id=f"{key}:{seen[key]}")
    return named


def latest_believed(now_ms: int, venue_ms: int) -> int:
    """A day after the later of two clocks: no honest time is later, and one in microseconds is."""
    return max(now_ms, venue_ms) + DAY_MS
