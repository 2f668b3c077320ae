"""A cycle in lamps, words and figures: committed or not, metrics or not, and why not."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.kit.formats import NONE, bps, count, figure, plural, rate
from console.kit.lines import Line, Tone, joined, line

if TYPE_CHECKING:
    from engine import CycleResult, Notice

MISSING = "m rebuilds"
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")
_DOT = (" · ", Tone.FAINT)

# The steps of a cycle, by their names in its timings and notices, in words.
STEPS = {"fetch": "fetch", "inputs": "inputs", "tx1": "TX 1", "execute": "orders", "tx2": "TX 2"}
# Nothing was committed, and nothing is broken either.
_UNDONE = {"skipped", "interrupted"}
_VERDICTS = {
    "clean": ("=", "nothing new", Tone.OK),
    "recovered": ("+", "events that were missing", Tone.ATTENTION),
    "conflict": ("≠", "it contradicts the ledger", Tone.DANGER),
}


@dataclass(frozen=True, slots=True)
class CycleStory:
    """The story of one cycle's result."""

    result: "CycleResult"

    # --- lamps

    def committed(self, *, worded: bool = True) -> Line:
        done = self.result.committed
        sign, words, tone = (
            ("●", "committed", Tone.OK) if done else ("✕", "nothing committed", Tone.DANGER)
        )
        if self.result.nothing_to_commit:
            words = "unchanged"
        return line((sign, tone), (f" {words}" if worded else "", tone))

    def metrics(self, *, worded: bool = True) -> Line:
        """Amber until they are there; without a commit there are none to have."""
        if not self.result.committed:
            return () if worded else line(("–", Tone.FAINT))
        sign, words, tone = (
            ("●", " metrics", Tone.OK)
            if self.result.metrics_persisted
            else ("◆", f" metrics missing · {MISSING}", Tone.ATTENTION)
        )
        return line((sign, tone), (words if worded else "", tone))

    def lamps(self) -> Line:
        return joined([self.committed(), self.metrics()], "  ")

    # --- words

    @property
    def total_ms(self) -> float:
        """All steps together; without their times, from its beginning to its end."""
        return sum(self.result.timings_ms.values()) or self.result.ended_ms - self.result.started_ms

    @property
    def is_troubled(self) -> bool:
        result = self.result
        odd = result.errors or result.warnings or result.ledger_events_conflicting
        return bool(odd) or not (result.committed and result.metrics_persisted)

    @property
    def is_final(self) -> bool:
        """Nothing about it is still to come."""
        result = self.result
        return result.status != "running" and (result.metrics_persisted or not result.committed)

    @property
    def is_remarkable(self) -> bool:
        """There is more to say of it than how long it took."""
        return self.is_troubled or self.result.kind == "replay"

    def outcome(self) -> Line:
        """One line, beside the lamps: how it ended, and the first thing to know about it."""
        return joined([self._status(), self._verdict(), self._trouble(), self._more()], _DOT)

    def remark(self) -> Line:
        """The outcome in a few words, for a table, and then the message, as far as there is room;
        empty when all went well."""
        result = self.result
        if (decided := self._decided) is not None:
            held = (f"held {', '.join(result.held)}" if result.held else "", Tone.ATTENTION)
            words = self._brief(decided, Tone.ATTENTION), line((decided.message, Tone.DIM))
            return joined([*words, line(held)], _DOT)
        parts = [
            self._conflicts() or self.verdict_alone(),
            self._undone(),
            self._brief(result.errors[0], self._tone) if result.errors else (),
            line(("held " + ", ".join(result.held), Tone.ATTENTION)) if result.held else (),
            line((MISSING, Tone.ATTENTION)) if self._is_without_metrics else (),
            self._brief(result.warnings[0], Tone.ATTENTION) if self._only_warned else (),
            self._message(),
        ]
        return joined(parts, _DOT)

    def _status(self) -> Line:
        status = self.result.status.value
        if not self.result.committed:
            return line((status, self._tone))
        if status == "ok":
            return () if self.is_troubled else line(("ok", Tone.DIM))
        return line((f"◆ {status}", Tone.ATTENTION))

    def _verdict(self) -> Line:
        result = self.result
        if result.kind != "replay" and result.verdict is None:
            return ()
        origin = f" of {count(result.replay_of)}" if result.replay_of is not None else ""
        replay = line((f"replay{origin}", Tone.DIM))
        if result.verdict is None:
            return replay
        words = _VERDICTS[result.verdict][1]
        return line(replay, ": ", self.verdict_alone(), (f", {words}", Tone.DIM))

    def verdict_alone(self) -> Line:
        if self.result.verdict is None:
            return ()
        sign, _, tone = _VERDICTS[self.result.verdict]
        return line((f"{sign} {self.result.verdict.value}", tone))

    def _undone(self) -> Line:
        """That it failed, its lamp and the error say as well."""
        result = self.result
        explained = result.committed or (result.status == "failed" and result.errors)
        return () if explained else self._status()

    def _trouble(self) -> Line:
        """The first of: a decision, a contradiction, an error, a held cursor, a warning, what it
        brought."""
        result = self.result
        if self._decided is not None:
            return self._full(self._decided, Tone.ATTENTION)
        if result.ledger_events_conflicting:
            return line(self._conflicts(), (", kept beside the ledger", Tone.DIM))
        if result.errors:
            return self._full(result.errors[0], self._tone)
        if result.held:
            return line((f"waits for you: {', '.join(result.held)}", Tone.ATTENTION))
        if result.warnings:
            return self._full(result.warnings[0], Tone.ATTENTION)
        fetched = f"{count(result.fills_count)} new of {count(result.fills_fetched)} fetched"
        return line((fetched, Tone.DIM)) if result.committed else ()

    def _more(self) -> Line:
        """What comes first may not be all: other errors, or markets held beside a conflict."""
        result = self.result
        if (result.ledger_events_conflicting or self._decided) and result.held:
            return line((f"held {', '.join(result.held)}", Tone.ATTENTION))
        others = len(result.errors) - 1
        return line((f"and {count(others)} more", self._tone)) if others > 0 else ()

    @property
    def _decided(self) -> "Notice | None":
        """Of a decision's cycle, what was decided."""
        return next((entry for entry in self.result.warnings if entry.type == "decided"), None)

    def _conflicts(self) -> Line:
        conflicting = self.result.ledger_events_conflicting
        return line((f"≠ {plural(conflicting, 'conflict')}", Tone.DANGER)) if conflicting else ()

    @staticmethod
    def _full(notice: "Notice", tone: Tone) -> Line:
        where = STEPS.get(notice.step, notice.step)
        market = f" {notice.symbol}" if notice.symbol else ""
        place = (f" at {where}{market}: ", Tone.DIM)
        return line((in_words(notice.type), tone), place, notice.message)

    @staticmethod
    def _brief(notice: "Notice", tone: Tone) -> Line:
        market = f" {notice.symbol}" if notice.symbol else ""
        return line((in_words(notice.type) + market, tone))

    def _message(self) -> Line:
        result = self.result
        notices = result.errors or (result.warnings if self._only_warned else ())
        return line((notices[0].message, Tone.DIM)) if notices and notices[0].message else ()

    @property
    def _tone(self) -> Tone:
        undone = self.result.committed or self.result.status in _UNDONE
        return Tone.ATTENTION if undone else Tone.DANGER

    @property
    def _is_without_metrics(self) -> bool:
        return self.result.committed and not self.result.metrics_persisted

    @property
    def _only_warned(self) -> bool:
        """A warning that a held cursor or a failed TX 2 gives is no news."""
        result = self.result
        worse = result.errors or result.held or result.ledger_events_conflicting
        return bool(result.warnings) and not worse and not self._is_without_metrics

    # --- figures

    def ledger_sum(self) -> Line:
        """`attempted 24 = inserted 4 + ignored 19 + conflicting 1`."""
        result = self.result
        inserted, conflicting = result.ledger_events_inserted, result.ledger_events_conflicting
        return line(
            ("attempted ", Tone.DIM),
            count(result.ledger_events_attempted),
            (" = inserted ", Tone.DIM),
            (count(inserted), Tone.OK if inserted else Tone.PLAIN),
            (" + ignored ", Tone.DIM),
            count(result.ledger_events_ignored),
            (" + conflicting ", Tone.DIM),
            (count(conflicting), Tone.DANGER if conflicting else Tone.PLAIN),
        )

    def measured(self) -> Line:
        """The metrics: fills, orders, and how well those were filled."""
        result = self.result
        unusual = {
            "canceled": result.orders_canceled,
            "refused": result.orders_refused,
            "rejected": result.rejects_count,
        }
        slip, to_fill = result.slippage_bps_avg, figure(result.avg_time_to_fill, 1)
        figures = {
            "fills": count(result.fills_count),
            "orders": count(result.orders_submitted),
            **{name: count(number) for name, number in unusual.items() if number},
            "fills/order": rate(result.fills_per_submitted_order),
            "slip": NONE if slip is None else f"{bps(slip)} bps",
            "time to fill": to_fill if to_fill == NONE else f"{to_fill} s",
        }
        parts = (line((f"{name} ", Tone.DIM), value) for name, value in figures.items())
        return joined(parts, _DOT)

    def complaints(self) -> list[Line]:
        """Every error and warning, the errors first."""
        errors = [self._complaint("■ error", Tone.DANGER, notice) for notice in self.result.errors]
        return errors + [
            self._complaint("▲ warning", Tone.ATTENTION, notice) for notice in self.result.warnings
        ]

    @staticmethod
    def _complaint(label: str, tone: Tone, notice: "Notice") -> Line:
        about = f"  {notice.symbol}" if notice.symbol else ""
        return line(
            (f"{label:<11}", tone),
            (f"{notice.step}  ", Tone.DIM),
            notice.type,
            (f"{about}  {notice.message}", Tone.DIM),
        )


def in_words(kind: str) -> str:
    """`order trouble` of `OrderTrouble`, `cursor held` of `cursor_held`; else what it says."""
    return _WORD_ENDS.sub(" ", kind).lower() if kind.isidentifier() else kind
