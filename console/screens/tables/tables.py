"""Tables: the ledger's, below the header and the banner of every screen on a ledger."""

from console.browser.ui.links import cycle_of
from console.browser.ui.tables import TablesScreen
from console.screens.shared.session_screen import Moment, SessionScreen


class LedgerTablesScreen(TablesScreen, SessionScreen):
    MOMENT = Moment.NOW

    @property
    def selected_cycle(self) -> int | None:
        """The cycle of the row under the cursor."""
        paged, row = self.pane.paged, self.pane.grid.row
        if paged is None or row is None:
            return None
        return cycle_of([info.name for info in paged.columns], row)
