"""Figures and times as the console writes them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.kit.formats import (
    bps,
    clock,
    count,
    dated,
    figure,
    money,
    rate,
    signed,
    size,
    span,
    stamp,
)
from engine.money import canonical

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=12).map(canonical)


@given(amounts)
def test_money_keeps_every_digit(text: str) -> None:
    assert Decimal(money(text).replace(",", "")) == Decimal(text)


@given(amounts, st.integers(1, 30))
def test_money_that_is_cut_says_so_and_is_never_rounded(text: str, width: int) -> None:
    shown = money(text, width)
    full = money(text)
    if shown != full and "e" in shown:
        mantissa, _, exponent = shown.partition("e")
        least = Decimal(f"{mantissa.removesuffix('…')}e{exponent}")
        assert 0 < abs(least) <= abs(Decimal(text)) < 1
        assert (least == Decimal(text)) is ("…" not in shown)
        assert len(shown) <= max(width, len("-1…e-12"))
    elif shown != full:
        assert shown.endswith("…")
        assert full.startswith(shown.removesuffix("…").removesuffix("."))
        assert len(shown) <= max(width, len(full.partition(".")[0]) + 1)


@given(amounts, st.integers(1, 30))
def test_whole_digits_are_never_cut(text: str, width: int) -> None:
    whole = money(text).partition(".")[0]
    assert money(text, width).startswith(whole) or whole.strip("-") == "0"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("0.0000123456", 9, "0.000012…"),
        ("0.0000123456", 7, "1.2…e-5"),
        ("-0.00001", 7, "-1e-5"),
        ("0.0000123456", 3, "1…e-5"),
        ("1.0000000001", 6, "1.000…"),
        ("1000000000", 7, "1,000,000,000"),
        ("0.5", 2, "5e-1"),
    ],
)
def test_a_figure_that_is_cut_keeps_its_first_digit_and_one_that_is_whole_has_no_mark(
    text: str, width: int, shown: str
) -> None:
    assert money(text, width) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1234567.5", "1,234,567.5"), ("-0.00000001", "-0.00000001"), ("0", "0"), (None, "–")],
)
def test_money_groups_thousands(text: str | None, shown: str) -> None:
    assert money(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("3.5", "+3.5"), ("-3.5", "-3.5"), ("0", "0"), ("1000", "+1,000")]
)
def test_a_sign_is_shown_unless_there_is_nothing_to_sign(text: str, shown: str) -> None:
    assert signed(text) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (41, "41 ms"),
        (700, "0.7 s"),
        (12_000, "12 s"),
        (660_000, "11 m"),
        (11_100_000, "3 h 5 m"),
        (2 * 86_400_000 + 4 * 3_600_000, "2 d 4 h"),
        (86_400_000, "1 d"),
        (-700, "-0.7 s"),
        (None, "–"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(ms: int | None, shown: str) -> None:
    assert span(ms) == shown


def test_times_are_utc_unless_asked_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        ts_ms = 1_767_225_600_123
        assert stamp(ts_ms) == "2026-01-01 00:00:00.123"
        assert clock(ts_ms, ms=True) == "00:00:00.123"
        assert clock(ts_ms, local=True) == "09:00:00"
        assert clock(None) == "–"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_what_is_not_known_is_not_a_zero() -> None:
    assert figure(None) == "–"
    assert figure(0.0) == "0.00"
    assert figure(1.25, 1, sign=True) in ("+1.2", "+1.3")


def test_counts_and_sizes() -> None:
    assert count(1_234_567) == "1,234,567"
    assert [size(n) for n in (812, 4_300_000, 3 * 1024**3)] == ["812 B", "4.1 MiB", "3.0 GiB"]


def test_a_time_has_its_date_where_it_is_of_another_day() -> None:
    day = 86_400_000
    assert dated(0, day - 1) == "00:00:00"
    assert dated(day, 0, ms=True) == "1970-01-02 00:00:00.000"


def test_a_small_rate_is_never_nothing() -> None:
    found = [rate(value) for value in (None, 0.0, 0.5, 2.0, 0.01, 1 / 300, -1 / 3_000)]
    assert found == ["–", "0.00", "0.50", "2.00", "0.01", "0.0033", "-0.00033"]


def test_a_slippage_of_nearly_nothing_has_no_minus() -> None:
    assert bps(-0.04) == "+0.0"
    assert bps(-0.06) == "-0.1"
