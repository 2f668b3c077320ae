"""What every console is, whatever it is opened on: its looks, its keys for all screens, its end."""

import traceback
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import platformdirs
from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from console.app.gc_pauses import GcPauses
from console.app.preferences import Preferences
from console.app.styles import stylesheets
from console.app.themes import DARK, LIGHT, THEMES
from console.kit.base_screen import BaseScreen
from console.kit.host import Host
from console.kit.lines import Tone
from console.kit.private_files import make_folder, private
from console.kit.textual_internals import TerminalApp
from engine.text import printable

HINT = "1–4 and arrows look around · t runs a cycle · enter opens one · ? all keys"
_SEVERITIES: dict[Tone, Any] = {Tone.DANGER: "error", Tone.ATTENTION: "warning"}


class ConsoleApp(TerminalApp):
    """The host of every screen."""

    TITLE = "cycledeck"
    CSS_PATH: ClassVar[Any] = stylesheets()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", show=False, tooltip="What the cursor is on"),
        Binding("e", "export", "Export", show=False, tooltip="What is shown, to a file"),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q,ctrl+c", "leave", "Quit", key_display="q"),
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.preferences = Preferences()
        self._gc_pauses = GcPauses()
        for theme in THEMES:
            self.register_theme(theme)
        name = str(self.preferences["theme"])
        self.theme = name if name in self.available_themes else THEMES[0].name
        self.style_with_theme()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours that only this program's themes name, for any other theme that is chosen."""
        return dict((DARK if self.current_theme.dark else LIGHT).variables)

    # --- what screens use

    @property
    def db(self) -> Path | None:
        return None

    @property
    def frozen(self) -> bool:
        return False

    @property
    def hint(self) -> str:
        return "" if self.preferences["hint_seen"] else HINT

    @property
    def local_time(self) -> bool:
        return bool(self.preferences["local_time"])

    def tell(self, text: str, tone: Tone = Tone.OK) -> None:
        self.notify(literal(text), severity=_SEVERITIES.get(tone, "information"), markup=False)

    # --- life

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._remember_theme)
        self.call_after_refresh(self._gc_pauses.begin)
        self.set_interval(1.0, self._gc_pauses.collect_if_calm)

    async def on_event(self, event: events.Event) -> None:
        """The hint has done its work as soon as any key is pressed."""
        if isinstance(event, events.Key):
            self._gc_pauses.key_pressed()
            if not self.preferences["hint_seen"]:
                self.preferences["hint_seen"] = True
                self.call_later(self.present)
        await super().on_event(event)

    def present(self) -> None:
        """Have the screen that is seen show how things are now."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, BaseScreen):
                screen.present()
                return

    def end_with_report(self, error: Exception) -> None:
        """A defect of this program: its report goes to a file, without anybody's data in it."""
        report = "".join(traceback.format_exception(error))
        path = Path(platformdirs.user_log_dir("cycledeck")) / "console-crash.log"
        try:
            make_folder(path.parent)
            with open(path, "a", encoding="utf-8", opener=private) as log:
                log.write(report)
        except OSError as trouble:
            where = f"The report could not be written to {path} ({trouble.strerror}): {report}"
        else:
            where = f"The report is in {path}"
        self.exit(
            return_code=1,
            message=f"The console stopped: {type(error).__name__}. Nothing was changed by that. "
            f"{literal(where)}",
        )

    def _remember_theme(self, theme: Any) -> None:
        self.preferences["theme"] = theme.name

    # --- keys

    def action_copy(self) -> None:
        screen = self.screen
        text = screen.copied() if isinstance(screen, BaseScreen) else None
        if text:
            self.copy_to_clipboard(text)
            self.tell(f"Copied {text[:60]}")

    def action_export(self) -> None:
        screen = self.screen
        if isinstance(screen, BaseScreen):
            screen.export()

    def action_help(self) -> None:
        from console.kit.help import HelpScreen

        self.push_screen(HelpScreen(self.screen))

    def action_leave(self) -> None:
        self.exit()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every key there is on this screen, and what has none."""
        from console.kit.help import keys_of

        for key in keys_of(screen):
            if key.enabled:
                name = " · ".join(filter(None, (key.name, key.meaning)))
                yield SystemCommand(name, f"Key {key.keys}", partial(self.simulate_key, key.key))
        yield SystemCommand("Times: UTC or local", "How times are shown", self._toggle_time)
        yield from super().get_system_commands(screen)

    def _toggle_time(self) -> None:
        self.preferences["local_time"] = not self.local_time
        self.present()


def literal(text: str) -> str:
    """Text of one or several lines without anything a terminal would act on."""
    return "\n".join(printable(part) for part in text.splitlines())


if TYPE_CHECKING:
    _HOST: type[Host] = ConsoleApp
