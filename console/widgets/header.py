"""The header: whose account, in which mode, how the engine is, how old this is."""

import time
from collections.abc import Sequence

from console.formats import clock, count, span
from console.lines import Line, Tone, joined, line
from console.view import Link, View
from console.widgets.toned import Lines, fitted, width_of

_STATES = {
    "running": ("●", "running", Tone.OK),
    "paused": ("◼", "paused", Tone.ATTENTION),
    "stopping": ("◼", "stopping", Tone.ATTENTION),
}
_OLD_MS = 3_000

# So many of the engine's parts are worth more than the venue's name: its state, the next cycle.
ESSENTIAL = 2


class Header(Lines):
    def __init__(self) -> None:
        super().__init__(id="header")
        self._view = View()
        self._crumb = ""
        self._local = False

    def show(self, view: View, crumb: str = "", *, local: bool = False) -> None:
        self._view, self._crumb, self._local = view, crumb, local
        mode = _mode(view)
        self.set_class(mode == "live", "-live")
        self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        """Where the room is short, first the venue goes, then what is least of the engine."""
        left = line(" ", _badge(self._view), "  ", self._where())
        right = self._state(time.time_ns() // 1_000_000)
        venue = self._venue()
        if venue and _together(line(left, venue), right[:ESSENTIAL]) <= width:
            left = line(left, venue)
        while right and _together(left, right) > width:
            right = right[:-1]
        end = line(joined(right, "   "), " ")
        room = width - width_of(end)
        return [line(fitted(left, room), end) if room > 0 else fitted(left, width)]

    def _where(self) -> Line:
        view = self._view
        parts = [line((view.account or "cycledeck", Tone.STRONG))]
        parts += [line(part) for part in self._crumb.split(" › ") if part]
        if view.past is not None:
            result = view.past.result
            newest = view.latest.cycle_id if view.latest else result.cycle_id
            ago = count(newest - result.cycle_id)
            when = f"as of {clock(result.started_ms, local=self._local)} · {ago} cycles ago"
            parts.append(line(f"cycle {count(result.cycle_id)} ", (when, Tone.ATTENTION)))
        return joined(parts, (" › ", Tone.FAINT))

    def _venue(self) -> Line:
        view = self._view
        if view.hello is None or view.past is not None or self._crumb:
            return ()
        return line((" › ", Tone.FAINT), (_venue(view), Tone.DIM))

    def _state(self, now_ms: int) -> list[Line]:
        """What there is to say of the engine, the most important first."""
        view = self._view
        if view.past is not None:
            return [line(("[", Tone.LIVE), " older  ", ("]", Tone.LIVE), " newer  ",
                         ("end", Tone.LIVE), " live")]  # fmt: skip
        parts = []
        if view.frozen:
            parts.append(line((f"❄ frozen · {count(view.behind)} newer", Tone.ATTENTION)))
        parts += _engine(view, now_ms)
        return parts


def _together(left: Line, right: list[Line]) -> int:
    """The columns both ends of the line take."""
    return width_of(left) + 2 + sum(width_of(part) + 3 for part in right)


def _badge(view: View) -> Line:
    mode = _mode(view)
    tone = Tone.ALARM if mode == "live" else Tone.BADGE
    return line((f" {(mode or '…').upper()} ", tone))


def _mode(view: View) -> str:
    if view.hello is not None:
        return view.hello.mode
    return view.latest.mode if view.latest else ""


def _venue(view: View) -> str:
    hello = view.hello
    if hello is None:
        return ""
    parts = [hello.venue]
    if hello.seed is not None and hello.venue == "sim":
        parts.append(f"seed {hello.seed}")
    if hello.symbols:
        parts.append(" ".join(hello.symbols))
    return " · ".join(parts)


def _engine(view: View, now_ms: int) -> list[Line]:
    if view.link is Link.STARTING:
        return [line(("○ starting", Tone.DIM))]
    if not view.attached:
        age = span(now_ms - view.latest.ended_ms) if view.latest else "?"
        return [line(("○ ledger file", Tone.ATTENTION)), line((f"last cycle {age} ago", Tone.DIM))]
    beat, hello = view.beat, view.hello
    parts = []
    if beat is not None and hello is not None:
        sign, name, tone = _STATES[beat.state]
        parts.append(line((f"{sign} {name}", tone), f" every {span(hello.interval_ms)}"))
        if now_ms - view.heard_ms > _OLD_MS:
            parts.append(line((f"silent {span(now_ms - view.heard_ms)}", Tone.DANGER)))
        elif beat.next_cycle_ms is not None:
            due = max(0, beat.next_cycle_ms - now_ms)
            parts.append(line(f"next in {due / 1_000:.0f} s"))
    if hello is not None:
        up = span(now_ms - hello.started_ms)
        parts.append(line((f"up {up}", Tone.DIM)))
        parts.append(line((f"lease {hello.holder} #{hello.epoch}", Tone.DIM)))
    return parts
