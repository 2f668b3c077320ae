"""The engine process whose file operations are recorded: it makes a ledger and goes through a story
on it, with checkpoints every few pages, and notes each outcome once it is there.

    python writing.py FOLDER NOTES
"""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine import Engine
from engine.ledger import positions
from engine.store.connection import connect_sqlite
from tests.faults.scenarios import RecordedStory

# So few pages of the log are copied into the file at once: often, and each time not all of them.
LOG_PAGES = 64


def connect(uri: str, read_only: bool) -> sqlite3.Connection:
    connection = connect_sqlite(uri, read_only)
    connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}").fetchall()
    return connection


async def main(folder: Path, notes: int) -> None:
    positions.CHECKPOINT_EVENTS = 8
    story = RecordedStory(folder)
    story.reach(1)
    for run in ((1, 2), (3, 4, 5)):
        async with Engine(story.settings, connect=connect) as engine:
            for stage in run:
                story.reach(stage)
                result = await engine.cycle()
                os.write(notes, f"{result.commit_seq}\n".encode())
                if stage == 4:
                    for made in await story.correct(engine):
                        os.write(notes, f"{made.commit_seq}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)))
