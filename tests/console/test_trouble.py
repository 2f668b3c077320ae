"""What is wrong, and what to do about it: the weightiest first, and nothing where all is well."""

from dataclasses import dataclass

import pytest
from published import beat, books, failed, hello, result, view

from console.lines import Tone
from console.trouble import Standing, trouble_of
from console.view import Link
from engine.errors import (
    CycledeckError,
    SchemaTooNew,
    StoreCorrupt,
    StoreError,
    StoreLocked,
    StoreReplaced,
)
from engine.results import Status

WELL = Standing(starting=False)


@dataclass
class Ended:
    """A child as `trouble_of` looks at one."""

    exit_code: int | None
    words: str = ""

    def last_words(self) -> str:
        return self.words


def test_an_engine_that_beats_is_no_trouble() -> None:
    seen = view(result(1), beat=beat(), heard_ms=1_000)
    assert trouble_of(seen, WELL, 2_000) is None


def test_an_engine_that_is_silent_is() -> None:
    seen = view(result(1), beat=beat(), heard_ms=1_000)
    found = trouble_of(seen, WELL, 13_000)
    assert found is not None
    assert "silent for 12 s" in found.what
    assert found.tone is Tone.DANGER


def test_orders_that_are_stopped_are_said_to_be_and_why() -> None:
    seen = view(result(1), beat=beat(killed="kill switch file x exists"), heard_ms=1)
    found = trouble_of(seen, WELL, 2)
    assert found is not None
    assert "kill switch file x exists" in found.what
    assert "K " in found.todo


@pytest.mark.parametrize(
    ("error", "todo"),
    [
        (StoreLocked("l.db: database is locked"), "lock"),
        (StoreCorrupt("l.db: malformed"), "backup"),
        (SchemaTooNew("l.db: schema 9"), "Update this program"),
        (StoreReplaced("l.db was replaced"), "shown from here on"),
        (StoreError("there is no ledger at l.db"), "tried again"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(error: CycledeckError, todo: str) -> None:
    found = trouble_of(view(), Standing(starting=False, file_error=error), 1)
    assert found is not None
    assert str(error) in found.what
    assert todo in found.todo


def test_a_file_that_is_not_there_yet_is_no_trouble_while_its_engine_starts() -> None:
    standing = Standing(child=Ended(None), file_error=StoreError("no ledger"))  # type: ignore[arg-type]
    assert trouble_of(view(link=Link.STARTING), standing, 1) is None


def test_an_engine_of_ones_own_that_ended_says_its_last_words() -> None:
    child = Ended(1, "starting\nerror: another engine runs on this ledger\n")
    standing = Standing(child=child, starting=True)  # type: ignore[arg-type]
    found = trouble_of(view(link=Link.READING), standing, 1)
    assert found is not None
    assert "exit code 1: error: another engine runs" in found.what
    killed = Standing(child=Ended(-9), starting=False)  # type: ignore[arg-type]
    found = trouble_of(view(link=Link.READING), killed, 1)
    assert found is not None
    assert "by signal 9" in found.what


def test_without_an_engine_the_file_is_shown_and_that_is_said() -> None:
    assert trouble_of(view(link=Link.STARTING), WELL, 1) is None
    found = trouble_of(view(result(1), link=Link.READING, books=books()), WELL, 1)
    assert found is not None
    assert found.what == "No engine is running"
    assert found.tone is Tone.ATTENTION


def test_an_engine_that_this_user_cannot_ask_is_told_from_none() -> None:
    standing = Standing(starting=False, channel_error="permission denied")
    seen = view(result(1), link=Link.READING, books=books(lease_holder="host:7"))
    found = trouble_of(seen, standing, 1)
    assert found is not None
    assert "host:7" in found.what
    assert "permission denied" in found.what


def test_a_fenced_engine_is_the_weightier_trouble() -> None:
    seen = view(failed(2, Status.FENCED), hello=hello(), beat=beat(), heard_ms=1)
    found = trouble_of(seen, WELL, 60_000)
    assert found is not None
    assert "took over" in found.what
