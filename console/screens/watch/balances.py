"""Balances: what is held of each asset, or what changed of it, side by side; the oversold first."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from console.kit.formats import money, stamp
from console.kit.line_widget import Lines, caption
from console.kit.lines import Line, Tone, joined, line, width_of
from console.session.view import ConsoleState
from engine.text import printable

if TYPE_CHECKING:
    from engine import BalanceView

APART: Final = "  "
# Figures are cut until all of them fit, and then the last ones are counted.
_DIGITS: Final = (0, 14, 12, 10, 8, 7)
OVERSOLD: Final = " ◆"


class Balances(Lines):
    """It is there where more than one asset is not zero."""

    def __init__(self) -> None:
        super().__init__(id="balances", classes="panel")
        self._balances: Mapping[str, BalanceView] = {}
        self._since = ""
        caption(self, "balances")

    def show(self, view: ConsoleState, *, local: bool = False) -> None:
        self._balances = view.shown_balances
        self._since = _since(view, local=local)
        self.set_class(len(self._balances) < 2, "-few")
        caption(self, subtitle=self._since)
        if self.display:
            self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        if self._is_framed:
            return balance_rows(self._balances, width, height)
        label = line((f"{self._since or 'balances'}  ", Tone.FAINT))
        [row] = balance_rows(self._balances, width - width_of(label), 1)
        return [line(label, row)]

    @property
    def _is_framed(self) -> bool:
        return bool(self.styles.border_top[0])


def balance_rows(balances: "Mapping[str, BalanceView]", width: int, height: int) -> list[Line]:
    """As many balances as fit in so many rows, whole where they can be, and how many more there
    are; a height of 0 is as many rows as it takes."""
    names = sorted(balances, key=lambda name: not balances[name].oversold)
    for digits in _DIGITS:
        parts = [_balance(name, balances[name], digits) for name in names]
        rows = _rows(parts, width)
        if not height or len(rows) <= height:
            return rows
    shown = len(parts)
    while shown and len(rows := _rows(_counted(parts, shown), width)) > height:
        shown -= 1
    return rows if shown else [joined(_counted(parts, 0), APART)]


def _rows(parts: Iterable[Line], width: int) -> list[Line]:
    rows: list[Line] = []
    for part in parts:
        longer = joined([rows[-1], part], APART) if rows else part
        if rows and width_of(longer) <= width:
            rows[-1] = longer
        else:
            rows.append(part)
    return rows or [()]


def _counted(parts: list[Line], shown: int) -> list[Line]:
    return [*parts[:shown], line((f"+{len(parts) - shown}", Tone.DIM), (" b", Tone.LIVE))]


def _balance(name: str, balance: "BalanceView", digits: int) -> Line:
    flag = line((OVERSOLD, Tone.ATTENTION)) if balance.oversold else ()
    return line((f"{printable(name)} ", Tone.DIM), money(balance.amount, digits), flag)


def _since(view: ConsoleState, *, local: bool) -> str:
    """From when on balances are what changed, where some wallet was not opened."""
    since = view.books.changes_since if view.books else {}
    if not since:
        return ""
    times = {stamp(ts_ms, local=local).partition(".")[0] for ts_ms in since.values()}
    return f"change since {min(times)}"
