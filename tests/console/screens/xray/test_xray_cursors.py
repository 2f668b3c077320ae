"""What was asked, market by market: times stay whole, whatever the room."""

import pytest
from textual.app import App, ComposeResult

from console.kit.lines import plain, width_of
from console.screens.xray.xray_cursors import XrayCursors
from engine.history.evidence import MarketEvidence
from engine.history.xray import Xray
from tests.console import published as p

DAY_MS = 86_400_000


class Asked(App[None]):
    def compose(self) -> ComposeResult:
        yield XrayCursors()


def window(**changes: object) -> MarketEvidence:
    values = {"symbol": p.BTC, "since_ms": DAY_MS, "start_ms": 0, "latest_ms": 0, "pages": 1}
    more = {"items": 2, "error": None, "cursor_before": 2 * DAY_MS, "cursor_after": 3 * DAY_MS}
    return MarketEvidence.model_validate(values | more | {"held": False} | changes)


def xray(*windows: MarketEvidence) -> Xray:
    return Xray(
        result=p.result(7),
        evidence=True,
        windows=windows,
        fills=(),
        positions_before={},
        positions_after={},
        orders=(),
        fees={},
        pnl={},
        replays=(),
    )


@pytest.mark.parametrize(
    ("found", "rows"),
    [
        (window(), ["  1970-01-03 00:00:00.000", "    → 1970-01-04 00:00:00.000"]),
        (window(cursor_before=None), ["  no cursor yet", "    → 1970-01-04 00:00:00.000"]),
        (
            window(held=True, cursor_after=None),
            ["  1970-01-03 00:00:00.000", "    ◆ held: an item in quarantine"],
        ),
    ],
)
async def test_a_time_is_never_broken_in_two(found: MarketEvidence, rows: list[str]) -> None:
    app = Asked()
    async with app.run_test():
        panel = app.query_one(XrayCursors)
        panel.show(xray(found), local=False)
        lines = list(panel.lines(37))
        assert [plain(text) for text in lines][1:3] == rows
        assert max(map(width_of, lines)) <= 37
        assert " ".join(row.strip() for row in rows) in plain(list(panel.lines(80))[1])


async def test_times_on_the_cycles_own_day_need_no_date() -> None:
    app = Asked()
    async with app.run_test():
        panel = app.query_one(XrayCursors)
        found = window(since_ms=p.NOON_MS, cursor_before=p.NOON_MS, cursor_after=p.NOON_MS + 1)
        panel.show(xray(found, found), local=False)
        assert "  12:00:00.000 → 12:00:00.001" in [plain(text) for text in panel.lines(37)]
        assert "2 markets" in str(panel.border_subtitle)
