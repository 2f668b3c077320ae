"""Tests of the console; what they build with is in `published` and `seen`."""

from collections.abc import Iterator
from typing import Any

import pytest
from textual import screen, strip
from textual._compositor import Compositor
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.geometry import Region


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


class Forgetful:
    """A cache in which nothing is found."""

    def get(self, key: object, default: Any = None) -> Any:
        return default

    def __setitem__(self, key: object, value: object) -> None:
        pass


@pytest.fixture(scope="session", autouse=True)
def _frames_are_few_and_sent_nowhere() -> Iterator[None]:
    """Widgets render what they show, but nothing puts it together for a terminal that is not there:
    that happens where a test looks. What is due is drawn at each pause of a pilot anyway. A line
    remembers no parts of itself: few are asked for twice, and each has seven caches for them."""
    put_together, forgetful = Compositor.render_update, Forgetful()

    def rendered(compositor: Compositor, full: bool = False, **more: Any) -> Any:
        if full:
            return put_together(compositor, full, **more)
        changed = compositor._dirty_regions.copy()
        put_together.__globals__["visible_screen_stack"].set(more.get("screen_stack") or [])
        compositor._dirty_regions.clear()
        if changed:
            crop = Region.from_union(list(changed)).intersection(compositor.size.region)
            for _ in compositor._get_renders(crop):
                pass
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compositor, "render_update", rendered)
        patch.setattr(strip, "FIFOCache", lambda size: forgetful)
        patch.setattr(screen, "UPDATE_PERIOD", 1 / 15)
        yield
