"""What the reading process may use of the machine."""

import sys

from console.browse.reader.source import MEBI

# For the recursion of SQLite's parser; only what is used of it counts.
STACK_BYTES = 8 * MEBI


def confine(memory_mib: int | None, spool_mib: int | None) -> None:
    """Limit this process's memory and the size of the files it writes, where the system can.

    Only the soft limits: `release` lifts them for a step that runs no SQL.
    """
    if sys.platform == "win32":
        return
    import resource

    _set(resource.RLIMIT_CORE, 0)
    if memory_mib is not None:
        _set(resource.RLIMIT_AS, memory_mib * MEBI)
    if spool_mib is not None:
        # What sorts write on their way is larger than what comes of it.
        _set(resource.RLIMIT_FSIZE, 2 * spool_mib * MEBI)


def release() -> None:
    if sys.platform == "win32":
        return
    import resource

    for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (hard, hard))


def _set(kind: int, limit: int) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (allowed, hard))
