"""What was asked of the venue, market by market, and how far TX 1 moved each cursor."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from console.kit.formats import count, dated, plural, span
from console.kit.line_widget import caption, width_of
from console.kit.lines import Line, Tone, joined, line
from console.kit.scrolled import Scrolled

if TYPE_CHECKING:
    from engine import CycleResult, MarketEvidence, Xray


class XrayCursors(Scrolled):
    def __init__(self) -> None:
        super().__init__(id="xray-cursors", classes="panel")
        self.border_title = "cursors"
        self._xray: Xray | None = None
        self._local = False

    def show(self, xray: "Xray", *, local: bool) -> None:
        self._xray, self._local = xray, local
        held = sum(window.held for window in xray.windows)
        parts = [plural(len(xray.windows), "market")] if len(xray.windows) > 1 else []
        parts += [f"{count(held)} held"] if held else []
        caption(self, subtitle=" · ".join(parts))
        self.redraw()

    def lines(self, width: int) -> Iterable[Line]:
        if self._xray is None:
            return
        if not self._xray.windows:
            yield line((_nothing_asked(self._xray), Tone.DIM))
        for window in sorted(self._xray.windows, key=_trouble_first):
            yield from _market(window, self._xray.result, self._local, width)


def _trouble_first(window: "MarketEvidence") -> bool:
    return not window.held and window.error is None


def _nothing_asked(xray: "Xray") -> str:
    if not xray.evidence:
        return "evidence no longer kept: what was asked is not known any more"
    return "no market was asked for its fills"


def _market(
    window: "MarketEvidence", result: "CycleResult", local: bool, width: int
) -> Iterator[Line]:
    day_ms = result.started_ms
    yield line((window.symbol, Tone.STRONG))
    if result.committed:
        yield from _set_out(_cursor(window, day_ms, local), width)
    else:
        yield line(("  = not moved: nothing was committed", Tone.DIM))
    since = line(("  asked since ", Tone.DIM), _time(window.since_ms, day_ms, local))
    yield from _set_out([since, *_reach(window)], width)
    said = f"  {plural(window.pages, 'page')} · {plural(window.items, 'item')} · "
    if window.error is None:
        yield line((said, Tone.DIM), ("complete", Tone.DIM))
    else:
        yield line((said, Tone.DIM), ("not complete", Tone.DANGER))
        yield line(("    " + window.error, Tone.DANGER))


def _set_out(parts: Sequence[Line], width: int) -> Iterator[Line]:
    """In one row; without room for that each part in its own, so that no time is broken in two."""
    whole = joined(parts)
    if width_of(whole) <= width:
        yield whole
    else:
        yield parts[0]
        yield from (line("    ", part) for part in parts[1:])


def _cursor(window: "MarketEvidence", day_ms: int, local: bool) -> list[Line]:
    before, after = window.cursor_before, window.cursor_after
    stands = _time(before, day_ms, local) if before is not None else "no cursor yet"
    parts = [line(("  " + stands, Tone.DIM))]
    if after is not None and after != before:
        parts.append(line(("→ ", Tone.LIVE), _time(after, day_ms, local)))
    elif not window.held:
        parts.append(line(("= stood", Tone.DIM)))
    if window.held:
        parts.append(line(("◆ held: an item in quarantine", Tone.ATTENTION)))
    return parts


def _reach(window: "MarketEvidence") -> list[Line]:
    """How far before its cursor was asked."""
    if window.since_ms <= window.start_ms:
        return [line(("(its start)", Tone.DIM))]
    if window.cursor_before is None:
        return []
    return [line((f"(−{span(window.cursor_before - window.since_ms)})", Tone.DIM))]


def _time(ts_ms: int, day_ms: int, local: bool) -> str:
    return dated(ts_ms, day_ms, ms=True, local=local)
