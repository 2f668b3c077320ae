"""Commands in a process of their own, so that no screen waits for them: rehearse, verify."""

import asyncio
import json
from typing import Any

from console.kit.subprocesses import environment
from console.session.target import LEDGER, Target


class BackgroundError(Exception):
    """The process ended without a result; the message is its own."""


async def rehearse(target: Target, cycle_id: int) -> dict[str, Any]:
    """A cycle's phase 1 on a copy of the state before it: a `Rehearsal` as JSON."""
    return await _run(target.command("replay", str(cycle_id), "--rehearse", "--json", only=LEDGER))


async def verify(target: Target) -> dict[str, Any]:
    """The proof of the books: `engine.Verification` as JSON."""
    return await _run(target.command("verify", "--json", only=LEDGER))


async def _run(command: list[str]) -> dict[str, Any]:
    process = await _started(command)
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    try:
        return dict(json.loads(out))
    except ValueError:
        message = err.decode("utf-8", "replace").strip()
        raise BackgroundError(message or f"it ended with exit code {process.returncode}") from None


async def _started(command: list[str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
    except OSError as error:
        raise BackgroundError(f"it could not be started: {error}") from error
