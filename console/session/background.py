"""Work that takes a process of its own, so that no screen waits for it: rehearse, verify."""

import asyncio
import json
from typing import Any

from console.kit.subprocesses import environment
from console.session.target import LEDGER, Target


class ErrandFailed(Exception):
    """The process did not come back with an answer; the message is its own."""


async def rehearse(target: Target, cycle_id: int) -> dict[str, Any]:
    """A cycle's phase 1 on a copy of the state before it, as JSON."""
    return await _run(target.command("replay", str(cycle_id), "--rehearse", "--json", only=LEDGER))


async def verify(target: Target) -> dict[str, Any]:
    """The proof of the books: `engine.Verification` as JSON."""
    return await _run(target.command("verify", "--json", only=LEDGER))


async def _run(command: list[str]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    try:
        found = json.loads(out)
    except ValueError:
        words = err.decode("utf-8", "replace").strip()
        raise ErrandFailed(words or f"it ended with exit code {process.returncode}") from None
    return dict(found)
