"""The weightiest trouble there is right now, and what to do about it: a pure function."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from console.kit.formats import clock, span
from console.kit.lines import Tone
from console.session.target import LEDGER, Target
from console.session.view import ConsoleState, Trouble

if TYPE_CHECKING:
    from engine import CycledeckError

# An engine beats once a second.
SILENT_MS = 5_000

# From an engine's lease to its answers: it connects to the venue, and recovers what a crash left.
RECOVERING_MS = 15_000

# SQLite's message for any other file.
NO_DATABASE = "file is not a database"

# The message of an engine that ends because of another one.
ANOTHER_RUNS = "another engine runs on this ledger"


class OwnEngine(Protocol):
    """The engine that this console started, as an `EngineProcess` or a test has it."""

    @property
    def pid(self) -> int: ...

    @property
    def exit_code(self) -> int | None: ...

    def last_output(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """The state of this console's connection to its engine and the file. `channel_error` says why
    there is none to an engine now."""

    target: Target
    starting: bool = True
    channel_error: str = ""
    file_error: "CycledeckError | None" = None

    def trouble(self, view: ConsoleState, process: OwnEngine | None, now_ms: int) -> Trouble | None:
        """The weightiest trouble; null where there is none."""
        if self._is_starting(view, process, now_ms):
            return None
        ended = process is not None and process.exit_code is not None
        engine_failed = type(self.file_error).__name__ == "StoreError" and ended
        if self.file_error is not None and not engine_failed:
            return self._with_the_file(self.file_error)
        if view.fenced and view.latest is not None:
            return Trouble(
                f"Another engine took over this ledger in cycle {view.latest.cycle_id}",
                "This one was fenced and changes nothing any more. Attach to the other one: "
                f"{self.target.typed('watch', only=LEDGER)}",
            )
        if view.attached:
            return _with_the_engine(view, now_ms)
        return self._without_an_engine(view, process)

    def _is_starting(self, view: ConsoleState, process: OwnEngine | None, now_ms: int) -> bool:
        """An engine may take a while to begin, but once it has the lease it answers soon."""
        if not self.starting or process is None or process.exit_code is not None:
            return False
        holder = view.books.lease_holder if view.books else None
        acquired_ms = (view.books.lease_acquired_ms if view.books else None) or 0
        own = holder is not None and holder.endswith(f":{process.pid}")
        return not own or now_ms - acquired_ms < RECOVERING_MS

    def _with_the_file(self, error: "CycledeckError") -> Trouble:
        what, tone = str(error), Tone.DANGER
        match type(error).__name__:
            case "StoreLocked":
                tone = Tone.ATTENTION
                todo = "Another program holds the file's lock. "
                todo += "It is shown again as soon as that ends."
            case "StoreCorrupt" if NO_DATABASE in what:
                todo = "It is no SQLite database, or an encrypted one. Nothing was changed."
            case "StoreCorrupt":
                todo = (
                    "Stop the engine, keep this file, put a backup in its place: the next cycles "
                    f"catch up. Then: {self.target.typed('verify', only=LEDGER)}"
                )
            case "SchemaTooNew":
                todo = "Nothing was changed. Update this program to look at the file."
            case "StoreReplaced":
                tone = Tone.ATTENTION
                todo = "What is at that path now is shown from here on."
            case _:
                todo = "Nothing was changed. The file is tried again twice a second."
        return Trouble(what, todo, tone)

    def _without_an_engine(self, view: ConsoleState, process: OwnEngine | None) -> Trouble | None:
        holder = view.books.lease_holder if view.books else None
        if process is not None and process.exit_code is not None:
            output = process.last_output()
            if holder is not None or ANOTHER_RUNS not in output:
                return _ended(process.exit_code, output)
            return Trouble(
                "No engine is running: the one that did has ended",
                "The ledger file is shown as it stands. E starts an engine.",
                Tone.ATTENTION,
            )
        if view.books is None:
            return None
        if holder is not None:
            return Trouble(
                f"Engine {holder} holds the lease, but cannot be asked: {self.channel_error}",
                "It is another user's, or it ended without giving the lease back. "
                "The ledger file is shown instead.",
                Tone.ATTENTION,
            )
        return Trouble(
            "No engine is running",
            "The ledger file is shown as it stands. Start an engine with: "
            f"{self.target.typed('run')}",
            Tone.ATTENTION,
        )


def _with_the_engine(view: ConsoleState, now_ms: int) -> Trouble | None:
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
            "Accounting goes on. "
            + ("K allows orders again." if "file" in beat.killed else "It is in its settings."),
            Tone.ATTENTION,
        )
    return None


def _ended(exit_code: int, output: str) -> Trouble:
    killed = exit_code < 0
    how = f"by signal {-exit_code}" if killed else f"with exit code {exit_code}"
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    last = (errors or ([] if killed else lines) or [""])[-1]
    return Trouble(
        f"The engine ended {how}" + (f": {last.removeprefix('error: ')}" if last else ""),
        "The ledger stands as of its last commit. E starts the engine again.",
    )
