"""Figures and times as the console writes them. Money is text: its digits are never rounded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor, log10
from typing import Final

NONE: Final = "–"
MINUS: Final = "-"
_STEPS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"))


def count(value: int) -> str:
    """A number with its thousands grouped: `12,345`."""
    return f"{value:,}"


def plural(number: int, word: str) -> str:
    """A number of things: `1 order`, `1,204 orders`."""
    return f"{count(number)} {word}{'' if number == 1 else 's'}"


def money(text: str | None, width: int = 0) -> str:
    """A canonical decimal with its thousands grouped, and every digit.

    With a width, decimals that do not fit are cut and end in `…`: cut, not rounded. Whole digits
    are never cut; where nothing but zeros would be left, there is an exponent: `1.2…e-7`.
    """
    if text is None:
        return NONE
    sign, digits = (text[0], text[1:]) if text[:1] in "+-" else ("", text)
    whole, point, decimals = digits.partition(".")
    grouped = f"{sign}{int(whole):,}" if whole.isdigit() else sign + whole
    if not width or len(grouped) + len(point) + len(decimals) <= width:
        return grouped + point + decimals
    if not decimals:
        return grouped
    room = width - len(grouped) - 2
    kept = decimals[:room] if room > 0 else ""
    if not (whole + kept).strip("0"):
        return sign + _tiny(decimals, width - len(sign))
    return f"{grouped}.{kept}…" if kept else f"{grouped}…"


def _tiny(decimals: str, width: int) -> str:
    """An amount below 1 with an exponent, and at least its first digit."""
    digits = decimals.lstrip("0")
    if not digits:  # As no canonical amount is written.
        return "0"
    exponent = f"e-{len(decimals) - len(digits) + 1}"
    more = f".{digits[1:]}" if len(digits) > 1 else ""
    if 1 + len(more) + len(exponent) > width:
        room = width - len(exponent) - 2
        more = f"{more[:room]}…" if room > 1 else "…" if more else ""
    return f"{digits[0]}{more}{exponent}"


def signed(text: str | None, width: int = 0) -> str:
    """Money with its sign always shown; zero has none."""
    if text is None or text.strip("0.") == "" or text.startswith("-"):
        return money(text, width)
    return money("+" + text, width)


def figure(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A number that is no money."""
    if value is None:
        return NONE
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def bps(value: float) -> str:
    """Basis points with a sign and one decimal; a zero has no minus."""
    return figure(round(value, 1) + 0.0, 1, sign=True)


def rate(value: float | None) -> str:
    """A rate: `0.50`, `2.00`; a small one with two digits, never as nothing: `0.0033`."""
    if value is None or not 0 < abs(value) < 0.01:
        return figure(value)
    return figure(value, 1 - floor(log10(abs(value))))


def clock(ts_ms: int | None, *, ms: bool = False, local: bool = False) -> str:
    """A time of day: `12:03:11`, or `12:03:11.912`."""
    if ts_ms is None:
        return NONE
    text = f"{moment(ts_ms, local=local):%H:%M:%S}"
    return f"{text}.{ts_ms % 1_000:03d}" if ms else text


def stamp(ts_ms: int | None, *, local: bool = False) -> str:
    """A time with its date: `2026-01-31 12:03:11.912`."""
    if ts_ms is None:
        return NONE
    return f"{moment(ts_ms, local=local):%Y-%m-%d} {clock(ts_ms, ms=True, local=local)}"


def dated(ts_ms: int, day_ms: int, *, ms: bool = False, local: bool = False) -> str:
    """The time of day; with its date, where that is not the day of `day_ms`."""
    time = clock(ts_ms, ms=ms, local=local)
    if is_day_of(ts_ms, day_ms, local=local):
        return time
    return f"{moment(ts_ms, local=local):%Y-%m-%d} {time}"


def is_day_of(ts_ms: int, day_ms: int, *, local: bool = False) -> bool:
    return moment(ts_ms, local=local).date() == moment(day_ms, local=local).date()


def moment(ts_ms: int, *, local: bool = False) -> datetime:
    utc = datetime.fromtimestamp(ts_ms // 1_000, UTC)
    return utc.astimezone() if local else utc


def span(ms: int | float | None) -> str:
    """A time span: `41 ms`, `0.7 s`, `12 s`, `11 m`, `3 h 5 m`, `2 d 4 h`."""
    if ms is None:
        return NONE
    if ms < 0:
        return MINUS + span(-ms)
    if ms < 100:
        return f"{ms:.0f} ms"
    if ms < 10_000:
        return f"{ms / 1_000:.1f} s"
    if ms < 60_000:
        return f"{ms / 1_000:.0f} s"
    parts: list[str] = []
    rest = int(ms)
    for step, unit in _STEPS:
        if rest >= step or parts:
            parts.append(f"{rest // step} {unit}")
            rest %= step
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def size(count: int) -> str:
    """A size in bytes: `812 B`, `4.1 MiB`."""
    value, units = float(count), ["GiB", "MiB", "KiB", "B"]
    while value >= 1_024 and len(units) > 1:
        value /= 1_024
        units.pop()
    return f"{value:.0f} B" if units[-1] == "B" else f"{value:,.1f} {units[-1]}"


@dataclass(frozen=True, slots=True)
class Decimals:
    """The width of a right-aligned column of figures, and the most decimals in it."""

    width: int
    decimals: int

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Decimals":
        whole = decimals = 0
        for text in texts:
            before, _, after = text.partition(".")
            whole, decimals = max(whole, len(before)), max(decimals, len(after))
        return cls(whole + decimals + bool(decimals), decimals)

    def placed(self, text: str, width: int) -> str:
        """The figure with its point where the column's is; where the column is cut, as it is."""
        if width < self.width or text == NONE:
            return text
        _, point, after = text.partition(".")
        return text + " " * (self.decimals - len(after) + (bool(self.decimals) and not point))
