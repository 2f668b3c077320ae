"""Cursors: how far each market's fills are booked, and the window that is asked for again."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.kit.formats import NONE, clock, plural, span, stamp
from console.kit.line_widget import Toned, caption
from console.kit.lines import Line, Tone, Wordings, fitted, line, widest, width_of, worded
from console.session.view import ConsoleState, CursorMark
from engine.text import printable

if TYPE_CHECKING:
    from engine import CycleResult

# A cursor ahead of the venue's clock by more than this is no matter of rounding.
AHEAD_MS: Final = 5_000
STILL_MS: Final = 60_000
DAY_MS: Final = 86_400_000

TIME_WIDTH: Final = 12
STATE_WIDTH: Final = 24
WINDOW_WIDTH: Final = 8
LEAST_NAME: Final = 8


class CursorState(IntEnum):
    """A cursor's state, the ones to look at first. A quiet market's cursor stands still: no fill
    is no fault."""

    HELD = 0
    UNFETCHED = 1
    AHEAD = 2
    STILL = 3
    MOVING = 4
    EMPTY = 5


@dataclass(frozen=True, slots=True)
class Market:
    """A market with its cursor; its symbol is printable. `lag_ms` is behind the venue's clock, null
    without that clock or a fill; `still_ms` is how long ago, in this machine's time, the cycle
    began that moved the cursor, null where none is on record."""

    symbol: str
    value_ms: int
    lag_ms: int | None
    still_ms: int | None
    state: CursorState

    @property
    def is_odd(self) -> bool:
        return self.state <= CursorState.AHEAD

    @classmethod
    def all_of(cls, view: ConsoleState) -> list["Market"]:
        """The markets that need a look first, then by name. A replay asks the venue nothing: the
        cycle before it that did says where the venue stands."""
        result = next((result for result in view.shown_results if result.kind != "replay"), None)
        markets = [
            cls.of(key.partition(":")[2], mark, result) for key, mark in view.shown_cursors.items()
        ]
        return sorted(markets, key=lambda market: (market.state, market.symbol))

    @classmethod
    def of(cls, symbol: str, mark: CursorMark, result: "CycleResult | None") -> "Market":
        at_ms, moved = result.venue_ms if result else None, mark.moved_ms
        lag = at_ms - mark.value_ms if at_ms and mark.value_ms else None
        still = max(result.started_ms - moved, 0) if result and moved is not None else None
        if mark.held:
            state = CursorState.HELD
        elif result and any(e.step == "fetch" and e.symbol == symbol for e in result.errors):
            state = CursorState.UNFETCHED
        elif lag is not None and lag < -AHEAD_MS:
            state = CursorState.AHEAD
        elif not mark.value_ms:
            state = CursorState.EMPTY
        else:
            state = CursorState.STILL if (still or 0) >= STILL_MS else CursorState.MOVING
        return cls(printable(symbol), mark.value_ms, lag, still, state)

    def state_words(self) -> Wordings:
        """The cursor's state, in a sign and ever fewer words."""
        still = "" if self.still_ms is None else f" {span(self.still_ms)}"
        match self.state:
            case CursorState.HELD:
                words = [f"◆ held{still}: quarantine", f"◆ held{still}", "◆ held"]
            case CursorState.UNFETCHED:
                words = [f"◆ not fetched{still and ', still'}{still}", "◆ not fetched", "◆"]
            case CursorState.AHEAD:
                words = [f"◆ ahead {span(-(self.lag_ms or 0))}", "◆ ahead"]
            case CursorState.STILL:
                words = [f"still{still}", still.strip()]
            case CursorState.EMPTY:
                words = ["no fill yet", "no fill"]
            case CursorState.MOVING:
                behind = span(self.lag_ms and max(self.lag_ms, 0))
                words = [f"lag {behind}", behind]
        tone = Tone.ATTENTION if self.is_odd else Tone.DIM
        return [line((text, tone)) for text in words]

    def window(self, lookback_ms: int, width: int) -> Line:
        """Two lookbacks up to the venue's now, at the right edge: the window that is asked for
        again, and the cursor at its end."""
        sign, tone = ("◆", Tone.ATTENTION) if self.is_odd else ("●", Tone.OK)
        if self.state is CursorState.STILL:
            tone = Tone.DIM
        if width < 2 or not lookback_ms or self.lag_ms is None:
            return ()
        place = round((1 - self.lag_ms / (2 * lookback_ms)) * (width - 1))
        if place < 0:
            return line(("◂", tone), ("─" * (width - 1), Tone.SHADE))
        place = min(place, width - 1)
        start = max(0, place - round((width - 1) / 2))
        after = width - 1 - place
        rest = "─" * (after - 1) + "┤" if after else ""
        return line(
            ("─" * start, Tone.SHADE),
            ("━" * (place - start), tone if self.is_odd else Tone.LIVE),
            (sign, tone),
            (rest, Tone.SHADE),
        )

    def time(self, *, local: bool) -> str:
        """The cursor's time: with the date instead of milliseconds, where it was not in the last
        day; the date alone, where it was in another year."""
        if not self.value_ms:
            return NONE
        if self.lag_ms is not None and abs(self.lag_ms) < DAY_MS:
            return clock(self.value_ms, ms=True, local=local)
        now_ms = 0 if self.lag_ms is None else self.value_ms + self.lag_ms
        date, now = (stamp(ts_ms, local=local) for ts_ms in (self.value_ms, now_ms))
        return date[5:16] if date[:4] == now[:4] else date[:10]


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
        self._markets, self._local = Market.all_of(view), local
        self._lookback_ms = view.hello.lookback_ms if view.hello else None
        self._name_width = widest(market.symbol for market in self._markets)
        if self.size:
            self.on_resize()
            lines = range(self.size.height)
            self.refresh_rows(y for y in lines if self._drawn.get(y) != self._line(y))

    def on_resize(self) -> None:
        self._measure()
        self._say()

    def render_line(self, y: int) -> Strip:
        self._drawn[y] = row = self._line(y)
        return self.strip(row, self.scrollable_content_region.width)

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
            return line("  ", market.window(self._lookback_ms or 0, width - 2))
        return self._named(market, width)

    def _named(self, market: Market, width: int) -> Line:
        """The market and its time on the left, how it stands on the right."""
        state = worded(market.state_words(), width - self._name_width - TIME_WIDTH - 2)
        room = max(width - width_of(state) - 1, 0)
        return line(fitted(self._left(market, room), room), " ", state)

    def _left(self, market: Market, room: int) -> Line:
        name = min(self._name_width, max(room - TIME_WIDTH - 1, LEAST_NAME))
        tone = Tone.ATTENTION if market.is_odd else Tone.PLAIN
        when = (market.time(local=self._local), tone)
        return line(fitted(line(market.symbol), name), " ", when)

    def _compact(self, market: Market, width: int) -> Line:
        """One row, with the window where there is room for it."""
        drawn = width - self._name_width - TIME_WIDTH - STATE_WIDTH - 3
        if self._lookback_ms is None or drawn < WINDOW_WIDTH:
            return self._named(market, width)
        left = fitted(self._left(market, width), self._name_width + TIME_WIDTH + 2)
        state = worded(market.state_words(), STATE_WIDTH)
        right = fitted(state, STATE_WIDTH, right=True)
        return line(left, market.window(self._lookback_ms, drawn), " ", right)
