"""Work that goes on while keys are answered."""

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode
from textual.worker import Worker


def begin(
    node: DOMNode,
    work: Callable[[], Coroutine[Any, Any, None]],
    *,
    group: str = "default",
    exclusive: bool = False,
) -> Worker[None]:
    """Begin a worker of the node, which ends with it.

    It takes a function, never a coroutine: one whose worker is cancelled before it began would
    never be awaited.
    """
    worker: Worker[None] = node.run_worker(work, group=group, exclusive=exclusive)
    return worker
