"""The app on any SQLite file: just its tables."""

from pathlib import Path

from console.app.base_app import ConsoleApp
from console.browser.ui.browse import BrowseScreen


class BrowseApp(ConsoleApp):
    DEFAULT_MODE = "tables"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.add_mode("tables", BrowseScreen)

    @property
    def db(self) -> Path:
        return self._path
