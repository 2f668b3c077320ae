"""Account events that a cycle booked, in the words of each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from console.kit.formats import plural
from console.kit.line_widget import Paragraph, caption
from console.kit.lines import Line, Tone, line
from engine.text import printable

if TYPE_CHECKING:
    from engine import AccountLine, Xray

MOST_LINES: Final = 5


class AccountLines(Paragraph):
    """It is there where the cycle booked any; the first of them, and how many more."""

    def __init__(self) -> None:
        super().__init__(id="account-events", classes="panel")
        self.display = False
        caption(self, "account events")

    def show(self, xray: "Xray") -> None:
        self.display = bool(xray.account)
        self.say(account_lines(xray.account))


def account_lines(booked: "Sequence[AccountLine]") -> list[Line]:
    """A line for each account event; of many the first, and how many more there are."""
    most = MOST_LINES if len(booked) <= MOST_LINES else MOST_LINES - 1
    lines = [
        line((f"+ {printable(entry.event_id)}  ", Tone.DIM), printable(entry.words))
        for entry in booked[:most]
    ]
    if len(booked) > most:
        lines.append(line((f"and {plural(len(booked) - most, 'more event')}", Tone.DIM)))
    return lines
