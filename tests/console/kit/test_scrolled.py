"""Lines in rows: nothing is lost, nothing is wider than the room."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.kit.lines import Line, Tone, line, plain, wrapped

TONES = st.sampled_from(list(Tone))
LINES = st.lists(st.tuples(st.text(max_size=40), TONES), max_size=5).map(lambda parts: line(*parts))


@given(LINES, st.integers(4, 60))
def test_no_row_is_wider_than_the_room(found: Line, width: int) -> None:
    assert all(cell_len(plain(row)) <= width for row in wrapped(found, width))


@given(LINES, st.integers(4, 60))
def test_every_character_stays_in_order_and_in_its_tone(found: Line, width: int) -> None:
    def marks(rows: list[Line]) -> list[tuple[str, Tone]]:
        return [(c, tone) for row in rows for text, tone in row for c in text if c != " "]

    assert marks(wrapped(found, width)) == marks([found])


def test_rows_break_between_words_and_go_on_further_in() -> None:
    told = line(("  asked since ", Tone.DIM), "2026-01-31 12:03:11.912")
    assert [plain(row) for row in wrapped(told, 26)] == [
        "  asked since 2026-01-31 ",
        "    12:03:11.912",
    ]


def test_rows_break_between_parts_rather_than_within_one() -> None:
    told = line("fetch 1.2 · inputs 3.4 · TX 1 5.6 · TX 2 7.8")
    assert [plain(row) for row in wrapped(told, 28)] == [
        "fetch 1.2 · inputs 3.4 · ",
        "  TX 1 5.6 · TX 2 7.8",
    ]
    told = line("qty 12  cost 3,456.789  realized +12.5")
    assert [plain(row) for row in wrapped(told, 32)] == [
        "qty 12  cost 3,456.789  ",
        "  realized +12.5",
    ]


def test_a_part_that_would_leave_a_row_half_empty_is_broken_between_words() -> None:
    told = line("no · the exchange did not answer")
    assert plain(wrapped(told, 22)[0]) == "no · the exchange did "


def test_a_word_longer_than_the_room_is_broken() -> None:
    assert [plain(row) for row in wrapped(line("abcdefghij"), 4)] == [
        "abcd",
        "  ef",
        "  gh",
        "  ij",
    ]
