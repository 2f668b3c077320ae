import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.kit.bars import (
    EIGHTHS,
    MOST_BARS,
    Ground,
    Signed,
    Stacked,
    heights,
    newest,
    stacked_column,
)
from console.kit.drawing import BLANK, Cell
from console.kit.lines import Tone

RED, GREEN, GREY = Tone.DANGER, Tone.OK, Tone.SHADE

values = st.floats(min_value=0, max_value=1e9, allow_nan=False)
parts = st.lists(values, min_size=1, max_size=6)


def height_of(column: tuple[Cell, ...]) -> int:
    """Eighths of a column that stands: full cells, and the one at its top."""
    return sum(8 if behind else EIGHTHS.index(text) for text, _, behind in column)


@given(parts, st.integers(1, 200))
def test_parts_add_up_to_the_rounded_total_and_never_exceed_the_room(
    amounts: list[float], room: int
) -> None:
    total = sum(amounts)
    found = heights([(amount, GREEN) for amount in amounts], total, room)
    assert all(height >= 0 for height in found)
    assert sum(found) == (room if total else 0)


@given(parts, st.integers(1, 200), st.floats(1, 100))
def test_a_lower_bar_is_as_high_as_its_share_of_the_highest(
    amounts: list[float], room: int, times: float
) -> None:
    top = sum(amounts) * times
    found = sum(heights([(amount, GREEN) for amount in amounts], top, room))
    expected = round(sum(amounts) / top * room) if top else 0
    assert 0 <= found - expected <= len(amounts)
    assert found <= room


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=5), st.integers(5, 200))
def test_every_part_that_is_there_is_seen_while_there_is_room(
    amounts: list[float], room: int
) -> None:
    smallest_first = sorted(amounts)
    found = heights([(amount, GREEN) for amount in smallest_first], sum(amounts), room)
    assert found[0] >= 1


def test_a_single_conflict_among_thousands_is_red() -> None:
    bar = ((1, RED), (0, GREEN), (50_000, GREY))
    column = stacked_column(bar, 50_001, 6)
    assert RED in {tone for _, tone, _ in column}


def test_where_three_colours_meet_in_a_cell_danger_stays() -> None:
    bar = ((1, RED), (1, GREEN), (1, GREY))
    (cell,) = stacked_column(bar, 8, 1)
    assert RED in cell


def test_a_boundary_within_a_cell_is_drawn_in_both_colours() -> None:
    bar = ((4, GREEN), (4, GREY))
    assert stacked_column(bar, 8, 1) == (("▄", GREEN, GREY),)


def test_a_gap_is_blank_and_a_zero_is_a_thin_line() -> None:
    assert stacked_column(None, 10, 3) == (BLANK,) * 3
    assert stacked_column(((0, GREEN),), 10, 3) == (BLANK, BLANK, ("▁", GREY, None))


@given(st.floats(0, 1000), st.integers(1, 20))
def test_a_column_has_as_many_rows_as_asked_for(value: float, height: int) -> None:
    column = stacked_column(((value, GREEN),), 1000, height)
    assert len(column) == height
    assert height_of(column) <= 8 * height


def test_the_newest_bars_are_kept_on_the_right() -> None:
    drawing = Stacked(tuple(((float(n), GREEN),) for n in range(1, 11))).drawn(3, 1)
    assert [column[0][0] for column in drawing.columns] == ["▆", "▇", "█"]
    assert (drawing.high, drawing.low, drawing.values) == ("10", "0", 3)


def test_wide_charts_have_thicker_bars() -> None:
    many = list(range(1000))
    assert newest(many, MOST_BARS) == (many[-MOST_BARS:], 1)
    assert newest(many, 2 * MOST_BARS) == (many[-MOST_BARS:], 2)
    assert newest(many, 0)[0] == ()


def test_the_highest_bar_that_is_seen_is_the_scale() -> None:
    bars = (((1_000.0, GREEN),), ((20.0, GREEN),))
    assert Stacked(bars).drawn(1, 4).high == "20"
    assert Stacked(bars).drawn(2, 4).high == "1,000"
    assert Stacked((((0.0, GREEN),),)).drawn(1, 4).high == ""


def test_costs_stand_on_the_line_and_gains_hang_from_it() -> None:
    drawing = Signed((4.0, -4.0)).drawn(2, 2)
    (cost, gain) = drawing.columns
    assert tuple(cost) == (("█", Tone.ATTENTION, None), BLANK)
    assert tuple(gain) == (BLANK, ("█", Tone.OK, None))
    assert (drawing.high, drawing.low) == ("+4.0", "-4.0")


def test_what_is_free_below_a_hanging_bar_is_drawn_in_the_colour_of_the_ground() -> None:
    drawing = Signed((-8.0, -4.0)).drawn(2, 2)
    assert tuple(drawing.columns[1]) == (("█", Tone.OK, None), BLANK)
    assert next(iter(Signed((-16.0, -2.0)).drawn(2, 2).columns[1])) == ("▆", None, Tone.OK)


def test_an_unknown_slippage_is_a_gap_and_none_is_a_thin_line() -> None:
    drawing = Signed((1.0, None, 0.0)).drawn(3, 2)
    assert tuple(drawing.columns[1]) == (BLANK, BLANK)
    assert drawing.columns[2][-1] == ("▁", GREY, None)
    assert Signed((None, None)).drawn(3, 2).columns == ()


@given(
    st.lists(st.none() | st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=40),
    st.integers(2, 20),
)
def test_signed_bars_never_leave_their_side(found: list[float | None], height: int) -> None:
    drawing = Signed(tuple(found)).drawn(40, height)
    for value, column in zip(found[-len(drawing.columns) :], drawing.columns, strict=False):
        assert len(column) == height
        tones = {tone or behind for _, tone, behind in column} - {None}
        if value is None:
            assert not tones
        else:
            assert tones == {Tone.ATTENTION if value > 0 else Tone.OK if value < 0 else Tone.SHADE}


@pytest.mark.parametrize(("high", "low"), [(1.0, -1.0), (100.0, -1.0), (1.0, -100.0), (1.0, 0.0)])
def test_zero_is_between_rows_and_each_side_that_is_used_has_one(high: float, low: float) -> None:
    ground = Ground.between(high, low, 6)
    assert ground.above + ground.below == 6
    assert ground.above >= 1
    assert ground.below >= (1 if low else 0)
    assert high / ground.unit <= ground.above * 8 + 1e-9
    assert -low / ground.unit <= ground.below * 8 + 1e-9
