"""Explain a number: the position before a cycle, each step of the fold, the position after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from console.kit.formats import count, money, plural, signed
from console.kit.line_widget import caption
from console.kit.lines import Line, Tone, joined, line
from console.kit.listing import Listing
from console.kit.scrolled import Paragraph, wrapped
from console.screens.xray.explain_rows import StepRows, by_sign

if TYPE_CHECKING:
    from engine import Explanation, FillLine, FoldStep, PositionView, Xray

_UNMOVED = "no event of this cycle moved it"
# So many steps are seen before the positions have all their digits. To so many those are cut;
# with the last ones the average, which follows from cost and quantity, goes too.
_STEPS_SEEN = 4
_DIGITS = (18, 16, 14, 12, 10, 8)
_DIGITS_WITHOUT_AVERAGE = 12


class StepsGrid(Listing):
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
    """`offer` says which markets there are; `Asked` tells which one is wanted next."""

    @dataclass
    class Asked(Message):
        symbol: str

    def __init__(self) -> None:
        super().__init__(id="explain", classes="panel")
        self.border_title = "explain"
        self.symbols: Sequence[str] = ()
        self.symbol: str | None = None
        self.reading = True
        self._found: Explanation | None = None
        self._rows: StepRows | None = None
        self._local = False

    def compose(self) -> ComposeResult:
        yield Paragraph(id="explain-before")
        yield StepsGrid()
        yield Paragraph(id="step-told")
        yield Paragraph(id="explain-after")

    def offer(self, symbols: Sequence[str]) -> None:
        """Markets to choose from; the one that is shown stays, if it is among them."""
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

    def show(self, found: "Explanation", *, local: bool) -> None:
        self._found, self._local, self.reading = found, local, False
        self._caption()
        self._grid.say_when_empty(_UNMOVED)
        self._lay_out()

    def tell_time(self, *, local: bool) -> None:
        if local is not self._local:
            self._local = local
            self._lay_out()

    def say(self, text: str) -> None:
        """There is nothing to explain, and why."""
        self._found, self.reading = None, False
        self.query_one("#explain-before", Paragraph).say([])
        self.query_one("#explain-after", Paragraph).say([])
        self._grid.say_when_empty(text)
        self._grid.set_columns(())
        self._grid.set_rows(())
        self._show_step()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        if self._found is not None:
            before, after = self._positions(self._found)
            self.query_one("#explain-before", Paragraph).say(before)
            self.query_one("#explain-after", Paragraph).say(after)
            self._rows = StepRows(self._found, local=self._local)
            self._grid.set_columns(self._rows.fit(self.size.width - 1))
            self._grid.set_source(self._rows)
        self._show_step()

    def _positions(self, found: "Explanation") -> tuple[list[Line], list[Line]]:
        """Before and after, with every digit where that leaves room for the steps."""
        steps = 1 + min(max(len(found.steps), 1), _STEPS_SEEN)
        told = 1 if found.steps else 0
        room = self.size.height - steps - told

        def excess(lines: tuple[list[Line], list[Line]]) -> int:
            rows = (wrapped(text, self.size.width - 1) for part in lines for text in part)
            return max(sum(map(len, rows)) - room, 0)

        cut = ((_before(found, digits), _after(found, digits)) for digits in (0, *_DIGITS))
        return min(cut, key=excess)

    def on_grid_moved(self) -> None:
        self._show_step()

    def _show_step(self) -> None:
        """Every digit of the step under the cursor, where its row has no room for them."""
        step, told = self.step, self.query_one("#step-told", Paragraph)
        found = self._rows.told(step) if step and self._rows else ()
        told.display = bool(found)
        told.say([line(("▸ ", Tone.DIM), found)])

    @property
    def step(self) -> "FoldStep | None":
        """The step under the cursor."""
        key = self._grid.key
        if self._found is None or not isinstance(key, int) or key >= len(self._found.steps):
            return None
        return self._found.steps[key]

    @property
    def steps(self) -> StepsGrid:
        return self._grid

    def on_steps_grid_turned(self, event: StepsGrid.Turned) -> None:
        event.stop()
        if self.symbol in self.symbols:
            number = (self.symbols.index(self.symbol) + event.by) % len(self.symbols)
            self.ask(self.symbols[number])

    @property
    def _grid(self) -> StepsGrid:
        return self.query_one(StepsGrid)

    def _caption(self) -> None:
        caption(self, f"explain · {self.symbol}" if self.symbol else "explain")
        place = ""
        if len(self.symbols) > 1 and self.symbol in self.symbols:
            number = self.symbols.index(self.symbol) + 1
            place = f"market {number} of {len(self.symbols)} · ← →"
        caption(self, subtitle=place)


def markets_of(found: "Xray") -> list[str]:
    """Those whose position this cycle moved come first, and of them those in trouble."""
    inserted = [_has(fill, "inserted") and fill.symbol for fill in found.fills]
    moved = [symbol for symbol in dict.fromkeys(inserted) if symbol]
    troubled = {f.symbol for f in found.fills if f.reason or _has(f, "conflicting")}
    troubled |= {symbol for symbol, held in found.positions_after.items() if held.oversold}
    moved.sort(key=lambda symbol: symbol not in troubled)
    asked = [window.symbol for window in found.windows]
    return list(dict.fromkeys([*moved, *asked, *found.positions_after]))


def _has(fill: "FillLine", outcome: str) -> bool:
    return any(event.outcome == outcome for event in fill.events)


def _before(found: "Explanation", digits: int) -> list[Line]:
    lines = [_position("before", found.before, digits)]
    if found.late:
        late = "late: it sorts before events applied already; folded again from there"
        lines.append(line(("▲ ", Tone.ATTENTION), (late, Tone.DIM)))
    return lines


def _after(found: "Explanation", digits: int) -> list[Line]:
    lines = [_position("after", found.after, digits)]
    if found.steps_left_out:
        more = f"… {count(found.steps_left_out)} more steps, not listed, are folded all the same"
        lines.insert(0, line((more, Tone.ATTENTION)))
    steps = len(found.steps) + found.steps_left_out
    told = f"fold of {plural(found.folded, 'event')} before + {plural(steps, 'step')} "
    if found.matches:
        return [*lines, line((told, Tone.DIM), ("= stored ✓", Tone.OK))]
    wrong = line((told, Tone.DIM), ("≠ stored: it does not match", Tone.DANGER))
    todo = line(("Stop the engine and run: cycledeck verify", Tone.ATTENTION))
    return [*lines, wrong, _position("stored", found.stored), todo]


def _position(label: str, found: "PositionView", digits: int = 0) -> Line:
    """With `digits`, figures that are longer are cut."""
    gain = found.realized_pnl
    average = line(("avg ", Tone.DIM), money(found.avg_cost, digits or 16))
    parts = [
        line((f"{label:<8}qty ", Tone.DIM), money(found.qty, digits)),
        line(("cost ", Tone.DIM), money(found.cost, digits)),
        *([] if 0 < digits <= _DIGITS_WITHOUT_AVERAGE else [average]),
        line(("realised ", Tone.DIM), (signed(gain, digits), by_sign(gain))),
    ]
    if found.fees:
        fees = " · ".join(f"{money(fee, digits)} {name}" for name, fee in found.fees.items())
        parts.append(line(("fees ", Tone.DIM), fees))
    if found.oversold:
        parts.append(line(("▲ oversold", Tone.ATTENTION)))
    return joined(parts, "  ")
