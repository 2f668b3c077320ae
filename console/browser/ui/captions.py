"""Captions of rows: their count, how sure it is, the progress of a scan; and one cell in full."""

from typing import TypeGuard

from console.browser.model import Cell, ColumnInfo, Count, Progress
from console.browser.ui.cells import moment_of, names_time, shown
from console.browser.ui.filters import spoken
from console.browser.ui.table_query import TableQuery
from console.kit.formats import count, moment, stamp
from console.kit.lines import Line, Tone, joined, line

_ESC: Line = (("  esc stops", Tone.FAINT),)
DOT: Line = ((" · ", Tone.FAINT),)


def counted(row: int, rows: Count, progress: Progress | None, stopped: str) -> Line:
    """The cursor's row and the count: `row 3 of 5,118 exact`, never more certain than it is."""
    parts: list[Line] = [line(_position(row, rows, stopped), _sureness(rows, stopped))]
    if running(progress):
        parts.append(_running(progress, rows))
    elif rows.state == "counting":
        parts.append(line(("looking …", Tone.LIVE), _ESC))
    if stopped:
        parts.append(line(("▲ ", Tone.ATTENTION), stopped))
    return joined(parts, DOT)


def running(progress: Progress | None) -> TypeGuard[Progress]:
    return progress is not None and not progress.done


def looked_at(scanned: int) -> Line:
    """The number of rows that a scan has read."""
    return line(count(scanned), (" looked at", Tone.DIM)) if scanned else ()


def chips(query: TableQuery) -> Line:
    """The filters of a query."""
    parts = [spoken(condition) for condition in query.where]
    if query.search:
        parts.append(line(("any column", Tone.STRONG), (" ~", Tone.DIM), f" {query.search}"))
    return joined(parts, DOT)


def sorting(query: TableQuery) -> list[Line]:
    return [
        line(("by ", Tone.DIM), order.column, (f" {sign(order.descending)}", Tone.LIVE))
        for order in query.order
    ]


def sign(descending: bool) -> str:
    return "▼" if descending else "▲"


def in_full(info: ColumnInfo, cell: Cell) -> Line:
    """A cell with its column and type, as much of it as there is room for."""
    head = line((info.name, Tone.STRONG), "  ", (kind_of(info, cell), Tone.DIM), "  ")
    times = times_of(info, cell)
    moments = line("  ", joined(times, DOT)) if times else ()
    return line(head, shown(cell, most=2_000), moments, _length(cell))


def kind_of(info: ColumnInfo, cell: Cell) -> str:
    """The declared type, and the stored one where that is another."""
    stored = cell.kind.upper()
    declared = info.type or stored
    same = cell.kind == "null" or stored in declared.upper() or declared.upper() in stored
    return declared if same else f"{declared}, stored {stored}"


def times_of(info: ColumnInfo, cell: Cell) -> tuple[Line, ...]:
    """A moment in UTC, and in this machine's time; nothing of a cell that holds none."""
    moment_ms = moment_of(cell) if names_time(info.name) else None
    if moment_ms is None:
        return ()
    offset = f"{moment(moment_ms, local=True):%z}"
    here = stamp(moment_ms, local=True)
    return line(f"{stamp(moment_ms)} UTC"), line((f"{here} {offset}", Tone.DIM))


def _length(cell: Cell) -> Line:
    if cell.kind == "blob":
        return ()
    return line((f"  {count(cell.length)} characters", Tone.DIM)) if cell.length else ()


def _sureness(rows: Count, stopped: str) -> Line:
    if rows.state == "exact":
        return line((" exact", Tone.DIM))
    return line((" when last counted", Tone.DIM)) if _was_counted(rows, stopped) else ()


def _was_counted(rows: Count, stopped: str) -> bool:
    """Whether others have written since the count: there may be more rows by now, or fewer."""
    return rows.state == "at_least" and not stopped


def _position(row: int, rows: Count, stopped: str) -> Line:
    least = "" if rows.state == "exact" or _was_counted(rows, stopped) else "≥ "
    many = (f"{least}{count(rows.value)}", Tone.STRONG)
    if row < 0:
        return line(many, " rows" if rows.value != 1 else " row")
    return line(("row ", Tone.DIM), count(row + 1), (" of ", Tone.DIM), many)


def _running(progress: Progress, rows: Count) -> Line:
    """The progress of a scan. Counted rows may still have to be numbered."""
    counted_all = progress.doing == "counting" and rows.state == "exact"
    doing = "numbering rows" if counted_all else progress.doing
    share = f" {progress.share:.0%}" if progress.share is not None else ""
    looked = f" {count(progress.scanned)} looked at" if progress.scanned else ""
    return line((f"{doing}{share or looked}", Tone.LIVE), _ESC)
