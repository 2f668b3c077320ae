"""The questions asked before anything reaches the exchange or changes state."""

from typing import TYPE_CHECKING

from console.kit.formats import clock, count, money, span
from console.kit.lines import Line, Tone, line
from console.kit.question import Question
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import PositionView, Preview


def trigger(view: ConsoleState) -> Question:
    orders = "It may place and cancel orders." if _trades(view) else "It places no orders."
    facts = [
        _target(view),
        line("Asks the venue for fills, books what is new, moves the cursors."),
        line(orders),
    ]
    return Question("run one cycle now", facts, "Run it", _real_money(view))


def pause(view: ConsoleState) -> Question:
    facts = [
        _target(view),
        line("The running cycle ends first. No cycle begins until it is resumed:"),
        line("no fills are fetched, open orders stay as they are."),
    ]
    return Question("pause the engine", facts, "Pause", _real_money(view))


def resume(view: ConsoleState) -> Question:
    facts = [_target(view), line("Cycles begin again at once, at their interval.")]
    return Question("resume the engine", facts, "Resume", _real_money(view))


def kill(view: ConsoleState) -> Question:
    facts = [
        _target(view),
        line("No new order is sent from now on, until orders are allowed again."),
        line("Open orders stay as they are. Accounting goes on."),
    ]
    return Question("stop all new orders", facts, "Stop orders", _real_money(view))


def revive(view: ConsoleState) -> Question:
    facts = [_target(view), line("The strategy may place orders again, from the next cycle on.")]
    return Question("allow orders again", facts, "Allow orders", _real_money(view))


def backfill(view: ConsoleState) -> Question:
    facts = [
        _target(view),
        line("Rebuilds every metrics row that is missing, from what the ledger holds."),
        line("Books, cursors and orders are not touched."),
    ]
    return Question("rebuild missing metrics", facts, "Rebuild", _real_money(view))


def quit_with_engine(view: ConsoleState) -> Question:
    pid = view.hello.pid if view.hello else "?"
    facts = [
        _target(view),
        line(f"Its engine (pid {pid}) ends too, after its running cycle."),
        line("To leave it running, start with --keep-running."),
    ]
    return Question("quit and end the engine", facts, "Quit", None)


def restart(view: ConsoleState, command: str) -> Question:
    facts = [
        _target(view),
        line("Starts an engine on this ledger: cycles begin, orders may be placed."),
        line((command, Tone.DIM)),
    ]
    return Question("start the engine again", facts, "Start it", _real_money(view))


def replay_unseen(view: ConsoleState, cycle_id: int) -> Question:
    """Before it is known what a replay would do."""
    facts = [
        _target(view),
        line("Finding out what it would do, after the running cycle …"),
    ]
    return Question(_replaying(cycle_id), facts, "Replay", _real_money(view))


def replay(view: ConsoleState, preview: "Preview") -> Question:
    """What a replay of a cycle would do to today's ledger, found out by doing it and undoing it."""
    unchanged = ("unchanged", Tone.OK)
    moved = [
        line(f"  {key}  {_time(change.before)} → {_time(change.after)}")
        for key, change in preview.cursors.items()
        if change.before != change.after
    ]
    same = preview.digest_before == preview.digest_after
    facts = [
        _target(view),
        line("Phase 1 again, on what the venue said then."),
        line(("It never sends orders.", Tone.STRONG)),
        line(),
        _figure("attempted", preview.attempted),
        _figure("would insert", preview.inserted, Tone.OK if not preview.inserted else Tone.LIVE),
        _figure("would ignore", preview.ignored),
        _figure("conflicting", preview.conflicting, Tone.DANGER if preview.conflicting else None),
        line(),
        line("cursors       ", *([] if moved else [unchanged])),
        *moved,
        line("positions     ", *([unchanged] if same else []),
             (f"  digest {preview.digest_after[:4]}…{preview.digest_after[-2:]}", Tone.DIM)),
        *([] if same else _changed(preview)),
    ]  # fmt: skip
    return Question(_replaying(preview.cycle_id), facts, "Replay", _real_money(view))


def _replaying(cycle_id: int) -> str:
    return f"replay cycle {count(cycle_id)}"


def _changed(preview: "Preview") -> list[Line]:
    lines = []
    for symbol, after in preview.positions_after.items():
        before = preview.positions_before.get(symbol)
        if before != after:
            lines.append(line(f"  {symbol}  {_money_of(before)} → {_money_of(after)}"))
    return lines


def _money_of(position: "PositionView | None") -> str:
    if position is None:
        return "nothing"
    return f"{money(position.qty)}, realised {money(position.realized_pnl)}"


def _time(ts_ms: int | None) -> str:
    return "its start" if ts_ms is None else clock(ts_ms, ms=True)


def _figure(label: str, value: int, tone: Tone | None = None) -> Line:
    return line(f"{label:<14}", (f"{count(value):>8}", tone or Tone.PLAIN))


def _target(view: ConsoleState) -> Line:
    hello = view.hello
    if hello is None:
        return line((view.account, Tone.STRONG))
    live = Tone.DANGER if hello.mode == "live" else Tone.PLAIN
    return line(
        (hello.account, Tone.STRONG),
        "  ",
        (hello.mode.upper(), live),
        (f"  {hello.venue} · every {span(hello.interval_ms)} · pid {hello.pid}", Tone.DIM),
    )


def _trades(view: ConsoleState) -> bool:
    return view.hello is not None and view.hello.strategy != "none"


def _real_money(view: ConsoleState) -> str | None:
    """The name to be typed where this is real money."""
    hello = view.hello
    return hello.account if hello is not None and hello.mode == "live" else None
