"""From the command to the first full frame, beside an app that shows one word."""

import tempfile
from pathlib import Path

from bench.driving import Figure, copied, median, painted, python
from tests.e2e.terminal import Terminal

MINIMAL = """
from textual.app import App
from textual.widgets import Static

class Minimal(App):
    def compose(self):
        yield Static("painted")

Minimal().run()
"""
# The last row of the console's frame.
LAST = " Quit"
GOAL = 1.5


def start_figures(ledger: Path, rounds: int) -> list[Figure]:
    """Rounds are interleaved; each ratio is the median of the rounds' ratios."""
    seconds: dict[str, list[float]] = {"minimal": [], "watch": [], "bare": [], "cycle": []}
    for number in range(rounds + 1):
        measured = _round(ledger)
        if number:
            for name, value in measured.items():
                seconds[name].append(value)
    return [
        Figure("start: minimal Textual app", median(seconds["minimal"]) * 1_000, "ms"),
        Figure("start: cycledeck watch", median(seconds["watch"]) * 1_000, "ms"),
        Figure("start: cycledeck", median(seconds["bare"]) * 1_000, "ms"),
        Figure("start: watch / minimal", _ratio(seconds, "watch"), "×", GOAL),
        Figure("start: cycledeck / minimal", _ratio(seconds, "bare"), "×", GOAL),
        Figure("start: cycledeck, a cycle of its engine seen", median(seconds["cycle"]), "s", 2),
    ]


def _ratio(seconds: dict[str, list[float]], name: str) -> float:
    pairs = zip(seconds[name], seconds["minimal"], strict=True)
    return median([first / second for first, second in pairs])


def _round(ledger: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        home = Path(name)
        db = copied(ledger, home / "watched")
        with Terminal(home=home, command=python(MINIMAL)) as terminal:
            minimal = painted(terminal, "painted") - terminal.started
        with Terminal("watch", "--db", db, home=home) as terminal:
            watch = painted(terminal, LAST) - terminal.started
        with Terminal("--db", home / "new.db", home=home) as terminal:
            bare = painted(terminal, LAST) - terminal.started
            cycle = painted(terminal, "● committed") - terminal.started
            terminal.press("q")
            terminal.ended()
    return {"minimal": minimal, "watch": watch, "bare": bare, "cycle": cycle}
