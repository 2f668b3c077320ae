"""The steps of a fold as rows: every digit where there is room, and said so where there is not."""

from typing import Any

import pytest

from console.kit.formats import Decimals
from console.kit.lines import Tone, plain
from console.screens.xray.explain_rows import StepRows, by_sign
from engine.history.explain import Explanation, FoldStep
from tests.console.published import position


def step(**changes: Any) -> FoldStep:
    values: dict[str, Any] = {
        "event_id": "fill:884301",
        "ts_ms": 0,
        "type": "FILL",
        "side": "sell",
        "new": True,
        "d": "-0.002",
        "v": "129.801",
        "released": "129.661504137931034483",
        "realized": "0.139495862068965517",
        "fee": None,
        "fee_currency": None,
        "qty": "0.025",
        "cost": "1620.768801724137931034",
        "realized_pnl": "0.3",
    }
    return FoldStep(**(values | changes))


def fee(**changes: Any) -> FoldStep:
    values = {"event_id": "fee:884301", "type": "FEE", "side": None, "d": "0", "v": "0"}
    money = {"released": None, "realized": None, "fee": "-0.559", "fee_currency": "USDT"}
    return step(**(values | money | changes))


def rows(*steps: FoldStep) -> StepRows:
    explanation = Explanation(
        cycle_id=5,
        commit_seq=5,
        symbol="BTC/USDT",
        folded=46,
        late=False,
        before=position(),
        steps=steps,
        steps_left_out=0,
        after=position(),
        stored=position(),
        matches=True,
    )
    return StepRows(explanation)


def shown(found: StepRows, width: int) -> list[dict[str, str]]:
    titles = [column.title for column in found.fit(width)]
    made = [found.row(number) for number in range(len(found))]
    return [
        dict(zip(titles, [plain(cell).strip() for cell in row.cells], strict=True))
        for row in made
        if row
    ]


def test_with_room_every_figure_is_there_in_full() -> None:
    sold, charged = shown(rows(step(), fee()), 200)
    assert sold == {
        "event": "+ fill:884301",
        "time": "00:00:00",
        "side": "sell",
        "± qty": "-0.002",
        "value": "129.801",
        "released": "129.661504137931034483",
        "realized": "+0.139495862068965517",
        "fee": "–",
        "qty after": "0.025",
    }
    assert charged["± qty"] == charged["value"] == charged["released"] == charged["realized"] == "–"
    assert charged["fee"] == "-0.559 USDT"


def test_without_room_figures_are_cut_never_rounded_and_the_step_is_told_in_full() -> None:
    found = rows(step(), fee())
    sold, _ = shown(found, 76)
    assert sold["released"].endswith("…")
    assert "129.661504137931034483".startswith(sold["released"].rstrip("…"))
    told = plain(found.in_full(step()))
    assert told == "released 129.661504137931034483  realized +0.139495862068965517"
    assert found.in_full(fee()) == ()


@pytest.mark.parametrize("width", [40, 60, 76, 100, 140, 200])
def test_columns_fit_the_room_as_far_as_they_can(width: int) -> None:
    found = rows(step(), fee())
    needed = 1 + sum(column.width + 2 for column in found.fit(width))
    assert needed <= width or width < 76


DAY_MS = 86_400_000


def test_steps_on_several_days_have_their_dates() -> None:
    found = rows(step(), fee(ts_ms=DAY_MS))
    assert [row["time"] for row in shown(found, 200)] == [
        "1970-01-01 00:00:00",
        "1970-01-02 00:00:00",
    ]
    assert all("time" not in row for row in shown(found, 100))
    assert plain(found.in_full(fee(ts_ms=DAY_MS))) == "1970-01-02 00:00:00"


def test_currencies_are_as_wide_as_they_are_drawn() -> None:
    found = rows(fee(fee_currency="币安币"), fee())
    wide, narrow = (row["fee"] for row in shown_as_they_are(found))
    assert (wide, narrow) == ("-0.559 币安币", "-0.559 USDT  ")


def shown_as_they_are(found: StepRows) -> list[dict[str, str]]:
    titles = [column.title for column in found.fit(200)]
    made = [row for number in range(len(found)) if (row := found.row(number))]
    return [dict(zip(titles, map(plain, row.cells), strict=True)) for row in made]


def test_events_folded_again_are_told_from_the_cycles_own() -> None:
    assert shown(rows(step(new=False)), 200)[0]["event"] == "↻ fill:884301"


def test_a_gain_and_a_loss_have_their_tone_and_their_sign() -> None:
    assert by_sign("0.1") is Tone.OK
    assert by_sign("-0.1") is Tone.DANGER
    assert by_sign("0") is by_sign(None) is Tone.PLAIN


def test_points_stand_in_one_column() -> None:
    points = Decimals.of(["1.25", "100", "-3.5"])
    placed = [points.placed(text, 10).rjust(10) for text in ("1.25", "100", "-3.5")]
    assert placed == ["      1.25", "    100   ", "     -3.5 "]
    assert points.placed("–", 10) == "–"
    assert points.placed("1.25", 3) == "1.25"
