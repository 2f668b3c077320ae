"""Tables as streams."""

import csv
import io
from collections.abc import Iterator
from contextlib import closing

import pytest

from engine.errors import NoSuchItem
from engine.history import export
from tests.builders import OpenLedger, commit, memory_ledger, reported


@pytest.fixture
def ledger() -> Iterator[OpenLedger]:
    with closing(memory_ledger()) as connection:
        commit(connection, [reported(str(n), ts=n) for n in range(25)])
        yield connection


class Full(io.StringIO):
    """Takes some rows, then no more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, text: str) -> int:
        self.room -= 1
        if self.room < 0:
            raise BrokenPipeError
        return super().write(text)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_rows_go_out_as_they_come_not_all_at_the_end(
    ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(export, "BATCH", 4)
    progress: list[tuple[int, int]] = []
    out = Full(10)
    with pytest.raises(BrokenPipeError):
        export.export(ledger, "ledger_events", form, out, lambda *done: progress.append(done))
    assert progress == [(4, 25), (8, 25)]
    assert out.getvalue().count("\n") == 10


def test_a_carriage_return_in_a_text_does_not_end_its_row_of_csv(
    ledger: OpenLedger,
) -> None:
    ledger.execute("CREATE TABLE told (a TEXT, b INTEGER)")
    ledger.execute("INSERT INTO told VALUES ('x' || char(13) || 'y', 1), ('z', 2)")
    out = io.StringIO(newline="")
    assert export.export(ledger, "told", "csv", out) == 2
    assert list(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [
        ["a", "b"],
        ["x\ry", "1"],
        ["z", "2"],
    ]


def test_an_export_says_how_many_rows_it_wrote(ledger: OpenLedger) -> None:
    assert export.export(ledger, "applied_fills", "csv", io.StringIO()) == 25
    assert export.export(ledger, "audit", "jsonl", io.StringIO()) == 0


def test_only_tables_can_be_exported(ledger: OpenLedger) -> None:
    with pytest.raises(NoSuchItem, match="there is no table 'sqlite_master'; there are: applied"):
        export.export(ledger, "sqlite_master", "csv", io.StringIO())
