"""The keys of a screen, as ? tells them."""

from typing import Any

from console.app.ledger_app import CycledeckApp
from console.kit.help import ANYWHERE, ENGINE, HERE, HelpScreen, Key, keys_of
from console.screens.health.health import HealthScreen
from console.screens.shared.session_screen import SessionScreen
from console.screens.watch.watch import WatchScreen
from console.session.session import Deck
from console.session.target import Target
from tests.cases import mostly_long
from tests.console import published as p
from tests.console import seen
from tests.console.hosting import Host


def by_group(keys: list[Key]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key in keys:
        groups.setdefault(key.group, []).append(key.keys)
    return groups


async def keys_on(screen: SessionScreen, size: tuple[int, int] = (120, 40)) -> list[Key]:
    app = Host(screen, p.view(p.result(1)))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.pause()
        return keys_of(app.screen)


async def test_this_screen_s_keys_come_first_and_those_that_move_are_not_among_them() -> None:
    keys = await keys_on(WatchScreen())
    assert keys[0] == Key(HERE, "c", "Chart", "Another chart over the cycles", "c", enabled=True)
    groups = by_group(keys)
    assert groups[HERE] == ["c", "b", "enter"]
    assert "↓  j" in groups[ANYWHERE]


async def test_what_only_textual_binds_is_not_listed() -> None:
    names = {key.name for key in await keys_on(WatchScreen())}
    assert not {name for name in names if name.startswith("Scroll")}
    assert {"Up", "Down", "Open"} <= names


async def test_every_key_of_the_app_is_in_its_group(tmp_path: Any) -> None:
    app = CycledeckApp(Deck(Target(None, {"db": str(tmp_path / "l.db")})))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        groups = by_group(keys_of(app.screen))
        assert {"t", "r", "R", "m", "p", "K"} == set(groups[ENGINE])
        assert groups[ANYWHERE][:4] == ["1", "2", "3", "4"]
        assert {"space", "[", "]", "?"} <= set(groups[ANYWHERE])


@mostly_long("size", [(40, 10), (80, 24), (120, 40)])
async def test_no_meaning_is_cut(size: tuple[int, int]) -> None:
    app = Host(HealthScreen(), p.view(p.result(1)))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        listed = keys_of(app.screen)
        app.push_screen(HelpScreen(app.screen))
        await pilot.pause()
        shown = []
        for _ in range(16):
            shown += [row.strip(" │▁█▄") for row in seen.inside(app, "#dialog")]
            await pilot.press("pagedown")
            await pilot.pause()
        told = " ".join(" ".join(shown).split())
        assert "…" not in told
        for key in listed:
            for word in key.meaning.split():
                assert word in told
