"""Write rows to a file: in which form, where to, and how far that is."""

import asyncio
from pathlib import Path
from typing import ClassVar, Final

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.worker import Worker

from console.browser.client import Rows
from console.browser.model import BrowseError, ExportForm, Progress
from console.browser.ui.trouble_panel import TroublePanel
from console.kit.formats import plural
from console.kit.host import host_of
from console.kit.line_widget import TextLine, caption
from console.kit.lines import Line, Tone, joined, line
from console.kit.plain_input import PlainInput
from engine.text import printable

FORMS: Final[dict[str, tuple[ExportForm, str]]] = {
    ".csv": ("csv", "CSV"),
    ".jsonl": ("jsonl", "JSON lines"),
    ".parquet": ("parquet", "Parquet"),
}
_BAR: Final = 30
_KEYS: Final = "tab other form · enter writes · esc closes"
_KEYS_WRITING: Final = "esc stops it"
_ANYWAY: Final = {
    "exists": line(("ctrl+o", Tone.LIVE), (" overwrites it", Tone.DIM)),
    "stopped": line(("ctrl+o", Tone.LIVE), (" writes what there is", Tone.DIM)),
}


class ExportDialog(ModalScreen[None]):
    """Rows are written as they are read; the file appears when it is whole."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next_form", "Other form", show=False, priority=True),
        Binding("ctrl+o", "write(True)", "Overwrite, or write what there is", show=False),
        Binding("escape", "stop", "Stop, or close"),
    ]

    def __init__(self, rows: Rows, name: str) -> None:
        super().__init__()
        self._rows = rows
        self._title = name
        self._typed = PlainInput(_file_name(name), id="export-path", compact=True)
        self._forms_line = TextLine(id="export-forms")
        self._progress_line = TextLine(id="export-progress")
        self._trouble = TroublePanel(id="export-trouble")
        self._box = Vertical(id="export", classes="panel")
        self._writing: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        count_line = TextLine(id="export-count")
        count_line.show(_counted(self._rows))
        caption(self._box, f"export {self._title}", _KEYS)
        with self._box:
            yield count_line
            yield self._forms_line
            yield self._typed
            yield self._progress_line
            yield self._trouble

    def on_mount(self) -> None:
        self._show_form()
        self._typed.focus()

    @property
    def _suffix(self) -> str:
        suffix = Path(self._typed.value).suffix.lower()
        return suffix if suffix in FORMS else ".csv"

    def _show_form(self) -> None:
        parts = [
            line((f"▸ {form}", Tone.LIVE) if end == self._suffix else (f"  {form}", Tone.DIM))
            for end, (_, form) in FORMS.items()
        ]
        self._forms_line.show(joined(parts, "  "))

    def on_input_changed(self) -> None:
        self._show_form()

    def action_next_form(self) -> None:
        """The file's ending says the form."""
        if self._is_writing:
            return
        ends = list(FORMS)
        following = ends[(ends.index(self._suffix) + 1) % len(ends)]
        path = Path(self._typed.value or "export")
        renamed = path.with_suffix(following) if path.suffix in FORMS else f"{path}{following}"
        self._typed.value = str(renamed)

    def on_input_submitted(self) -> None:
        self.action_write(False)

    def action_stop(self) -> None:
        if self._writing is not None and self._is_writing:
            self._writing.cancel()
        else:
            self.dismiss()

    @property
    def _is_writing(self) -> bool:
        return self._writing is not None and self._writing.is_running

    def action_write(self, anyway: bool) -> None:
        if not self._is_writing:
            self._writing = self._export(anyway)

    @work
    async def _export(self, anyway: bool) -> None:
        self._typed.disabled = True
        caption(self._box, subtitle=_KEYS_WRITING)
        try:
            target = _target(self._typed.value)
            written = await self._rows.export(
                FORMS[self._suffix][0], target, self._progressed, overwrite=anyway, partial=anyway
            )
        except BrowseError as trouble:
            self._ask_again()
            self._trouble.show(str(trouble), _ANYWAY.get(trouble.trouble, ()))
        except asyncio.CancelledError:
            self._ask_again(line(("stopped: nothing was written", Tone.ATTENTION)))
            raise
        else:
            host_of(self).tell(f"Exported {plural(written, 'row')} to {target}")
            self.dismiss()

    def _ask_again(self, words: Line = ()) -> None:
        self._say(words)
        self._typed.disabled = self._typed.select_on_focus = False
        self._typed.focus()
        caption(self._box, subtitle=_KEYS)

    def _progressed(self, progress: Progress) -> None:
        share = progress.share or 0.0
        full = round(share * _BAR)
        bar = line(("━" * full, Tone.LIVE), ("━" * (_BAR - full), Tone.FAINT))
        self._say(line(bar, f"  {share:.0%}  {plural(progress.matches, 'row')}"))

    def _say(self, words: Line) -> None:
        self._trouble.show("", ())
        self._progress_line.show(words)


def _target(typed: str) -> Path:
    """Raises `BrowseError` where that names no file."""
    try:
        target = Path(typed).expanduser()
    except RuntimeError as error:
        raise BrowseError(f"{typed}: {error}", "permission") from error
    if not target.name or target.is_dir():
        folder = f"{typed} is a folder: " if typed else ""
        raise BrowseError(f"{folder}a file name is needed", "wrong")
    return target


def _counted(rows: Rows) -> Line:
    least = "" if rows.count.state == "exact" else "≥ "
    number = plural(rows.count.value, "row")
    return line((f"{least}{number}", Tone.STRONG), (", in order", Tone.DIM))


def _file_name(name: str) -> str:
    """A name for a file, whatever a table may be called."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in printable(name))
    return f"{plain.strip('.')[:80] or 'export'}.csv"
