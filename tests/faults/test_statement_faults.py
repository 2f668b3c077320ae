"""A failure, or the process's death, before and after every statement of the cycle.

The statements are counted, not listed: a statement that is added is covered. What has to come out
is what comes out without the fault.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.injection import Act, Statements, changing, io_error, out_of_memory
from tests.faults.scenarios import STORIES, Rehearsed, misreported

KILLING = Path(__file__).with_name("killing.py")
# Each so-manieth statement is taken by default, each one, in so many parts, by the long tests.
SAMPLED = {"opening": 24, "upgrading": 64, "recorded": 120, "idle": 64, "sim": 160}
COMMITS_SAMPLED = {"upgrading": 8, "idle": 8}
PARTS = {"opening": 2, "upgrading": 4, "recorded": 6, "idle": 6, "sim": 12}
# Of a part; a minute or two where nothing else runs.
LONGEST_S = 1_500

EVERY_PART = [
    pytest.param(name, slice(part, None, PARTS[name]), marks=pytest.mark.long, id=f"{name}-{part}")
    for name in STORIES
    for part in range(PARTS[name])
]


def sample(every: dict[str, int], *names: str) -> list[Any]:
    return [pytest.param(name, slice(0, None, every[name]), id=name) for name in names]


sampled = pytest.mark.parametrize(("name", "part"), [*sample(SAMPLED, *STORIES), *EVERY_PART])
# A process for each story takes a second before the first kill: some of the stories for each rule.
# The long tests kill before each statement, whether it changes something or not.
kills = pytest.mark.parametrize(("name", "part"), sample(SAMPLED, "opening", "sim"))
commits = pytest.mark.parametrize(
    ("name", "part"), [*sample(COMMITS_SAMPLED, "upgrading", "idle"), *EVERY_PART]
)
all_parts = pytest.mark.parametrize(("name", "part"), EVERY_PART)
before_and_after = pytest.mark.parametrize("when", ["before", "after"])


pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.timeout(LONGEST_S + 60)]


def enumerate_failures(
    name: str, when: str, act: Act, chosen: Callable[[list[str]], list[int]], folder: Path
) -> None:
    rehearsed = Rehearsed(name, folder)
    found = {}
    numbers = chosen(rehearsed.seen)
    for at in numbers:
        story = rehearsed.fresh(folder / str(at))
        statements = Statements(at=[at], act=act, after_it=when == "after")
        results = asyncio.run(story.run(statements.connect))
        problems = list(misreported(story.ledger, results))
        if statements.open_transactions:
            problems.append("a transaction was left open")
        asyncio.run(story.recover())
        problems += rehearsed.problems(story)
        if problems:
            found[f"failed {when} statement {at}: {rehearsed.seen[at - 1][:80]}"] = problems
    assert found == {}
    assert numbers


def enumerate_kills(name: str, when: str, which: str, part: slice) -> None:
    every = [str(part.start), str(part.step)]
    command = [sys.executable, str(KILLING), name, when, which, *every]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["found"] == {}, ran.stderr
    assert report["kills"]


@sampled
def test_a_statement_that_fails_before_it_ran_changes_nothing_in_the_end(
    name: str, part: slice, memory_folder: Path
) -> None:
    """FAULTS 1, 7: each statement and COMMIT of all three connections, once."""
    enumerate_failures(
        name, "before", io_error, lambda s: [*range(1, len(s) + 1)][part], memory_folder
    )


@sampled
def test_a_statement_that_fails_after_it_ran_changes_nothing_in_the_end(
    name: str, part: slice, memory_folder: Path
) -> None:
    """FAULTS 1, 5, 7: COMMIT among them, which is then unknown."""
    enumerate_failures(name, "after", io_error, lambda s: changing(s)[part], memory_folder)


@kills
def test_being_killed_before_a_statement_changes_nothing_in_the_end(name: str, part: slice) -> None:
    """FAULTS 1: SIGKILL before each statement that changes something, and each COMMIT."""
    enumerate_kills(name, "before", "changing", part)


@commits
def test_being_killed_after_a_commit_changes_nothing_in_the_end(name: str, part: slice) -> None:
    """FAULTS 1. After any other statement is before the next one."""
    enumerate_kills(name, "after", "ending", part)


@all_parts
def test_being_killed_anywhere_changes_nothing_in_the_end(name: str, part: slice) -> None:
    """FAULTS 1, without leaving any statement out. After one that ends no transaction there is what
    there was before it; after the others kills the test above."""
    enumerate_kills(name, "before", "every", part)


@all_parts
@before_and_after
def test_running_out_of_memory_anywhere_changes_nothing_in_the_end(
    name: str, when: str, part: slice, memory_folder: Path
) -> None:
    """FAULTS 7: sqlite3 raises MemoryError for it, which is none of its own errors."""
    enumerate_failures(
        name,
        when,
        out_of_memory,
        lambda s: (changing(s) if when == "after" else [*range(1, len(s) + 1)])[part],
        memory_folder,
    )
