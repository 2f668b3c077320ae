"""The markets, and the flow of background orders: a function of seed and tick number alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from engine.venue import Side
from engine.venues.sim.book import Order
from engine.venues.sim.draws import draws

TICK_MS = 250

# Fair prices and distances from them are counted in units of 1e-8 of the market's first price,
# as integers: the path of a price is then the same on every machine.
UNITS = 100_000_000
BPS = UNITS // 10_000

# A fair price moves by up to three STEPs a tick, less its deviation's REVERSION-th part: about
# 2 bps a second, at home within some hundred bps.
STEP = 11_000
REVERSION = 20_000
# How many of a hundred ticks have a market order; as many of those have another one.
TAKES_PERCENT = 14


@dataclass(frozen=True, slots=True)
class Market:
    """What trades in one market, and how: `first_price` and `min_notional` are in quote units."""

    symbol: str
    first_price: Decimal
    tick_size: Decimal
    lot_size: Decimal
    max_qty: Decimal
    min_notional: Decimal = Decimal(5)

    @property
    def base(self) -> str:
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        return self.symbol.partition("/")[2]

    def price(self, deviation: int) -> Decimal:
        """The price `deviation` units away from the first one, rounded down to a tick."""
        ticks = int(self.first_price / self.tick_size)
        return self.tick_size * (ticks * (UNITS + deviation) // UNITS)

    def qty(self, value: int) -> Decimal:
        """Whole lots, at least one, for about `value` quote units."""
        return self.lot_size * max(1, int(value / (self.first_price * self.lot_size)))


MARKETS = {
    market.symbol: market
    for market in (
        Market("BTC/USDT", Decimal(64_000), Decimal("0.01"), Decimal("0.00001"), Decimal(1_000)),
        Market("ETH/USDT", Decimal(3_100), Decimal("0.01"), Decimal("0.0001"), Decimal(20_000)),
        Market("SOL/USDT", Decimal(150), Decimal("0.01"), Decimal("0.001"), Decimal(400_000)),
    )
}


@dataclass(frozen=True, slots=True)
class Quoter:
    """A background maker: one bid and one ask, `nearest` to `farthest` bps from the fair price.

    Each is worth up to 2 to the power of `size`, in quote units.
    """

    name: str
    nearest: int
    farthest: int
    size: int


QUOTERS = (
    Quoter("q1", 7, 16, 13),
    Quoter("q2", 9, 20, 13),
    Quoter("q3", 12, 26, 13),
    Quoter("q4", 16, 34, 14),
    Quoter("q5", 22, 42, 16),
    Quoter("q6", 30, 60, 18),
)
QUOTER_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Flow:
    """What the others do in one market at one tick, in this order.

    `deviation` is the new fair price, `withdrawn` are order ids, `quotes` rest, `takes` do not.
    """

    deviation: int
    withdrawn: tuple[str, ...]
    quotes: tuple[Order, ...]
    takes: tuple[Order, ...]


def opening_quotes(market: Market, seed: int) -> tuple[Order, ...]:
    """What rests in a market when the exchange is founded."""
    return tuple(_quotes(market, draws(seed, market.symbol, "opening"), 0, QUOTERS))


def flow(market: Market, seed: int, tick: int, deviation: int) -> Flow:
    """The flow at `tick`, given the fair price's `deviation` at the tick before."""
    rng = draws(seed, market.symbol, tick)
    deviation += sum(rng.randint(-STEP, STEP) for _ in range(3)) - deviation // REVERSION
    quoters = [q for number, q in enumerate(QUOTERS) if (tick + number) % QUOTER_ROUNDS == 0]
    return Flow(
        deviation,
        tuple(_order_id(quoter, side) for quoter in quoters for side in Side),
        tuple(_quotes(market, rng, deviation, quoters)),
        tuple(_takes(market, rng, deviation)),
    )


def _quotes(
    market: Market, rng: Random, deviation: int, quoters: Iterable[Quoter]
) -> Iterator[Order]:
    for quoter in quoters:
        for side in Side:
            distance = rng.randint(quoter.nearest * BPS, quoter.farthest * BPS)
            price = market.price(deviation + (distance if side is Side.SELL else -distance))
            qty = market.qty(_value(rng, quoter.size - 4, quoter.size))
            yield Order(_order_id(quoter, side), quoter.name, side, price, qty)


def _takes(market: Market, rng: Random, deviation: int) -> Iterator[Order]:
    """Market orders: priced so far away that they take what they can."""
    while rng.randrange(100) < TAKES_PERCENT:
        side = rng.choice((Side.BUY, Side.SELL))
        price = market.price(deviation + (100 * BPS if side is Side.BUY else -100 * BPS))
        yield Order("taker", "taker", side, price, market.qty(_value(rng, 6, 13)))


def _value(rng: Random, smallest: int, largest: int) -> int:
    """A value in quote units: mostly small, at times large."""
    ceiling = 1 << rng.randint(smallest, largest)
    return rng.randint(ceiling // 4, ceiling)


def _order_id(quoter: Quoter, side: Side) -> str:
    return f"{quoter.name}-{side}"
