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
            " resolved_cycle_id, decided_seq)"
            " VALUES (?, 'BTC/USDT', ?, 'timestamp', 1, 'dropped', 1, 1, 0)",
            (Undecided("BTC/USDT", text, "").digest, text),
        )
        ledger.execute(
            "INSERT INTO audit (ts, actor, action, detail_json, outcome)"
            " VALUES (1, 'operator', 'quarantine resolve', '{}', 'ok')"
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


def test_a_dropped_item_takes_no_other_report_of_its_id_with_it(tmp_path: Path) -> None:
    """A funding row had the id of a fill: that fill is booked, and conflicts with nothing."""
    db = tmp_path / "ledger.db"
    funding = reported("7", type="funding")
    source = serve(tmp_path / "f.jsonl", [funding])
    once(db, source)
    assert cycledeck("quarantine", "resolve", "1", "--drop", "--db", db).code == 0
    serve(source, [funding, reported("7", "sell", "2", "200", 2_000)])
    first, again = once(db, source), once(db, source)
    assert (first["status"], first["fills_count"]) == ("ok", 1)
    assert (again["ledger_events_inserted"], again["ledger_events_conflicting"]) == (0, 0)
    with opened(db) as ledger:
        assert rows(ledger, "SELECT side, qty FROM ledger_events") == [("sell", "2")]
    assert verified(db).violations == ()
