"""Cursors: how far each market's fills are known, and the window that is asked for again."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar, Final

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.kit.chart_captions import Wordings, worded
from console.kit.formats import NONE, clock, plural, span, stamp
from console.kit.line_widget import Toned, caption, fitted, width_of
from console.kit.lines import Line, Tone, line
from console.session.view import ConsoleState, CursorMark
from engine.text import printable

if TYPE_CHECKING:
    from engine import CycleResult

# A cursor ahead of the venue's clock by more than this is no matter of rounding.
AHEAD_MS: Final = 5_000
STILL_MS: Final = 60_000
DAY_MS: Final = 86_400_000

TIME_WIDTH: Final = 12
STANDING_WIDTH: Final = 24
WINDOW_WIDTH: Final = 8
LEAST_NAME: Final = 8


class CursorState(IntEnum):
    """How a cursor stands, the ones to look at first. A quiet market's cursor stands still: no
    fill is no fault."""

    HELD = 0
    UNFETCHED = 1
    AHEAD = 2
    STILL = 3
    MOVING = 4
    EMPTY = 5


@dataclass(frozen=True, slots=True)
class Market:
    """A cursor for reading; its symbol is printable. `lag_ms` is behind the venue's clock, null
    where that is not known or there was no fill yet; `still_ms` is how long ago, in this
    machine's time, the cycle began that moved it, null where that is not known."""

    symbol: str
    value_ms: int
    lag_ms: int | None
    still_ms: int | None
    standing: CursorState

    @property
    def is_odd(self) -> bool:
        return self.standing <= CursorState.AHEAD

    @property
    def now_ms(self) -> int:
        """By the venue's clock; 0 where that is not known."""
        return 0 if self.lag_ms is None else self.value_ms + self.lag_ms


def markets_of(view: ConsoleState) -> list[Market]:
    """What needs a look first, then by name. A replay asks the venue nothing: the cycle before it
    that did says where the venue stands."""
    result = next((found for found in view.shown_results if found.kind != "replay"), None)
    unfetched = _unfetched(result) if result else frozenset()
    found = [
        _market(key.partition(":")[2], mark, result, unfetched)
        for key, mark in view.shown_cursors.items()
    ]
    return sorted(found, key=lambda market: (market.standing, market.symbol))


class Cursors(Toned, ScrollView, can_focus=True):
    """Two rows a market where all fit like that, else one; what does not fit is scrolled to."""

    DEFAULT_CSS = "Cursors { overflow: hidden auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="cursors", classes="panel")
        self._given: tuple[object, ...] = (self,)
        self._markets: Sequence[Market] = ()
        self._lookback_ms: int | None = None
        self._local = False
        self._name_width = 0
        self._drawn: dict[int, Line] = {}
        caption(self, "cursors")

    def show(self, view: ConsoleState, *, local: bool = False) -> None:
        given = (view.result, view.cursors, view.past, view.hello, local)
        if all(new is old for new, old in zip(given, self._given, strict=False)):
            return
        self._given = given
        self._markets, self._local = markets_of(view), local
        self._lookback_ms = view.hello.lookback_ms if view.hello else None
        self._name_width = max((cell_len(market.symbol) for market in self._markets), default=0)
        if self.size:
            self._draw_changes()

    def on_resize(self) -> None:
        self._measure()
        self._say()

    def _draw_changes(self) -> None:
        self._measure()
        self._say()
        lines = range(self.size.height)
        self.refresh_rows(y for y in lines if self._drawn.get(y) != self._line(y))

    def render_line(self, y: int) -> Strip:
        self._drawn[y] = found = self._line(y)
        return self.strip(found, self.scrollable_content_region.width)

    def _measure(self) -> None:
        rows = len(self._markets) * (2 if self._is_roomy else 1)
        size = Size(self.size.width, rows)
        if size != self.virtual_size:
            self.virtual_size = size
            self.refresh()

    def _say(self) -> None:
        """The lookback, and that there are more markets than are seen."""
        many = len(self._markets)
        parts = [plural(many, "market")] if self.virtual_size.height > self.size.height else []
        if self._lookback_ms is not None:
            parts.append(f"lookback {span(self._lookback_ms)}")
        caption(self, subtitle=" · ".join(parts))

    @property
    def _is_roomy(self) -> bool:
        return self._lookback_ms is not None and 2 * len(self._markets) <= self.size.height

    def _line(self, y: int) -> Line:
        row, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if not self._markets:
            return line(("no market has a cursor yet", Tone.DIM)) if row == 0 else ()
        if not self._is_roomy:
            return self._compact(self._markets[row], width) if row < len(self._markets) else ()
        if row >= 2 * len(self._markets):
            note = "only TX 1 moves a cursor"
            return line((note, Tone.FAINT)) if row == 2 * len(self._markets) + 1 else ()
        market = self._markets[row // 2]
        if row % 2:
            return line("  ", window(market, self._lookback_ms or 0, width - 2))
        return self._named(market, width)

    def _named(self, market: Market, width: int) -> Line:
        """The market and its time on the left, how it stands on the right."""
        standing = worded(standings(market), width - self._name_width - TIME_WIDTH - 2)
        room = max(width - width_of(standing) - 1, 0)
        return line(fitted(self._left(market, room), room), " ", standing)

    def _left(self, market: Market, room: int) -> Line:
        name = min(self._name_width, max(room - TIME_WIDTH - 1, LEAST_NAME))
        tone = Tone.ATTENTION if market.is_odd else Tone.PLAIN
        when = (_time(market, local=self._local), tone)
        return line(fitted(line(market.symbol), name), " ", when)

    def _compact(self, market: Market, width: int) -> Line:
        """One row, with the window where there is room for it."""
        drawn = width - self._name_width - TIME_WIDTH - STANDING_WIDTH - 3
        if self._lookback_ms is None or drawn < WINDOW_WIDTH:
            return self._named(market, width)
        left = fitted(self._left(market, width), self._name_width + TIME_WIDTH + 2)
        standing = worded(standings(market), STANDING_WIDTH)
        right = fitted(standing, STANDING_WIDTH, right=True)
        return line(left, window(market, self._lookback_ms, drawn), " ", right)


def standings(market: Market) -> Wordings:
    """How it stands, in a sign and ever fewer words."""
    still = "" if market.still_ms is None else f" {span(market.still_ms)}"
    match market.standing:
        case CursorState.HELD:
            words = [f"◆ held{still}: quarantine", f"◆ held{still}", "◆ held"]
        case CursorState.UNFETCHED:
            words = [f"◆ not fetched{still and ', still'}{still}", "◆ not fetched", "◆"]
        case CursorState.AHEAD:
            words = [f"◆ ahead {span(-(market.lag_ms or 0))}", "◆ ahead"]
        case CursorState.STILL:
            words = [f"still{still}", still.strip()]
        case CursorState.EMPTY:
            words = ["no fill yet", "no fill"]
        case CursorState.MOVING:
            behind = span(market.lag_ms and max(market.lag_ms, 0))
            words = [f"lag {behind}", behind]
    tone = Tone.ATTENTION if market.is_odd else Tone.DIM
    return [line((text, tone)) for text in words]


def window(market: Market, lookback_ms: int, width: int) -> Line:
    """Two lookbacks up to the venue's now, at the right edge: the window that is asked for again,
    and the cursor at its end."""
    sign, tone = ("◆", Tone.ATTENTION) if market.is_odd else ("●", Tone.OK)
    if market.standing is CursorState.STILL:
        tone = Tone.DIM
    if width < 2 or not lookback_ms or market.lag_ms is None:
        return ()
    place = round((1 - market.lag_ms / (2 * lookback_ms)) * (width - 1))
    if place < 0:
        return line(("◂", tone), ("─" * (width - 1), Tone.SHADE))
    place = min(place, width - 1)
    start = max(0, place - round((width - 1) / 2))
    after = width - 1 - place
    rest = "─" * (after - 1) + "┤" if after else ""
    return line(
        ("─" * start, Tone.SHADE),
        ("━" * (place - start), tone if market.is_odd else Tone.LIVE),
        (sign, tone),
        (rest, Tone.SHADE),
    )


def _market(
    symbol: str, mark: CursorMark, result: "CycleResult | None", unfetched: frozenset[str]
) -> Market:
    lag = result.venue_ms - mark.value_ms if result and result.venue_ms and mark.value_ms else None
    moved = mark.moved_ms
    still = max(result.started_ms - moved, 0) if result and moved is not None else None
    if mark.held:
        standing = CursorState.HELD
    elif symbol in unfetched:
        standing = CursorState.UNFETCHED
    elif lag is not None and lag < -AHEAD_MS:
        standing = CursorState.AHEAD
    elif not mark.value_ms:
        standing = CursorState.EMPTY
    else:
        standing = CursorState.STILL if (still or 0) >= STILL_MS else CursorState.MOVING
    return Market(printable(symbol), mark.value_ms, lag, still, standing)


def _unfetched(result: "CycleResult") -> frozenset[str]:
    """Markets whose fills the venue did not give, or not all."""
    return frozenset(
        found.symbol for found in result.errors if found.step == "fetch" and found.symbol
    )


def _time(market: Market, *, local: bool) -> str:
    """With the date instead of milliseconds, where it was not in the last day; the date alone,
    where it was in another year."""
    if not market.value_ms:
        return NONE
    if market.lag_ms is not None and abs(market.lag_ms) < DAY_MS:
        return clock(market.value_ms, ms=True, local=local)
    date, now = (stamp(ts_ms, local=local) for ts_ms in (market.value_ms, market.now_ms))
    return date[5:16] if date[:4] == now[:4] else date[:10]
