"""Commands in a process of their own: what is told when there can be none."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from console.session.background import BackgroundError, rehearse, verify
from console.session.target import Target


class Missing(Target):
    """A program that is not there, as where too many processes run already."""

    def command(self, *arguments: str, only: tuple[str, ...] | None = None) -> list[str]:
        return ["/no/such/program", *arguments]


@pytest.mark.parametrize("run", [lambda target: rehearse(target, 1), verify])
async def test_a_process_that_cannot_be_started_is_an_error_of_the_command(
    run: Callable[[Target], Coroutine[Any, Any, Any]], tmp_path: Path
) -> None:
    with pytest.raises(BackgroundError, match=r"could not be started: .*/no/such/program"):
        await run(Missing(None, {"db": str(tmp_path / "l.db")}))
