"""The steps of a fold as rows: what each event moved, brought, released and realized."""

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from console.kit.formats import NONE, Decimals, clock, is_day_of, money, signed, stamp
from console.kit.grid import Column
from console.kit.lines import Line, Tone, joined, line, plain, widest
from console.kit.rows import MadeRows
from console.kit.widths import cut, fit, gone
from engine.text import printable

if TYPE_CHECKING:
    from engine import Explanation, FoldStep

_FIGURES: Final = ("± qty", "value", "released", "realized", "fee", "qty after")
# What gives way in turn until all columns fit: some go, figures are cut, and then the ids.
_GIVE_WAY: Final = (
    gone("time"),
    gone("qty after"),
    *(cut(dict.fromkeys(_FIGURES, most)) for most in (30, 24, 20, 18, 16, 14)),
    gone("side"),
    *(cut(dict.fromkeys(_FIGURES, most)) for most in (12, 10)),
    cut({"event": 16}),
)


class StepRows(MadeRows[int]):
    """The rows of an explanation's steps, as wide as `fit` made them."""

    def __init__(self, explanation: "Explanation", *, local: bool = False) -> None:
        super().__init__(range(len(explanation.steps)))
        self._steps = steps = explanation.steps
        self._local = local
        figures = [_figures(step) for step in steps]
        self._points = {name: Decimals.of(row[name] for row in figures) for name in _FIGURES}
        self._currency = widest(step.fee_currency or "" for step in steps)
        self._shown: tuple[Column, ...] = ()
        times = [step.ts_ms for step in steps]
        # Of steps on one day the time of day is enough.
        self._one_day = not times or is_day_of(min(times), max(times), local=local)

    def fit(self, width: int) -> tuple[Column, ...]:
        """The columns: as wide as the figures; without room for that, some go, others are cut."""
        widths = {"event": widest(("event", *map(_name, self._steps)))}
        widths |= {"time": widest(("time", *map(self._time, self._steps[:1]))), "side": 4}
        for name in _FIGURES:
            more = self._currency + 1 if name == "fee" and self._currency else 0
            widths[name] = max(len(name), self._points[name].width + more)
        widths = fit(widths, width - 1, _GIVE_WAY)
        self._shown = tuple(Column(n, room, right=n in _FIGURES) for n, room in widths.items())
        self._rows.clear()
        return self._shown

    def cells(self, key: int) -> tuple[Line, ...]:
        cells = self._cells(self._steps[key])
        return tuple(cells[column.title] for column in self._shown)

    def _cells(self, step: "FoldStep") -> dict[str, Line]:
        rank = Tone.PLAIN if step.new else Tone.DIM
        cells = {
            "event": line((_name(step), rank)),
            "time": line((self._time(step), Tone.DIM)),
            "side": line((step.side or "", rank)),
        }
        for column in self._shown:
            if (name := column.title) in _FIGURES:
                tone = by_sign(step.realized) if name == "realized" else rank
                cells[name] = line((self._figure(step, name, column.width), tone))
        return cells

    def in_full(self, step: "FoldStep") -> Line:
        """The figures of a step in full, where its row has no room for them; else nothing. Of
        steps on several days also when it was."""
        full = _figures(step)
        cells = self._cells(step)
        short = [n for n in _FIGURES if n in cells and plain(cells[n]).rstrip().endswith("…")]
        parts = [line((f"{name} ", Tone.DIM), full[name]) for name in short]
        if not self._one_day and all(column.title != "time" for column in self._shown):
            parts.insert(0, line((self._time(step), Tone.DIM)))
        if step.reason:
            parts.append(line(("because ", Tone.DIM), printable(step.reason)))
        return joined(parts, "  ")

    def _time(self, step: "FoldStep") -> str:
        if self._one_day:
            return clock(step.ts_ms, local=self._local)
        return stamp(step.ts_ms, local=self._local).partition(".")[0]

    def _figure(self, step: "FoldStep", name: str, width: int) -> str:
        tail = ""
        if name == "fee" and step.fee is not None:
            currency = printable(step.fee_currency or "")
            tail = " " + set_cell_size(currency, self._currency)
        room = max(width - cell_len(tail), 1)
        return self._points[name].placed(_figures(step, room)[name], room) + tail


def _figures(step: "FoldStep", width: int = 0) -> dict[str, str]:
    """The figures of a step, cut (never rounded) to a width. A move of nothing is a dash."""
    return {
        "± qty": NONE if is_zero(step.d) else signed(step.d, width),
        "value": NONE if is_zero(step.v) else money(step.v, width),
        "released": money(step.released, width),
        "realized": signed(step.realized, width),
        "fee": money(step.fee, width),
        "qty after": money(step.qty, width),
    }


def by_sign(text: str | None) -> Tone:
    """A gain, a loss, or neither."""
    if text is None or is_zero(text):
        return Tone.PLAIN
    return Tone.DANGER if text.startswith("-") else Tone.OK


def is_zero(text: str) -> bool:
    return not text.strip("-0.")


def _name(step: "FoldStep") -> str:
    return f"{'+' if step.new else '↻'} {step.event_id}"
