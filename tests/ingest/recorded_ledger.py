"""A ledger of a recorded file, as an operator works with it: by commands."""

import json
from pathlib import Path
from typing import Any

from tests.builders import Reported, cycledeck, opened, rows, serve, verified


class RecordedLedger:
    """A ledger and its file in a folder."""

    def __init__(self, folder: Path) -> None:
        self.db, self.source = folder / "ledger.db", folder / "f.jsonl"

    def once(self, *items: Reported | str) -> Any:
        serve(self.source, items)
        venue = ("--venue", f"recorded:{self.source}", "--json")
        return cycledeck("once", "--db", self.db, *venue).json

    def ask(self, *command: object) -> Any:
        return cycledeck(*command, "--db", self.db, "--json").json

    def resolve(self, item: int, correction: Reported | None = None) -> None:
        """Drop an item, or put a correction in its place."""
        how: list[object] = ["--drop"]
        if correction is not None:
            file = self.source.with_suffix(".json")
            file.write_text(json.dumps(correction))
            how = ["--as", file]
        ran = cycledeck("quarantine", "resolve", item, *how, "--db", self.db)
        assert ran.code == 0, ran

    def rows(self, statement: str) -> list[Any]:
        with opened(self.db) as connection:
            return rows(connection, statement)

    @property
    def ids(self) -> list[str]:
        return self.rows("SELECT fill_id FROM applied_fills ORDER BY fill_id")

    def prove(self, cycles: int) -> None:
        """Verify, and each of so many cycles comes out as it did, rehearsed and replayed."""
        assert verified(self.db).violations == ()
        told = self.rows("SELECT cycle_id FROM cycles WHERE kind = 'live' ORDER BY cycle_id")
        assert len(told) == cycles
        for cycle in told:
            assert self.ask("replay", cycle, "--rehearse")["differences"] == []
        for cycle in told:
            assert self.ask("replay", cycle)["verdict"] == "clean"
