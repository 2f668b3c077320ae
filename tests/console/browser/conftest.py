"""Browsers that are closed after each test, and databases that many tests look at."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.browser.client import Browser
from console.browser.model import Limits
from tests.console.browser.browsed import Open, numbered


@pytest.fixture
async def browse() -> AsyncIterator[Open]:
    """Start a browser on a file; all are closed at the end."""
    opened: list[Browser] = []

    async def start(path: Path, limits: Limits | None = None) -> Browser:
        browser = await Browser.start(path, limits)
        opened.append(browser)
        return browser

    yield start
    for browser in opened:
        await browser.close()


@pytest.fixture(scope="session")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,000,000 rows, numbered from 1 without gaps."""
    return numbered(tmp_path_factory.mktemp("million") / "million.db", 1_000_000)


@pytest.fixture(scope="session")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200,000 rows of which every 7th, and a long stretch, were deleted: 162,858 are left."""
    path = tmp_path_factory.mktemp("gaps") / "gaps.db"
    return numbered(
        path,
        200_000,
        "DELETE FROM events WHERE seq % 7 = 0 OR seq BETWEEN 50000 AND 59999",
    )
