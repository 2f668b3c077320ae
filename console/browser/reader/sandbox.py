"""The limits of the reading process: its memory, and the size of its files."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.browser.reader.source import MEBI

# For the recursion of SQLite's parser; only what is used of it counts.
STACK_BYTES = 8 * MEBI


def confine(memory_mib: int | None, spool_mib: int | None) -> None:
    """Limit the memory of this process and the size of its files, where the system can."""
    if sys.platform == "win32":
        return
    import resource

    _set(resource.RLIMIT_CORE, 0)
    if memory_mib is not None:
        _set(resource.RLIMIT_AS, memory_mib * MEBI)
    if spool_mib is not None:
        # The files of a sort are larger than its result.
        _set(resource.RLIMIT_FSIZE, 2 * spool_mib * MEBI)


@contextmanager
def lifted() -> Iterator[None]:
    """The limits are off for a step that writes rows. A library that it leaves in memory does not
    count afterwards."""
    if sys.platform == "win32":
        yield
        return
    import resource

    kinds = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE)
    limits = [resource.getrlimit(kind) for kind in kinds]
    before = _mapped()
    for kind, (_, hard) in zip(kinds, limits, strict=True):
        resource.setrlimit(kind, (hard, hard))
    try:
        yield
    finally:
        (memory, _), (size, _) = limits
        if memory != resource.RLIM_INFINITY:
            _set(resource.RLIMIT_AS, memory + max(0, _mapped() - before))
        _set(resource.RLIMIT_FSIZE, size)


def _mapped() -> int:
    """Bytes of this process's address space, where the system limits them."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    import resource

    return pages * resource.getpagesize()


def _set(kind: int, limit: int) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (allowed, hard))
