"""What Health says of engine, file and books: pure functions from what is known to facts."""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.kit.facts import Fact
from console.kit.formats import NONE, clock, count, plural, size, span
from console.kit.lines import Line, Tone, line
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import LedgerSummary

# A growth over less than this says nothing.
SHORTEST_S = 10.0


@dataclass(slots=True)
class Growth:
    """The file's size over the last hour of looking."""

    seen: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=1_800))

    def add(self, at_s: float, database_bytes: int) -> None:
        self.seen.append((at_s, database_bytes))

    @property
    def per_hour(self) -> float | None:
        """Bytes an hour; null until it was looked at for a while."""
        if not self.seen or self.seen[-1][0] - self.seen[0][0] < SHORTEST_S:
            return None
        (first_s, first), (last_s, last) = self.seen[0], self.seen[-1]
        return (last - first) / (last_s - first_s) * 3_600


@dataclass(frozen=True, slots=True)
class Proof:
    """The last verify of this console."""

    running: bool = False
    verification: dict[str, Any] | None = None
    at_ms: int = 0
    failed: str = ""


def engine_facts(
    view: ConsoleState,
    books: "LedgerSummary | None",
    looked_ms: int | None,
    now_ms: int,
    local: bool,
) -> list[Fact]:
    """The lease is as old as it was when the file was looked at; null where that is not known."""
    hello, beat = view.hello, view.beat
    facts: list[Fact] = [("engine", _engine(view))]
    if hello is not None and view.attached:
        facts += [
            ("version", f"{hello.version} · pid {hello.pid}"),
            ("up", span(now_ms - hello.started_ms)),
            ("strategy", f"{hello.strategy} · {hello.mode}"),
        ]
    if beat is not None:
        facts.append(("orders", _orders(beat.killed)))
    if books is not None:
        holder = books.lease_holder
        facts += [
            ("lease", line(holder) if holder else line(("nobody holds it", Tone.DIM))),
            ("epoch", str(books.lease_epoch)),
            ("since", clock(books.lease_acquired_ms, local=local) if holder else NONE),
            ("renewed", _ago(books.lease_heartbeat_ms, looked_ms, local)),
        ]
    return facts


def file_facts(path: Path | None, books: "LedgerSummary | None", growth: Growth) -> list[Fact]:
    if books is None:
        return [("file", _path(path)), ("", line(("not read yet", Tone.DIM)))]
    rate = growth.per_hour
    return [
        ("file", _path(path)),
        ("size", f"{size(books.database_bytes)}, {size(books.free_bytes)} free in it"),
        ("growth", NONE if rate is None else f"{'-' if rate < 0 else ''}{size(int(abs(rate)))}/h"),
        ("WAL", _wal(books.wal_bytes)),
        ("SQLite", f"{books.sqlite_version} · {books.journal_mode}"),
        ("schema", f"version {books.schema_version}"),
        ("commits", count(books.last_commit_seq)),
        ("events", f"{count(books.events)} · {count(books.fills)} fills"),
    ]


def book_facts(
    view: ConsoleState, books: "LedgerSummary | None", proof: Proof, local: bool
) -> list[Fact]:
    facts: list[Fact] = [("verify", _proof(proof))]
    if proof.verification is not None:
        facts.append(("", line((f"at {clock(proof.at_ms, local=local)}", Tone.DIM))))
    if books is None:
        return facts
    counts = books.counts
    held = [cursor.symbol for cursor in books.cursors if cursor.held]
    facts += [
        ("conflicts", _waiting(counts.get("conflicts", 0), Tone.DANGER, "c opens them")),
        (
            "quarantine",
            _waiting(counts.get("quarantine_open", 0), Tone.ATTENTION, "u opens them"),
        ),
        ("held cursors", _waiting(len(held), Tone.ATTENTION, " ".join(held))),
        ("quiet cursors", _quiet(view)),
        ("orders unknown", _waiting(counts.get("orders_unknown", 0), Tone.ATTENTION, "")),
        ("orders open", count(counts.get("orders_open", 0))),
        ("last cycles", _cycles(counts)),
    ]
    return facts


def _engine(view: ConsoleState) -> Line:
    if not view.attached or view.beat is None:
        return line(("○ not attached: the file is shown", Tone.ATTENTION))
    tone = Tone.OK if view.beat.state == "running" else Tone.ATTENTION
    return line((f"● {view.beat.state}", tone))


def _orders(killed: str | None) -> Line:
    return line((f"◆ stopped: {killed}", Tone.ATTENTION)) if killed else line(("allowed", Tone.OK))


def _path(path: Path | None) -> Line:
    if path is None:
        return line(NONE)
    return line(path.name, (f"  in {path.parent}" if path.is_absolute() else "", Tone.DIM))


def _wal(wal_bytes: int) -> Line:
    large = wal_bytes > 64 * 1024 * 1024
    if large:
        return line((f"◆ {size(wal_bytes)}: a reader keeps it open", Tone.ATTENTION))
    return line(size(wal_bytes))


def _proof(proof: Proof) -> Line:
    if proof.running:
        return line(("… reading every row", Tone.LIVE))
    if proof.failed:
        return line((f"✕ {proof.failed}", Tone.DANGER))
    if proof.verification is None:
        return line(("v proves the books", Tone.DIM))
    violations, checked = proof.verification["violations"], proof.verification["checked"]
    if violations:
        return line((f"✕ {plural(len(violations), 'violation')}", Tone.DANGER))
    rows = checked.get("ledger_events", sum(checked.values()))
    return line(("✓ ok", Tone.OK), (f" · {plural(rows, 'row')}", Tone.DIM))


def _waiting(number: int, tone: Tone, hint: str) -> Line:
    if not number:
        return line(("none", Tone.OK))
    return line((f"◆ {count(number)}", tone), (f"  {hint}" if hint else "", Tone.DIM))


def _quiet(view: ConsoleState) -> Line:
    """Cursors that have not moved for longer than the lookback: a quiet market, or a stall."""
    lookback = view.hello.lookback_ms if view.hello else 0
    latest = view.latest
    if not lookback or latest is None:
        return line(NONE)
    quiet = [
        key.partition(":")[2]
        for key, mark in view.cursors.items()
        if mark.moved_ms is not None and latest.started_ms - mark.moved_ms > lookback
    ]
    if not quiet:
        return line(("none", Tone.OK))
    return line(f"{len(quiet)} still for over {span(lookback)}", ("  " + " ".join(quiet), Tone.DIM))


def _cycles(counts: dict[str, int]) -> Line:
    tones = {"ok": Tone.OK, "partial": Tone.ATTENTION, "running": Tone.LIVE}
    found = [
        ((f"{count(number)} {status}  ", tones.get(status, Tone.DANGER)))
        for name, number in sorted(counts.items())
        if number and (status := name.removeprefix("cycles_")) != name
    ]
    return line(*found) if found else line(NONE)


def _ago(ts_ms: int | None, looked_ms: int | None, local: bool) -> str:
    """How long before the look; else at what time."""
    if ts_ms is None or looked_ms is None:
        return clock(ts_ms, local=local)
    return f"{span(max(0, looked_ms - ts_ms))} ago"
