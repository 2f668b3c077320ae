"""The feed: a subscriber gets the latest result, a listener every one."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakSet

from engine.cycles.results import CycleResult

T = TypeVar("T")


class Subscription(Generic[T]):
    """The latest of what is given to it, at most `most`, until it ends; the last always comes."""

    def __init__(self, most: int = 1) -> None:
        self._latest: deque[T] = deque(maxlen=most)
        self._news = asyncio.Event()
        self._ended = False

    def __aiter__(self) -> "Subscription[T]":
        return self

    async def __anext__(self) -> T:
        while not self._latest and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._latest:
            raise StopAsyncIteration
        return self._latest.popleft()

    def give(self, item: T) -> None:
        self._latest.append(item)
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
        self._subscriptions: WeakSet[Subscription[CycleResult]] = WeakSet()
        self.closed = False

    def subscribe(self) -> Subscription[CycleResult]:
        """Ends at once when the feed is closed."""
        subscription: Subscription[CycleResult] = Subscription()
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
