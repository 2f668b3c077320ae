"""What a program wrote to a terminal, taken apart: texts, control characters, escape sequences."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.e2e.terminal import ALTERNATE, PRIMARY

_TOKEN = re.compile(
    r"(?P<csi>\x1b\[[0-?]*[ -/]*[@-~])"
    r"|(?P<osc>\x1b\].*?(?:\x07|\x1b\\))"
    r"|(?P<string>\x1b[PX^_].*?\x1b\\)"
    r"|(?P<escape>\x1b[ -/]*[0-~])"
    r"|(?P<control>[\x00-\x1f\x7f-\x9f])"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)",
    re.DOTALL,
)

# What is turned on and off again: `CSI ? number h` and `l`.
_MODE = re.compile(rb"\x1b\[\?(\d+)([hl])")
_CURSOR, _WRAP = b"25", b"7"


class Token(NamedTuple):
    """`kind` is csi, osc, string, escape, control or text; `found` is all of it."""

    kind: str
    found: str


def tokens(raw: bytes) -> Iterator[Token]:
    """Raises `ValueError` where bytes are neither text in UTF-8 nor a whole sequence."""
    written = raw.decode()
    at = 0
    while at < len(written):
        match = _TOKEN.match(written, at)
        if match is None:
            raise ValueError(f"an unfinished sequence: {written[at : at + 40]!r}")
        assert match.lastgroup is not None
        yield Token(match.lastgroup, match.group())
        at = match.end()


def assert_given_back(raw: bytes) -> None:
    """The normal screen with its cursor and line wrap; no mouse, paste or focus reports."""
    assert raw.count(ALTERNATE) == raw.count(PRIMARY) == 1
    modes = {number: sign == b"h" for number, sign in _MODE.findall(raw)}
    assert {number for number, on in modes.items() if on} == {_CURSOR, _WRAP}
    assert raw.count(b"\x1b[>") == raw.count(b"\x1b[<u"), "the keyboard protocol is left on"
