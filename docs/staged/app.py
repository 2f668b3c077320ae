"""The console on the story's ledger, attached to an engine that has nothing new to tell."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from console.app.ledger_app import CycledeckApp
from console.app.preferences import Preferences
from console.app.themes import DARK
from console.session.session import Deck, NoEngine
from console.session.target import Target
from console.session.view import ConsoleState, Link
from docs.staged.clock import NOON_MS
from docs.staged.story import Story
from docs.svg import compact
from engine import Action, Beat, EngineState, Hello, History, LedgerSummary, Reply
from engine.clock import now_ms

PID = 4242
HOLDER = f"deck-01:{PID}"


class StagedApp(CycledeckApp):
    """The app, of somebody who has seen it before. Its screenshots are small."""

    def __init__(self, story: Story, theme: str = DARK.name) -> None:
        super().__init__(StagedDeck(story))
        self.preferences = Preferences(Path("console.json"))
        self.preferences["hint_seen"] = True
        self.theme = theme
        self.animation_level = "none"

    def export_screenshot(self, *, title: str | None = None, simplify: bool = True) -> str:
        return compact(super().export_screenshot(title=title, simplify=simplify))


class StagedDeck(Deck):
    """Knows the whole story; can be asked for its one preview."""

    def __init__(self, story: Story) -> None:
        super().__init__(Target())
        self._story = story

    async def run(self, publish: Callable[[ConsoleState], None]) -> None:
        self._publish = publish
        self.settings = settings = self._story.settings
        self.history = await StagedHistory.open(settings.db, settings.account)
        try:
            self.view = self.live = _view(self._story, await self.history.books())
            publish(self.view)
            await asyncio.Event().wait()
        finally:
            await self.history.close()

    async def ask(self, action: Action, hello: Hello | None, cycle_id: int | None = None) -> Reply:
        preview = self._story.preview
        if (action, cycle_id) != (Action.PREVIEW, preview.cycle_id):
            raise NoEngine("this engine stands still")
        return Reply(id=1, ok=True, message="previewed", preview=preview)


class StagedHistory(History):
    """Says of the file what does not depend on the machine it lies on."""

    async def books(self) -> LedgerSummary:
        books = await super().books()
        return books.model_copy(
            update={
                "sqlite_version": "3.51.3",
                "sqlite_warning": None,
                "database_bytes": 602_112,
                "free_bytes": 0,
                "wal_bytes": 1_253_376,
                "lease_holder": HOLDER,
                "lease_acquired_ms": NOON_MS,
                "lease_heartbeat_ms": now_ms() - 3_000,
            }
        )


def _view(story: Story, books: LedgerSummary) -> ConsoleState:
    heard_ms = int(story.now_ms)
    attached = ConsoleState(
        link=Link.ATTACHED,
        account=story.settings.account,
        hello=_hello(story),
        beat=Beat(now_ms=heard_ms, state=EngineState.RUNNING, next_cycle_ms=heard_ms + 3_000),
        heard_ms=heard_ms,
        owns_engine=True,
    )
    return attached.with_books(books).with_results(story.results).with_logs(story.logs)


def _hello(story: Story) -> Hello:
    settings = story.settings
    return Hello(
        version="0.1.0",
        account=settings.account,
        venue=settings.venue,
        mode="sim",
        strategy=settings.strategy,
        db=str(settings.db),
        pid=PID,
        holder=HOLDER,
        epoch=1,
        started_ms=NOON_MS,
        interval_ms=settings.interval,
        lookback_ms=settings.lookback,
        symbols=settings.symbols,
        seed=settings.seed,
    )
