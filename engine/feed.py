"""The feed: every subscriber gets the latest result; a slow one loses those in between."""

import asyncio
from collections.abc import AsyncIterator

from engine.results import CycleResult


class Feed:
    """Publishing never waits: each subscriber has room for one result, the latest."""

    def __init__(self) -> None:
        self._subscribers: set[asyncio.Queue[CycleResult | None]] = set()
        self._closed = False

    def publish(self, result: CycleResult) -> None:
        for queue in self._subscribers:
            _replace(queue, result)

    async def subscribe(self) -> AsyncIterator[CycleResult]:
        """Results from now on, until the feed closes; the last one is always delivered."""
        queue: asyncio.Queue[CycleResult | None] = asyncio.Queue(maxsize=2)
        self._subscribers.add(queue)
        try:
            while not (self._closed and queue.empty()):
                result = await queue.get()
                if result is None:
                    return
                yield result
        finally:
            self._subscribers.discard(queue)

    def close(self) -> None:
        """After the last result. What is subscribed later ends at once."""
        if self._closed:
            return
        self._closed = True
        for queue in self._subscribers:
            queue.put_nowait(None)


def _replace(queue: asyncio.Queue[CycleResult | None], result: CycleResult) -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(result)
