"""`cycledeck once`: the cycle that is due, as `run` would have it."""

from pathlib import Path

from engine.clock import DAY_MS, now_ms
from tests.builders import BTC, T0, Ran, cycledeck, opened, reported, rows, serve, spawned

KEY = f"fills_cursor:{BTC}"


def once(folder: Path, *more: object) -> Ran:
    ledger, fills = folder / "ledger.db", folder / "f.jsonl"
    return cycledeck("once", "--db", ledger, "--venue", f"recorded:{fills}", "--json", *more)


def age(folder: Path, days: int) -> None:
    """Let the ledger's cycles have been run so many days ago."""
    with opened(folder / "ledger.db") as ledger:
        ledger.execute("UPDATE cycles SET started_ms = started_ms - ?", (days * DAY_MS,))


def test_once_reconciles_when_it_is_due_and_not_before(tmp_path: Path) -> None:
    latest = reported("1", ts=3 * DAY_MS)
    serve(tmp_path / "f.jsonl", [latest])
    assert [once(tmp_path).json["kind"] for _ in range(2)] == ["live", "live"]
    serve(tmp_path / "f.jsonl", [latest, reported("late", ts=DAY_MS)])
    assert once(tmp_path).json["fills_count"] == 0
    age(tmp_path, days=1)
    due = once(tmp_path).json
    assert (due["kind"], due["fills_count"]) == ("reconcile", 1)
    assert due["cursors"][KEY]["after"] == T0 + 3 * DAY_MS
    assert once(tmp_path).json["kind"] == "live"


def test_a_reconcile_that_failed_does_not_keep_once_from_booking_what_is_new(
    tmp_path: Path,
) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1")])
    once(tmp_path)
    age(tmp_path, days=1)
    path.write_text('{"cut short', "utf-8")
    assert once(tmp_path).code == 1
    serve(path, [reported("1"), reported("2", ts=2_000)])
    assert [once(tmp_path).json["kind"] for _ in range(3)] == ["live", "reconcile", "live"]
    with opened(tmp_path / "ledger.db") as ledger:
        assert rows(ledger, "SELECT kind || ' ' || status FROM cycles ORDER BY cycle_id") == [
            "live ok", "reconcile failed", "live ok", "reconcile ok", "live ok",
        ]  # fmt: skip


def test_what_a_cycle_left_out_stands_in_the_status_until_it_is_booked(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("2", ts=9 * DAY_MS)])
    once(tmp_path)
    serve(path, [reported("1"), reported("2", ts=9 * DAY_MS)])
    assert once(tmp_path).json["status"] == "attention"
    status = cycledeck("status", "--db", tmp_path / "ledger.db").out
    assert f"{BTC}: 1 line lies before the window that is read" in status
    assert "--lookback 9d" in status
    assert once(tmp_path, "--lookback", "9d").json["fills_count"] == 1
    assert "lookback" not in cycledeck("status", "--db", tmp_path / "ledger.db").out


def test_what_is_traded_before_a_fill_dated_ahead_is_booked_by_the_next_process(
    tmp_path: Path,
) -> None:
    ahead = reported("ahead", ts=now_ms() + DAY_MS // 2 - T0)
    where = ("--db", tmp_path / "ledger.db", "--venue", f"recorded:{tmp_path / 'f.jsonl'}")
    serve(tmp_path / "f.jsonl", [ahead])
    first = spawned("once", "--json", *where).json
    assert (first["fills_count"], first["cursors"][KEY]["after"]) == (1, first["venue_ms"])
    serve(tmp_path / "f.jsonl", [ahead, reported("2", ts=now_ms() - T0)])
    assert spawned("once", "--json", *where).json["fills_count"] == 1
    assert cycledeck("verify", *where[:2]).code == 0
