"""What is said about rows: how many, how sure, how far a scan is; and one cell in full."""

from typing import TypeGuard

from console.browser.model import Cell, ColumnInfo, Count, Progress
from console.browser.ui.cells import moment_of, names_time, shown
from console.browser.ui.filters import spoken
from console.browser.ui.table_query import TableQuery
from console.kit.formats import count, moment, stamp
from console.kit.lines import Line, Tone, joined, line

_ESC: Line = (("  esc stops", Tone.FAINT),)
DOT: Line = ((" · ", Tone.FAINT),)


def counted(row: int, found: Count, progress: Progress | None, stopped: str) -> Line:
    """`row 3 of 5,118 exact`; never more certain than it is."""
    parts: list[Line] = [line(_position(row, found, stopped), _sureness(found, stopped))]
    if running(progress):
        parts.append(_running(progress, found))
    elif found.state == "counting":
        parts.append(line(("looking …", Tone.LIVE), _ESC))
    if stopped:
        parts.append(line(("▲ ", Tone.ATTENTION), stopped))
    return joined(parts, DOT)


def running(progress: Progress | None) -> TypeGuard[Progress]:
    return progress is not None and not progress.done


def looked_at(scanned: int) -> Line:
    """Of how many rows those seen were picked."""
    return line(count(scanned), (" looked at", Tone.DIM)) if scanned else ()


def chips(place: TableQuery) -> Line:
    """The filters, as one reads them."""
    parts = [spoken(condition) for condition in place.where]
    if place.search:
        parts.append(line(("any column", Tone.STRONG), (" ~", Tone.DIM), f" {place.search}"))
    return joined(parts, DOT)


def many(number: int, word: str) -> str:
    """`1 table`, `2 tables`."""
    return f"{count(number)} {word}" if number == 1 else f"{count(number)} {word}s"


def sorting(place: TableQuery) -> list[Line]:
    return [
        line(("by ", Tone.DIM), order.column, (f" {sign(order.descending)}", Tone.LIVE))
        for order in place.order
    ]


def sign(descending: bool) -> str:
    return "▼" if descending else "▲"


def in_full(info: ColumnInfo, cell: Cell) -> Line:
    """A cell with its column and type, as much of it as there is room for."""
    head = line((info.name, Tone.STRONG), "  ", (kind_of(info, cell), Tone.DIM), "  ")
    return line(head, shown(cell, most=2_000), _moments(info, cell), _length(cell))


def kind_of(info: ColumnInfo, cell: Cell) -> str:
    """The declared type, and what is stored where that is something else."""
    stored = cell.kind.upper()
    declared = info.type or stored
    same = cell.kind == "null" or stored in declared.upper() or declared.upper() in stored
    return declared if same else f"{declared}, stored {stored}"


def times_of(moment_ms: int) -> tuple[Line, Line]:
    """The moment in UTC, and in this machine's time."""
    offset = f"{moment(moment_ms, local=True):%z}"
    here = stamp(moment_ms, local=True)
    return line(f"{stamp(moment_ms)} UTC"), line((f"{here} {offset}", Tone.DIM))


def _moments(info: ColumnInfo, cell: Cell) -> Line:
    moment_ms = moment_of(cell) if names_time(info.name) else None
    return line("  ", joined(times_of(moment_ms), DOT)) if moment_ms is not None else ()


def _length(cell: Cell) -> Line:
    if cell.kind == "blob":
        return ()
    return line((f"  {count(cell.length)} characters", Tone.DIM)) if cell.length else ()


def _sureness(found: Count, stopped: str) -> Line:
    if found.state == "exact":
        return line((" exact", Tone.DIM))
    return line((" when last counted", Tone.DIM)) if _was_counted(found, stopped) else ()


def _was_counted(found: Count, stopped: str) -> bool:
    """Others have written since: there may be more rows by now, or fewer."""
    return found.state == "at_least" and not stopped


def _position(row: int, found: Count, stopped: str) -> Line:
    least = "" if found.state == "exact" or _was_counted(found, stopped) else "≥ "
    many = (f"{least}{count(found.value)}", Tone.STRONG)
    if row < 0:
        return line(many, " rows" if found.value != 1 else " row")
    return line(("row ", Tone.DIM), count(row + 1), (" of ", Tone.DIM), many)


def _running(progress: Progress, found: Count) -> Line:
    """Counted rows may still have to be numbered."""
    counted_all = progress.doing == "counting" and found.state == "exact"
    doing = "numbering rows" if counted_all else progress.doing
    share = f" {progress.share:.0%}" if progress.share is not None else ""
    looked = f" {count(progress.scanned)} looked at" if progress.scanned else ""
    return line((f"{doing}{share or looked}", Tone.LIVE), _ESC)
