"""What the pictures are taken of happens in the same way every time, and has one of everything."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from docs.staged import Story, tell
from docs.staged.story import CONFLICT, HELD, LAST, UNFETCHED, WITHOUT_METRICS
from tests.builders import verified


@pytest.mark.long
def test_it_is_told_the_same_again(told: Story, tmp_path: Path) -> None:
    again = tell(tmp_path)
    assert replace(again, folder=told.folder) == told
    assert dump(again) == dump(told)


def test_it_has_one_of_everything(told: Story) -> None:
    results = {result.cycle_id: result for result in told.results}
    assert list(results) == list(range(1, LAST + 1))
    assert results[CONFLICT].ledger_events_conflicting == 1
    assert results[CONFLICT].orders_refused
    assert results[UNFETCHED].errors
    assert not results[WITHOUT_METRICS].metrics_persisted
    assert results[HELD].held == results[LAST].held == ("SOL/USDT",)
    assert results[HELD - 1].held == ()
    verdicts = {result.verdict for result in results.values()}
    assert verdicts == {None, "clean", "conflict"}
    unrealized = [position.unrealized or "0" for position in results[LAST].positions.values()]
    assert {value.startswith("-") for value in unrealized} == {True, False}
    assert (told.preview.cycle_id, told.preview.inserted) == (CONFLICT, 0)


def test_its_books_are_right(told: Story) -> None:
    assert not verified(told.folder / "ledger.db").violations


def test_it_names_no_machine_and_no_folder(told: Story) -> None:
    names = json.dumps(dump(told))
    assert str(told.folder) not in names
    assert str(Path.home()) not in names


def dump(story: Story) -> list[str]:
    with closing(sqlite3.connect(story.folder / "ledger.db")) as connection:
        return list(connection.iterdump())
