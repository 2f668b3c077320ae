"""The main job on real input, through the real command line: every fill counts exactly once."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.builders import Ran, cycledeck, money_of, read_fills, serve, shared, spawned
from tests.cases import mostly_long

BTC = "btc_usdt_matching_engine"
XRP = "xrp_eth_real_trades"
FILES = {BTC: f"{BTC}.jsonl", XRP: f"{XRP}.jsonl.gz"}
MINUTE_MS = 60_000


def expected(name: str) -> Any:
    return json.loads(shared(f"data/fills/{name}.expected.json").read_text())


def config(folder: Path, venue: Path, step: str, lookback: str) -> Path:
    path = folder / "cycledeck.toml"
    path.write_text(
        f'db = "{folder}/ledger.db"\nvenue = "recorded:{venue}"\npage_size = 100\n'
        f'lookback = "{lookback}"\ninterval = "1ms"\n[recorded]\nstep = "{step}"\n'
    )
    return path


def books(path: Path) -> dict[str, Any]:
    status = cycledeck("status", "--config", path, "--json").json
    return {symbol: money_of(position) for symbol, position in status["positions"].items()}


def run(path: Path, cycles: int, by: Callable[..., Ran] = cycledeck) -> list[dict[str, Any]]:
    ran = by("run", "--config", path, "--cycles", cycles, "--json")
    assert ran.code == 0, ran.err
    results = ran.lines
    assert len(results) == cycles
    for result in results:
        parts = ("inserted", "ignored", "conflicting")
        attempted = sum(result[f"ledger_events_{part}"] for part in parts)
        assert result["ledger_events_attempted"] == attempted
        assert result["status"] == "ok"
    return results


def check_books(path: Path, name: str, results: list[dict[str, Any]]) -> None:
    assert books(path) == expected(name)
    proof = cycledeck("verify", "--config", path, "--json")
    assert proof.json["violations"] == []
    assert proof.code == 0
    again = run(path, len(results))
    assert sum(result["ledger_events_attempted"] for result in again) > 0
    assert sum(result["ledger_events_inserted"] for result in again) == 0
    assert books(path) == expected(name)
    for result in results[3 :: len(results) // 2]:
        rehearsed = cycledeck(
            "replay", result["cycle_id"], "--rehearse", "--config", path, "--json"
        )
        assert rehearsed.json["differences"] == []
        assert rehearsed.json["inserted"] == result["ledger_events_inserted"]
        replayed = cycledeck("replay", result["cycle_id"], "--config", path, "--json").json
        assert replayed["verdict"] == "clean"
        assert replayed["ledger_events_inserted"] == 0
        assert replayed["fills_fetched"] == result["fills_fetched"]
    assert cycledeck("verify", "--config", path, "--json").json["ok"]


@mostly_long(("name", "step", "cycles"), [(XRP, "5h", 14), (XRP, "90m", 41), (BTC, "2s", 40)])
def test_real_fills_come_out_to_the_last_digit_over_many_cycles(
    tmp_path: Path, name: str, step: str, cycles: int
) -> None:
    path = config(tmp_path, shared(f"data/fills/{FILES[name]}"), step, "10m")
    results = run(path, cycles, by=spawned)
    assert sum(result["ledger_events_inserted"] > 0 for result in results) > 5
    check_books(path, name, results)


@mostly_long(
    ("name", "step_ms", "late_ms", "lookback"),
    [
        (BTC, 4_000, 9 * MINUTE_MS, "10m"),
        (XRP, 60 * MINUTE_MS, 55 * MINUTE_MS, "2h"),
    ],
)
def test_fills_that_become_visible_late_and_out_of_order_change_nothing(
    tmp_path: Path, name: str, step_ms: int, late_ms: int, lookback: str
) -> None:
    """Each fill is published up to `late_ms` late, within the lookback, some of them twice."""
    random = Random(7)
    fills = read_fills(shared(f"data/fills/{FILES[name]}"))
    span = fills[-1]["timestamp"] - fills[0]["timestamp"]
    for fill in fills:
        fill["visible_at"] = fill["timestamp"] + random.randrange(late_ms)
    fills += random.sample(fills, len(fills) // 20)
    random.shuffle(fills)
    path = config(tmp_path, serve(tmp_path / "late.jsonl", fills), f"{step_ms}ms", lookback)
    results = run(path, (span + late_ms) // step_ms + 2)
    assert sum(result["ledger_events_inserted"] > 0 for result in results) > 5
    assert sum(result["ledger_events_ignored"] for result in results) > 0
    check_books(path, name, results)
