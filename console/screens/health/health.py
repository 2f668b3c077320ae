"""Health: the lease, the file, the proof of the books, markets that are not ok, errors, logs."""

import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget

from console.kit.formats import plural
from console.kit.lines import Tone
from console.kit.scrolled import FactPanels, FactsPanel
from console.screens.health.error_counts import ErrorCounts
from console.screens.health.health_facts import Growth, HealthFacts, Proof
from console.screens.health.log import LogPanel
from console.screens.health.market_states import MarketStates
from console.screens.shared.session_screen import Moment, SessionScreen
from console.session.background import BackgroundError, verify

if TYPE_CHECKING:
    from engine import LedgerSummary

LOOK_EVERY = 2.0


class HealthScreen(SessionScreen):
    CRUMB = "health"
    MOMENT = Moment.NOW
    AUTO_FOCUS = "LogPanel Grid"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", "Verify", tooltip="Prove the books, from every row there is"),
        Binding("c", "open('conflicts')", "Conflicts", tooltip="What contradicts the ledger"),
        Binding("u", "open('quarantine')", "Quarantine", tooltip="What could not be read"),
        Binding("a", "open('audit')", "Audit", tooltip="Who asked for what, and the outcome"),
        Binding(
            "slash",
            "filter",
            "Filter the log",
            key_display="/",
            tooltip="Only messages that contain a text",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._books: LedgerSummary | None = None
        self._looked_ms: int | None = None
        self._growth = Growth()
        self._proof = Proof()
        self._looking: Timer | None = None

    def panels(self) -> Iterable[Widget]:
        with FactPanels(id="facts"):
            yield FactsPanel("books", id="books")
            yield FactsPanel("engine · lease", id="engine")
            yield FactsPanel("ledger file", id="file")
        yield MarketStates()
        yield ErrorCounts()
        yield LogPanel()

    def on_mount(self) -> None:
        self._looking = self.set_interval(LOOK_EVERY, self._look)

    def on_screen_suspend(self) -> None:
        if self._looking is not None:
            self._looking.pause()

    def on_screen_resume(self) -> None:
        if self._looking is not None:
            self._looking.resume()
        self._look()

    @work(exclusive=True, group="books")
    async def _look(self) -> None:
        """Read the file's state now, or while the screen is frozen, once. Where it cannot be read,
        the banner says why."""
        from engine import CycledeckError

        history, frozen = self.host.history, self.host.view.frozen
        if history is None or (frozen and self._books is not None):
            return
        try:
            self._books = await history.books()
        except CycledeckError:
            return
        self._looked_ms = time.time_ns() // 1_000_000
        self._growth.add(time.monotonic(), self._books.database_bytes)
        self.present()

    def show(self) -> None:
        super().show()
        view, local = self.host.view, self.host.local_time
        books = self._books or view.books
        now_ms = time.time_ns() // 1_000_000
        facts = HealthFacts(view, books, self._looked_ms, local)
        self.query_one("#engine", FactsPanel).show(facts.engine(now_ms))
        self.query_one("#file", FactsPanel).show(facts.file(self.host.db, self._growth))
        self.query_one("#books", FactsPanel).show(facts.proof(self._proof))
        markets = self.query_one(MarketStates)
        markets.show(books)
        self.set_class(markets.any, "-troubled")
        self.query_one(ErrorCounts).show(books)
        self.query_one(LogPanel).show(view, local=local)

    def action_verify(self) -> None:
        if not self._proof.running:
            self._verify()

    @work(group="verify")
    async def _verify(self) -> None:
        """In a process of its own: it reads every row there is."""
        self._proof = Proof(running=True)
        self.present()
        try:
            verification = await verify(self.host.target)
        except BackgroundError as error:
            self._proof = Proof(failed=str(error))
            self.host.tell(f"Not verified: {error}", Tone.DANGER)
        else:
            self._proof = Proof(verification=verification, at_ms=time.time_ns() // 1_000_000)
            self._tell(verification)
        self.present()

    def _tell(self, verification: dict[str, Any]) -> None:
        violations = verification["violations"]
        if not violations:
            self.host.tell("Verified: the books are right to the last digit")
            return
        first = violations[0]
        self.host.tell(
            f"{plural(len(violations), 'violation')}, the first in {first['table']} {first['key']}",
            Tone.DANGER,
        )

    def action_open(self, table: str) -> None:
        self.host.open_table(table)

    def action_filter(self) -> None:
        self.query_one(LogPanel).ask_filter()

    def copied(self) -> str | None:
        return self.query_one(LogPanel).selected

    def exported(self) -> tuple[str, str] | None:
        books = self._books or self.host.view.books
        if books is None:
            return None
        document = books.model_dump(mode="json") | {"verify": self._proof.verification}
        return "cycledeck-health.json", json.dumps(document, indent=2) + "\n"
