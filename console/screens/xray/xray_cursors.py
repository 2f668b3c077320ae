"""What was asked of the venue, market by market, and how far TX 1 moved each cursor."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.kit.formats import count, dated, plural, span
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, joined, line, width_of
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
        """Markets in trouble come first."""
        xray = self._xray
        if xray is None:
            return
        if not xray.windows:
            gone = "evidence no longer kept: what was asked is not known any more"
            none = "no market was asked for its fills"
            is_known = xray.evidence or xray.result.kind == "decision"
            yield line((none if is_known else gone, Tone.DIM))
        for window in sorted(xray.windows, key=lambda w: not w.held and w.error is None):
            yield from _Asked(window, xray.result, self._local).lines(width)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The window a market was asked for, and what came of its cursor."""

    window: "MarketEvidence"
    result: "CycleResult"
    local: bool

    def lines(self, width: int) -> Iterator[Line]:
        window = self.window
        yield line((window.symbol, Tone.STRONG))
        if self.result.committed:
            yield from self._set_out(self._cursor(), width)
        else:
            yield line(("  = not moved: nothing was committed", Tone.DIM))
        yield from self._set_out(self._reach(), width)
        whole = ("complete", Tone.DIM) if window.error is None else ("not complete", Tone.DANGER)
        pages = f"  {plural(window.pages, 'page')} · {plural(window.items, 'item')} · "
        yield line((pages, Tone.DIM), whole)
        if window.error is not None:
            yield line(("    " + window.error, Tone.DANGER))

    @staticmethod
    def _set_out(parts: Sequence[Line], width: int) -> Iterator[Line]:
        """In one row; without room for that each part in its own, so that no time is broken."""
        whole = joined(parts)
        if width_of(whole) <= width:
            yield whole
        else:
            yield parts[0]
            yield from (line("    ", part) for part in parts[1:])

    def _cursor(self) -> list[Line]:
        before, after = self.window.cursor_before, self.window.cursor_after
        stands = self._time(before) if before is not None else "no cursor yet"
        parts = [line(("  " + stands, Tone.DIM))]
        if after is not None and after != before:
            parts.append(line(("→ ", Tone.LIVE), self._time(after)))
        elif not self.window.held:
            parts.append(line(("= stood", Tone.DIM)))
        if self.window.held:
            parts.append(line(("◆ held: an item in quarantine", Tone.ATTENTION)))
        return parts

    def _reach(self) -> list[Line]:
        """Since when was asked, and how far before its cursor that is."""
        window = self.window
        parts = [line(("  asked since ", Tone.DIM), self._time(window.since_ms))]
        if window.since_ms <= window.start_ms:
            parts.append(line(("(its start)", Tone.DIM)))
        elif window.cursor_before is not None:
            reach = span(window.cursor_before - window.since_ms)
            parts.append(line((f"(−{reach})", Tone.DIM)))
        return parts

    def _time(self, ts_ms: int) -> str:
        return dated(ts_ms, self.result.started_ms, ms=True, local=self.local)
