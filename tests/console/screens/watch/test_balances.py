"""Balances on Watch: as many as there is room for, none of them in silence."""

import pytest

from console.kit.lines import plain
from console.screens.watch.balances import Balances, balance_rows
from console.screens.watch.watch import WatchScreen
from engine import BalanceView
from tests.console.hosting import Host
from tests.console.published import NOON_MS, books, result, view

HELD = {
    name: BalanceView(amount=amount)
    for name, amount in {
        "BNB": "99.97384940", "BTC": "10.05421308", "USDT": "992881.20700987",
    }.items()
}  # fmt: skip


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, "BNB 99.97384940  BTC 10.05421308  USDT 992,881.20700987"),
        (50, "BNB 99.973849…  BTC 10.054213…  USDT 992,881.2…"),
        (30, "BNB 99.973…  BTC 10.054…  +1 b"),
        (5, "+3 b"),
    ],
)
def test_figures_are_cut_before_assets_are_counted(width: int, shown: str) -> None:
    assert [plain(row) for row in balance_rows(HELD, width, 1)] == [shown]


def test_many_take_as_many_rows_as_there_are_and_the_oversold_come_first() -> None:
    many = {f"A{n} @earn": BalanceView(amount="1000000", oversold=n == 9) for n in range(20)}
    rows = [plain(row) for row in balance_rows(many, 60, 3)]
    assert rows[0].startswith("A9 @earn 1,000,000 ◆  A0 @earn 1,000,000")
    assert (len(rows), rows[-1].endswith("+12 b")) == (3, True)
    assert max(map(len, rows)) <= 60
    assert sum(plain(row).count("@") for row in balance_rows(many, 60, 0)) == 20


def test_an_oversold_balance_is_flagged_and_text_from_outside_is_literal() -> None:
    balances = {"[red]\x1b": BalanceView(amount="-1", oversold=True)}
    shown = plain(balance_rows(balances, 40, 1)[0])
    assert shown.startswith("[red]")
    assert shown.endswith("-1 ◆")
    assert "\x1b" not in shown


@pytest.mark.parametrize(("size", "framed"), [((80, 24), False), ((120, 40), True)])
async def test_they_are_there_where_several_assets_are_not_zero(
    size: tuple[int, int], framed: bool
) -> None:
    since = {"main": NOON_MS}
    state = view(result(1, balances=HELD)).with_books(books(balances=HELD, changes_since=since))
    async with Host(WatchScreen(), state).run_test(size=size) as pilot:
        panel = pilot.app.screen.query_one(Balances)
        assert (panel.display, panel.size.height) == (True, 1)
        words = plain(panel.lines(*panel.size)[0])
        assert "BTC 10.05421308" in words or "BTC 10.0" in words
        assert ("change since 2026-01-31 12:00:00" in words) is not framed
        assert "change since 2026-01-31 12:00:00" in str(panel.border_subtitle)


async def test_b_opens_all_of_them() -> None:
    state = view(result(1, balances=HELD))
    app = Host(WatchScreen(), state)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("b")
    assert app.asked == [("open_table", "balances", "", "")]


async def test_one_asset_alone_needs_no_list() -> None:
    state = view(result(1, balances={"USDT": HELD["USDT"]}))
    async with Host(WatchScreen(), state).run_test(size=(120, 40)) as pilot:
        assert not pilot.app.screen.query_one(Balances).display
