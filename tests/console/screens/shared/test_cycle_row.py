from console.kit.lines import Tone, plain
from console.screens.shared.cycle_row import COLUMNS, CycleRows, RecentCycles
from engine.cycles.results import CycleResult, Kind, Verdict
from tests.console import published as p


def shown(result: CycleResult) -> dict[str, str]:
    cells = CycleRows().cells(result)
    return {column.title: plain(cell) for column, cell in zip(COLUMNS, cells, strict=True)}


def test_a_cycle_in_one_row() -> None:
    assert shown(p.result(1_284)) == {
        "cycle": "1,284",
        "time": "12:21:24",
        "kind": "live",
        "phases": "● ●",
        "fetched": "24",
        "new": "3",
        "ins": "6",
        "ign": "42",
        "conf": "0",
        "orders": "4",
        "fills/order": "0.75",
        "slip bps": "+1.8",
        "ms": "41",
        "remark": "",
    }


def test_without_orders_there_is_no_rate_and_no_zero_in_its_place() -> None:
    found = shown(p.result(7, orders_submitted=0, fills_per_submitted_order=0.0))
    assert (found["orders"], found["fills/order"]) == ("0", "–")
    none_filled = shown(p.result(7, orders_submitted=2, fills_per_submitted_order=0.0))
    assert none_filled["fills/order"] == "0.00"


def test_a_cycle_that_committed_nothing_counts_nothing() -> None:
    found = shown(p.failed(7))
    assert found["phases"] == "✕ –"
    assert {found[name] for name in ("fetched", "new", "ins", "ign", "conf")} == {"–"}


def test_a_replay_is_quiet_and_has_no_orders() -> None:
    result = p.result(7, kind=Kind.REPLAY, verdict=Verdict.CLEAN, replay_of=1)
    assert shown(result)["orders"] == "–"
    assert CycleRows().cells(result)[0] == (("7", Tone.DIM),)


def test_conflicts_are_red_in_their_column_and_in_the_remark() -> None:
    cells = CycleRows().cells(p.result(7, ledger_events_conflicting=2))
    assert cells[8] == (("2", Tone.DANGER),)
    assert cells[-1] == (("≠ 2 conflicts", Tone.DANGER),)


def test_columns_are_wide_enough_for_every_digit() -> None:
    rows = CycleRows()
    rows.row(p.result(123_456_789, ledger_events_ignored=1_234_567))
    columns = {column.title: column.width for column in rows.columns}
    assert columns["cycle"] == len("123,456,789")
    assert columns["ign"] == len("1,234,567")
    assert columns["ins"] == 4
    assert columns["remark"] == 0


def test_rows_are_found_by_cycle() -> None:
    results = [p.result(number) for number in (9, 7, 4)]
    rows = RecentCycles(CycleRows(), results)
    assert [rows.number_of(key) for key in (9, 7, 4)] == [0, 1, 2]
    assert [rows.number_of(key) for key in (10, 8, 1, "7", None)] == [None] * 5
    assert rows.row(3) is None
