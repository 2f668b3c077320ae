import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.kit.lines import Tone, plain, width_of
from console.screens.shared.cycle_path import bar_lengths, path
from tests.console import published as p

times = st.lists(st.none() | st.floats(0, 1e6), min_size=1, max_size=5)


@given(times, st.integers(0, 200))
def test_bars_share_what_is_spare_in_proportion(found: list[float | None], spare: int) -> None:
    lengths = bar_lengths(found, spare)
    known = [time for time in found if time is not None]
    assert sum(lengths) <= len(known) + spare
    for time, length in zip(found, lengths, strict=True):
        assert (length == 0) == (time is None)
        if time is not None and sum(known) > 0:
            assert length == 1 + int(time / sum(known) * spare)


def test_the_path_shows_each_step_with_its_time_and_two_lamps() -> None:
    found = plain(path(p.result(7), 116))
    assert " ".join(found.replace("━", "").split()) == (
        "fetch 31.2 inputs 1.1 TX 1 4.1 ● committed 4 orders 3.9 TX 2 0.4 ● metrics"
    )
    longest = max(found.split(), key=len)
    assert set(longest) == {"━"}
    assert found.index(longest) < found.index("inputs")


@pytest.mark.parametrize("width", range(20, 200, 7))
def test_whatever_the_width_the_path_fits_and_has_its_lamps(width: int) -> None:
    found = path(p.result(7), width)
    assert plain(found).count("●") == 2
    if width >= 30:
        assert width_of(found) <= width


def test_first_the_words_go_then_the_names() -> None:
    assert "committed" not in plain(path(p.result(7), 76))
    assert "TX 1 ━ 4.1 ●" in plain(path(p.result(7), 76))
    assert plain(path(p.result(7), 36)) == "● committed  ● metrics"


def test_a_step_that_was_not_reached_has_no_time() -> None:
    found = plain(path(p.failed(7), 116))
    assert "orders –" in found
    assert "✕ nothing committed" in found


def test_the_step_that_failed_is_red() -> None:
    bars = {text: tone for text, tone in path(p.failed(7), 116) if "━" in text}
    assert Tone.DANGER in bars.values()
    fine = [tone for text, tone in path(p.result(7), 116) if "━" in text]
    assert Tone.DANGER not in fine


def test_long_steps_are_told_in_seconds() -> None:
    result = p.result(7, timings_ms={"fetch": 12_345.0, "tx1": 999.94})
    assert "12 s" in plain(path(result, 116))
    assert "999.9 ms" in plain(path(result, 116))


def test_where_no_step_took_a_second_all_times_are_milliseconds_and_none_says_so() -> None:
    assert " ms" not in plain(path(p.result(7, timings_ms={"fetch": 999.9, "tx1": 1.0}), 116))
