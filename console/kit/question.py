"""A question in words and facts, without the screen that asks it."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from console.kit.lines import Line


@dataclass(frozen=True, slots=True)
class Question:
    """`title` says what will be done and to what, pinned; `facts` are what there is to know.

    With `account`, its name has to be typed: this is real money.
    """

    title: str
    facts: Sequence[Line]
    confirm: str
    account: str | None = None


# What finds the whole question; null takes it back.
Find = Callable[[], Coroutine[Any, Any, Question | None]]
