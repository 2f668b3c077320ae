"""What came of a cycle, in lamps and words: committed or not, metrics or not, and why not."""

import re
from typing import TYPE_CHECKING

from console.kit.formats import count, plural
from console.kit.lines import Line, Tone, joined, line

if TYPE_CHECKING:
    from engine import CycleResult, Notice

MISSING = "m rebuilds"
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")

_STEPS = {"fetch": "fetch", "inputs": "inputs", "tx1": "TX 1", "execute": "orders", "tx2": "TX 2"}
# Nothing was committed, and nothing is broken either.
_UNDONE = {"skipped", "interrupted"}
_VERDICTS = {
    "clean": ("=", "nothing new", Tone.OK),
    "recovered": ("+", "events that were missing", Tone.ATTENTION),
    "conflict": ("≠", "it contradicts the ledger", Tone.DANGER),
}


def committed_lamp(result: "CycleResult") -> Line:
    return line(("●", Tone.OK) if result.committed else ("✕", Tone.DANGER))


def metrics_lamp(result: "CycleResult") -> Line:
    if not result.committed:
        return line(("–", Tone.FAINT))
    return line(("●", Tone.OK) if result.metrics_persisted else ("◆", Tone.ATTENTION))


def committed_words(result: "CycleResult") -> Line:
    tone = Tone.OK if result.committed else Tone.DANGER
    word = "committed" if result.committed else "nothing committed"
    return line(committed_lamp(result), " ", (word, tone))


def metrics_words(result: "CycleResult") -> Line:
    """Amber until they are there; without a commit there are none to have."""
    if not result.committed:
        return ()
    if result.metrics_persisted:
        return line(metrics_lamp(result), " ", ("metrics", Tone.OK))
    return line(metrics_lamp(result), (f" metrics missing · {MISSING}", Tone.ATTENTION))


def total_ms(result: "CycleResult") -> float:
    """All steps together; where those are not known, from its beginning to its end."""
    return sum(result.timings_ms.values()) or result.ended_ms - result.started_ms


def is_troubled(result: "CycleResult") -> bool:
    odd = result.errors or result.warnings or result.ledger_events_conflicting
    return bool(odd) or not (result.committed and result.metrics_persisted)


def is_told(result: "CycleResult") -> bool:
    """There is more to say of it than how long it took."""
    return is_troubled(result) or result.kind == "replay"


def story(result: "CycleResult") -> Line:
    """One line, beside the lamps: how it ended, and the first thing to know about it."""
    parts = [_status(result), _verdict(result), _trouble(result), _more(result)]
    found = [part for part in parts if part]
    return joined(found, (" · ", Tone.FAINT))


def remark(result: "CycleResult") -> Line:
    """The same in a few words, for a table, and then the message, as far as there is room; empty
    when all went well."""
    parts = [
        _conflicts(result) or _verdict_alone(result),
        _undone(result),
        _brief(result.errors[0], _tone(result)) if result.errors else (),
        line(("held " + ", ".join(result.held), Tone.ATTENTION)) if result.held else (),
        line((MISSING, Tone.ATTENTION)) if _is_without_metrics(result) else (),
        _brief(result.warnings[0], Tone.ATTENTION) if _only_warned(result) else (),
        _message(result),
    ]
    return joined([part for part in parts if part], (" · ", Tone.FAINT))


def _status(result: "CycleResult") -> Line:
    status = result.status.value
    if not result.committed:
        return line((status, _tone(result)))
    if status == "ok":
        return () if is_troubled(result) else line(("ok", Tone.DIM))
    return line((f"◆ {status}", Tone.ATTENTION))


def _verdict(result: "CycleResult") -> Line:
    if result.verdict is None:
        return _of_what(result) if result.kind == "replay" else ()
    sign, words, tone = _VERDICTS[result.verdict]
    return line(
        _of_what(result), ": ", (f"{sign} {result.verdict.value}", tone), (f", {words}", Tone.DIM)
    )


def _verdict_alone(result: "CycleResult") -> Line:
    if result.verdict is None:
        return ()
    sign, _, tone = _VERDICTS[result.verdict]
    return line((f"{sign} {result.verdict.value}", tone))


def _undone(result: "CycleResult") -> Line:
    """That it failed is said by its lamp, and by the error."""
    told = result.committed or (result.status == "failed" and result.errors)
    return () if told else _status(result)


def _of_what(result: "CycleResult") -> Line:
    of = f" of {count(result.replay_of)}" if result.replay_of is not None else ""
    return line((f"replay{of}", Tone.DIM))


def _trouble(result: "CycleResult") -> Line:
    """The first of: a contradiction, an error, a held cursor, a warning; else what it brought."""
    if result.ledger_events_conflicting:
        return line(_conflicts(result), (", kept beside the ledger", Tone.DIM))
    if result.errors:
        return _full(result.errors[0], _tone(result))
    if result.held:
        held = ", ".join(result.held)
        return line((f"held by quarantine: {held}", Tone.ATTENTION))
    if result.warnings:
        return _full(result.warnings[0], Tone.ATTENTION)
    fetched = f"{count(result.fills_count)} new of {count(result.fills_fetched)} fetched"
    return line((fetched, Tone.DIM)) if result.committed else ()


def _more(result: "CycleResult") -> Line:
    """What is told first may not be all: other errors, or markets held beside a conflict."""
    if result.ledger_events_conflicting and result.held:
        return line((f"held {', '.join(result.held)}", Tone.ATTENTION))
    others = len(result.errors) - 1
    return line((f"and {count(others)} more", _tone(result))) if others > 0 else ()


def _conflicts(result: "CycleResult") -> Line:
    conflicting = result.ledger_events_conflicting
    if not conflicting:
        return ()
    return line((f"≠ {plural(conflicting, 'conflict')}", Tone.DANGER))


def _full(notice: "Notice", tone: Tone) -> Line:
    where = _STEPS.get(notice.step, notice.step)
    market = f" {notice.symbol}" if notice.symbol else ""
    return line((in_words(notice.type), tone), (f" at {where}{market}: ", Tone.DIM), notice.message)


def _brief(notice: "Notice", tone: Tone) -> Line:
    market = f" {notice.symbol}" if notice.symbol else ""
    return line((in_words(notice.type) + market, tone))


def _message(result: "CycleResult") -> Line:
    told = result.errors or (result.warnings if _only_warned(result) else ())
    return line((told[0].message, Tone.DIM)) if told and told[0].message else ()


def in_words(kind: str) -> str:
    """`order trouble` of `OrderTrouble`, `cursor held` of `cursor_held`; else what it says."""
    return _WORD_ENDS.sub(" ", kind).lower() if kind.isidentifier() else kind


def _tone(result: "CycleResult") -> Tone:
    return Tone.ATTENTION if result.committed or result.status in _UNDONE else Tone.DANGER


def _is_without_metrics(result: "CycleResult") -> bool:
    return result.committed and not result.metrics_persisted


def _only_warned(result: "CycleResult") -> bool:
    """The warnings that a held cursor and a failed TX 2 give are said already."""
    told = result.errors or result.held or result.ledger_events_conflicting
    return bool(result.warnings) and not told and not _is_without_metrics(result)
