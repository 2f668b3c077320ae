"""The facts on Health: of the engine, the file and the books."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.kit.formats import NONE, clock, count, plural, size, span
from console.kit.lines import Line, Tone, line
from console.kit.scrolled import Fact
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import LedgerSummary

# A growth over less than this says nothing.
SHORTEST_S = 10.0
LARGE_WAL = 64 * 1024 * 1024


@dataclass(slots=True)
class Growth:
    """The file's size over the last hour of looking."""

    seen: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=1_800))

    def add(self, at_s: float, database_bytes: int) -> None:
        self.seen.append((at_s, database_bytes))

    @property
    def per_hour(self) -> float | None:
        """Bytes an hour; null until the file was looked at for a while."""
        if not self.seen or self.seen[-1][0] - self.seen[0][0] < SHORTEST_S:
            return None
        (first_s, first), (last_s, last) = self.seen[0], self.seen[-1]
        return (last - first) / (last_s - first_s) * 3_600


@dataclass(frozen=True, slots=True)
class Proof:
    """The last verify of this console, a `Verification` as JSON."""

    running: bool = False
    verification: dict[str, Any] | None = None
    at_ms: int = 0
    failed: str = ""

    @property
    def summary(self) -> Line:
        if self.running:
            return line(("… reading every row", Tone.LIVE))
        if self.failed:
            return line((f"✕ {self.failed}", Tone.DANGER))
        if self.verification is None:
            return line(("v proves the books", Tone.DIM))
        violations, checked = self.verification["violations"], self.verification["checked"]
        if violations:
            return line((f"✕ {plural(len(violations), 'violation')}", Tone.DANGER))
        rows = checked.get("ledger_events", sum(checked.values()))
        return line(("✓ ok", Tone.OK), (f" · {plural(rows, 'row')}", Tone.DIM))


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """The facts of engine, file and books. `looked_ms` is when `books` were read; null where that
    is not known."""

    view: ConsoleState
    books: "LedgerSummary | None"
    looked_ms: int | None = None
    local: bool = False

    def engine(self, now_ms: int) -> list[Fact]:
        """The lease is as old as it was when the file was looked at."""
        hello, beat, books = self.view.hello, self.view.beat, self.books
        facts: list[Fact] = [("engine", self._engine)]
        if hello is not None and self.view.attached:
            facts += [
                ("version", f"{hello.version} · pid {hello.pid}"),
                ("up", span(now_ms - hello.started_ms)),
                ("strategy", f"{hello.strategy} · {hello.mode}"),
            ]
        if beat is not None:
            stopped = (f"◆ stopped: {beat.killed}", Tone.ATTENTION)
            facts.append(("orders", line(stopped if beat.killed else ("allowed", Tone.OK))))
        if books is not None:
            holder = books.lease_holder
            since = clock(books.lease_acquired_ms, local=self.local) if holder else NONE
            facts += [
                ("lease", line(holder or ("nobody holds it", Tone.DIM))),
                ("epoch", str(books.lease_epoch)),
                ("since", since),
                ("renewed", self._ago(books.lease_heartbeat_ms)),
            ]
        return facts

    @property
    def _engine(self) -> Line:
        if not self.view.attached or self.view.beat is None:
            return line(("○ not attached: the file is shown", Tone.ATTENTION))
        state = self.view.beat.state
        return line((f"● {state}", Tone.OK if state == "running" else Tone.ATTENTION))

    def _ago(self, ts_ms: int | None) -> str:
        """How long before the look; else at what time."""
        if ts_ms is None or self.looked_ms is None:
            return clock(ts_ms, local=self.local)
        return f"{span(max(0, self.looked_ms - ts_ms))} ago"

    def file(self, path: Path | None, growth: Growth) -> list[Fact]:
        books = self.books
        if books is None:
            return [("file", _path(path)), ("", line(("not read yet", Tone.DIM)))]
        rate = growth.per_hour
        sign = "-" if rate is not None and rate < 0 else ""
        return [
            ("file", _path(path)),
            ("size", f"{size(books.database_bytes)}, {size(books.free_bytes)} free in it"),
            ("growth", NONE if rate is None else f"{sign}{size(int(abs(rate)))}/h"),
            *_to_come(books),
            ("WAL", _wal(books.wal_bytes)),
            ("SQLite", _sqlite(books)),
            ("schema", f"version {books.schema_version}"),
            ("commits", count(books.last_commit_seq)),
            ("events", f"{count(books.events)} · {count(books.fills)} fills"),
        ]

    def proof(self, proof: Proof) -> list[Fact]:
        """The proof of the books, and the rows that wait for a decision."""
        facts: list[Fact] = [("verify", proof.summary)]
        if proof.verification is not None:
            facts.append(("", line((f"at {clock(proof.at_ms, local=self.local)}", Tone.DIM))))
        if self.books is None:
            return facts
        waiting = Counter(self.books.counts)
        quarantined = _waiting(waiting["quarantine_open"], Tone.ATTENTION, "u opens them")
        return [
            *facts,
            ("markets", _markets(len(self.books.markets))),
            ("conflicts", _waiting(waiting["conflicts"], Tone.DANGER, "c opens them")),
            ("quarantine", quarantined),
            ("quiet cursors", self._quiet),
            ("orders unknown", _waiting(waiting["orders_unknown"], Tone.ATTENTION)),
            ("orders open", count(waiting["orders_open"])),
            ("last cycles", _cycles(waiting)),
        ]

    @property
    def _quiet(self) -> Line:
        """Cursors that have not moved for longer than the lookback: a quiet market, or a stall."""
        view = self.view
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
        still = f"{len(quiet)} still for over {span(lookback)}"
        return line(still, ("  " + " ".join(quiet), Tone.DIM))


def _markets(number: int) -> Line:
    if not number:
        return line(("all ok", Tone.OK))
    return line((f"◆ {count(number)} not ok", Tone.ATTENTION))


def _to_come(books: "LedgerSummary") -> list[Fact]:
    """The file's growth at today's rate; nothing where too little is known."""
    growth = books.growth
    if growth is None:
        return []
    tables = "".join(f"  {table} {size(of)}" for table, of in [*growth.per_day.items()][:3])
    stays = f"  {size(growth.month_stays)} of it stay" if growth.month_stays < growth.month else ""
    return [
        ("in a day", line(size(sum(growth.per_day.values())), (tables, Tone.DIM))),
        ("in a month", line(size(growth.month), (stays, Tone.DIM))),
    ]


def _path(path: Path | None) -> Line:
    if path is None:
        return line(NONE)
    return line(path.name, (f"  in {path.parent}" if path.is_absolute() else "", Tone.DIM))


def _sqlite(books: "LedgerSummary") -> Line:
    facts = f"{books.sqlite_version} · {books.journal_mode}"
    if books.sqlite_warning is None:
        return line(facts)
    return line(facts, (" ◆ WAL defect: `status`", Tone.ATTENTION))


def _wal(wal_bytes: int) -> Line:
    if wal_bytes > LARGE_WAL:
        return line((f"◆ {size(wal_bytes)}: a reader keeps it open", Tone.ATTENTION))
    return line(size(wal_bytes))


def _waiting(number: int, tone: Tone, hint: str = "") -> Line:
    if not number:
        return line(("none", Tone.OK))
    return line((f"◆ {count(number)}", tone), (f"  {hint}" if hint else "", Tone.DIM))


def _cycles(counts: Mapping[str, int]) -> Line:
    """The cycles by their status; those that committed nothing are in danger."""
    tones = dict.fromkeys(("attention", "held", "partial"), Tone.ATTENTION)
    tones |= {"ok": Tone.OK, "running": Tone.LIVE}
    parts = [
        (f"{count(number)} {status}  ", tones.get(status, Tone.DANGER))
        for name, number in sorted(counts.items())
        if number and (status := name.removeprefix("cycles_")) != name
    ]
    return line(*parts) if parts else line(NONE)
