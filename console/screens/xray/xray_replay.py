"""Replays of a cycle beside the original, and the differences of a rehearsal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from console.kit.formats import NONE, clock, count, plural
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, line
from console.kit.scrolled import Scrolled
from console.screens.shared.cycle_story import CycleStory

if TYPE_CHECKING:
    from engine import CycleResult

# The figures of a cycle, and the tone of one that is not zero in a replay.
_FIGURES = {
    "attempted": Tone.PLAIN,
    "inserted": Tone.ATTENTION,
    "ignored": Tone.PLAIN,
    "conflicting": Tone.DANGER,
}
_LABEL, _THEN, _NOW = 12, 9, 13


class XrayReplay(Scrolled):
    """The replays of a cycle, and the rehearsal that `R` made."""

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

    def show_rehearsal(self, rehearsal: Mapping[str, Any]) -> None:
        """A `Rehearsal` as JSON; that of another cycle than the one shown is left out."""
        if self._original is not None and rehearsal.get("cycle_id") == self._original.cycle_id:
            self._rehearsal = rehearsal
            self.redraw()

    def lines(self, width: int) -> Iterable[Line]:
        original = self._original
        if original is None:
            return
        if original.replay_of is not None:
            yield line("a replay of cycle ", (count(original.replay_of), Tone.STRONG))
            yield line((f"{'verdict':<{_LABEL}}", Tone.DIM), self._verdict(original))
            yield line(("enter opens the original", Tone.DIM))
        elif original.kind == "decision":
            yield line(("a decision fetched nothing that could be replayed", Tone.DIM))
            number = f"decision {count(original.commit_seq or 0)} · "
            yield line((number, Tone.DIM), ("cycledeck decisions list", Tone.LIVE))
            return
        elif self._replays:
            yield from self._beside(original)
        else:
            yield line(("not replayed yet", Tone.DIM))
            yield line(("r shows first what a replay would do, and asks", Tone.DIM))
        if self._rehearsal is not None:
            yield line()
            yield from self._rehearsed(self._rehearsal.get("differences", ()))
        yield line()
        yield line(("orders  ", Tone.DIM), "never sent by a replay")

    @staticmethod
    def _verdict(replay: "CycleResult") -> Line:
        undone = (f"■ {replay.status.value}: nothing was committed", Tone.DANGER)
        return CycleStory(replay).verdict_alone() or line(undone)

    def _beside(self, original: "CycleResult") -> Iterator[Line]:
        """The newest replay's figures beside the original's, and the verdict of each."""
        newest = self._replays[0]
        yield line(
            (f"{'':<{_LABEL}}{'original':>{_THEN}}", Tone.DIM),
            (f"{'cycle ' + count(newest.cycle_id):>{_NOW}}", Tone.DIM),
        )
        for name, odd in _FIGURES.items():
            then = getattr(original, f"ledger_events_{name}")
            now = getattr(newest, f"ledger_events_{name}")
            yield line(
                (f"{name:<{_LABEL}}", Tone.DIM),
                f"{count(then):>{_THEN}}",
                (f"{count(now):>{_NOW}}", odd if now else Tone.PLAIN),
            )
        yield line((f"{'positions':<{_LABEL}}", Tone.DIM), self._positions(newest))
        yield line((f"{'verdict':<{_LABEL}}", Tone.DIM), self._verdict(newest))
        for replay in self._replays:
            when = clock(replay.started_ms, local=self._local)
            cycle = (f"{when}  cycle {count(replay.cycle_id)}  ", Tone.DIM)
            yield line(cycle, self._verdict(replay))

    @staticmethod
    def _positions(replay: "CycleResult") -> Line:
        digest = replay.positions_digest
        if digest is None:
            return line("unchanged")
        short = (f"digest {digest[:4]}…{digest[-2:]}", Tone.FAINT)
        clean = replay.verdict == "clean"
        return line(("unchanged  ", Tone.OK), short) if clean else line(short)

    @staticmethod
    def _rehearsed(differences: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
        if not differences:
            yield line(("rehearsed on a copy of the state before it", Tone.DIM))
            yield line(("✓ no differences", Tone.OK))
            return
        many = f"≠ {plural(len(differences), 'difference')}"
        yield line((many, Tone.ATTENTION), (" in a rehearsal on the state before it", Tone.DIM))
        for difference in differences:
            what, key = str(difference.get("what")), str(difference.get("key"))
            yield line((f"{what}  ", Tone.DIM), key)
            for name in ("recorded", "now"):
                value = difference.get(name)
                yield line((f"  {name:<10}", Tone.DIM), NONE if value is None else str(value))
