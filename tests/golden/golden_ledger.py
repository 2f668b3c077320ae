"""A golden ledger, and what it is asked: by commands and the engine's public names alone."""

import gzip
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine import Engine, NoSuchCycle, load_settings
from tests.builders import cycledeck

FOLDER = Path(__file__).parent
EXPECTED = "expected.json"

# A later program may tell more of each; of these it tells the same.
IDENTITY = ("ledger_id", "created_ms", "venue", "trade_ids")
FIGURES = ("qty", "cost", "avg_cost", "realized_pnl", "net", "fees", "oversold")
CYCLE = ("cycle_id", "kind", "status", "replay_of", "verdict", "mode", "started_ms", "venue_ms")
COMMIT = ("cycle_id", "positions_digest", "hash")
TABLES = (
    "applied_fills", "audit", "conflicts", "cursors", "cycle_inputs", "cycle_metrics", "cycles",
    "input_items", "ledger_commits", "ledger_events", "orders", "position_history", "quarantine",
    "stage4_positions",
)  # fmt: skip


def pack(folder: Path, golden: Path) -> None:
    """Keep a ledger's files: settings and lines as they are, databases gzipped."""
    golden.mkdir(parents=True)
    for file in folder.iterdir():
        if file.suffix == ".db":
            packed = gzip.compress(file.read_bytes(), mtime=0)
            (golden / f"{file.name}.gz").write_bytes(packed)
        elif file.suffix in {".toml", ".jsonl"}:
            shutil.copy(file, golden)


def unpack(golden: Path, folder: Path) -> None:
    """Put a ledger's files in `folder`; commands that run there find its settings."""
    for file in golden.iterdir():
        if file.suffix == ".gz":
            (folder / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
        else:
            shutil.copy(file, folder)


def books() -> dict[str, Any]:
    """The books of the ledger in this folder, once it has this program's schema.

    A backfill brings it there, and writes nothing but the metrics that were missing.
    """
    rebuilt = cycledeck("metrics", "backfill", "--json").json["rebuilt"]
    status = cycledeck("status", "--json").json
    commits = cycledeck("export", "ledger_commits", "--format", "jsonl").lines
    return {
        "metrics_rebuilt": rebuilt,
        "ledger": selected(status["ledger"], IDENTITY),
        "positions": figures(status["positions"]),
        "cursors": status["cursors"],
        "held": status["held"],
        "last_cycle": selected(status["last_cycle"], CYCLE),
        "counts": selected(status["counts"], TABLES),
        "commits": [selected(commit, COMMIT) for commit in commits],
    }


def figures(positions: Mapping[str, Any]) -> dict[str, Any]:
    return {symbol: selected(position, FIGURES) for symbol, position in positions.items()}


def selected(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


async def verdicts(cycle_ids: Iterable[int]) -> dict[str, str | None]:
    """What a replay of each cycle comes to; null where no evidence is kept of it."""
    async with Engine(load_settings()) as engine:
        return {str(cycle_id): await _verdict(engine, cycle_id) for cycle_id in cycle_ids}


async def _verdict(engine: Engine, cycle_id: int) -> str | None:
    try:
        result = await engine.replay(cycle_id)
    except NoSuchCycle:
        return None
    return result.verdict.value if result.verdict else result.status.value
