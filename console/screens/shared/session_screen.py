"""What the screens on a ledger have in common: a header, and a banner when something is wrong."""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from textual.app import ComposeResult

from console.kit.base_screen import BaseScreen
from console.kit.host import Host
from console.screens.shared.banner import Banner
from console.screens.shared.header import Header
from console.session.target import Target
from console.session.view import ConsoleState

if TYPE_CHECKING:
    from engine import History


class SessionHost(Host, Protocol):
    """The app on a ledger."""

    @property
    def view(self) -> ConsoleState: ...

    @property
    def history(self) -> "History | None":
        """The ledger file for looking; null while there is no readable one."""

    @property
    def target(self) -> Target: ...

    @property
    def hint(self) -> str:
        """What somebody who sees this for the first time should know."""

    def open_cycle(self, cycle_id: int) -> None:
        """Open a cycle's x-ray, in the place of one that is open already."""

    def open_table(self, table: str, column: str = "", value: str = "") -> None:
        """Open a table, narrowed to the rows where a column has a value."""


class Moment(Enum):
    """The time a screen shows while one walks through time: the cycle shown, the present, or a
    time of its own."""

    SHOWN = auto()
    NOW = auto()
    OWN = auto()


class SessionScreen(BaseScreen):
    MOMENT: ClassVar[Moment] = Moment.SHOWN

    @property
    def host(self) -> SessionHost:
        return cast("SessionHost", self.app)

    def compose(self) -> ComposeResult:
        yield Header()
        yield Banner()
        yield from super().compose()

    def show(self) -> None:
        self.show_header()
        self.query_one(Banner).show(self.host.view, self.host.hint)
        super().show()

    def show_header(self) -> None:
        view, crumb = self.host.view, self.crumb
        if view.past is not None and self.MOMENT is not Moment.SHOWN:
            view = replace(view, past=None)
            crumb += " › now" if self.MOMENT is Moment.NOW else ""
        self.query_one(Header).show(view, crumb, local=self.host.local_time)

    def show_rehearsal(self, rehearsal: Mapping[str, Any]) -> None:
        """Called when a cycle was rehearsed while this screen is seen."""

    @property
    def selected_cycle(self) -> int | None:
        """The cycle that keys are about: by default the one shown."""
        result = self.host.view.result
        return result.cycle_id if result else None
