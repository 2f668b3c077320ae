"""What every console is, whatever it is opened on: its looks, its keys for all screens, its end."""

import asyncio
import shutil
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import platformdirs
from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen

from console.app.gc_pauses import Garbage
from console.app.preferences import Memory
from console.app.styles import stylesheets
from console.app.themes import DARK, LIGHT, THEMES
from console.kit.lines import Tone
from console.screens.shared.session_screen import DeckScreen
from console.session.view import ConsoleState
from engine.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine import History

HINT = "1–4 and arrows look around · t runs a cycle · enter opens one · ? all keys"
_SEVERITIES: dict[Tone, Any] = {Tone.DANGER: "error", Tone.ATTENTION: "warning"}


class ConsoleApp(App[None]):
    """Screens find here what they show (`view`, `history`, `db`) and whom to tell."""

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
        self.memory = Memory()
        self._garbage = Garbage()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self._known_theme()
        # So that the first reading of the stylesheets is for this theme already.
        self._styled_with = self.get_css_variables()
        self.stylesheet.set_variables(self._styled_with)

    def refresh_css(self, animate: bool = True) -> None:
        """Read all stylesheets anew, but only for another theme: it is asked for with each screen
        that is new, and takes as long as everything else of a first screen."""
        variables = self.get_css_variables()
        if variables != self._styled_with:
            self._styled_with = variables
            super().refresh_css(animate=animate)

    def delay_update(self, delay: float = 0.01) -> None:
        """Textual draws nothing for 50 ms after another mode was chosen, to mask a transition that
        these screens do not have: a key is answered as soon as its screen is styled."""
        super().delay_update(delay)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours that only this program's themes name, for any other theme that is chosen."""
        return dict((DARK if self.current_theme.dark else LIGHT).variables)

    # --- what screens use

    @property
    def view(self) -> ConsoleState:
        return ConsoleState()

    @property
    def history(self) -> "History | None":
        """The ledger file for looking; null while there is no readable one."""
        return None

    @property
    def db(self) -> Path | None:
        """The file that is shown, once it is known."""
        return None

    @property
    def hint(self) -> str:
        """What somebody who sees this for the first time should know."""
        return "" if self.memory["hint_seen"] else HINT

    @property
    def local_time(self) -> bool:
        return bool(self.memory["local_time"])

    def tell(self, text: str, tone: Tone = Tone.OK) -> None:
        """A toast. The text is never markup."""
        self.notify(literal(text), severity=_SEVERITIES.get(tone, "information"), markup=False)

    # --- life

    def on_load(self) -> None:
        """From here on the screen is taken: whatever ends the program gives it back first."""
        loop = asyncio.get_running_loop()
        # From Python 3.12 on Textual has tasks begin in the midst of what starts them: a screen's
        # widgets would be mounted before the app has the screen.
        loop.set_task_factory(None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit)

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._remember_theme)
        loop = asyncio.get_running_loop()
        if not self.is_headless:
            # Textual waits for its writer here: where the signal itself comes in the midst of a
            # write, that is for ever. Between two events it is not.
            if callable(suspend := signal.getsignal(signal.SIGTSTP)):
                loop.add_signal_handler(signal.SIGTSTP, suspend, signal.SIGTSTP, None)
            loop.add_signal_handler(signal.SIGCONT, self._continued)
        self.call_after_refresh(self._garbage.begin)
        self.set_interval(1.0, self._garbage.collect_if_calm)

    async def on_event(self, event: events.Event) -> None:
        """The hint has done its work as soon as any key is pressed."""
        if isinstance(event, events.Key):
            self._garbage.key_pressed()
            if not self.memory["hint_seen"]:
                self.memory["hint_seen"] = True
                self.call_later(self.present)
        await super().on_event(event)

    def on_resize(self, event: events.Resize) -> None:
        """A window made smaller and back again at once has lost what it showed meanwhile; and of
        two signals at once, Textual may take the first one's size last."""
        if not self.screen_stack:
            return  # The program ends.
        self.screen.refresh(layout=True)
        # Where the terminal itself tells its size, in order, there are no signals.
        signalled = not (self.is_headless or self.is_web or self.supports_smooth_scrolling)
        size = Size(*shutil.get_terminal_size(event.size))
        if signalled and size != event.size:
            self.post_message(events.Resize(size, size))

    def _continued(self) -> None:
        """Textual takes the terminal anew at every SIGCONT. Where it had not given it back, two
        threads would then wait for the same keys, and one of them for ever."""
        if self._driver is not None and getattr(self._driver, "_must_signal_resume", False):
            self._driver.resume_application_mode()
        else:
            self.refresh(layout=True)

    def present(self) -> None:
        """Have the screen that is seen show the view as it is now."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, DeckScreen):
                screen.present(self.view)
                return

    def _handle_exception(self, error: Exception) -> None:
        """A defect of this program: its report goes to a file, without anybody's data in it."""
        if self.is_headless:
            super()._handle_exception(error)
            return
        said = "".join(traceback.format_exception(error))
        path = Path(platformdirs.user_log_dir("cycledeck")) / "console-crash.log"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as report:
                report.write(said)
        except OSError as trouble:
            kept = f"The report could not be written to {path} ({trouble.strerror}): {said}"
        else:
            kept = f"The report is in {path}"
        self.exit(
            return_code=1,
            message=f"The console stopped: {type(error).__name__}. Nothing was changed by that. "
            f"{literal(kept)}",
        )

    def _known_theme(self) -> str:
        name = str(self.memory["theme"])
        return name if name in self.available_themes else THEMES[0].name

    def _remember_theme(self, theme: Any) -> None:
        self.memory["theme"] = theme.name

    # --- keys

    def action_copy(self) -> None:
        screen = self.screen
        text = screen.copied() if isinstance(screen, DeckScreen) else None
        if text:
            self.copy_to_clipboard(text)
            self.tell(f"Copied {text[:60]}")

    def action_export(self) -> None:
        screen = self.screen
        if isinstance(screen, DeckScreen):
            screen.export()

    def action_help(self) -> None:
        from console.kit.help import HelpScreen

        self.push_screen(HelpScreen(self.screen))

    def action_leave(self) -> None:
        self.exit()

    def get_system_commands(self, screen: Screen[Any]) -> "Iterable[SystemCommand]":
        """The palette: every key there is on this screen, and what has none."""
        from console.kit.help import keys_of

        for found in keys_of(screen):
            if found.enabled:
                name = " · ".join(filter(None, (found.name, found.meaning)))
                yield SystemCommand(name, f"Key {found.keys}", _press(self, found.key))
        yield SystemCommand("Times: UTC or local", "How times are shown", self._toggle_time)
        yield from super().get_system_commands(screen)

    def _toggle_time(self) -> None:
        self.memory["local_time"] = not self.local_time
        self.present()


def literal(text: str) -> str:
    """Text of one or several lines without anything a terminal would act on."""
    return "\n".join(printable(part) for part in text.splitlines())


def _press(app: ConsoleApp, key: str) -> Callable[[], None]:
    return lambda: app.simulate_key(key)
