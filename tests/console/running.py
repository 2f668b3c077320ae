"""The whole console on real ledgers and engines, driven by a pilot."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from textual import events
from textual.css.query import NoMatches
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from console.app.ledger_app import CycledeckApp
from console.session.engine_process import EngineProcess
from console.session.session import Deck
from console.session.target import Target
from engine import Engine, Settings

DEADLINE_S = 60
POLL_S = 0.02


# Files of ledgers by the number of their cycles, each by what follows the ledger's name.
_simulated: dict[int, dict[str, bytes]] = {}


async def ran(db: Path, cycles: int = 3) -> None:
    """A ledger of so many simulated cycles more, and nobody on it. The first ones are simulated
    once, and copied."""
    if db.exists():
        await _run(db, cycles)
        return
    if cycles not in _simulated:
        with TemporaryDirectory() as folder:
            await _run(Path(folder, "l.db"), cycles)
            files = [file for file in Path(folder).iterdir() if file.is_file()]
            _simulated[cycles] = {file.name.removeprefix("l"): file.read_bytes() for file in files}
    for ending, content in _simulated[cycles].items():
        db.with_name(db.stem + ending).write_bytes(content)


async def _run(db: Path, cycles: int) -> None:
    async with Engine(Settings(db=db, interval=0)) as engine:
        for _ in range(cycles):
            await engine.cycle()


@asynccontextmanager
async def console(
    db: Path,
    *,
    engine: bool = False,
    interval: str = "200ms",
    size: tuple[int, int] = (140, 40),
    keys: str = "",
) -> AsyncIterator[Pilot[None]]:
    """The app on a ledger, with an engine of its own or with none, `keys` pressed, and the first
    view there."""
    target = Target(None, {"db": str(db), "interval": interval})
    child = EngineProcess(target.command("run")) if engine else None
    app = CycledeckApp(Deck(target, child))
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.press(*keys)
            await until(pilot, lambda: app.view.books and (app.view.attached or not engine))
            yield pilot
    finally:
        if app.deck.process is not None:  # It may be another one by now.
            await asyncio.to_thread(app.deck.process.end)


async def written(pilot: Pilot[None], text: str) -> None:
    """Text into what has the focus, all at once: a pilot takes a tenth of a second for each key."""
    await until(pilot, lambda: isinstance(pilot.app.focused, Input | TextArea))
    assert pilot.app.focused is not None
    pilot.app.focused.post_message(events.Paste(text))
    await pilot.pause()


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Wait for something to be seen, and until what is due then is drawn. On a screen that is not
    composed or drawn yet, nothing is."""

    def is_seen() -> object:
        try:
            return condition()
        except (NoMatches, IndexError):
            return False

    async with asyncio.timeout(DEADLINE_S):
        while not is_seen() and pilot.app._exception is None:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        await pilot.pause(0)
