"""Explain a number: the position before a cycle, each step of the fold, the position after."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from console.kit.formats import count, money, plural, signed
from console.kit.grid import Grid
from console.kit.line_widget import Paragraph, caption
from console.kit.lines import Line, Tone, joined, line, wrapped
from console.screens.xray.explain_rows import StepRows, by_sign

if TYPE_CHECKING:
    from engine import Explanation, FillLine, FoldStep, PositionView, Xray

_UNMOVED = "no event of this cycle moved it"
# So many steps are seen before the positions have all their digits. To so many those are cut;
# with the last ones the average, which follows from cost and quantity, goes too.
_STEPS_SEEN = 4
_DIGITS = (18, 16, 14, 12, 10, 8)
_DIGITS_WITHOUT_AVERAGE = 12


class StepsGrid(Grid):
    """The steps; left and right ask for another market."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", "Market before", show=False),
        Binding("right,l", "turn(1)", "Next market", show=False),
    ]

    @dataclass
    class Turned(Message):
        by: int

    def __init__(self) -> None:
        super().__init__(empty="reading…", id="steps")

    def action_turn(self, by: int) -> None:
        self.post_message(self.Turned(by))


class ExplainPanel(Vertical):
    """One market's fold. `offer` gives the markets there are; `Asked` the one wanted next."""

    @dataclass
    class Asked(Message):
        symbol: str

    def __init__(self) -> None:
        super().__init__(id="explain", classes="panel")
        self.border_title = "explain"
        self.symbols: Sequence[str] = ()
        self.symbol: str | None = None
        self.reading = True
        self._explanation: Explanation | None = None
        self._rows: StepRows | None = None
        self._local = False

    def compose(self) -> ComposeResult:
        yield Paragraph(id="explain-before")
        yield StepsGrid()
        yield Paragraph(id="step-detail")
        yield Paragraph(id="explain-after")

    def offer(self, symbols: Sequence[str]) -> None:
        """Positions to choose from, by name; the one that is shown stays, if it is among them."""
        self.symbols = symbols
        wanted = self.symbol if self.symbol in symbols else next(iter(symbols), None)
        if wanted is not None:
            self.ask(wanted)
            return
        self.symbol = None
        self._caption()
        self.say("no market has a position yet")

    def ask(self, symbol: str) -> None:
        self.symbol = symbol
        self.reading = True
        self._caption()
        self.post_message(self.Asked(symbol))

    def show(self, explanation: "Explanation", *, local: bool) -> None:
        self._explanation, self._local, self.reading = explanation, local, False
        self._caption()
        self.steps.set_empty(_UNMOVED)
        self._lay_out()

    def tell_time(self, *, local: bool) -> None:
        if local is not self._local:
            self._local = local
            self._lay_out()

    def say(self, text: str) -> None:
        """There is nothing to explain, and why."""
        self._explanation, self.reading = None, False
        self.query_one("#explain-before", Paragraph).say([])
        self.query_one("#explain-after", Paragraph).say([])
        self.steps.set_empty(text)
        self.steps.set_columns(())
        self.steps.set_rows(())
        self._show_step()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        if self._explanation is not None:
            before, after = self._positions(self._explanation)
            self.query_one("#explain-before", Paragraph).say(before)
            self.query_one("#explain-after", Paragraph).say(after)
            self._rows = StepRows(self._explanation, local=self._local)
            self.steps.set_columns(self._rows.fit(self.size.width - 1))
            self.steps.set_source(self._rows)
        self._show_step()

    def _positions(self, explanation: "Explanation") -> tuple[list[Line], list[Line]]:
        """Before and after, with every digit where that leaves room for the steps."""
        steps = 1 + min(max(len(explanation.steps), 1), _STEPS_SEEN)
        detail = 1 if explanation.steps else 0
        room = self.size.height - steps - detail

        def excess(lines: tuple[list[Line], list[Line]]) -> int:
            rows = (wrapped(text, self.size.width - 1) for part in lines for text in part)
            return max(sum(map(len, rows)) - room, 0)

        cut = (
            (self._before(explanation, digits), self._after(explanation, digits))
            for digits in (0, *_DIGITS)
        )
        return min(cut, key=excess)

    def on_row_cursor_moved(self) -> None:
        self._show_step()

    def _show_step(self) -> None:
        """Every digit of the step under the cursor, where its row has no room for them."""
        step, detail = self.step, self.query_one("#step-detail", Paragraph)
        figures = self._rows.in_full(step) if step and self._rows else ()
        detail.display = bool(figures)
        detail.say([line(("▸ ", Tone.DIM), figures)])

    @property
    def step(self) -> "FoldStep | None":
        """The step under the cursor."""
        number, steps = self.steps.selected, self._explanation.steps if self._explanation else ()
        return steps[number] if number is not None and number < len(steps) else None

    @property
    def steps(self) -> StepsGrid:
        return self.query_one(StepsGrid)

    def on_steps_grid_turned(self, event: StepsGrid.Turned) -> None:
        event.stop()
        if self.symbol in self.symbols:
            number = (self.symbols.index(self.symbol) + event.by) % len(self.symbols)
            self.ask(self.symbols[number])

    def _caption(self) -> None:
        caption(self, f"explain · {self.symbol}" if self.symbol else "explain")
        place = ""
        if len(self.symbols) > 1 and self.symbol in self.symbols:
            number = self.symbols.index(self.symbol) + 1
            place = f"position {number} of {len(self.symbols)} · ← →"
        caption(self, subtitle=place)

    def _before(self, explanation: "Explanation", digits: int) -> list[Line]:
        lines = [self._position("before", explanation.before, digits)]
        if explanation.late:
            late = "late: it sorts before events applied already; folded again from there"
            lines.append(line(("▲ ", Tone.ATTENTION), (late, Tone.DIM)))
        return lines

    def _after(self, explanation: "Explanation", digits: int) -> list[Line]:
        lines = [self._position("after", explanation.after, digits)]
        if more := explanation.steps_left_out:
            words = f"… {count(more)} more steps, not listed, are folded all the same"
            lines.insert(0, line((words, Tone.ATTENTION)))
        steps = plural(len(explanation.steps) + more, "step")
        fold = (f"fold of {plural(explanation.folded, 'event')} before + {steps} ", Tone.DIM)
        if explanation.matches:
            return [*lines, line(fold, ("= stored ✓", Tone.OK))]
        wrong = line(fold, ("≠ stored: it does not match", Tone.DANGER))
        todo = line(("Stop the engine and run: cycledeck verify", Tone.ATTENTION))
        return [*lines, wrong, self._position("stored", explanation.stored), todo]

    @staticmethod
    def _position(label: str, position: "PositionView", digits: int = 0) -> Line:
        """With `digits`, figures that are longer are cut."""
        gain = position.realized_pnl
        average = line(("avg ", Tone.DIM), money(position.avg_cost, digits or 16))
        parts = [
            line((f"{label:<8}qty ", Tone.DIM), money(position.qty, digits)),
            line(("cost ", Tone.DIM), money(position.cost, digits)),
            () if 0 < digits <= _DIGITS_WITHOUT_AVERAGE else average,
            line(("realized ", Tone.DIM), (signed(gain, digits), by_sign(gain))),
        ]
        if position.funding != "0":
            funding = (signed(position.funding, digits), by_sign(position.funding))
            parts.append(line(("funding ", Tone.DIM), funding))
        if position.fees:
            fees = " · ".join(f"{money(fee, digits)} {name}" for name, fee in position.fees.items())
            parts.append(line(("fees ", Tone.DIM), fees))
        if position.fees_unknown:
            fills = plural(position.fees_unknown, "fill")
            parts.append(line((f"≈ fees of {fills} unknown", Tone.ATTENTION)))
        if position.oversold:
            parts.append(line(("▲ oversold", Tone.ATTENTION)))
        return joined(parts, "  ")


def position_of(fill: "FillLine", positions: Collection[str]) -> str:
    """The name of the position that a fill is of; with the main wallet, where there are several."""
    name = fill.position or fill.symbol
    named = sorted(_named(name, positions), key=lambda other: not other.endswith(" @main"))
    return name if name in positions else next(iter(named), name)


def _named(name: str, positions: Iterable[str]) -> Iterator[str]:
    """The positions whose names say more than this one."""
    return (position for position in positions if position.startswith(f"{name} "))


def markets_of(xray: "Xray") -> list[str]:
    """The positions that this cycle moved come first, and of them those in trouble; then those of
    other markets that it asked for, then the rest."""

    def with_any(outcome: str) -> list[str]:
        fills = (f for f in xray.fills if any(event.outcome == outcome for event in f.events))
        return [position_of(fill, names) for fill in fills]

    names = xray.positions_after
    troubled = {*with_any("conflicting"), *(fill.symbol for fill in xray.fills if fill.reason)}
    troubled |= {name for name, position in xray.positions_after.items() if position.oversold}
    moved = sorted(with_any("inserted"), key=lambda symbol: symbol not in troubled)
    symbols = [window.symbol for window in xray.windows]
    asked = [symbol for symbol in symbols if symbol in names or not any(_named(symbol, names))]
    return list(dict.fromkeys([*moved, *asked, *names]))
