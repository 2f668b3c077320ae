"""The engine as a console's own child: real processes, ended cleanly."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from console import child as module
from console.child import Child

UP = "import signal, sys; print('up', file=sys.stderr, flush=True)"
ENDS_ON_TERM = f"""
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
{UP}
signal.pause()
"""
IGNORES_TERM = f"""
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
{UP}
while True: signal.pause()
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def speaks(child: Child) -> None:
    """Wait until the process is up."""
    until(lambda: "up" in child.last_words())
    assert child.exit_code is None


def test_it_is_asked_to_end_and_its_exit_code_returned() -> None:
    child = Child(python(ENDS_ON_TERM))
    speaks(child)
    assert child.exit_code is None
    assert child.end() == 3
    assert child.exit_code == 3


def test_one_that_will_not_end_is_killed_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", (0.05, 0.05))
    child = Child(python(IGNORES_TERM))
    speaks(child)
    assert child.end() == -9


def test_ending_one_that_has_ended_already_returns_how() -> None:
    child = Child(python(f"{UP}; raise SystemExit(2)"))
    until(lambda: child.exit_code is not None)
    assert child.end() == child.exit_code == 2


def test_its_last_words_are_its_own() -> None:
    first = Child(python("import sys; sys.exit('first')"))
    until(lambda: first.exit_code is not None)
    second = Child(python(ENDS_ON_TERM))
    speaks(second)
    second.end()
    assert second.last_words() == "up"
    assert first.last_words() == "first\nup"


def test_its_messages_go_to_a_file_that_is_begun_anew_when_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LOG_BYTES", 10)
    log_folder = platformdirs.user_log_path("cycledeck")
    log_folder.mkdir(parents=True)
    (log_folder / "engine.log").write_text("old messages")
    child = Child(python(ENDS_ON_TERM))
    speaks(child)
    child.end()
    assert (log_folder / "engine.log.1").read_text() == "old messages"
    assert child.last_words() == "up"


def test_it_is_in_a_session_of_its_own() -> None:
    child = Child(python(ENDS_ON_TERM))
    try:
        speaks(child)
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
    finally:
        child.end()


def test_a_program_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        Child(["/no-such-program"])


def test_the_command_line_of_the_engine_passes_on_what_was_given() -> None:
    from console.target import Target

    target = Target(Path("c.toml"), {"db": "l.db", "start_from": "now", "seed": "3"})
    assert target.command("run")[3:] == [
        "run", "--config", "c.toml", "--db", "l.db", "--start-from", "now", "--seed", "3",
    ]  # fmt: skip
    assert target.command("verify", "--json", only=("db",))[3:] == [
        "verify", "--json", "--config", "c.toml", "--db", "l.db",
    ]  # fmt: skip
    done = subprocess.run(
        [*target.command("--help")[:3], "--help"], capture_output=True, check=True
    )
    assert b"replay" in done.stdout
