"""What the operator decided about an item holds, also once the item can be read."""

from pathlib import Path

import pytest

from engine.ingest.quarantine import Undecided
from tests.builders import cycledeck, opened, reported, rows, serve, verified

SWAP = reported("1", symbol="BTC/USDT:USDT", contractSize=None)


def once(db: Path, source: Path) -> dict[str, object]:
    result: dict[str, object] = cycledeck(
        "once", "--db", db, "--venue", f"recorded:{source}", "--json"
    ).json
    return result


def test_what_was_dropped_stays_out_when_an_earlier_programs_reason_is_gone(
    tmp_path: Path,
) -> None:
    """0.1.0 could not read a time in text; the operator dropped the item."""
    db = tmp_path / "ledger.db"
    item = reported("2", ts=2_000)
    broken = item | {"timestamp": str(item["timestamp"])}
    source = serve(tmp_path / "f.jsonl", [reported("1")])
    once(db, source)
    serve(source, [reported("1"), broken])
    text = source.read_text().splitlines()[1]
    with opened(db) as ledger:  # As the earlier program and its operator left it.
        ledger.execute(
            "INSERT INTO quarantine (digest, symbol, raw, reason, cycle_id, status, resolved_ms,"
            " resolved_cycle_id) VALUES (?, 'BTC/USDT', ?, 'timestamp', 1, 'dropped', 1, 1)",
            (Undecided("BTC/USDT", text, "").digest, text),
        )
    result = once(db, source)
    assert (result["status"], result["fills_count"]) == ("ok", 0)
    with opened(db) as ledger:
        assert rows(ledger, "SELECT event_id FROM ledger_events") == ["fill:1"]
    assert verified(db).violations == ()


@pytest.mark.parametrize("value", ["10"])
def test_a_null_contract_size_takes_the_one_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CYCLEDECK_RECORDED__CONTRACT_SIZES", f'{{"*": "{value}"}}')
    db, source = tmp_path / "ledger.db", serve(tmp_path / "f.jsonl", [SWAP])
    assert once(db, source)["status"] == "ok"
    with opened(db) as ledger:
        assert rows(ledger, "SELECT qty FROM stage4_positions") == [value]
