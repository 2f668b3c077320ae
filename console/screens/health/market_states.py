"""Markets, and assets, that are not ok: why, and what helps, the worst first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from console.kit.formats import count
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, line
from console.kit.scrolled import Scrolled

if TYPE_CHECKING:
    from engine import LedgerSummary, MarketView


class MarketStates(Scrolled):
    """A reason and a remedy each; `any` says whether there is one."""

    def __init__(self) -> None:
        super().__init__(id="markets", classes="panel")
        self._states: Sequence[tuple[str, MarketView]] = ()

    @property
    def any(self) -> bool:
        return bool(self._states)

    def allow_focus(self) -> bool:
        return super().allow_focus() and self.max_scroll_y > 0

    def show(self, books: "LedgerSummary | None") -> None:
        markets = books.markets if books else {}
        states = [(symbol, view) for symbol, views in markets.items() for view in views]
        self._states = sorted(states, key=lambda state: (-state[1].status.rank, state[0]))
        caption(self, "markets that are not ok", _counts(markets.values()))
        self.redraw()

    def lines(self, width: int) -> Iterable[Line]:
        return [row for symbol, view in self._states for row in _rows(symbol, view)]


def _counts(markets: "Iterable[Sequence[MarketView]]") -> str:
    """How many markets are of each status, the worst first."""
    worst = [max((view.status for view in views), key=lambda it: it.rank) for views in markets]
    counted = sorted(Counter(worst).items(), key=lambda entry: -entry[0].rank)
    return " · ".join(f"{count(number)} {status.value}" for status, number in counted)


def _rows(symbol: str, view: "MarketView") -> Iterator[Line]:
    """The reason, and below it the remedy."""
    status = (f"◆ {view.status.value}  ", Tone.ATTENTION)
    yield line(status, (f"{symbol}  ", Tone.STRONG), view.reason)
    yield line("  ", *_commands(view.remedy))


def _commands(remedy: str) -> Iterator[tuple[str, Tone]]:
    """The remedy; what stands in backquotes in it is a command."""
    for number, part in enumerate(remedy.split("`")):
        yield part, Tone.LIVE if number % 2 else Tone.DIM
