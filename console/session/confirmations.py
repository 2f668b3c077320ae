"""The questions asked before anything reaches the exchange or changes state."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.kit.formats import clock, count, money, span
from console.kit.lines import Line, Tone, line
from console.kit.question import Question
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import PositionView, Preview

_UNCHANGED = ("unchanged", Tone.OK)


@dataclass(frozen=True, slots=True)
class Confirmations:
    """The questions about the engine in a view."""

    view: ConsoleState

    def trigger(self) -> Question:
        trades = self.view.hello is not None and self.view.hello.strategy != "none"
        return self._question(
            "run one cycle now",
            "Run it",
            line("Asks the venue for fills, books what is new, moves the cursors."),
            line("It may place and cancel orders." if trades else "It places no orders."),
        )

    def pause(self) -> Question:
        return self._question(
            "pause the engine",
            "Pause",
            line("The running cycle ends first. No cycle begins until it is resumed:"),
            line("no fills are fetched, open orders stay as they are."),
        )

    def resume(self) -> Question:
        at_once = line("Cycles begin again at once, at their interval.")
        return self._question("resume the engine", "Resume", at_once)

    def kill(self) -> Question:
        return self._question(
            "stop all new orders",
            "Stop orders",
            line("No new order is sent from now on, until orders are allowed again."),
            line("Open orders stay as they are. Accounting goes on."),
        )

    def revive(self) -> Question:
        from_then = line("The strategy may place orders again, from the next cycle on.")
        return self._question("allow orders again", "Allow orders", from_then)

    def backfill(self) -> Question:
        return self._question(
            "rebuild missing metrics",
            "Rebuild",
            line("Rebuilds every metrics row that is missing, from what the ledger holds."),
            line("Books, cursors and orders are not touched."),
        )

    def quit_with_engine(self) -> Question:
        """Quitting is answered without the account's name, also where that is real money."""
        pid = self.view.hello.pid if self.view.hello else "?"
        facts = [
            self._target,
            line(f"Its engine (pid {pid}) ends too, after its running cycle."),
            line("To leave it running, start with --keep-running."),
        ]
        return Question("quit and end the engine", facts, "Quit")

    def restart(self, command: str) -> Question:
        return self._question(
            "start the engine again",
            "Start it",
            line("Starts an engine on this ledger: cycles begin, orders may be placed."),
            line((command, Tone.DIM)),
        )

    def replay_unseen(self, cycle_id: int) -> Question:
        """The question while the preview of the replay is being made."""
        making = line("Finding out what it would do, after the running cycle …")
        return self._question(f"replay cycle {count(cycle_id)}", "Replay", making)

    def replay(self, preview: "Preview") -> Question:
        """The preview says what the replay would do to today's ledger: it was made and undone."""
        conflicting = preview.conflicting
        return self._question(
            f"replay cycle {count(preview.cycle_id)}",
            "Replay",
            line("Phase 1 again, on what the venue said then."),
            line(("It never sends orders.", Tone.STRONG)),
            line(),
            _figure("attempted", preview.attempted),
            _figure("would insert", preview.inserted, Tone.LIVE if preview.inserted else Tone.OK),
            _figure("would ignore", preview.ignored),
            _figure("conflicting", conflicting, Tone.DANGER if conflicting else Tone.PLAIN),
            line(),
            *_cursors(preview),
            *_positions(preview),
        )

    def _question(self, title: str, confirm: str, *facts: Line) -> Question:
        """Where this is real money, the account's name has to be typed."""
        hello = self.view.hello
        account = hello.account if hello is not None and hello.mode == "live" else None
        return Question(title, [self._target, *facts], confirm, account)

    @property
    def _target(self) -> Line:
        hello = self.view.hello
        if hello is None:
            return line((self.view.account, Tone.STRONG))
        live = Tone.DANGER if hello.mode == "live" else Tone.PLAIN
        return line(
            (hello.account, Tone.STRONG),
            "  ",
            (hello.mode.upper(), live),
            (f"  {hello.venue} · every {span(hello.interval_ms)} · pid {hello.pid}", Tone.DIM),
        )


def _figure(label: str, value: int, tone: Tone = Tone.PLAIN) -> Line:
    return line(f"{label:<14}", (f"{count(value):>8}", tone))


def _cursors(preview: "Preview") -> list[Line]:
    moved = [
        line(f"  {key}  {_time(change.before)} → {_time(change.after)}")
        for key, change in preview.cursors.items()
        if change.before != change.after
    ]
    return [line("cursors       ", () if moved else _UNCHANGED), *moved]


def _time(ts_ms: int | None) -> str:
    return "its start" if ts_ms is None else clock(ts_ms, ms=True)


def _positions(preview: "Preview") -> list[Line]:
    same = preview.digest_before == preview.digest_after
    digest = f"  digest {preview.digest_after[:4]}…{preview.digest_after[-2:]}"
    moved = [
        line(f"  {symbol}  {_position(before)} → {_position(after)}")
        for symbol, after in preview.positions_after.items()
        if (before := preview.positions_before.get(symbol)) != after
    ]
    summary = line("positions     ", _UNCHANGED if same else (), (digest, Tone.DIM))
    return [summary, *([] if same else moved)]


def _position(position: "PositionView | None") -> str:
    if position is None:
        return "nothing"
    return f"{money(position.qty)}, realized {money(position.realized_pnl)}"
