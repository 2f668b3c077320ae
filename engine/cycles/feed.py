"""The feed: a subscriber gets the latest result, a listener every one."""

import asyncio
from collections import deque
from collections.abc import Callable
from weakref import WeakSet

from engine.cycles.results import CycleResult


class Subscription:
    """Results from the moment of subscribing, until the feed closes; the last is always given."""

    def __init__(self) -> None:
        self._latest: deque[CycleResult] = deque(maxlen=1)
        self._news = asyncio.Event()
        self._ended = False

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> CycleResult:
        while not self._latest and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._latest:
            raise StopAsyncIteration
        return self._latest.popleft()

    def give(self, result: CycleResult) -> None:
        self._latest.append(result)
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()


class Feed:
    """Publishing never waits: each subscription has room for one result, the latest.

    `latest` is the last result published, null before the first. Once `closed`, it stays so.
    """

    def __init__(self) -> None:
        self.latest: CycleResult | None = None
        self._listeners: list[Callable[[CycleResult], None]] = []
        self._subscriptions: WeakSet[Subscription] = WeakSet()
        self.closed = False

    def subscribe(self) -> Subscription:
        """Ends at once when the feed is closed."""
        subscription = Subscription()
        if self.closed:
            subscription.end()
        self._subscriptions.add(subscription)
        return subscription

    def listen(self, listener: Callable[[CycleResult], None]) -> None:
        """Have `listener` called with every result. It must neither block nor raise."""
        self._listeners.append(listener)

    def publish(self, result: CycleResult) -> None:
        self.latest = result
        for listener in self._listeners:
            listener(result)
        for subscription in self._subscriptions:
            subscription.give(result)

    def close(self) -> None:
        """After the last result."""
        self.closed = True
        for subscription in self._subscriptions:
            subscription.end()
