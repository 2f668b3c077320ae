"""Fills as rows: what TX 1 made of each, in few words, and only the rows that are seen."""

from collections.abc import Iterator
from typing import Any

import pytest

from console.kit.lines import Tone, plain
from console.kit.widths import GAP
from console.screens.xray.fill_rows import (
    OUTCOME_WIDTH,
    FillRows,
    Overview,
    Rest,
    earlier_cycle,
    outcome,
)
from engine.history.outcomes import EventOutcome
from engine.history.xray import FillLine
from tests.console.published import BTC


def event(kind: str, found: str, cycle_id: int | None = 7, detail: str = "") -> EventOutcome:
    name = f"{kind.lower()}:1"
    return EventOutcome(name, kind, found, cycle_id, detail)  # type: ignore[arg-type]


def fill(*events: EventOutcome, **more: Any) -> FillLine:
    values = {"symbol": BTC, "raw": "{}", "trade_id": "1", "ts_ms": 0, "side": "buy"}
    return FillLine(**(values | {"qty": "0.004", "price": "64871.2", "events": events} | more))


def ignored(number: int = 0) -> FillLine:
    return fill(event("FILL", "ignored", 3), trade_id=str(number))


def new(number: int = 0) -> FillLine:
    return fill(event("FILL", "inserted"), trade_id=str(number))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (fill(event("FILL", "inserted"), event("FEE", "inserted")), "+ fill +fee"),
        (fill(event("FILL", "ignored", 3), event("FEE", "ignored", 3)), "= ignored  from 3"),
        (fill(event("FILL", "ignored", 1_277)), "= ignored  from 1,277"),
        (fill(event("FILL", "ignored", 3), event("FEE", "ignored", 5)), "= ignored  from 3, 5"),
        (fill(event("FILL", "ignored", 7)), "= ignored  said twice"),
        (fill(event("FILL", "ignored", 3), event("FEE", "inserted")), "+ fee  = fill  from 3"),
        (
            fill(event("FILL", "conflicting", 3, "price: 1, 2"), event("FEE", "ignored", 3)),
            "≠ conflict  price: 1, 2  = fee  from 3",
        ),
        (fill(event("FILL", "unbooked", None, "held back")), "· not booked  held back"),
        (fill(reason="no JSON \x1b"), "◆ unreadable  no JSON \\x1b"),
        (fill(reason="no JSON", status="open"), "◆ quarantined  no JSON"),
        (fill(reason="no JSON", status="dropped"), "· dropped  no JSON"),
        (fill(reason="no JSON", status="replaced"), "· replaced  no JSON"),
        (fill(reason="no JSON", status="booked"), "· booked  no JSON"),
        (fill(reason="another market", status="left out"), "· left out  another market"),
    ],
)
def test_what_became_of_a_fill_is_told_in_few_words(found: FillLine, told: str) -> None:
    assert plain(outcome(found, 7)) == told


def test_only_a_conflict_is_in_the_tone_of_danger() -> None:
    conflict = outcome(fill(event("FILL", "conflicting")), 7)
    assert Tone.DANGER in {tone for _, tone in conflict}
    for other in (new(), ignored(), fill(reason="x"), fill(event("FEE", "unbooked"))):
        assert Tone.DANGER not in {tone for _, tone in outcome(other, 7)}


def test_a_repeat_leads_to_the_cycle_that_had_booked_it() -> None:
    assert earlier_cycle(ignored(), 7) == 3
    assert earlier_cycle(fill(event("FILL", "conflicting", 2)), 7) == 2
    assert earlier_cycle(new(), 7) is None
    assert earlier_cycle(fill(event("FILL", "ignored", 7)), 7) is None


def rows(fills: list[FillLine], opened: set[int] | None) -> FillRows:
    overview = Overview.of(fills)
    return FillRows(fills, overview, 7, overview.columns(100, day_ms=0), day_ms=0, opened=opened)


def keys(found: FillRows) -> list[Any]:
    return [row.key for n in range(len(found)) if (row := found.row(n))]


def test_runs_of_repeats_are_folded_and_nothing_else_is() -> None:
    fills = [*map(ignored, range(6)), new(), *map(ignored, range(3)), new(), new(), new()]
    assert keys(rows(fills, set())) == [0, 1, Rest(2, 6), 6, 7, 8, 9, 10, 11, 12]
    assert keys(rows(fills, {2})) == list(range(13))
    assert keys(rows(fills, None)) == list(range(13))
    told = rows(fills, set()).row(2)
    assert told is not None
    assert "… 4 more ignored" in [plain(cell) for cell in told.cells]


def test_the_first_thing_to_look_at_is_a_contradiction_then_what_is_new() -> None:
    conflict = fill(event("FILL", "conflicting"))
    assert Overview.of([ignored(), new(), conflict]).first == 2
    assert Overview.of([ignored(), fill(reason="x"), new()]).first == 2
    assert Overview.of([ignored(), fill(reason="x")]).first == 1
    assert Overview.of([ignored(), ignored()]).first == 0


def test_points_stand_under_one_another_and_no_digit_is_lost() -> None:
    fills = [fill(qty="0.5", price="1234567.891"), fill(qty="12", price="9")]
    found = rows(fills, set())
    cells = [[plain(cell) for cell in row.cells] for n in (0, 1) if (row := found.row(n))]
    titles = [column.title for column in Overview.of(fills).columns(100, day_ms=0)]
    assert [cell[titles.index("qty")] for cell in cells] == ["0.5", "12  "]
    assert [cell[titles.index("price")] for cell in cells] == ["1,234,567.891", "9    "]


@pytest.mark.parametrize("width", [30, 50, 74, 100, 200])
def test_where_the_room_is_short_columns_go_but_never_the_figures_or_the_outcome(
    width: int,
) -> None:
    found = Overview.of([fill(trade_id="8" * 12)]).columns(width, day_ms=0)
    titles = {column.title for column in found}
    assert {"trade", "qty", "price", "ledger"} <= titles
    assert ("time" in titles) is (width >= 90)


LONG = {"qty": "0." + "1" * 24, "price": "64871." + "2" * 20}
DAY_MS = 86_400_000


def widths(found: list[FillLine], width: int, day_ms: int = 0) -> dict[str, int]:
    return {c.title: c.width for c in Overview.of(found).columns(width, day_ms=day_ms)}


@pytest.mark.parametrize("width", [60, 76, 100])
def test_whatever_is_long_the_outcome_has_its_room(width: int) -> None:
    found = widths([fill(trade_id="8" * 40, **LONG)], width)
    assert list(found)[-4:] == ["trade", "qty", "price", "ledger"]
    assert 1 + OUTCOME_WIDTH + sum(room + GAP for room in found.values()) - GAP <= width


def test_what_was_cut_or_went_is_told_of_the_fill_that_one_looks_at() -> None:
    found = fill(trade_id="BTC/USDT:884213", **LONG)
    made = FillRows(
        [found], Overview.of([found]), 7, Overview.of([found]).columns(76, day_ms=0), day_ms=0
    )
    row = made.row(0)
    assert row is not None
    assert [plain(cell) for cell in row.cells][:2] == ["…USDT:884213", "0.111111111111111…"]
    assert plain(made.in_full(0)) == (
        "1970-01-01 00:00:00.000  BTC/USDT  buy  trade BTC/USDT:884213  "
        f"qty {LONG['qty']}  price 64,871.{'2' * 20}"
    )
    wide = Overview.of([found]).columns(200, day_ms=0)
    assert plain(FillRows([new()], Overview.of([new()]), 7, wide, day_ms=0).in_full(0)) == ""


def test_a_fill_of_another_day_than_the_cycles_has_its_date() -> None:
    found = [fill(), fill(ts_ms=DAY_MS)]
    assert widths(found[:1], 200)["time"] == 8
    shown = Overview.of(found).columns(200, day_ms=0)
    made = FillRows(found, Overview.of(found), 7, shown, day_ms=0)
    times = [plain(row.cells[0]) for n in (0, 1) if (row := made.row(n))]
    assert times == ["00:00:00", "1970-01-02 00:00:00"]
    assert widths(found, 200)["time"] == 19


def test_ids_and_markets_are_as_wide_as_they_are_drawn() -> None:
    found = widths([fill(trade_id="交易一二三", symbol="币安人生/USDT")], 200)
    assert (found["trade"], found["symbol"]) == (10, 13)


def test_each_item_is_counted_as_one_thing() -> None:
    late = fill(event("FILL", "ignored", 3), event("FEE", "inserted"))
    conflict = fill(event("FILL", "conflicting", 3), event("FEE", "ignored", 3))
    unbooked = fill(event("FILL", "unbooked", None))
    other = [fill(reason="x", status=status) for status in ("open", "dropped", "left out", None)]
    assert Overview.of([new(), ignored(), late, conflict, unbooked, *other]).kinds == {
        "new": 1,
        "seen before": 1,
        "late fee": 1,
        "conflict": 1,
        "not booked": 1,
        "quarantined": 1,
        "dropped": 1,
        "left out": 1,
        "unreadable": 1,
    }


class Counting(list[FillLine]):
    """Fills that count how often one of them is taken."""

    taken = 0

    def __getitem__(self, number: Any) -> Any:
        self.taken += 1
        return super().__getitem__(number)

    def __iter__(self) -> Iterator[FillLine]:
        return super().__iter__()


def test_rows_are_made_only_when_they_are_asked_for() -> None:
    fills = Counting(new(number) for number in range(10_000))
    found = rows(fills, set())
    assert len(found) == 10_000
    assert fills.taken == 0
    assert found.row(9_999) is not None
    assert fills.taken == 1


def test_a_hedged_position_s_side_stands_beside_the_fill_s() -> None:
    found = fill(position=f"{BTC} short", side="sell")
    overview = Overview.of([found, fill(position=BTC)])
    shown = overview.columns(100, day_ms=0)
    rows = FillRows([found, fill(position=BTC)], overview, 7, shown, day_ms=0)
    sides = [cells_of(rows, number)[[c.title for c in shown].index("side")] for number in range(2)]
    assert sides == ["sell short", "buy"]


def cells_of(rows: FillRows, number: int) -> list[str]:
    row = rows.row(number)
    assert row is not None
    return [plain(cell) for cell in row.cells]
