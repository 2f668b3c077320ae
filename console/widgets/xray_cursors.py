"""What was asked of the venue, market by market, and how far TX 1 moved each cursor."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from console.formats import clock, count, moment, span, stamp
from console.lines import Line, Tone, line
from console.widgets.scrolled import Scrolled
from console.widgets.toned import caption

if TYPE_CHECKING:
    from engine import CycleResult, WindowLine, Xray


class XrayCursors(Scrolled):
    def __init__(self) -> None:
        super().__init__(id="xray-cursors", classes="panel")
        self.border_title = "cursors"
        self._xray: Xray | None = None
        self._local = False

    def show(self, xray: "Xray", *, local: bool) -> None:
        self._xray, self._local = xray, local
        held = sum(window.held for window in xray.windows)
        caption(self, subtitle=f"{count(held)} held" if held else "")
        self.redraw()

    def lines(self, width: int) -> Iterable[Line]:
        if self._xray is None:
            return
        if not self._xray.windows:
            yield line((_nothing_asked(self._xray), Tone.DIM))
        for window in sorted(self._xray.windows, key=_trouble_first):
            yield from _market(window, self._xray.result, self._local)


def _trouble_first(window: "WindowLine") -> bool:
    return not window.held and window.error is None


def _nothing_asked(xray: "Xray") -> str:
    if not xray.evidence:
        return "evidence no longer kept: what was asked is not known any more"
    return "no market was asked for its fills"


def _market(window: "WindowLine", result: "CycleResult", local: bool) -> Iterator[Line]:
    day_ms = result.started_ms
    yield line((window.symbol, Tone.STRONG))
    if result.committed:
        yield _cursor(window, day_ms, local)
    else:
        yield line(("  = not moved: nothing was committed", Tone.DIM))
    yield line(("  asked since ", Tone.DIM), _time(window.since_ms, day_ms, local), _reach(window))
    pages = f"{count(window.pages)} page{'' if window.pages == 1 else 's'}"
    said = f"  {pages} · {count(window.items)} item{'' if window.items == 1 else 's'} · "
    if window.error is None:
        yield line((said, Tone.DIM), ("complete", Tone.DIM))
    else:
        yield line((said, Tone.DIM), ("not complete", Tone.DANGER))
        yield line(("    " + window.error, Tone.DANGER))


def _cursor(window: "WindowLine", day_ms: int, local: bool) -> Line:
    before, after = window.cursor_before, window.cursor_after
    stands = "  " + (_time(before, day_ms, local) if before is not None else "no cursor yet")
    if after is not None and after != before:
        return line(
            (stands, Tone.DIM), (" → ", Tone.LIVE), _time(after, day_ms, local), _held(window)
        )
    return line((stands, Tone.DIM), _held(window) or (" = stood", Tone.DIM))


def _held(window: "WindowLine") -> Line:
    return line((" ◆ held: an item in quarantine", Tone.ATTENTION)) if window.held else ()


def _reach(window: "WindowLine") -> Line:
    """How far before its cursor was asked."""
    if window.since_ms <= window.start_ms:
        return line((" (its start)", Tone.DIM))
    if window.cursor_before is None:
        return ()
    return line((f" (−{span(window.cursor_before - window.since_ms)})", Tone.DIM))


def _time(ts_ms: int, day_ms: int, local: bool) -> str:
    """The time of day; with its date, where that is not the cycle's own."""
    if moment(ts_ms, local=local).date() == moment(day_ms, local=local).date():
        return clock(ts_ms, ms=True, local=local)
    return stamp(ts_ms, local=local)
