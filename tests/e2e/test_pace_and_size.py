"""However fast cycles run and however small the terminal is made: keys are answered, and the
screen is whole again when there is room."""

import time
from pathlib import Path

import pytest

from tests.cases import mostly_long
from tests.e2e.processes import command, cycle_count, running_engine
from tests.e2e.terminal import Terminal


# 36,000 cycles an hour, and one after the other.
@mostly_long("interval", ["100ms", "0"])
def test_keys_are_answered_while_cycles_run(home: Path, ledger: Path, interval: str) -> None:
    with Terminal("--db", ledger, "--interval", interval, home=home) as terminal:
        terminal.until_seen("running every", "● committed")
        begun = cycle_count(ledger)
        for key, shown in {
            "2": "enter x-ray",
            "4": "errors and warnings",
            "1": "positions",
            "?": "keys on this screen",
        }.items():
            terminal.press(key)
            terminal.until_seen(shown)
        terminal.press("escape")
        terminal.until_gone("keys on this screen")
        terminal.until(lambda: cycle_count(ledger) > begun + 5)
        terminal.press("q")
        assert terminal.ended() == 0


@pytest.mark.long
def test_a_terminal_made_tiny_and_back_while_cycles_run_shows_the_same_again(
    home: Path, ledger: Path
) -> None:
    with (
        running_engine(ledger, home, "--interval", "50ms"),
        Terminal("watch", "--db", ledger, home=home, size=(120, 40)) as terminal,
    ):
        terminal.until_seen("running every", "● committed")
        for key, panels in {
            "1": ("ledger dedupe", "fill rate", "positions", "cursors", "enter opens one"),
            "2": ("ledger dedupe", "time by phase", "enter x-ray"),
            "3": ("tables › ledger_events", "input_items", "exact"),
            "4": ("books", "ledger file", "errors and warnings", "message"),
        }.items():
            terminal.press(key)
            terminal.until_seen(*panels)
            terminal.resize(40, 10)
            terminal.until(lambda: _fills(terminal, 40, 10))
            terminal.resize(120, 40)
            terminal.until_seen(*panels)
            terminal.until(lambda: _fills(terminal, 120, 40))
        terminal.press("q")
        assert terminal.ended() == 0


def test_of_two_resizes_at_once_the_last_one_counts(home: Path, ledger: Path) -> None:
    with Terminal("watch", "--db", ledger, home=home, size=(120, 40)) as terminal:
        terminal.until_seen("enter opens one")
        for _ in range(10):
            terminal.resize(40, 10)
            terminal.resize(120, 40)
            terminal.until_seen("ledger dedupe", "cursors", "enter opens one")
        terminal.press("q")
        assert terminal.ended() == 0


def _fills(terminal: Terminal, columns: int, rows: int) -> bool:
    """Something is drawn from the first row to the last, and nothing beyond the edge."""
    shown = terminal.rows
    return bool(len(shown) == rows and shown[0] and shown[-1] and max(map(len, shown)) <= columns)


@pytest.mark.long
def test_minutes_of_cycles_without_a_pause_leave_it_as_quick(home: Path, ledger: Path) -> None:
    with Terminal("--db", ledger, "--interval", "0", home=home) as terminal:
        terminal.until_seen("running every")
        ends = time.monotonic() + 120
        while time.monotonic() < ends:
            for key, shown in (("2", "enter x-ray"), ("4", "errors and"), ("1", "positions")):
                terminal.press(key)
                terminal.until_seen(shown)
                time.sleep(1)
        terminal.press("q")
        assert terminal.ended() == 0
    assert command(home, "verify", "--db", ledger).returncode == 0
