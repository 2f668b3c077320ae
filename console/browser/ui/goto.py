"""The target of a jump, as typed: a row's number, a share of the way, or a key."""

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"(?:row\s+|#\s*)?([\d,_' ]*\d)", re.IGNORECASE)
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_KEY = re.compile(r"key\s+(.+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """A row: by its 0-based number, by a share from 0 to 1, or by its key."""

    number: int | None = None
    share: float | None = None
    key: str | None = None


def target(text: str) -> Target | None:
    """The target of a text; null where nothing is typed. A text that is no number is a key."""
    text = text.strip()
    if not text:
        return None
    if match := _KEY.fullmatch(text):
        return Target(key=match[1].strip())
    if match := _SHARE.fullmatch(text):
        return Target(share=min(1.0, float(match[1]) / 100))
    if match := _NUMBER.fullmatch(text):
        return Target(number=max(0, int(re.sub(r"\D", "", match[1])) - 1))
    return Target(key=text)
