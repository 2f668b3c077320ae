"""Markets that are not ok, as Health lists them."""

from console.kit.lines import Tone, plain, width_of
from console.screens.health.market_states import MarketStates
from engine.cycles.attention import MarketStatus
from engine.history.summary import MarketView
from tests.console import published as p

HOSTILE = "[red]A\x1b/USDT"


def state(status: MarketStatus, remedy: str = "`cycledeck x` decides") -> tuple[MarketView, ...]:
    return (MarketView(status=status, reason="why", remedy=remedy),)


def shown(**markets: tuple[MarketView, ...]) -> MarketStates:
    states = MarketStates()
    states.show(p.books(markets=markets))
    return states


def test_the_worst_come_first_then_by_name_and_each_is_counted_once() -> None:
    two = state(MarketStatus.ATTENTION) + state(MarketStatus.HELD)
    states = shown(B=state(MarketStatus.ATTENTION), C=two, A=state(MarketStatus.CATCHING_UP))
    heads = [plain(row) for row in states.lines(80)][::2]
    assert heads == [
        "◆ held  C  why",
        "◆ catching_up  A  why",
        "◆ attention  B  why",
        "◆ attention  C  why",
    ]
    assert str(states.border_subtitle) == "1 held · 1 catching_up · 1 attention"


def test_a_remedy_s_command_is_lit_and_has_no_quotes() -> None:
    remedy = [*shown(A=state(MarketStatus.HELD)).lines(80)][1]
    assert plain(remedy) == "  cycledeck x decides"
    assert ("cycledeck x", Tone.LIVE) in remedy


def test_text_from_outside_is_literal() -> None:
    states = shown(**{HOSTILE: state(MarketStatus.HELD, HOSTILE)})
    text = " ".join(plain(row) for row in states.lines(80))
    assert text.count("[red]A\\x1b/USDT") == 2
    assert max(width_of(row) for row in states._rows(20)) <= 20
