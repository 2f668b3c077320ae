"""The machine's clock is wrong for a while."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.clock import DAY_MS, now_ms
from tests.builders import BTC, ETH, cycledeck, opened, reported, rows, serve, verified
from tests.cases import mostly_long

# The command line in a process whose clock is off by some milliseconds.
OFF_BY = """
import sys, time
off_ns, right, sys.argv = int(sys.argv[1]) * 1_000_000, time.time_ns, ["cycledeck", *sys.argv[2:]]
time.time_ns = lambda: right() + off_ns
time.time = lambda: time.time_ns() / 1e9
from engine.cli import main
main()
"""


def once(folder: Path, off_ms: int = 0) -> Any:
    where = ("--db", folder / "ledger.db", "--venue", f"recorded:{folder / 'f.jsonl'}")
    command = [sys.executable, "-c", OFF_BY, off_ms, "once", "--json", *where]
    ran = subprocess.run([str(part) for part in command], capture_output=True, check=True)
    return json.loads(ran.stdout)


@mostly_long("days", [-2, -20], ids=lambda days: f"{days} days")
def test_what_a_clock_that_was_wrong_for_a_while_held_heals_by_itself(
    tmp_path: Path, days: int
) -> None:
    """FAULTS 44. A market is held while the clock is behind, and catches up once it is right."""
    now = now_ms()
    old = [reported(str(n)) | {"timestamp": now + days * DAY_MS - n} for n in (1, 2)]
    new = [
        reported(str(n), amount="2", symbol=symbol) | {"timestamp": now - n}
        for n, symbol in ((3, BTC), (4, ETH), (5, BTC))
    ]
    serve(tmp_path / "f.jsonl", [*old, *new])
    for attempt in range(2):
        wrong = once(tmp_path, days * DAY_MS)
        assert (wrong["status"], wrong["held"]) == ("held", [BTC, ETH])
        assert wrong["fills_count"] == (2, 0)[attempt]
    right = once(tmp_path)
    assert (right["status"], right["held"], right["fills_count"]) == ("ok", [], 3)
    assert {symbol: view["qty"] for symbol, view in right["positions"].items()} == {
        BTC: "6",
        ETH: "2",
    }
    assert right["cursors"][f"fills_cursor:{BTC}"]["after"] == now - 3
    assert [
        (entry["symbol"], entry["message"].rpartition(" ")[2])
        for entry in right["warnings"]
        if entry["type"] == "quarantine_released"
    ] == [(BTC, "2"), (ETH, "1")]
    with opened(tmp_path / "ledger.db") as ledger:
        assert set(rows(ledger, "SELECT status FROM quarantine")) == {"booked"}
    assert verified(tmp_path / "ledger.db").ok
    for cycle in (1, 2, 3):
        ran = cycledeck("replay", cycle, "--rehearse", "--json", "--db", tmp_path / "ledger.db")
        assert ran.json["differences"] == []
