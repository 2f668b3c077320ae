"""What is wrong, and what to do about it: the weightiest first, and nothing where all is well."""

from dataclasses import dataclass, replace

import pytest

from console.kit.lines import Tone
from console.session.target import Target
from console.session.trouble import ConnectionState
from console.session.view import Link, Trouble
from engine.cycles.results import CycleStatus
from engine.errors import (
    CycledeckError,
    SchemaTooNew,
    StoreCorrupt,
    StoreError,
    StoreLocked,
    StoreReplaced,
)
from tests.console.published import beat, books, failed, hello, result, view

TARGET = Target(None, {"db": "my ledger.db", "seed": "3"})
WELL = ConnectionState(TARGET, starting=False)
STARTING = ConnectionState(TARGET)


@dataclass
class Ended:
    """A process of an engine, running or ended."""

    exit_code: int | None
    words: str = ""
    pid: int = 1

    def last_output(self) -> str:
        return self.words


def test_an_engine_that_beats_is_no_trouble() -> None:
    seen = view(result(1), beat=beat(), heard_ms=1_000)
    assert WELL.trouble(seen, None, 2_000) is None


def test_an_engine_that_is_silent_is() -> None:
    seen = view(result(1), beat=beat(), heard_ms=1_000)
    found = WELL.trouble(seen, None, 13_000)
    assert found is not None
    assert "silent for 12 s" in found.what
    assert found.tone is Tone.DANGER


def test_orders_that_are_stopped_are_said_to_be_and_why() -> None:
    seen = view(result(1), beat=beat(killed="kill switch file x exists"), heard_ms=1)
    found = WELL.trouble(seen, None, 2)
    assert found is not None
    assert "kill switch file x exists" in found.what
    assert "K " in found.todo


@pytest.mark.parametrize(
    ("error", "todo"),
    [
        (StoreLocked("l.db: database is locked"), "lock"),
        (StoreCorrupt("l.db: malformed"), "backup"),
        (StoreCorrupt("l.db: file is not a database"), "no SQLite database"),
        (SchemaTooNew("l.db: schema 9"), "Update this program"),
        (StoreReplaced("l.db was replaced"), "shown from here on"),
        (StoreError("there is no ledger at l.db"), "tried again"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(error: CycledeckError, todo: str) -> None:
    found = replace(WELL, file_error=error).trouble(view(), None, 1)
    assert found is not None
    assert str(error) in found.what
    assert todo in found.todo


def test_a_file_that_is_not_there_yet_is_no_trouble_while_its_engine_starts() -> None:
    missing = replace(STARTING, file_error=StoreError("no ledger"))
    assert found_with(missing, Ended(None)) is None


def test_why_its_engine_ended_says_more_than_that_there_is_no_ledger() -> None:
    missing = replace(STARTING, file_error=StoreError("no ledger"))
    found = found_with(missing, Ended(1, "error: fills.jsonl: no such file\n"))
    assert found is not None
    assert "exit code 1: fills.jsonl: no such file" in found.what
    damaged = replace(STARTING, file_error=StoreCorrupt("malformed"))
    found = found_with(damaged, Ended(1, "error: malformed\n"))
    assert found is not None
    assert "backup" in found.todo


def test_an_engine_of_ones_own_that_ended_says_its_error_whatever_came_after() -> None:
    words = "starting\nerror: the venue is gone\n2026 [warning] bye\n"
    found = found_with(STARTING, Ended(1, words))
    assert found is not None
    assert found.what == "The engine ended with exit code 1: the venue is gone"
    assert "E starts" in found.todo


def test_of_one_that_was_killed_only_an_error_is_a_reason() -> None:
    found = found_with(WELL, Ended(-9, "2026 [warning] a retry\n"))
    assert found is not None
    assert found.what == "The engine ended by signal 9"


def test_an_engine_that_gave_way_to_another_that_has_ended_is_none_that_runs() -> None:
    gave_way = Ended(1, "error: another engine runs on this ledger: host:7. Stop it first\n")
    found = WELL.trouble(view(link=Link.READING, books=books(lease_holder=None)), gave_way, 1)
    assert found is not None
    assert "No engine is running" in found.what
    assert "E starts" in found.todo


def test_an_engine_that_has_the_lease_but_no_channel_is_told_of_after_a_while() -> None:
    seen = view(link=Link.READING, books=books(lease_holder="host:7", lease_acquired_ms=1_000))
    alive = Ended(None, pid=7)
    silent = replace(STARTING, channel_error="there is no socket")
    assert silent.trouble(seen, alive, 2_000) is None
    found = silent.trouble(seen, alive, 60_000)
    assert found is not None
    assert "there is no socket" in found.what


def found_with(standing: ConnectionState, child: "Ended") -> Trouble | None:
    return standing.trouble(view(link=Link.READING), child, 1)


def test_without_an_engine_the_file_is_shown_and_that_is_said() -> None:
    assert WELL.trouble(view(link=Link.STARTING), None, 1) is None
    found = WELL.trouble(view(result(1), link=Link.READING, books=books()), None, 1)
    assert found is not None
    assert found.what == "No engine is running"
    assert found.todo.endswith("cycledeck run --db 'my ledger.db' --seed 3")
    assert found.tone is Tone.ATTENTION


def test_an_engine_that_this_user_cannot_ask_is_told_from_none() -> None:
    standing = replace(WELL, channel_error="permission denied")
    seen = view(result(1), link=Link.READING, books=books(lease_holder="host:7"))
    found = standing.trouble(seen, None, 1)
    assert found is not None
    assert "host:7" in found.what
    assert "permission denied" in found.what


def test_a_fenced_engine_is_the_weightier_trouble() -> None:
    seen = view(failed(2, CycleStatus.FENCED), hello=hello(), beat=beat(), heard_ms=1)
    found = WELL.trouble(seen, None, 60_000)
    assert found is not None
    assert "took over" in found.what
    assert "cycledeck watch --db 'my ledger.db'" in found.todo


def test_an_engine_that_was_fenced_is_no_trouble_of_the_one_that_follows() -> None:
    later = hello(started_ms=failed(2).started_ms + 1)
    seen = view(failed(2, CycleStatus.FENCED), hello=later, beat=beat(), heard_ms=1)
    assert WELL.trouble(seen, None, 2) is None
