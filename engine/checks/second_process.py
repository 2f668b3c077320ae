"""A second process for some of the checks, on a snapshot of its own of the same state.

Every transaction of an engine's changes the state that is compared. Where one came in between, or
the second process ended early, the first process makes those checks itself.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from engine.checks.check import CheckResult
from engine.errors import StoreError
from engine.store.damage import DAMAGE
from engine.store.ledger_file import is_there
from engine.store.tx import Tx

# Below this many events a second process takes longer to start than it saves.
WORTH_IT = 100_000


class SecondProcess:
    """A process that makes checks, if there is one."""

    def __init__(self, process: subprocess.Popen[bytes] | None) -> None:
        self._process = process

    def outcomes(self) -> Sequence[CheckResult] | None:
        """What its checks came to, once all are made; null where they were not."""
        if self._process is None or self._process.stdout is None:
            return None
        output = self._process.stdout.read()
        if self._process.wait():
            return None
        with suppress(ValueError):
            return [CheckResult.model_validate(values) for values in json.loads(output)]
        return None


@contextmanager
def second_process(tx: Tx, most: int) -> Iterator[SecondProcess]:
    """Start a second process where the ledger is large enough; it is killed when the block ends."""
    process = _begun(tx, most)
    try:
        yield SecondProcess(process)
    finally:
        if process is not None:
            process.kill()
            process.communicate()


def _begun(tx: Tx, most: int) -> subprocess.Popen[bytes] | None:
    # A ledger that is too damaged to say its state is left to the checks, which name the damage.
    with suppress(OSError, StoreError, *DAMAGE):
        if _is_worth_it(tx):
            arguments = str(tx.path), state(tx), str(most)
            return subprocess.Popen(  # noqa: S603 - this program's own checks
                [sys.executable, "-P", "-m", "engine.checks.second_process_main", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
    return None


def _is_worth_it(tx: Tx) -> bool:
    has_room = (os.cpu_count() or 1) > 1 and is_there(tx.path)
    return has_room and tx.value("last_seq") >= WORTH_IT


def state(tx: Tx) -> str:
    """What tells the states of a ledger from one another."""
    return str(tx.value("verify_state"))
