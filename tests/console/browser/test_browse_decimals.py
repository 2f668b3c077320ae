"""Decimal texts: the order of their keys is the order of the numbers, exactly."""

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.browser.reader import decimals
from console.browser.reader.wire import Stored

EXACT = Context(prec=2_000)
written = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=8).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.integers().map(str),
    st.tuples(st.sampled_from(["", "-"]), st.integers(0, 30), st.integers(0, 10**6)).map(
        lambda parts: f"{parts[0]}{parts[1]}.{parts[2]}00"
    ),
).filter(decimals.is_decimal)


@given(written, written)
def test_keys_sort_as_numbers(left: str, right: str) -> None:
    expected = EXACT.compare(Decimal(left), Decimal(right))
    keys = [decimals.sort_key(text) or b"" for text in (left, right)]
    assert (keys[0] > keys[1]) - (keys[0] < keys[1]) == expected
    assert decimals.compare(left, right) == expected


@given(st.text(), st.text())
def test_other_texts_sort_as_texts_after_all_numbers(left: str, right: str) -> None:
    keys = [decimals.sort_key(text) or b"" for text in (left, right)]
    if not any(decimals.is_decimal(text) for text in (left, right)):
        assert (keys[0] < keys[1]) == (left < right)
        assert keys[0] > (decimals.sort_key(float("inf")) or b"")


def test_stored_numbers_and_decimal_texts_are_one_order() -> None:
    ordered: list[Stored] = [
        float("-inf"), "-1e5", -7, -2.5, "-0.1", 0, "0.00", 1e-9, "0.5", 1, 1.5, "2", 2**62,
    ]  # fmt: skip
    keys = [decimals.sort_key(value) or b"" for value in [*ordered, float("inf"), "a", "é", b""]]
    assert keys == sorted(keys)
    assert decimals.sort_key(0) == decimals.sort_key("-0.00") == decimals.sort_key(0.0)


@pytest.mark.parametrize("text", ["", ".", "1.2.3", "007", "1_0", " 1", "+1", "1e", "٣", "nan"])
def test_what_only_looks_like_an_amount_is_text(text: str) -> None:
    assert not decimals.is_decimal(text)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [("+007.50", "7.50"), (".5", "0.5"), ("-5.", "-5.0"), ("1E5", "1.0e5"), ("-0", "-0.0")],
)
def test_a_typed_number_may_be_written_freely(typed: str, plain: str) -> None:
    assert decimals.is_number(typed)
    assert decimals.plain(typed) == plain
    assert decimals.is_decimal(plain)
