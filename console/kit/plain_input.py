"""A line and a text to type into that take pasted text without what a terminal would act on."""

from textual import events
from textual.widgets import Input, TextArea

from engine.text import printable


class PlainInput(Input):
    """One line."""

    def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.replace(typable(event.text).replace("\n", " "), *sorted(self.selection))


class PlainTextArea(TextArea):
    """Several lines."""

    async def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        pasted = self.replace(typable(event.text), *self.selection)
        self.move_cursor(pasted.end_location)


def typable(text: str) -> str:
    """Pasted text with its line ends and tabs; other control characters become escapes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    return "\n".join(printable(part) for part in text.split("\n"))
