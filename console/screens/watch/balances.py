"""Balances: what is held of each asset, or what changed of it, side by side."""

from collections.abc import Mapping
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
        self.display = len(self._balances) > 1
        caption(self, subtitle=self._since)
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        label = () if self._is_framed else line((f"{self._since or 'balances'}  ", Tone.FAINT))
        return [line(label, balances_line(self._balances, width - width_of(label)))]

    @property
    def _is_framed(self) -> bool:
        return bool(self.styles.border_top[0])


def balances_line(balances: "Mapping[str, BalanceView]", width: int) -> Line:
    """As many balances as fit, whole where they can be, and how many more there are."""
    for digits in _DIGITS:
        parts = [_balance(name, balance, digits) for name, balance in balances.items()]
        if width_of(joined(parts, APART)) <= width:
            return joined(parts, APART)
    shown = len(parts)
    while shown and width_of(_counted(parts, shown)) > width:
        shown -= 1
    return _counted(parts, shown)


def _counted(parts: list[Line], shown: int) -> Line:
    more = line((f"+{len(parts) - shown}", Tone.DIM))
    return joined([*parts[:shown], more], APART)


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
