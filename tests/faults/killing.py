"""Kills a process at chosen statements of a story, recovers each time, and reports what is wrong.

A program of its own: it forks a child per kill, which needs a process that has no threads.

    python killing.py STORY before|after every|changing|ending FIRST STEP
"""

import asyncio
import json
import os
import pickle
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine import logs
from engine.settings import LogSettings
from tests.faults.injection import Statements, changing, ending, kill
from tests.faults.scenarios import Rehearsed, scratch

LONGEST_S = 60
WHICH: dict[str, Callable[[list[str]], list[int]]] = {
    "every": lambda seen: list(range(1, len(seen) + 1)),
    "changing": changing,
    "ending": ending,
}


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked child; returns its wait status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    try:
        signal.alarm(LONGEST_S)
        work()
    except BaseException:  # noqa: BLE001 - it is reported, and the child ends
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def rehearse(name: str, root: Path) -> None:
    (root / "rehearsed").write_bytes(pickle.dumps(Rehearsed(name, root)))


def killed_at(rehearsed: Rehearsed, folder: Path, at: int, after_it: bool) -> list[str]:
    story = rehearsed.fresh(folder)

    def run() -> None:
        asyncio.run(story.run(Statements(at=[at], act=kill, after_it=after_it).connect))

    def recover() -> None:
        asyncio.run(story.recover())
        (folder / "problems").write_text(json.dumps(rehearsed.problems(story)))

    status = in_child(run)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        return [f"ended with status {status}, was not killed"]
    status = in_child(recover)
    if status:
        return [f"recovery ended with status {status}"]
    problems: list[str] = json.loads((folder / "problems").read_text())
    return problems


def main(name: str, when: str, which: str, first: str, step: str) -> None:
    logs.configure(LogSettings(level="error"))
    root = Path(tempfile.mkdtemp(prefix="killing-", dir=scratch()))
    try:
        if in_child(lambda: rehearse(name, root)):
            raise SystemExit("the story does not even work without faults")
        rehearsed: Rehearsed = pickle.loads((root / "rehearsed").read_bytes())
        chosen = WHICH[which](rehearsed.seen)[int(first) :: int(step)]
        found: dict[str, list[str]] = {}
        for at in chosen:
            folder = root / str(at)
            problems = killed_at(rehearsed, folder, at, when == "after")
            if problems:
                statement = rehearsed.seen[at - 1][:80]
                found[f"killed {when} statement {at}: {statement}"] = problems
            shutil.rmtree(folder)
        json.dump({"kills": len(chosen), "found": found}, sys.stdout)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main(*sys.argv[1:])
