"""The scenes, by name: keys are pressed until what a picture is to show is there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from textual._context import visible_screen_stack
from textual.pilot import Pilot

from console.app.ledger_app import CycledeckApp
from docs.staged.story import CONFLICT, LAST

DEADLINE_S = 60

Scene = Callable[[Pilot[None]], Awaitable[None]]


async def watch(pilot: Pilot[None]) -> None:
    await _read(pilot, f"cycle {LAST} · live")


async def cycles(pilot: Pilot[None]) -> None:
    await watch(pilot)
    await pilot.press("2")
    await _read(pilot, f"all {LAST}")


async def xray(pilot: Pilot[None]) -> None:
    await watch(pilot)
    cast("CycledeckApp", pilot.app).open_cycle(CONFLICT)
    await _read(pilot, f"cycle {CONFLICT} · live")


async def tables(pilot: Pilot[None]) -> None:
    await watch(pilot)
    cast("CycledeckApp", pilot.app).open_table("ledger_events", "symbol", "ETH/USDT")
    await _read(pilot, " exact")
    await pilot.press("s")
    await _read(pilot, "by seq ▲")
    await pilot.press("s")
    await _read(pilot, "by seq ▼")


async def health(pilot: Pilot[None]) -> None:
    await watch(pilot)
    await pilot.press("4")
    await _read(pilot, "conflicts")


async def keys(pilot: Pilot[None]) -> None:
    await watch(pilot)
    await pilot.press("question_mark")
    await _read(pilot, "keys on this screen")


async def replay_preview(pilot: Pilot[None]) -> None:
    await xray(pilot)
    await pilot.press("r")
    await _appears(pilot, "would insert")


SCENES: dict[str, Scene] = {
    scene.__name__: scene for scene in (watch, cycles, xray, tables, health, keys, replay_preview)
}


async def _read(pilot: Pilot[None], words: str) -> None:
    """Wait until the words are seen and nothing is being read any more."""
    await _appears(pilot, words)
    quiet = 0
    async with asyncio.timeout(DEADLINE_S):
        while quiet < 3:
            await pilot.pause(0.01)
            quiet = 0 if any(worker.is_running for worker in pilot.app.workers) else quiet + 1


async def _appears(pilot: Pilot[None], words: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while words not in _text(pilot):
            await pilot.pause(0.01)
    await pilot.pause()


def _text(pilot: Pilot[None]) -> str:
    """What is seen. A dialog keeps the picture it has of the screens below: it is to have one."""
    visible_screen_stack.set(pilot.app._background_screens)
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)
