"""The engine as a console's own child: real processes, ended cleanly."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from console.session import engine_process as module
from console.session.engine_process import EngineProcess

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


def speaks(child: EngineProcess) -> None:
    """Wait until the process is up."""
    until(lambda: "up" in child.last_output())
    assert child.exit_code is None


def test_it_is_asked_to_end_and_its_exit_code_returned() -> None:
    child = EngineProcess(python(ENDS_ON_TERM))
    speaks(child)
    assert child.exit_code is None
    assert child.end() == 3
    assert child.exit_code == 3


def test_one_that_will_not_end_is_killed_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "QUIET_S", 0.05)
    monkeypatch.setattr(module, "HURRIED_S", 0.05)
    child = EngineProcess(python(IGNORES_TERM))
    speaks(child)
    told: list[str] = []
    assert child.end(0.05, slow=lambda: told.append("slow")) == -9
    assert told == ["slow"]


def test_ending_one_that_has_ended_already_returns_how() -> None:
    child = EngineProcess(python(f"{UP}; raise SystemExit(2)"))
    until(lambda: child.exit_code is not None)
    assert child.end() == child.exit_code == 2


def test_a_ctrl_c_hurries_it(monkeypatch: pytest.MonkeyPatch) -> None:
    child = EngineProcess(python(IGNORES_TERM))
    speaks(child)
    waited = 0.0

    def interrupted(timeout: float | None = None) -> int:
        nonlocal waited
        waited += timeout or 0
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(child._process, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            child.end()
    until(lambda: child.exit_code == -9)
    assert waited > 30


def test_its_last_output_are_its_own_while_others_speak() -> None:
    first = EngineProcess(python(ENDS_ON_TERM))
    speaks(first)
    second = EngineProcess(python("import sys; sys.exit('second')"))
    until(lambda: second.exit_code is not None)
    first.end()
    assert (first.last_output(), second.last_output()) == ("up", "second")


def test_the_log_of_the_one_before_is_kept() -> None:
    for name in ("first", "second", "third"):
        child = EngineProcess(python(f"import sys; sys.exit('{name}')"))
        until(lambda child=child: child.exit_code is not None)  # type: ignore[misc]
    logs = platformdirs.user_log_path("cycledeck")
    assert (logs / "engine.log").read_text() == "third\n"
    assert (logs / "engine.log.1").read_text() == "second\n"


def test_it_starts_where_no_log_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/state")
    child = EngineProcess(python("import sys; sys.exit('said')"))
    until(lambda: child.exit_code is not None)
    assert child.last_output() == "said"


def test_it_is_in_a_session_of_its_own() -> None:
    child = EngineProcess(python(ENDS_ON_TERM))
    try:
        speaks(child)
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
    finally:
        child.end()


def test_a_program_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        EngineProcess(["/no-such-program"])


def test_the_command_line_of_the_engine_passes_on_what_was_given() -> None:
    from console.session.target import Target

    target = Target(Path("c.toml"), {"db": "l.db", "start_from": "now", "seed": "3"})
    assert target.command("run")[4:] == [
        "run", "--config", "c.toml", "--db", "l.db", "--start-from", "now", "--seed", "3",
    ]  # fmt: skip
    assert target.command("verify", "--json", only=("db",))[4:] == [
        "verify", "--json", "--config", "c.toml", "--db", "l.db",
    ]  # fmt: skip
    done = subprocess.run(
        [*target.command("--help")[:4], "--help"], capture_output=True, check=True
    )
    assert b"replay" in done.stdout
