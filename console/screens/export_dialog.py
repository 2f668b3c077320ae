"""Write rows to a file: in which form, where to, and how far that is."""

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input
from textual.worker import Worker

from console.browse.client import Rows
from console.browse.model import BrowseError, ExportForm, Progress
from console.formats import count
from console.lines import Line, Tone, joined, line
from console.widgets.plain_input import PlainInput
from console.widgets.text_line import TextLine
from console.widgets.toned import caption
from console.widgets.trouble_panel import TroublePanel
from console.working import begin
from engine.text import printable

if TYPE_CHECKING:
    from console.app import CycledeckApp

FORMS: Final[dict[str, tuple[ExportForm, str]]] = {
    ".csv": ("csv", "CSV"),
    ".jsonl": ("jsonl", "JSON lines"),
    ".parquet": ("parquet", "Parquet"),
}
_BAR: Final = 30
_ANYWAY: Final = {
    "exists": line(("ctrl+o", Tone.LIVE), (" overwrites it", Tone.DIM)),
    "stopped": line(("ctrl+o", Tone.LIVE), (" writes what there is", Tone.DIM)),
}


class ExportDialog(ModalScreen[None]):
    """Rows are written as they are read; the file appears when it is whole."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next_form", "Other form", show=False, priority=True),
        Binding("ctrl+o", "anyway", "Overwrite, or write what there is", show=False),
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
        self._writing: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        said = TextLine(id="export-count")
        said.show(_counted(self._rows))
        with Vertical(id="export", classes="panel") as box:
            caption(box, f"export {self._title}", "tab other form · enter writes · esc closes")
            yield said
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
            line((f"▸ {said}", Tone.LIVE) if end == self._suffix else (f"  {said}", Tone.DIM))
            for end, (_, said) in FORMS.items()
        ]
        self._forms_line.show(joined(parts, "  "))

    def on_input_changed(self) -> None:
        self._show_form()

    def action_next_form(self) -> None:
        """The file's ending says the form."""
        ends = list(FORMS)
        following = ends[(ends.index(self._suffix) + 1) % len(ends)]
        path = Path(self._typed.value or "export")
        renamed = path.with_suffix(following) if path.suffix in FORMS else f"{path}{following}"
        self._typed.value = str(renamed)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._write()

    def action_anyway(self) -> None:
        self._write(anyway=True)

    def action_stop(self) -> None:
        if self._writing is not None and self._writing.is_running:
            self._writing.cancel()
        else:
            self.dismiss()

    def _write(self, *, anyway: bool = False) -> None:
        if self._writing is None or not self._writing.is_running:
            self._writing = begin(self, partial(self._export, anyway))

    async def _export(self, anyway: bool) -> None:
        target = Path(self._typed.value).expanduser()
        form, _ = FORMS[self._suffix]
        try:
            written = await self._rows.export(
                form, target, self._progressed, overwrite=anyway, partial=anyway
            )
        except BrowseError as trouble:
            self._say(())
            self._trouble.show(str(trouble), _ANYWAY.get(trouble.trouble, ()))
            return
        except asyncio.CancelledError:
            self._say(line(("stopped: nothing was written", Tone.ATTENTION)))
            raise
        cast("CycledeckApp", self.app).tell(f"Exported {count(written)} rows to {target}")
        self.dismiss()

    def _progressed(self, progress: Progress) -> None:
        share = progress.share or 0.0
        full = round(share * _BAR)
        bar = line(("━" * full, Tone.LIVE), ("━" * (_BAR - full), Tone.FAINT))
        self._say(line(bar, f"  {share:.0%}  {count(progress.matches)} rows"))

    def _say(self, said: Line) -> None:
        self._trouble.show("", ())
        self._progress_line.show(said)


def _counted(rows: Rows) -> Line:
    least = "" if rows.count.state == "exact" else "≥ "
    return line((f"{least}{count(rows.count.value)}", Tone.STRONG), (" rows, in order", Tone.DIM))


def _file_name(name: str) -> str:
    """A name for a file, whatever a table may be called."""
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in printable(name))
    return f"{kept.strip('.')[:80] or 'export'}.csv"
