"""Replays of a cycle beside the original, and what a rehearsal of it found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from console.kit.formats import clock, count
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, line
from console.kit.scrolled import Scrolled

if TYPE_CHECKING:
    from engine import CycleResult

_VERDICTS = {
    "clean": ("= clean", Tone.OK),
    "recovered": ("+ recovered", Tone.ATTENTION),
    "conflict": ("≠ conflict", Tone.DANGER),
}
_FIGURES = ("attempted", "inserted", "ignored", "conflicting")
_LABEL, _THEN, _NOW = 12, 9, 13


class XrayReplay(Scrolled):
    """`show` says which cycle, and the replays of it there are; `show_rehearsal` what `R` found."""

    def __init__(self) -> None:
        super().__init__(id="xray-replay", classes="panel")
        self.border_title = "replay"
        self._original: CycleResult | None = None
        self._replays: Sequence[CycleResult] = ()
        self._rehearsal: Mapping[str, Any] | None = None
        self._local = False
        caption(self, subtitle="r replay · R rehearse")

    def show(
        self, original: "CycleResult", replays: "Sequence[CycleResult]", *, local: bool
    ) -> None:
        """`replays` newest first."""
        if self._original is not None and self._original.cycle_id != original.cycle_id:
            self._rehearsal = None
        self._original, self._replays, self._local = original, replays, local
        self.redraw()

    def show_rehearsal(self, found: Mapping[str, Any]) -> None:
        """A `Rehearsal` as JSON; of another cycle than the one shown it is not told."""
        if self._original is not None and found.get("cycle_id") == self._original.cycle_id:
            self._rehearsal = found
            self.redraw()

    def lines(self, width: int) -> Iterable[Line]:
        if self._original is None:
            return
        if self._original.replay_of is not None:
            yield from self._of_another(self._original, self._original.replay_of)
        elif self._replays:
            yield from _beside(self._original, self._replays, self._local)
        else:
            yield line(("not replayed yet", Tone.DIM))
            yield line(("r shows first what a replay would do, and asks", Tone.DIM))
        if self._rehearsal is not None:
            yield line()
            yield from _rehearsed(self._rehearsal)
        yield line()
        yield line(("orders  ", Tone.DIM), "never sent by a replay")

    def _of_another(self, replay: "CycleResult", original: int) -> Iterator[Line]:
        yield line("a replay of cycle ", (count(original), Tone.STRONG))
        yield line((f"{'verdict':<{_LABEL}}", Tone.DIM), _verdict(replay))
        yield line(("enter opens the original", Tone.DIM))


def _verdict(replay: "CycleResult") -> Line:
    if replay.verdict is None:
        return line((f"■ {replay.status.value}: nothing was committed", Tone.DANGER))
    return line(_VERDICTS[replay.verdict.value])


def _beside(
    original: "CycleResult", replays: "Sequence[CycleResult]", local: bool
) -> Iterator[Line]:
    newest = replays[0]
    yield line(
        (f"{'':<{_LABEL}}{'original':>{_THEN}}", Tone.DIM),
        (f"{'cycle ' + count(newest.cycle_id):>{_NOW}}", Tone.DIM),
    )
    for name in _FIGURES:
        then = getattr(original, f"ledger_events_{name}")
        now = getattr(newest, f"ledger_events_{name}")
        yield line(
            (f"{name:<{_LABEL}}", Tone.DIM),
            f"{count(then):>{_THEN}}",
            (f"{count(now):>{_NOW}}", _tone(name, now)),
        )
    yield line((f"{'positions':<{_LABEL}}", Tone.DIM), _positions(newest))
    yield line((f"{'verdict':<{_LABEL}}", Tone.DIM), _verdict(newest))
    for replay in replays:
        when = clock(replay.started_ms, local=local)
        yield line((f"{when}  cycle {count(replay.cycle_id)}  ", Tone.DIM), _verdict(replay))


def _tone(name: str, value: int) -> Tone:
    if not value:
        return Tone.PLAIN
    return {"inserted": Tone.ATTENTION, "conflicting": Tone.DANGER}.get(name, Tone.PLAIN)


def _positions(replay: "CycleResult") -> Line:
    digest = replay.positions_digest
    if digest is None:
        return line("unchanged")
    short = (f"digest {digest[:4]}…{digest[-2:]}", Tone.FAINT)
    return line(("unchanged  ", Tone.OK), short) if replay.verdict == "clean" else line(short)


def _rehearsed(found: Mapping[str, Any]) -> Iterator[Line]:
    differences = found.get("differences", ())
    if not differences:
        yield line(("rehearsed on a copy of the state before it", Tone.DIM))
        yield line(("✓ no differences", Tone.OK))
        return
    told = f"≠ {count(len(differences))} difference{'' if len(differences) == 1 else 's'}"
    yield line((told, Tone.ATTENTION), (" in a rehearsal on the state before it", Tone.DIM))
    for difference in differences:
        what, key = str(difference.get("what")), str(difference.get("key"))
        yield line((f"{what}  ", Tone.DIM), key)
        yield line(("  recorded  ", Tone.DIM), _value(difference.get("recorded")))
        yield line(("  now       ", Tone.DIM), _value(difference.get("now")))


def _value(found: object) -> str:
    return "–" if found is None else str(found)
