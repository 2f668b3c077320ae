"""Positions: what is held, what it cost, what it is worth, and what was earned and paid."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from console.kit.formats import count, money, plural, signed
from console.kit.grid import Grid
from console.kit.line_widget import caption
from console.screens.watch.position_rows import UNKNOWN, PositionRows, Room, market_of
from console.session.totals import fees, nets, written
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import PositionView


# The markets, and assets, that are held, and those at attention.
Doubts = tuple[tuple[str, ...], tuple[str, ...]]


class Positions(Grid):
    """Its rows' keys are symbols."""

    def __init__(self) -> None:
        super().__init__(empty="no positions yet", id="positions", classes="panel")
        self._positions: Mapping[str, PositionView] | None = None
        self._doubts: Doubts = ((), ())
        self._room = Room()
        caption(self, "positions")

    def show(self, view: ConsoleState) -> None:
        doubts = view.shown_doubts
        if view.shown_positions is not self._positions or doubts != self._doubts:
            self._positions, self._doubts = view.shown_positions, doubts
            self._room = self._room.including(self._positions)
            self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        if self._positions is None or not self.size:
            return
        # One column is the scrollbar's, seen or not.
        oversold = any(position.oversold for position in self._positions.values())
        doubts = set().union(*self._doubts)
        doubted = {name for name in self._positions if market_of(name) in doubts}
        columns = self._room.columns(self.size.width - 1, oversold=oversold, doubted=bool(doubted))
        self.set_columns(columns)
        self.set_source(PositionRows(self._positions, columns, doubted))
        many = len(self._positions)
        title = f"positions · {count(many)}" if many >= self.size.height else "positions"
        caption(
            self,
            title + doubts_in_words(self._doubts),
            totals(self._positions, self.size.width - 4),
        )
        self.set_class(any(self._doubts), "-doubted")


def doubts_in_words(doubts: Doubts) -> str:
    """How many markets and assets are held, and at attention, and where it is said why."""
    counts = [
        f"{count(len(names))} {status}"
        for names, status in zip(doubts, ("held", "at attention"), strict=True)
        if names
    ]
    return f" · ◆ {', '.join(counts)} · 4 says why" if counts else ""


def totals(positions: "Mapping[str, PositionView]", width: int) -> str:
    """Net and fees of all positions, each currency for itself; in fewer words where it is long."""
    if not positions:
        return ""
    net = ", ".join(f"{signed(written(v))} {name}" for name, v in nets(positions).items())
    unknown = sum(position.fees_unknown for position in positions.values())
    why = f" · ≈: fees of {plural(unknown, 'fill')} unknown" if unknown else ""
    mark = UNKNOWN if unknown else ""
    paid = ", ".join(f"{money(written(v))} {name}" for name, v in fees(positions).items()) or "0"
    long, brief = f"net {mark}{net} · fees {mark}{paid}", f"net {mark}{net}"
    wordings = (long + why, brief + why, long, brief, plural(len(positions), "position"))
    return next((words for words in wordings if len(words) <= width), "")
