"""Text from outside, made fit for a terminal or for the database."""

import json
import re

# Letters and marks that draw nothing, which Python calls printable: fillers, variation selectors.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00013441\U00013442\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)


def printable(text: str) -> str:
    """The same text with every character that a terminal or a bidi algorithm would act on,
    or that cannot be seen, written as an escape."""
    if _is_seen(text):
        return text
    return "".join(c if _is_seen(c) else _escape(c) for c in text)


def printable_document(text: str) -> str:
    """JSON or CSV with the same characters, line ends apart, written as the escapes of JSON."""
    if _is_seen(text):
        return text
    return "".join(c if c == "\n" or _is_seen(c) else _json_escape(c) for c in text)


def storable(text: str) -> str:
    """The same text with lone surrogates, which no database takes, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _is_seen(text: str) -> bool:
    return text.isprintable() and (text.isascii() or not _BLANK.search(text))


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode()


def _json_escape(character: str) -> str:
    escape = json.dumps(character)[1:-1]
    return escape if len(escape) > 1 else f"\\u{ord(character):04x}"  # DEL stands for itself there.
