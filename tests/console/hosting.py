"""An app around one screen, which notes what the screen asks of it."""

from pathlib import Path
from typing import Any, ClassVar

from textual.app import App

from console.app.styles import stylesheets
from console.app.themes import DARK, THEMES
from console.kit.base_screen import BaseScreen
from console.kit.lines import Tone
from console.session.target import Target
from console.session.view import ConsoleState


class Host(App[None]):
    """Gives its screen a view, and keeps what it was told: `asked` has (what, with what)."""

    CSS_PATH: ClassVar[Any] = stylesheets()

    def __init__(self, screen: BaseScreen, view: ConsoleState, db: Path | None = None) -> None:
        super().__init__()
        self._first = screen
        self.view = view
        self.local_time = False
        self.hint = ""
        self.history = None
        self.target = Target()
        self.db = db
        self.asked: list[tuple[Any, ...]] = []
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DARK.name

    @property
    def frozen(self) -> bool:
        return self.view.frozen

    def on_mount(self) -> None:
        self.push_screen(self._first)

    def give(self, view: ConsoleState) -> None:
        """Show another view."""
        self.view = view
        if isinstance(self.screen, BaseScreen):
            self.screen.present()

    def tell(self, text: str, tone: Tone = Tone.OK) -> None:
        self.asked.append(("tell", text, tone))

    def fail(self, error: Exception) -> None:
        self._handle_exception(error)

    def open_cycle(self, cycle_id: int) -> None:
        self.asked.append(("open_cycle", cycle_id))

    def open_table(self, table: str, column: str = "", value: str = "") -> None:
        self.asked.append(("open_table", table, column, value))
