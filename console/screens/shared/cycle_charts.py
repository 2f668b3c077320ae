"""Charts over cycles: fills per order, slippage, PnL, and where the time went."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from console.kit.bars import Bar, Signed, Stacked
from console.kit.curve import Curve
from console.kit.drawing import Figure
from console.kit.formats import signed, span
from console.kit.lines import Line, Tone, joined, line
from console.screens.shared.cycle_story import STEPS
from console.session.per_cycle import PerCycle
from console.session.totals import equities, quote_of, written

if TYPE_CHECKING:
    from engine import CycleResult

LABEL: Final = 9

_TONES: Final = (Tone.LIVE, Tone.SHADE, Tone.OK, Tone.DIM, Tone.STRONG)


class Charted(StrEnum):
    FILLS = "fills per submitted order"
    SLIPPAGE = "slippage, bps"
    PNL = "PnL"
    TIME = "time by phase"

    @property
    def next(self) -> "Charted":
        charts = list(Charted)
        return charts[(charts.index(self) + 1) % len(charts)]

    def label(self, results: "Sequence[CycleResult]") -> str:
        """The chart's name; PnL with its currency, and with the others that are not in it."""
        first, *others = (currencies_of(results) if self is Charted.PNL else []) or [""]
        without = f" (without {', '.join(others)})" if others else ""
        return f"{self}, {first}{without}" if first else str(self)


class CycleCharts:
    """Figures of cycles, which are given newest first, as many as there may be room for."""

    def __init__(self) -> None:
        self._equities = PerCycle(lambda result: equities(result.positions))
        self._fills, self._times = PerCycle(_fills), PerCycle(_times)

    def figure(self, charted: Charted, results: "Sequence[CycleResult]") -> Figure:
        shown = results[::-1]
        match charted:
            case Charted.FILLS:
                return Stacked(tuple(map(self._fills, shown)), "{:.2f}".format)
            case Charted.SLIPPAGE:
                return Signed(tuple(result.slippage_bps_avg for result in shown), down=Tone.SHADE)
            case Charted.PNL:
                return self._pnl(shown, next(iter(currencies_of(results)), ""))
            case Charted.TIME:
                return Stacked(tuple(map(self._times, shown)), span, _LEGENDS)

    def _pnl(self, results: "Sequence[CycleResult]", currency: str) -> Curve:
        values = tuple(self._equities(result).get(currency) for result in results)
        latest = next((value for value in reversed(values) if value is not None), Decimal(0))
        tone = Tone.DANGER if latest < 0 else Tone.OK
        return Curve(values, tone, lambda value: signed(written(value), LABEL))


def currencies_of(results: "Sequence[CycleResult]") -> list[str]:
    """The quote currencies, that of the most markets first."""
    positions = next((result.positions for result in results if result.positions), {})
    return [name for name, _ in Counter(map(quote_of, positions)).most_common()]


def _fills(result: "CycleResult") -> Bar:
    """Without orders there is no rate, nor while the metrics are missing: a gap, not a zero."""
    rate = result.fills_per_submitted_order
    return None if rate is None or not result.orders_submitted else ((rate, Tone.LIVE),)


def _times(result: "CycleResult") -> Bar:
    times = result.timings_ms
    steps = zip(STEPS, _TONES, strict=True)
    return tuple((times[step], tone) for step, tone in steps if step in times) or None


def _legend(labels: Iterable[str]) -> Line:
    return joined(line(("▇", t), (s, Tone.DIM)) for s, t in zip(labels, _TONES, strict=True))


_LEGENDS: Final = (
    _legend(STEPS.values()),
    _legend(("fetch", "input", "TX1", "order", "TX2")),
)
