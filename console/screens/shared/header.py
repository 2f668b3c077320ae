"""The header: whose account, in which mode, how the engine is, how old this is."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.kit.formats import clock, count, plural, span
from console.kit.line_widget import Lines
from console.kit.lines import Line, Tone, fitted, joined, line, width_of
from console.session.view import ConsoleState, Link, Past

if TYPE_CHECKING:
    from engine import Beat

_STATES = {
    "running": ("●", "running", Tone.OK),
    "paused": ("◼", "paused", Tone.ATTENTION),
    "stopping": ("◼", "stopping", Tone.ATTENTION),
}
_OLD_MS = 3_000
_BACK = line(("end", Tone.LIVE), " live")
_THROUGH_TIME = line(("[", Tone.LIVE), " older  ", ("]", Tone.LIVE), " newer")

# So many of the engine's parts are worth more than the venue's name: its state, the next cycle.
ESSENTIAL = 2
# What changes with every cycle, or every second, has a place of its own: nothing beside it moves.
NEXT_WIDTH, UP_WIDTH = len("next in 12 s"), len("up 9.9 s")
# A cycle that is over sooner is not worth a word.
RUNS_MS = 500


class Header(Lines):
    def __init__(self) -> None:
        super().__init__(id="header")
        self._view = ConsoleState()
        self._crumb = ""
        self._local = False

    def show(self, view: ConsoleState, crumb: str = "", *, local: bool = False) -> None:
        self._view, self._crumb, self._local = view, crumb, local
        self.set_class(self._mode == "live", "-live")
        self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        """Where the room is short, first the venue goes, then what is least of the engine; how to
        come back to the present never does."""
        mode = (
            f" {(self._mode or '…').upper()} ",
            Tone.ALARM if self._mode == "live" else Tone.BADGE,
        )
        left = line(" ", mode, "  ", self._where())
        right = self._state(time.time_ns() // 1_000_000)
        venue = self._venue()
        if venue and _together(line(left, venue), right[:ESSENTIAL]) <= width:
            left = line(left, venue)
        least = 1 if self._view.past else 0
        while len(right) > least and _together(left, right) > width:
            right = right[:-1]
        end = line(joined(right, "   "), " ")
        room = width - width_of(end)
        return [line(fitted(left, room), end) if room > 0 else fitted(left, width)]

    @property
    def _mode(self) -> str:
        view = self._view
        if view.hello is not None:
            return view.hello.mode
        return view.latest.mode if view.latest else ""

    def _where(self) -> Line:
        view = self._view
        parts = [line((view.account or "cycledeck", Tone.STRONG))]
        parts += [line(part) for part in self._crumb.split(" › ") if part]
        if view.past is not None:
            cycle = f"cycle {count(view.past.result.cycle_id)} "
            parts.append(line(cycle, (self._when(view.past), Tone.ATTENTION)))
        return joined(parts, (" › ", Tone.FAINT))

    def _when(self, past: Past) -> str:
        """Cycles that ended after the screen was frozen may be shown, and are no time ago."""
        when = f"as of {clock(past.result.started_ms, local=self._local)}"
        newest = self._view.latest
        ago = newest.cycle_id - past.result.cycle_id if newest else 0
        return f"{when} · {plural(ago, 'cycle')} ago" if ago > 0 else when

    def _venue(self) -> Line:
        hello = self._view.hello
        if hello is None or self._view.past is not None or self._crumb:
            return ()
        seed = f"seed {hello.seed}" if hello.seed is not None else ""
        parts = (hello.venue, seed, " ".join(hello.symbols))
        return line((" › ", Tone.FAINT), (" · ".join(filter(None, parts)), Tone.DIM))

    def _state(self, now_ms: int) -> list[Line]:
        """The engine's state, the most important first."""
        view = self._view
        frozen = line((f"❄ frozen · {count(view.behind)} newer", Tone.ATTENTION))
        parts = [frozen] if view.frozen else []
        if view.past is not None:
            return [_BACK, *parts, _THROUGH_TIME]
        return parts + self._engine(now_ms)

    def _engine(self, now_ms: int) -> list[Line]:
        view = self._view
        if view.link is Link.STARTING:
            return [line(("○ starting", Tone.DIM))]
        if not view.attached:
            latest = view.latest
            last = f"last cycle {span(now_ms - latest.ended_ms)} ago" if latest else "no cycle yet"
            return [line(("○ ledger file", Tone.ATTENTION)), line((last, Tone.DIM))]
        beat, hello = view.beat, view.hello
        if hello is None:
            return []
        parts = []
        if beat is not None:
            sign, name, tone = _STATES[beat.state]
            stopped = (" · no orders" if beat.killed else "", Tone.ATTENTION)
            parts.append(
                line((f"{sign} {name}", tone), stopped, f" every {span(hello.interval_ms)}")
            )
            if not view.frozen:
                running = _running(view.latest.cycle_id + 1 if view.latest else 1)
                parts.append(_placed(self._cycle(beat, now_ms), max(NEXT_WIDTH, len(running))))
        parts.append(_placed(line((f"up {span(now_ms - hello.started_ms)}", Tone.DIM)), UP_WIDTH))
        parts.append(line((f"lease {hello.holder} #{hello.epoch}", Tone.DIM)))
        return parts

    def _cycle(self, beat: "Beat", now_ms: int) -> Line:
        """The cycle that runs, or when the next one will."""
        silent_ms = now_ms - self._view.heard_ms
        if silent_ms > _OLD_MS:
            return line((f"silent {span(silent_ms)}", Tone.DANGER))
        if beat.cycle_id is None and beat.next_cycle_ms is None:
            return ()
        if beat.cycle_id is not None and now_ms - (beat.cycle_started_ms or now_ms) > RUNS_MS:
            return line(_running(beat.cycle_id))
        return line(f"next in {max(0, (beat.next_cycle_ms or now_ms) - now_ms) / 1_000:.0f} s")


def _together(left: Line, right: list[Line]) -> int:
    """The columns both ends of the line take."""
    return width_of(left) + 2 + sum(width_of(part) + 3 for part in right)


def _running(cycle_id: int) -> str:
    return f"cycle {count(cycle_id)} runs"


def _placed(text: Line, width: int) -> Line:
    """In at least so many columns."""
    return fitted(text, max(width, width_of(text)))
