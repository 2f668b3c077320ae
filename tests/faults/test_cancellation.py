"""A task that is cancelled at any of its awaits: no transaction stays open, no commit is hidden."""

import asyncio
from pathlib import Path

import pytest

from engine.cycles.feed import Feed
from engine.cycles.results import CycleResult
from tests.faults.injection import CancelledAt, Statements
from tests.faults.scenarios import STORIES, Rehearsed, Story, misreported

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[CycleResult]:
    """Every result that is published, whoever listens."""
    results: list[CycleResult] = []
    monkeypatch.setattr(Feed, "publish", lambda feed, result: results.append(result))
    return results


def cancelled_at(story: Story, at: int, statements: Statements, times: int = 1) -> tuple[int, bool]:
    """Run the story, cancelled at its `at`th suspension; how many there were, and whether the
    cancellation got through."""

    async def main() -> None:
        await run

    run = CancelledAt(story.run(statements.connect), at, times)
    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        return run.suspensions, True
    return run.suspensions, False


@pytest.mark.parametrize(
    ("times", "every"),
    [
        (1, 32),
        pytest.param(1, 1, marks=pytest.mark.long),
        pytest.param(2, 1, marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("name", STORIES)
def test_a_cancellation_at_any_await_hides_no_commit_and_leaves_nothing_open(
    name: str, times: int, every: int, memory_folder: Path, published: list[CycleResult]
) -> None:
    """FAULTS 2: opening, each cycle and closing are cancelled at each of their awaits in turn,
    by default at some of them."""
    rehearsed = Rehearsed(name, memory_folder)
    total, _ = cancelled_at(rehearsed.fresh(memory_folder / "counted"), 0, Statements())
    found = {}
    for at in range(1, total + 1, every):
        published.clear()
        story, statements = rehearsed.fresh(memory_folder / str(at)), Statements()
        _, cancelled = cancelled_at(story, at, statements, times)
        problems = list(misreported(story.ledger, published))
        if not cancelled:
            problems.append("the cancellation was swallowed")
        if statements.open_transactions:
            problems.append("a transaction was left open")
        if any(connection.is_open for connection in statements.connections):
            problems.append("a connection was left open")
        asyncio.run(story.recover())
        problems += rehearsed.problems(story)
        if problems:
            found[f"cancelled at await {at} of {total}"] = problems
    assert found == {}
    assert total > 10
