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

import pytest
from injection import Act, Statements, changing, io_error, out_of_memory
from scenarios import STORIES, Rehearsed, misreported

KILLING = Path(__file__).with_name("killing.py")
# A part of a story's statements is every so-manieth of them: one by default, the others with the
# long tests.
PARTS = {"opening": 2, "upgrading": 4, "recorded": 6, "sim": 8}

parts = pytest.mark.parametrize(
    ("name", "part"),
    [
        pytest.param(name, part, marks=[] if part == 0 else pytest.mark.long)
        for name in STORIES
        for part in range(PARTS[name])
    ],
)
stories = pytest.mark.parametrize("name", STORIES)
before_and_after = pytest.mark.parametrize("when", ["before", "after"])


pytestmark = pytest.mark.usefixtures("quiet")


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


def enumerate_kills(name: str, when: str, which: str, part: int) -> None:
    command = [sys.executable, str(KILLING), name, when, which, str(part), str(PARTS[name])]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["found"] == {}, ran.stderr
    assert report["kills"]


@parts
def test_a_statement_that_fails_before_it_ran_changes_nothing_in_the_end(
    name: str, part: int, memory_folder: Path
) -> None:
    """FAULTS 1, 7: each statement and COMMIT of all three connections, once."""
    enumerate_failures(
        name,
        "before",
        io_error,
        lambda s: [*range(1, len(s) + 1)][part :: PARTS[name]],
        memory_folder,
    )


@parts
def test_a_statement_that_fails_after_it_ran_changes_nothing_in_the_end(
    name: str, part: int, memory_folder: Path
) -> None:
    """FAULTS 1, 5, 7: COMMIT among them, which is then unknown."""
    enumerate_failures(
        name, "after", io_error, lambda s: changing(s)[part :: PARTS[name]], memory_folder
    )


@parts
def test_being_killed_before_a_statement_changes_nothing_in_the_end(name: str, part: int) -> None:
    """FAULTS 1: SIGKILL before each statement that changes something, and each COMMIT."""
    enumerate_kills(name, "before", "changing", part)


@stories
def test_being_killed_after_a_commit_changes_nothing_in_the_end(name: str) -> None:
    """FAULTS 1. After any other statement is before the next one."""
    for part in range(PARTS[name]):
        enumerate_kills(name, "after", "ending", part)


@pytest.mark.long
@parts
@before_and_after
def test_being_killed_anywhere_changes_nothing_in_the_end(name: str, when: str, part: int) -> None:
    """FAULTS 1, without leaving any statement out."""
    enumerate_kills(name, when, "every", part)


@pytest.mark.long
@parts
@before_and_after
def test_running_out_of_memory_anywhere_changes_nothing_in_the_end(
    name: str, when: str, part: int, memory_folder: Path
) -> None:
    """FAULTS 7: sqlite3 raises MemoryError for it, which is none of its own errors."""
    enumerate_failures(
        name,
        when,
        out_of_memory,
        lambda s: [*range(1, len(s) + 1)][part :: PARTS[name]],
        memory_folder,
    )
