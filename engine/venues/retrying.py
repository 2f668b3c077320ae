"""Asking again after errors that may pass."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from engine.errors import VenueTransient

T = TypeVar("T")


class Retrying:
    """Makes a call up to `attempts` times, with back-off and jitter from `wait_ms` on.

    For what may be done twice: reading and cancelling. Never for sending an order.
    """

    def __init__(self, attempts: int, wait_ms: int) -> None:
        self._attempts = attempts
        self._wait_s = wait_ms / 1_000

    async def __call__(self, call: Callable[[], Awaitable[T]]) -> T:
        """`call`'s answer; raises its last error where it keeps failing."""
        async for attempt in stamina.retry_context(
            on=VenueTransient,
            attempts=self._attempts,
            timeout=None,
            wait_initial=self._wait_s,
            wait_jitter=self._wait_s,
        ):
            with attempt:
                return await call()
        raise AssertionError("unreachable: the last attempt raises")
