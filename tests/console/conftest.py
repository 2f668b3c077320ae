"""Tests of the console; what they build with is in `published` and `seen`."""

from collections.abc import Iterator
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet


@pytest.fixture(scope="session", autouse=True)
def _stylesheets_are_parsed_once() -> Iterator[None]:
    """Hundreds of apps in one process share their rules, which follow from text and theme alone."""
    parse, parsed = Stylesheet._parse_rules, dict[object, list[RuleSet]]()

    def once(sheet: Stylesheet, *source: Any, **more: Any) -> list[RuleSet]:
        key = (source, *more.items(), *sheet._variables.items())
        if key not in parsed:
            parsed[key] = parse(sheet, *source, **more)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", once)
        yield
