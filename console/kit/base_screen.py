"""What all screens have in common: their panels above a line with the keys, copying, exporting."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from console.kit.host import Host, host_of
from console.kit.key_line import KeyLine
from console.kit.lines import Tone


class BaseScreen(Screen[None]):
    """Subclasses give their panels in `panels` and fill them in `show`."""

    CRUMB: ClassVar[str] = ""
    # Widths and heights at which stylesheets may arrange the panels anew.
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
    def host(self) -> Host:
        return host_of(self)

    def compose(self) -> ComposeResult:
        yield from self.panels()
        yield KeyLine()

    def panels(self) -> Iterable[Widget]:
        raise NotImplementedError

    def present(self) -> None:
        """Show how things are now; not before the panels are there, nor while the app ends."""
        if self.is_mounted and self.display and self.children:
            self.show()

    def show(self) -> None:
        """Called whenever something changed while this screen is seen, and when it is shown."""

    def on_screen_resume(self) -> None:
        self.present()

    @property
    def crumb(self) -> str:
        """The screen's name in the header, after the account's; empty for the first screen."""
        return self.CRUMB

    def copied(self) -> str | None:
        """The text that `y` copies."""
        return None

    def exported(self) -> tuple[str, str] | None:
        """The name and the text of the file that `e` writes."""
        return None

    def export(self) -> None:
        """Write what is shown to a new file in the working directory."""
        document = self.exported()
        if document is None:
            self.host.tell("There is nothing to export here", Tone.ATTENTION)
            return
        name, text = document
        try:
            path = _unused(Path.cwd() / name)
            path.write_text(text, "utf-8")
        except OSError as error:
            self.host.tell(f"Not exported: {error}", Tone.DANGER)
            return
        self.host.tell(f"Exported to {path}")


def _unused(path: Path) -> Path:
    """The path, or one like it that no file has yet."""
    free, number = path, 0
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free
