"""Text from outside, on a terminal and in the log."""

import io
from contextlib import redirect_stderr
from typing import Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from engine import logs
from engine.settings import LogSettings
from engine.text import printable, storable

EVIL = "a\x1b]52;c;aGk=\x07b\u202ec\u200bd\x9be\rf\ng"


@given(st.text())
def test_what_is_shown_is_printable_whatever_came_in(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BTC/USDT [red] – ✓", "BTC/USDT [red] – ✓"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("\u202ex\u200b", "\\u202ex\\u200b"),
        ("\ud800", "\\ud800"),
        ("a\nb\x00", "a\\nb\\x00"),
    ],
)
def test_what_a_terminal_would_act_on_is_written_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(codec=None, categories=["L", "Cs", "Cc"])))
def test_what_is_stored_is_valid_utf_8_and_the_same_where_it_was(text: str) -> None:
    stored = storable(text)
    assert stored.encode().decode() == stored
    assert stored == text or any("\ud800" <= c <= "\udfff" for c in text)


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_messages_keep_control_characters_from_the_terminal(
    form: Literal["text", "json"],
) -> None:
    out = io.StringIO()
    with redirect_stderr(out):
        logs.configure(LogSettings(format=form))
        try:
            structlog.get_logger("test").warning("event", error=EVIL, nested=[EVIL])
            try:
                raise ValueError(EVIL)
            except ValueError:
                structlog.get_logger("test").exception("failed")
        finally:
            structlog.reset_defaults()
    logs.drain()
    written = out.getvalue()
    assert "event" in written
    assert "ValueError" in written
    assert not set(written) & {"\x1b", "\x07", "\u202e", "\u200b", "\x9b", "\r"}


def test_messages_below_the_level_are_left_out() -> None:
    out = io.StringIO()
    with redirect_stderr(out):
        logs.configure(LogSettings(level="error"))
        structlog.get_logger("test").warning("quiet")
        structlog.get_logger("test").error("loud")
        logs.drain()
        structlog.reset_defaults()
    assert "quiet" not in out.getvalue()
    assert "loud" in out.getvalue()
