"""A cycle as a row of a table: the columns, and what stands in them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from console.kit.formats import NONE, clock, count, figure, rate
from console.kit.grid import Column
from console.kit.line_widget import width_of
from console.kit.lines import Line, Tone, line
from console.screens.shared.cycle_story import committed_lamp, metrics_lamp, remark, total_ms

if TYPE_CHECKING:
    from engine import CycleResult

# What goes first where the room is short: conflicts, for the remark tells them all the same.
COLUMNS = (
    Column("cycle", 6, right=True),
    Column("time", 8, drop=4),
    Column("kind", 6, drop=5),
    Column("phases", 6),
    Column("fetched", 7, right=True, drop=10),
    Column("new", 3, right=True, drop=6),
    Column("ins", 4, right=True),
    Column("ign", 4, right=True, drop=3),
    Column("conf", 4, right=True, drop=11),
    Column("orders", 6, right=True, drop=8),
    Column("fills/order", 11, right=True, drop=7),
    Column("slip bps", 8, right=True, drop=9),
    Column("ms", 3, right=True, drop=2),
    Column("remark", 0, least=15),
)

_NOTHING = line((NONE, Tone.FAINT))


def cycle_cells(result: "CycleResult", *, local: bool = False) -> tuple[Line, ...]:
    rank = Tone.DIM if result.kind == "replay" else Tone.PLAIN
    return (
        line((count(result.cycle_id), rank)),
        line((clock(result.started_ms, local=local), rank)),
        line((result.kind.value, rank)),
        line(committed_lamp(result), " ", metrics_lamp(result)),
        *_ledger(result),
        *_orders(result),
        line((count(round(total_ms(result))), rank)),
        remark(result),
    )


def columns_for(widths: Mapping[str, int]) -> list[Column]:
    """The columns, wider where a digit would be cut: `widths` needed, by title."""
    return [
        replace(column, width=max(column.width, widths.get(column.title, 0)))
        if column.width
        else column
        for column in COLUMNS
    ]


def widths_of(cells: Sequence[Line]) -> dict[str, int]:
    """How wide the cells are, by their column's title."""
    return {column.title: width_of(cell) for column, cell in zip(COLUMNS, cells, strict=True)}


def _ledger(result: "CycleResult") -> tuple[Line, ...]:
    """Fills fetched and new; events inserted, ignored, conflicting."""
    if not result.committed:
        return (_NOTHING,) * 5
    inserted, conflicting = result.ledger_events_inserted, result.ledger_events_conflicting
    return (
        line(count(result.fills_fetched)),
        line(count(result.fills_count)),
        line((count(inserted), Tone.OK if inserted else Tone.DIM)),
        line((count(result.ledger_events_ignored), Tone.DIM)),
        line((count(conflicting), Tone.DANGER if conflicting else Tone.DIM)),
    )


def _orders(result: "CycleResult") -> tuple[Line, ...]:
    """Without orders there is no rate, which is not a rate of zero."""
    if result.kind == "replay":
        return (_NOTHING,) * 3
    filled = result.fills_per_submitted_order if result.orders_submitted else None
    slip = result.slippage_bps_avg
    return (
        line(count(result.orders_submitted)),
        _NOTHING if filled is None else line(rate(filled)),
        _NOTHING if slip is None else line(signed_bps(slip)),
    )


def signed_bps(value: float) -> str:
    """With one decimal, and no minus before a zero."""
    return figure(round(value, 1) + 0.0, 1, sign=True)
