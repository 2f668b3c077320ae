"""A scratch ledger: for work whose outcome is looked at and thrown away."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from engine.store import reach
from engine.store.connection import connect_sqlite
from engine.store.migrate import migrate
from engine.store.sqlite_errors import translated
from engine.store.tx import Tx


@contextmanager
def scratch_ledger(source: Path | None = None) -> Iterator[Tx]:
    """An empty ledger in memory; with a `source`, in a temporary file without a name, which is gone
    however this process ends, and with the tables of that ledger, on one snapshot, as `source.…`.

    Raises `StoreError`.
    """
    path = source or Path(":memory:")
    connection = connect_sqlite("" if source else str(path), read_only=False)
    with translated(path), closing(connection):
        migrate(connection)
        tx = Tx(connection, path)
        if source is not None:
            tx.run("scratch_attach", uri=reach.uri(source, reach.still(source)))
        connection.execute("BEGIN")
        yield tx
