"""What is wrong right now, in the order of its weight, and what to do about it: a pure function."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.formats import clock, span
from console.lines import Tone
from console.view import Trouble, View

if TYPE_CHECKING:
    from console.child import Child
    from engine import CycledeckError

# An engine beats once a second.
SILENT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand between this console, its engine and the file."""

    child: "Child | None" = None
    starting: bool = True
    channel_error: str = ""
    file_error: "CycledeckError | None" = None


def trouble_of(view: View, standing: Standing, now_ms: int) -> Trouble | None:
    if standing.file_error is not None and not _still_starting(standing):
        return _with_the_file(standing.file_error)
    if view.latest is not None and view.latest.status == "fenced":
        return Trouble(
            f"Another engine took over this ledger in cycle {view.latest.cycle_id}",
            "This one was fenced and changes nothing any more. Attach to the other one: "
            "cycledeck watch",
        )
    if view.attached:
        return _with_the_engine(view, now_ms)
    return _without_an_engine(view, standing)


def _with_the_file(error: "CycledeckError") -> Trouble:
    what = str(error)
    match type(error).__name__:
        case "StoreLocked":
            return Trouble(
                what,
                "Another program holds the file's lock. It is shown again as soon as that ends.",
                Tone.ATTENTION,
            )
        case "StoreCorrupt":
            return Trouble(
                what,
                "Stop the engine, keep this file, put a backup in its place: the next cycles "
                "catch up. Then: cycledeck verify",
            )
        case "SchemaTooNew":
            return Trouble(what, "Nothing was changed. Update this program to look at the file.")
        case "StoreReplaced":
            return Trouble(
                what,
                "What is at that path now is shown from here on.",
                Tone.ATTENTION,
            )
    return Trouble(what, "Nothing was changed. The file is tried again twice a second.")


def _with_the_engine(view: View, now_ms: int) -> Trouble | None:
    beat = view.beat
    if beat is not None and now_ms - view.heard_ms > SILENT_MS:
        return Trouble(
            f"The engine has been silent for {span(now_ms - view.heard_ms)}",
            f"It may be stopped or overloaded. What is shown is as of {clock(view.heard_ms)}; "
            "its lease runs out if it stays silent.",
        )
    if beat is not None and beat.killed:
        return Trouble(
            f"No orders are sent: {beat.killed}",
            "Accounting goes on. K allows orders again.",
            Tone.ATTENTION,
        )
    return None


def _without_an_engine(view: View, standing: Standing) -> Trouble | None:
    child = standing.child
    if child is not None and child.exit_code is not None:
        return _ended(child.exit_code, child.last_words())
    if _still_starting(standing) or view.books is None:
        return None
    holder = view.books.lease_holder if view.books else None
    if holder is not None:
        return Trouble(
            f"Engine {holder} holds the lease, but cannot be asked: {standing.channel_error}",
            "It is another user's, or it ended without giving the lease back. The ledger file is "
            "shown instead.",
            Tone.ATTENTION,
        )
    return Trouble(
        "No engine is running",
        "The ledger file is shown as it stands. Start an engine with: cycledeck run",
        Tone.ATTENTION,
    )


def _ended(exit_code: int, words: str) -> Trouble:
    killed = exit_code < 0
    how = f"by signal {-exit_code}" if killed else f"with exit code {exit_code}"
    lines = [line for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    last = (errors or ([] if killed else lines) or [""])[-1]
    return Trouble(
        f"The engine ended {how}" + (f": {last}" if last else ""),
        "The ledger stands as of its last commit. E starts the engine again.",
    )


def _still_starting(standing: Standing) -> bool:
    child = standing.child
    return standing.starting and child is not None and child.exit_code is None
