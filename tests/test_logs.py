"""The last log messages are kept, for whoever attaches."""

from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from engine import logs
from engine.cycles.results import Logged
from engine.settings import LogSettings

log = structlog.get_logger("test")


@pytest.fixture
def tail(monkeypatch: pytest.MonkeyPatch) -> Iterator[logs.Tail]:
    """A tail of this test's own, in a configured log."""
    tail = logs.Tail()
    monkeypatch.setattr(logs, "tail", tail)
    logs.configure(LogSettings(level="info"))
    yield tail
    structlog.reset_defaults()


def test_a_message_is_kept_as_its_name_and_the_rest_as_text(tail: logs.Tail) -> None:
    log.warning("order_rejected", order="cd1", price=7, symbols=["BTC/USDT", "ETH"])
    (message,) = tail.messages
    assert (message.level, message.event) == ("warning", "order_rejected")
    assert message.detail == {"order": "cd1", "price": "7", "symbols": "['BTC/USDT', 'ETH']"}
    assert message.ts_ms > 1_700_000_000_000


def test_what_is_kept_is_one_printable_line_each(tail: logs.Tail) -> None:
    log.error("a\x1b[31m", error="b\x07\nc\u202e", **{"key\x9b": "d"})
    try:
        raise ValueError("in\x1btrouble")
    except ValueError:
        log.exception("failed")
    for message in tail.messages:
        for text in (message.event, *message.detail, *message.detail.values()):
            assert text.isprintable()
    assert "ValueError: in\\x1btrouble" in tail.messages[1].detail["exception"]


def test_only_what_is_logged_is_kept_and_of_that_the_last_200(tail: logs.Tail) -> None:
    log.debug("below_the_level")
    for number in range(250):
        log.info("message", number=number)
    kept = [message.detail["number"] for message in tail.messages]
    assert kept == [str(number) for number in range(50, 250)]


def test_listeners_are_told_of_each_until_they_ignore_it(tail: logs.Tail) -> None:
    got: list[Logged] = []
    tail.listen(got.append)
    log.info("one")
    log.info("two")
    tail.ignore(got.append)
    log.info("three")
    assert [message.event for message in got] == ["one", "two"]


def test_a_program_that_configured_its_own_log_keeps_it_to_itself(tail: logs.Tail) -> None:
    structlog.reset_defaults()
    with capture_logs():
        log.warning("elsewhere")
    assert tail.messages == ()
