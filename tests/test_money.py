"""Exact decimals."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.money import EXACT, canonical, parse_decimal, share
from tests.exact import rounded

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=18).filter(
    lambda number: abs(number) < 10**20
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1", "1"),
        ("1.50", "1.5"),
        ("-0.000", "0"),
        ("0e-30", "0"),
        ("1e3", "1000"),
        ("1E-7", "0.0000001"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+2", "2"),
        ("12345678901234567890.123", "12345678901234567890.123"),
    ],
)
def test_the_canonical_form_has_no_exponent_no_trailing_zeros_and_no_minus_zero(
    text: str, shown: str
) -> None:
    assert canonical(parse_decimal(text)) == shown


@pytest.mark.parametrize(
    "value",
    ["", " 1", "1 ", "1,5", "0x10", "1_000", "NaN", "Infinity", "-inf", "sNaN", "1e400", "1e-400",
     "１", "1" * 31, "0." + "0" * 40 + "1", "1" * 101, 1.5, True, None, [], {}, b"1",
     Decimal("NaN"), Decimal("Infinity"), 10**30],
)  # fmt: skip
def test_what_is_not_an_exact_finite_decimal_of_sane_size_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"is not|has more than"):
        parse_decimal(value)


def test_an_int_too_long_for_any_context_is_refused_like_every_other_bad_number() -> None:
    with pytest.raises(ValueError, match="integer digits"):
        parse_decimal(10**500 + 1)


@given(decimals)
def test_canonical_text_reads_back_as_the_same_number(number: Decimal) -> None:
    text = canonical(number)
    assert parse_decimal(text) == number
    assert canonical(parse_decimal(text)) == text


@given(decimals, decimals, decimals.filter(bool))
def test_share_is_the_exact_quotient_rounded_once_half_even(
    amount: Decimal, part: Decimal, whole: Decimal
) -> None:
    exact = Fraction(amount) * Fraction(part) / Fraction(whole)
    assert Fraction(share(amount, part, whole)) == rounded(exact)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("1e-18", "0"), ("3e-18", "2e-18"), ("-1e-18", "0"), ("-3e-18", "-2e-18")],
)
def test_a_share_that_falls_between_two_quanta_goes_to_the_even_one(
    amount: str, expected: str
) -> None:
    assert share(Decimal(amount), Decimal(1), Decimal(2)) == Decimal(expected)


def test_a_share_just_above_the_middle_is_not_rounded_twice() -> None:
    just_above = Decimal("1." + "0" * 180 + "1")
    assert share(Decimal("1e-18"), just_above, Decimal(2)) == Decimal("1e-18")


def test_arithmetic_that_would_lose_a_digit_raises_instead() -> None:
    with pytest.raises(ArithmeticError):
        EXACT.divide(Decimal(1), Decimal(3))
