"""The keys that work here, on one line at the bottom: the screens first, then this screen's own,
then everybody's. A click presses the key."""

from collections.abc import Iterator, Sequence

from textual import events
from textual.binding import ActiveBinding

from console.kit.line_widget import Lines
from console.kit.lines import Line, Tone, line, width_of

GAP = "  "


class KeyLine(Lines):
    def __init__(self) -> None:
        super().__init__(id="keys")
        self._places: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.redraw())

    def lines(self, width: int, height: int) -> Sequence[Line]:
        """As many keys as there is room for; help, which has the rest, always has its room."""
        parts = [(key, self._part(active)) for key, active in self._in_order()]
        last, reserved = parts[-1] if parts else ("", ())
        shown: Line = ()
        self._places = []
        for key, part in parts:
            start = width_of(shown) + (len(GAP) if shown else 1)
            room = width if key == last else width - width_of(reserved) - len(GAP)
            if start + width_of(part) > room:
                continue
            self._places.append((start, start + width_of(part), key))
            shown = line(shown, GAP if shown else " ", part)
        return [shown]

    def _part(self, active: ActiveBinding) -> Line:
        name = self.app.get_key_display(active.binding)
        return line(
            (name, Tone.LIVE if active.enabled else Tone.FAINT),
            (f" {active.binding.description}", Tone.DIM if active.enabled else Tone.FAINT),
        )

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key)

    def _in_order(self) -> Iterator[tuple[str, ActiveBinding]]:
        """The actions, each once, by its first key."""
        seen = set()
        bindings = [
            (key, active)
            for key, active in self.screen.active_bindings.items()
            if active.binding.show and not self._is_typed(key)
        ]
        for key, active in sorted(bindings, key=_rank):
            if active.binding.action not in seen:
                seen.add(active.binding.action)
                yield key, active

    def _is_typed(self, key: str) -> bool:
        """A key that is typed: Textual leaves those out, but not this one."""
        focused = self.screen.focused
        return key == "slash" and focused is not None and focused.check_consume_key(key, "/")


def _rank(entry: tuple[str, ActiveBinding]) -> int:
    key, active = entry
    if key.isdigit():
        return 0
    return {"leave": 2, "help": 3}.get(active.binding.action, 1)
