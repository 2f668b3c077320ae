"""From a key to the bytes it has painted, while a cycle runs every second."""

import tempfile
import time
from pathlib import Path

from bench.driving import Figure, answered, copied, engine_on, high, median, python
from tests.e2e.terminal import Terminal

MINIMAL = """
from textual.app import App
from textual.widgets import Static

class Minimal(App):
    BINDINGS = [("n", "next")]
    number = 0

    def compose(self):
        yield Static("painted")

    def action_next(self):
        self.number += 1
        self.query_one(Static).update(f"painted {self.number}")

Minimal().run()
"""
GOAL_MS = 50
# Each key with what it shows; none where a cursor moves.
ROUND = (
    ("2", "enter x-ray"),
    ("j", ""),
    ("j", ""),
    ("k", ""),
    ("4", "errors and warnings"),
    ("1", "positions"),
    ("?", "keys on this screen"),
    ("?", ""),
)
# A key comes when the one before has long been answered, as a person's does.
REST_S = 0.15


def key_figures(ledger: Path, rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="cycledeck-bench-") as name:
        home = Path(name)
        reference = _minimal(home, rounds * 4)
        db = copied(ledger, home / "keys")
        with (
            engine_on(db, "--interval", "1s"),
            Terminal("watch", "--db", db, home=home) as terminal,
        ):
            terminal.until_seen("running every")
            waits = _rounds(terminal, rounds)
    everything = [wait for values in waits.values() for wait in values]
    figures = [
        Figure("key → paint: minimal Textual app, p50", median(reference), "ms"),
        Figure("key → paint: minimal Textual app, p95", high(reference), "ms"),
        Figure("key → paint: all keys, p50", median(everything), "ms"),
        Figure("key → paint: all keys, p95", high(everything), "ms", GOAL_MS),
    ]
    for key, values in waits.items():
        note = f"p50 {median(values):.1f}"
        figures.append(Figure(f"key → paint: {key}, p95", high(values), "ms", GOAL_MS, note))
    return figures


def _rounds(terminal: Terminal, rounds: int) -> dict[str, list[float]]:
    """The first round is not counted: it builds the screens."""
    waits: dict[str, list[float]] = {key: [] for key, _ in ROUND}
    for number in range(rounds + 1):
        for key, shown in ROUND:
            time.sleep(REST_S)
            wait = answered(terminal, key, shown)
            if number:
                waits[key].append(wait)
    return waits


def _minimal(home: Path, count: int) -> list[float]:
    with Terminal(home=home, command=python(MINIMAL)) as terminal:
        terminal.until_seen("painted")
        waits = []
        for _ in range(count):
            time.sleep(REST_S)
            waits.append(answered(terminal, "n"))
    return waits
