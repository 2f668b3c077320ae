"""What a cycle did, in lines: the sum of its events, its metrics, what it complained of."""

from typing import TYPE_CHECKING

from console.kit.formats import NONE, count, figure, rate
from console.kit.lines import Line, Tone, joined, line
from console.screens.shared.cycle_row import signed_bps

if TYPE_CHECKING:
    from engine import CycleResult, Notice

_DOT = (" · ", Tone.FAINT)


def ledger_sum(result: "CycleResult") -> Line:
    """`attempted 24 = inserted 4 + ignored 19 + conflicting 1`."""
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


def measured(result: "CycleResult") -> Line:
    """The metrics: fills, orders, and how well those were filled."""
    slip = result.slippage_bps_avg
    parts = [
        ("fills ", count(result.fills_count)),
        ("orders ", count(result.orders_submitted)),
        *[(f"{name} ", count(number)) for name, number in _unusual(result) if number],
        ("fills/order ", rate(result.fills_per_submitted_order)),
        ("slip ", NONE if slip is None else f"{signed_bps(slip)} bps"),
        ("time to fill ", _in(figure(result.avg_time_to_fill, 1), "s")),
    ]
    return joined([line((name, Tone.DIM), value) for name, value in parts], _DOT)


def _unusual(result: "CycleResult") -> list[tuple[str, int]]:
    return [
        ("canceled", result.orders_canceled),
        ("refused", result.orders_refused),
        ("rejected", result.rejects_count),
    ]


def complaints(result: "CycleResult") -> list[Line]:
    """Every error and warning, the errors first."""
    errors = [_complaint("■ error", Tone.DANGER, notice) for notice in result.errors]
    warnings = [_complaint("▲ warning", Tone.ATTENTION, notice) for notice in result.warnings]
    return errors + warnings


def _complaint(label: str, tone: Tone, notice: "Notice") -> Line:
    about = f"  {notice.symbol}" if notice.symbol else ""
    return line(
        (f"{label:<11}", tone),
        (f"{notice.step}  ", Tone.DIM),
        notice.type,
        (f"{about}  {notice.message}", Tone.DIM),
    )


def _in(shown: str, unit: str) -> str:
    return shown if shown == NONE else f"{shown} {unit}"
