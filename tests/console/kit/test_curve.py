from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from console.kit.curve import Curve
from console.kit.drawing import Cell, Drawing
from console.kit.lines import Tone

BRAILLE = 0x2800
LEFT, RIGHT = 0x47, 0xB8


def text_of(drawing: Drawing) -> list[str]:
    """The rows, from the top down."""
    return ["".join(cell[0] for cell in row) for row in zip(*drawing.columns, strict=True)]


def dots(cell: Cell) -> int:
    return ord(cell[0]) - BRAILLE if cell[0] != " " else 0


def test_a_rising_line_begins_below_and_ends_above_on_the_right() -> None:
    drawing = Curve(tuple(Decimal(n) for n in range(8)), scale=str).drawn(4, 2)
    assert text_of(drawing) == ["⢀⠔", "  "] or text_of(drawing)[0].endswith("⠊")
    assert (drawing.high, drawing.low, drawing.values) == ("7", "0", 8)


def test_a_level_line_is_drawn_half_way_up() -> None:
    drawing = Curve((Decimal(5),) * 4).drawn(2, 1)
    assert text_of(drawing) == ["⠒⠒"]


def test_the_newest_value_is_always_on_the_right_edge() -> None:
    drawing = Curve((Decimal(1), Decimal(1), Decimal(1))).drawn(9, 1)
    assert len(drawing.columns) == 2
    assert dots(drawing.columns[0][0]) & LEFT == 0
    assert dots(drawing.columns[-1][0]) & RIGHT


def test_a_gap_has_no_dots() -> None:
    drawing = Curve((Decimal(1), None, None, None, None, Decimal(2))).drawn(9, 2)
    assert all(cell[0] == " " for cell in drawing.columns[1])


def test_steps_between_two_values_are_joined() -> None:
    drawing = Curve((Decimal(0), Decimal(100))).drawn(1, 2)
    (column,) = drawing.columns
    assert sum(dots(cell).bit_count() for cell in column) == 8


def test_figures_that_no_float_could_tell_apart_are_told_apart() -> None:
    low, high = Decimal("10000000000000000.1"), Decimal("10000000000000000.2")
    assert float(low) == float(high)
    drawing = Curve((low, high), scale=str).drawn(1, 1)
    assert dots(drawing.columns[0][0]).bit_count() > 2
    assert (drawing.high, drawing.low) == (str(high), str(low))


def test_nothing_known_draws_nothing() -> None:
    assert Curve((None, None)).drawn(10, 4) == Drawing()


@given(
    st.lists(st.none() | st.decimals(-(10**12), 10**12, places=4), max_size=60), st.integers(1, 9)
)
def test_it_fits_wherever_it_is_drawn(values: list[Decimal | None], height: int) -> None:
    drawing = Curve(tuple(values), Tone.OK).drawn(20, height)
    assert len(drawing.columns) <= 20
    assert all(len(column) == height for column in drawing.columns)
    if values and values[-1] is not None:
        assert any(dots(cell) & RIGHT for cell in drawing.columns[-1])
