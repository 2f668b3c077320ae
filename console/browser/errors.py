"""The one error of the browser, on both sides of the pipe."""

from typing import Literal

Trouble = Literal[
    "corrupt",
    "exists",
    "gone",
    "locked",
    "missing",
    "not a database",
    "optional",
    "permission",
    "refused",
    "replaced",
    "stopped",
    "worker",
    "wrong",
]


class BrowseError(Exception):
    """What could not be read, why, and what to do. Its text is one line, fit for an operator.

    `trouble` tells the kinds apart: `locked` may be tried again, `replaced` and `missing` need the
    file opened anew (`Browser.reopen`), `stopped` is a limit or a cancelled scan, `wrong` is what
    was typed, `refused` is a statement that would do more than read, `optional` names what to
    install, `gone` is a row or result that is no more, `worker` a reading process that ended.
    """

    def __init__(self, message: str, trouble: Trouble = "wrong") -> None:
        super().__init__(message)
        self.trouble: Trouble = trouble
