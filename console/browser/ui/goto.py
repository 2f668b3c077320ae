"""Where to go, as typed: a row's number, a share of the way, or a key."""

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"(?:row\s+|#\s*)?([\d,_' ]*\d)", re.IGNORECASE)
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_KEY = re.compile(r"key\s+(.+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """One of: the 0-based number of a row, a share from 0 to 1, a key."""

    number: int | None = None
    share: float | None = None
    key: str | None = None


def target(text: str) -> Target | None:
    """What is meant; null where nothing is typed. What is no number is a key."""
    text = text.strip()
    if not text:
        return None
    if found := _KEY.fullmatch(text):
        return Target(key=found[1].strip())
    if found := _SHARE.fullmatch(text):
        return Target(share=min(1.0, float(found[1]) / 100))
    if found := _NUMBER.fullmatch(text):
        return Target(number=max(0, int(re.sub(r"\D", "", found[1])) - 1))
    return Target(key=text)
