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
    """A read failed. The message, one line for an operator, says why and what to do.

    `trouble` is its kind: `locked` may be tried again, `replaced` and `missing` need the file
    opened anew (`Browser.reopen`), `stopped` is a limit or a cancelled scan, `wrong` a mistyped
    statement or filter, `refused` a statement that would do more than read, `optional` a package
    to install, `gone` a row or result that is no more, `worker` a reading process that ended.
    """

    def __init__(self, message: str, trouble: Trouble = "wrong") -> None:
        super().__init__(message)
        self.trouble: Trouble = trouble
