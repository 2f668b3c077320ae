"""How the commands decide: by the engine that runs on the ledger, else by one for the moment."""

import getpass
from collections.abc import Mapping
from functools import partial
from typing import Any

from engine.control.client import EngineClient
from engine.control.messages import Action
from engine.control.unix_socket import socket_path
from engine.cycles.results import Preview
from engine.engine import decide_once, preview_once
from engine.errors import ChannelError, DecisionRefused
from engine.history.decisions import last_about, next_decision
from engine.ledger.decision import Act, Decision
from engine.settings import Settings
from engine.store.readstore import ReadStore

MOST_OF_A_LINE = 100


async def decide(settings: Settings, decision: Decision, *, undo: bool, preview: bool) -> Preview:
    """Decide, or undo the decision about the same; the preview says what changes, or has changed.

    Raises `DecisionRefused`, `ChannelError` or `StoreError`.
    """
    if undo:
        number = await _read(settings, partial(last_about, wanted=decision))
        decision = Decision(act=Act.UNDO, of=number, reason=decision.reason)
    return await _decide(settings, decision, preview)


async def apply(settings: Settings, line: Mapping[str, Any], made: list[Preview]) -> None:
    """Decide what an exported line says; each decision goes to `made`."""
    for _ in range(MOST_OF_A_LINE):
        decision = await _read(settings, partial(next_decision, line=line))
        if decision is None:
            return
        made.append(await _decide(settings, decision, preview=False))
    raise DecisionRefused(f"more than {MOST_OF_A_LINE} decisions for one line")


async def _read(settings: Settings, work: Any) -> Any:
    store = await ReadStore.open(settings.db, settings.busy_timeout)
    try:
        await store.require_schema()
        return await store.read(work)
    finally:
        await store.close()


async def _decide(settings: Settings, decision: Decision, preview: bool) -> Preview:
    if socket_path(settings.db).exists():
        client = await _attached(settings)
        if client is not None:
            return await _asked(client, decision, preview)
    actor = getpass.getuser()
    work = preview_once if preview else decide_once
    return await work(settings, decision, actor)


async def _attached(settings: Settings) -> EngineClient | None:
    """The engine that runs on the ledger; null where the one that made the socket has ended."""
    try:
        return await EngineClient.connect(settings.db)
    except ChannelError:
        return None


async def _asked(client: EngineClient, decision: Decision, preview: bool) -> Preview:
    try:
        action = Action.PREVIEW_DECISION if preview else Action.DECIDE
        reply = await client.command(action, decision=decision)
    finally:
        await client.close()
    if not reply.ok or reply.preview is None:
        raise DecisionRefused(reply.message)
    return reply.preview
