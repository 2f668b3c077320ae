"""What plainly is a console is opened without the command line, and as it would open it."""

import sys
from pathlib import Path
from typing import Any

import pytest

from console.launch import cli, commands, launch
from console.session.target import Target

PLAIN = [
    [],
    ["--keep-running"],
    ["--db", "l.db", "--venue", "sim", "--keep-running", "--seed", "3"],
    ["--db=l.db", "--start-from=now", "--symbols", "A/B,C/D"],
    ["--db", "a.db", "--db", "b.db"],
    ["--config", "c.toml", "--interval", "2s", "--lookback", "5m"],
    ["watch"],
    ["watch", "--db", "l.db", "--config=c.toml"],
    ["browse", "any.db"],
]
NOT_PLAIN = [
    ["--help"], ["--version"], ["--nonsense"], ["-x", "1"], ["--db"], ["--db="], ["--db", "--seed"],
    ["--seed", "x"], ["--seed", "-1"], ["nonsense"], ["status"], ["verify", "--help"], ["l.db"],
    ["watch", "--help"], ["watch", "--venue", "sim"], ["watch", "l.db"], ["watch", "--seed", "3"],
    ["watch", "--keep-running"], ["--keep-running", "watch"],
    ["browse"], ["browse", "--help"], ["browse", "a.db", "b.db"],
]  # fmt: skip


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was opened, and with what, in the place of opening it."""
    found: list[tuple[Any, ...]] = []

    def note(name: str) -> Any:
        def open_it(what: Target | Path, *, keep_running: bool = False) -> int:
            found.append((name, what, keep_running))
            return 0

        return open_it

    for name in ("deck", "watch", "browse"):
        monkeypatch.setattr(launch, name, note(name))
    return found


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_what_is_plain_is_opened_as_the_command_line_would(
    words: list[str], opened: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["cycledeck", *words])
    for entry in (cli.main, commands.main):
        with pytest.raises(SystemExit) as end:
            entry()
        assert end.value.code == 0
    directly, by_the_command_line = opened
    assert directly == by_the_command_line


@pytest.mark.parametrize("words", NOT_PLAIN, ids=" ".join)
def test_all_else_is_for_the_command_line_to_understand(words: list[str]) -> None:
    assert cli.plain_console(words) is None
