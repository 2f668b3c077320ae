"""What a screen may ask of the app that it is in, whichever app that is."""

from pathlib import Path
from typing import Protocol, cast

from textual.dom import DOMNode

from console.kit.lines import Tone


class Host(Protocol):
    """Every app of this program, also one on a file that no engine knows."""

    @property
    def db(self) -> Path | None:
        """The file that is shown, once its path is settled."""

    @property
    def local_time(self) -> bool:
        """Whether times are shown in local time, not in UTC."""

    @property
    def frozen(self) -> bool:
        """Whether the screens stand still, whatever happens meanwhile."""

    def tell(self, text: str, tone: Tone = Tone.OK) -> None:
        """A toast. The text is never markup."""

    def fail(self, error: Exception) -> None:
        """End with an error that nobody handled, also with one of a task of one's own."""


def host_of(node: DOMNode) -> Host:
    return cast("Host", node.app)
