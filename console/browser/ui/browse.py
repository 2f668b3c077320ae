"""The tables of a file of whatever program, below a line that says which file that is."""

from contextlib import suppress

from textual.app import ComposeResult

from console.browser.ui.open_file import OpenFile
from console.browser.ui.tables import TablesScreen
from console.kit.formats import plural, size
from console.kit.line_widget import TextLine
from console.kit.lines import Tone, line


class BrowseScreen(TablesScreen):
    def __init__(self) -> None:
        super().__init__()
        self._file_line = TextLine(id="file")

    def compose(self) -> ComposeResult:
        yield self._file_line
        yield from super().compose()

    def show_file(self, session: OpenFile) -> None:
        path = session.path
        label = line((" browse ", Tone.BADGE), "  ", (path.name, Tone.STRONG))
        with suppress(OSError):
            tables = sum(table.kind != "view" for table in session.tables)
            views = len(session.tables) - tables
            content = f"{size(path.stat().st_size)} · {plural(tables, 'table')}"
            content += f", {plural(views, 'view')}" if views else ""
            label = line(label, (f"  {content}", Tone.DIM))
        folder = f"  in {path.parent}" if path.is_absolute() else ""
        self._file_line.show(line(label, (folder, Tone.FAINT)))
