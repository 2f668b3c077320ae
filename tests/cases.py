"""Which cases of a rule are tried by default, and which by the long tests alone."""

from collections.abc import Iterable
from typing import Any

import pytest


def mostly_long(
    names: str | tuple[str, ...], cases: Iterable[Any], usual: int = 1, **more: Any
) -> pytest.MarkDecorator:
    """Cases of one rule as `parametrize` takes them: the first `usual` ones, those most likely to
    find a fault, are tried by default, the others are long tests."""
    several = isinstance(names, tuple)
    marked = [
        pytest.param(*case if several else (case,), marks=pytest.mark.long if n >= usual else ())
        for n, case in enumerate(cases)
    ]
    return pytest.mark.parametrize(names, marked, **more)
