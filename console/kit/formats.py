"""Figures and times as the console writes them. Money is text: its digits are never rounded."""

from datetime import UTC, datetime
from math import floor, log10
from typing import Final

NONE: Final = "–"
MINUS: Final = "-"
_STEPS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"))


def count(value: int) -> str:
    """`12,345`."""
    return f"{value:,}"


def plural(number: int, word: str) -> str:
    """`1 order`, `1,204 orders`."""
    return f"{count(number)} {word}{'' if number == 1 else 's'}"


def money(text: str | None, width: int = 0) -> str:
    """A canonical decimal with its thousands grouped, and every digit.

    With a width, decimals that do not fit are cut and end in `…`: cut, not rounded. Whole digits
    are never cut.
    """
    if text is None:
        return NONE
    sign, digits = (text[0], text[1:]) if text[:1] in "+-" else ("", text)
    whole, point, decimals = digits.partition(".")
    grouped = f"{sign}{int(whole):,}" if whole.isdigit() else sign + whole
    if not width or len(grouped) + len(point) + len(decimals) <= width:
        return grouped + point + decimals
    room = width - len(grouped) - 2
    return f"{grouped}.{decimals[:room]}…" if room > 0 else f"{grouped}…"


def signed(text: str | None, width: int = 0) -> str:
    """Money with its sign always shown; zero has none."""
    if text is None or text.strip("0.") == "" or text.startswith("-"):
        return money(text, width)
    return money("+" + text, width)


def figure(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A figure that is no money."""
    if value is None:
        return NONE
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def rate(value: float | None) -> str:
    """`0.50`, `2.00`; a small one with two digits, never as nothing: `0.0033`."""
    if value is None or not 0 < abs(value) < 0.01:
        return figure(value)
    return figure(value, 1 - floor(log10(abs(value))))


def clock(ts_ms: int | None, *, ms: bool = False, local: bool = False) -> str:
    """`12:03:11`, or `12:03:11.912`."""
    if ts_ms is None:
        return NONE
    text = f"{moment(ts_ms, local=local):%H:%M:%S}"
    return f"{text}.{ts_ms % 1_000:03d}" if ms else text


def stamp(ts_ms: int | None, *, local: bool = False) -> str:
    """`2026-01-31 12:03:11.912`."""
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
    found = datetime.fromtimestamp(ts_ms // 1_000, UTC)
    return found.astimezone() if local else found


def span(ms: int | float | None) -> str:
    """How long: `41 ms`, `0.7 s`, `12 s`, `11 m`, `3 h 5 m`, `2 d 4 h`."""
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
    return _long(int(ms))


def size(count: int) -> str:
    """Bytes: `812 B`, `4.1 MiB`."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1_024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1_024
    raise AssertionError("unreachable")


def _long(ms: int) -> str:
    parts: list[str] = []
    for step, unit in _STEPS:
        if ms >= step or parts:
            parts.append(f"{ms // step} {unit}")
            ms %= step
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))
