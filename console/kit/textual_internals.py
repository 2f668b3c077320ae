"""What leans on how Textual works inside, and not on what it promises: all of it is here.

Measured on Textual 8.2.8. With another one, look here first.
"""

import asyncio
import shutil
import signal

from textual import events
from textual.app import App
from textual.geometry import Size
from textual.widget import Widget

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class TerminalApp(App[None]):
    """An app that answers a key at once, and gives the terminal back whatever ends it."""

    def __init__(self) -> None:
        super().__init__()
        self._styled_with: dict[str, str] = {}
        self._has_begun = self._end_asked = False

    # --- what is drawn

    def style_with_theme(self) -> None:
        """Have the first reading of the stylesheets be for the theme that is set already."""
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

    # --- what ends it, stops it, and goes wrong

    def on_load(self) -> None:
        """From here on the screen is taken: whatever ends the program gives it back first."""
        loop = asyncio.get_running_loop()
        # From Python 3.12 on Textual has tasks begin in the midst of what starts them: a screen's
        # widgets would be mounted before the app has the screen.
        loop.set_task_factory(None)
        for number in ENDINGS:
            loop.add_signal_handler(number, self._end)

    def _end(self) -> None:
        """Exit, once the first screen is there: before, Textual would go on to mount what is on a
        screen that has gone."""
        self._end_asked = True
        if self._has_begun:
            self.exit()

    def on_mount(self) -> None:
        self._has_begun = True
        if self._end_asked:
            self.exit()
        if self.is_headless:
            return
        loop = asyncio.get_running_loop()
        # Textual waits for its writer here: where the signal itself comes in the midst of a
        # write, that is for ever. Between two events it is not.
        if callable(suspend := signal.getsignal(signal.SIGTSTP)):
            loop.add_signal_handler(signal.SIGTSTP, suspend, signal.SIGTSTP, None)
        loop.add_signal_handler(signal.SIGCONT, self._continued)

    def _continued(self) -> None:
        """Textual takes the terminal anew at every SIGCONT. Where it had not given it back, two
        threads would then wait for the same keys, and one of them for ever."""
        if self._driver is not None and getattr(self._driver, "_must_signal_resume", False):
            self._driver.resume_application_mode()
        else:
            self.refresh(layout=True)

    def fail(self, error: Exception) -> None:
        """End with an error that nobody handled, also with one of a task of one's own."""
        self._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.end_with_report(error)

    def end_with_report(self, error: Exception) -> None:
        raise NotImplementedError


def set_scroll_height(widget: Widget, height: int) -> None:
    """Set how far there is to scroll. While nothing else changes, nothing is laid out anew."""
    size = Size(widget.size.width, height)
    scrolls = widget.show_vertical_scrollbar and height > widget.size.height
    if scrolls and size.width == widget.virtual_size.width and not widget.styles.is_auto_height:
        widget.set_reactive(Widget.virtual_size, size)
        widget.vertical_scrollbar.window_virtual_size = height
    else:
        widget.virtual_size = size
