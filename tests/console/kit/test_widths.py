"""Which columns give way: as many as it takes, in turn, and none of them for nothing."""

from hypothesis import given
from hypothesis import strategies as st

from console.kit.widths import GAP, cut, fit, gone, squeezed, taken

NAMES = "abcde"
WIDTHS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 60), min_size=1)
LEAST = st.fixed_dictionaries({name: st.integers(1, 20) for name in NAMES})
ROOM = st.integers(0, 250)


@given(WIDTHS, LEAST, ROOM)
def test_where_all_columns_fit_none_gives_way(
    widths: dict[str, int], least: dict[str, int], spare: int
) -> None:
    steps = [squeezed(least), cut(least), *map(gone, NAMES)]
    assert fit(widths, taken(widths) + spare, steps) == widths


@given(WIDTHS, ROOM)
def test_columns_go_in_turn_and_only_until_the_rest_fits(widths: dict[str, int], room: int) -> None:
    fitting = fit(widths, room, map(gone, NAMES))
    assert taken(fitting) <= room or not fitting
    missing = [name for name in NAMES if name in widths and name not in fitting]
    assert missing == [name for name in NAMES if name in widths][: len(missing)]
    if missing:
        assert taken(fitting) + widths[missing[-1]] + GAP > room


@given(WIDTHS, LEAST, ROOM)
def test_squeezed_columns_give_no_more_than_is_needed_and_the_widest_first(
    widths: dict[str, int], least: dict[str, int], room: int
) -> None:
    fitting = fit(widths, room, [squeezed(least)])
    narrowed = {name: width for name, width in fitting.items() if width < widths[name]}
    assert all(width >= least[name] for name, width in narrowed.items())
    if taken(fitting) > room:
        assert all(width <= least[name] for name, width in fitting.items())
    else:
        assert taken(fitting) + len(narrowed) > room or not narrowed
    level = max((width for name, width in narrowed.items() if width > least[name]), default=0)
    # A column at its least has nothing to give, however wide that is.
    untouched = [w for name, w in fitting.items() if name not in narrowed and w > least[name]]
    assert not level or max(untouched, default=0) <= level


@given(WIDTHS, LEAST, ROOM)
def test_columns_that_are_cut_together_are_as_wide_as_said(
    widths: dict[str, int], to: dict[str, int], room: int
) -> None:
    fitting = fit(widths, room, [cut(to)])
    whole = taken(widths) <= room
    assert fitting == (widths if whole else {n: min(w, to[n]) for n, w in widths.items()})


@given(WIDTHS, ROOM)
def test_a_step_for_a_column_that_is_not_there_frees_nothing(
    widths: dict[str, int], room: int
) -> None:
    assert fit(widths, room, [gone("x"), cut({"x": 1}), squeezed({"x": 1})]) == widths
