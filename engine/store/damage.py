"""Damaged rows: a flipped bit or an edit by hand left what this program does not write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import StoreCorrupt

# What reading a row may raise whose text, number or JSON is of another kind than what was stored.
DAMAGE = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError)


@contextmanager
def sound_rows(path: Path) -> Iterator[None]:
    """Raises `StoreCorrupt` for what reading the rows of a damaged ledger raises."""
    try:
        yield
    except DAMAGE as error:
        raise StoreCorrupt(
            f"{path}: a row is not what this program writes: {type(error).__name__}: {error}. "
            "`cycledeck verify` tells whether the books themselves are sound"
        ) from error
