"""The feed: the latest result for everyone, nobody waits for a slow one; listeners get all."""

import asyncio
import gc
import weakref

from engine.cycles.feed import Feed
from engine.cycles.results import CycleResult, CycleStatus, Kind


def result(cycle_id: int) -> CycleResult:
    return CycleResult(
        cycle_id=cycle_id, kind=Kind.LIVE, status=CycleStatus.OK, account="main", mode="sim",
        started_ms=0, ended_ms=0, venue_ms=0,
    )  # fmt: skip


async def subscribed(feed: Feed) -> tuple[list[int], asyncio.Task[None]]:
    """Cycle numbers as a subscriber gets them; it subscribes before this returns."""
    got: list[int] = []

    async def follow() -> None:
        async for found in feed.subscribe():
            got.append(found.cycle_id)  # noqa: PERF401 - each is looked at as it comes

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)
    return got, task


async def test_a_subscriber_that_keeps_up_gets_every_result() -> None:
    feed = Feed()
    got, task = await subscribed(feed)
    for n in range(5):
        feed.publish(result(n))
        while len(got) <= n:  # noqa: ASYNC110 - the subscriber runs while this sleeps
            await asyncio.sleep(0)
    feed.close()
    await task
    assert got == [0, 1, 2, 3, 4]


async def test_a_slow_subscriber_gets_the_latest_and_publishing_never_waits() -> None:
    feed = Feed()
    got, task = await subscribed(feed)
    for n in range(1_000):
        feed.publish(result(n))
    feed.close()
    await task
    assert got == [999]


async def test_the_last_result_is_delivered_even_when_the_feed_closes_at_once() -> None:
    feed = Feed()
    got, task = await subscribed(feed)
    feed.publish(result(7))
    feed.close()
    await task
    assert got == [7]


async def test_every_subscriber_gets_its_own_copy_of_the_stream() -> None:
    feed = Feed()
    followers = [await subscribed(feed) for _ in range(3)]
    feed.publish(result(1))
    feed.close()
    await asyncio.gather(*(task for _, task in followers))
    assert [got for got, _ in followers] == [[1]] * 3


async def test_closing_twice_and_subscribing_afterwards_end_quietly() -> None:
    feed = Feed()
    got, task = await subscribed(feed)
    feed.publish(result(1))
    feed.close()
    feed.close()
    await task
    late, task = await subscribed(feed)
    await task
    assert (got, late) == ([1], [])


async def test_a_subscription_begins_when_it_is_made_not_when_it_is_first_read() -> None:
    feed = Feed()
    subscription = feed.subscribe()
    feed.publish(result(3))
    assert (await anext(subscription)).cycle_id == 3


def test_a_listener_gets_every_result_at_once_and_the_last_is_remembered() -> None:
    feed, got = Feed(), []
    feed.listen(lambda found: got.append(found.cycle_id))
    assert feed.latest is None
    for n in range(5):
        feed.publish(result(n))
        assert got[-1] == n
    assert got == [0, 1, 2, 3, 4]
    assert feed.latest == result(4)


def test_a_subscription_that_nobody_holds_is_forgotten() -> None:
    feed = Feed()
    gone = weakref.ref(feed.subscribe())
    gc.collect()
    assert gone() is None
    feed.publish(result(1))
