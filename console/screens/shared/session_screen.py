"""What the four screens have in common: a header, their panels, a banner when something is wrong,
and a footer with the keys."""

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from console.kit.key_line import KeyLine
from console.kit.lines import Tone
from console.screens.shared.banner import Banner
from console.screens.shared.header import Header
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from console.app.ledger_app import CycledeckApp


class Moment(Enum):
    """What a screen is of while one walks through time: the cycle shown, the present, or a time
    of its own."""

    SHOWN = auto()
    NOW = auto()
    OWN = auto()


class DeckScreen(Screen[None]):
    """Subclasses give their panels in `panels` and show a new view in `show`."""

    MOMENT: ClassVar[Moment] = Moment.SHOWN

    # Widths at which stylesheets may arrange the panels anew.
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012
        (0, "-narrow"),
        (80, "-normal"),
        (110, "-wide"),
        (160, "-huge"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012
        (0, "-flat"),
        (20, "-low"),
        (34, "-tall"),
        (50, "-high"),
    ]

    @property
    def deck_app(self) -> "CycledeckApp":
        return cast("CycledeckApp", self.app)

    def compose(self) -> ComposeResult:
        yield Header()
        yield Banner()
        yield from self.panels()
        yield KeyLine()

    def panels(self) -> Iterable[Widget]:
        raise NotImplementedError

    def show(self, view: ConsoleState) -> None:
        """Called with every new view while this screen is seen, and when it comes to be."""
        raise NotImplementedError

    @property
    def crumb(self) -> str:
        """Where this is, after the account's name."""
        return ""

    @property
    def selected_cycle(self) -> int | None:
        """The cycle that keys are about: by default the one shown."""
        result = self.deck_app.view.result
        return result.cycle_id if result else None

    def copied(self) -> str | None:
        """What `y` copies."""
        return None

    def exported(self) -> tuple[str, str] | None:
        """What `e` writes: a file's name and its text."""
        return None

    def export(self) -> None:
        """Write what is shown to a new file in the working directory."""
        found = self.exported()
        if found is None:
            self.deck_app.tell("There is nothing to export here", Tone.ATTENTION)
            return
        name, text = found
        try:
            path = _unused(Path.cwd() / name)
            path.write_text(text, "utf-8")
        except OSError as error:
            self.deck_app.tell(f"Not exported: {error}", Tone.DANGER)
            return
        self.deck_app.tell(f"Exported to {path}")

    def present(self, view: ConsoleState) -> None:
        if not (self.is_mounted and self.display and self.children):
            return  # Its panels are not there yet, or no more, or never: the app is ending.
        self.present_header(view)
        self.query_one(Banner).show(view, self.deck_app.hint)
        self.show(view)

    def present_header(self, view: ConsoleState) -> None:
        crumb = self.crumb
        if view.past is not None and self.MOMENT is not Moment.SHOWN:
            view = replace(view, past=None)
            crumb += " › now" if self.MOMENT is Moment.NOW else ""
        self.query_one(Header).show(view, crumb, local=self.deck_app.local_time)

    def on_screen_resume(self) -> None:
        self.present(self.deck_app.view)


def _unused(path: Path) -> Path:
    """The path, or one like it that no file has yet."""
    found, number = path, 0
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found
