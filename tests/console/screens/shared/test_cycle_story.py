import pytest

from console.kit.lines import Tone, plain
from console.screens.shared.cycle_story import CycleStory, in_words
from engine.cycles.results import CycleResult, CycleStatus, Kind, Verdict
from tests.console import published as p


def tones(result: CycleResult) -> set[Tone]:
    return {tone for _, tone in CycleStory(result).outcome()}


def test_a_cycle_in_which_all_went_well_has_little_to_tell() -> None:
    result = p.result(7)
    assert plain(CycleStory(result).outcome()) == "ok · 3 new of 24 fetched"
    assert plain(CycleStory(result).remark()) == ""
    assert not CycleStory(result).is_remarkable
    assert (plain(CycleStory(result).committed()), plain(CycleStory(result).metrics())) == (
        "● committed",
        "● metrics",
    )


def test_a_cycle_with_nothing_to_commit_is_as_well_as_one_that_committed() -> None:
    story = CycleStory(p.result(7, commit_seq=None, nothing_to_commit=True, fills_count=0))
    assert plain(story.committed()) == "● unchanged"
    assert story.committed()[0] == ("●", Tone.OK)
    assert not story.is_troubled
    assert plain(story.outcome()).startswith("ok")


def test_missing_metrics_are_amber_until_they_are_there() -> None:
    missing = p.result(7, metrics_persisted=False)
    assert CycleStory(missing).metrics()[0] == ("◆", Tone.ATTENTION)
    assert plain(CycleStory(missing).metrics()) == "◆ metrics missing · m rebuilds"
    assert plain(CycleStory(missing).remark()) == "m rebuilds"
    assert CycleStory(missing).is_remarkable
    rebuilt = missing.model_copy(update={"metrics_persisted": True})
    assert plain(CycleStory(rebuilt).remark()) == ""


def test_a_decision_comes_before_what_is_held() -> None:
    open_one = p.notice("tx1", "clash_open", "one content", p.ETH)
    decided = p.notice("tx1", "decided", "keep conflict 1, by me")
    result = p.result(7, kind=Kind.DECISION, held=(p.SOL,), warnings=(open_one, decided))
    story = CycleStory(result.model_copy(update={"status": CycleStatus.HELD}))
    assert plain(story.remark()) == "decided · keep conflict 1, by me · held SOL/USDT"
    assert plain(story.outcome()) == (
        "◆ held · decided at TX 1: keep conflict 1, by me · held SOL/USDT"
    )


@pytest.mark.parametrize(
    ("status", "tone"),
    [
        (CycleStatus.FAILED, Tone.DANGER),
        (CycleStatus.FENCED, Tone.DANGER),
        (CycleStatus.SKIPPED, Tone.ATTENTION),
        (CycleStatus.INTERRUPTED, Tone.ATTENTION),
    ],
)
def test_what_was_not_committed_says_so_and_why(status: CycleStatus, tone: Tone) -> None:
    result = p.failed(7, status)
    assert plain(CycleStory(result).committed()) == "✕ nothing committed"
    assert CycleStory(result).metrics() == ()
    assert (
        plain(CycleStory(result).outcome())
        == f"{status} · store locked at TX 1: database is locked"
    )
    assert tone in tones(result)
    assert plain(CycleStory(result).remark()).endswith("store locked · database is locked")


def test_a_partial_cycle_names_the_market_and_the_message() -> None:
    errors = (
        p.notice("fetch", "FetchFailed", "timeout after 10 s", p.ETH),
        p.notice("execute", "OrderTrouble", "no"),
        p.notice("execute", "OrderTrouble", "no"),
    )
    result = p.result(7, status=CycleStatus.PARTIAL, errors=errors)
    assert plain(CycleStory(result).outcome()) == (
        "◆ partial · fetch failed at fetch ETH/USDT: timeout after 10 s · and 2 more"
    )
    assert plain(CycleStory(result).remark()) == "fetch failed ETH/USDT · timeout after 10 s"
    assert Tone.DANGER not in tones(result)


def test_what_is_told_in_few_words_stands_before_the_message() -> None:
    errors = (p.notice("fetch", "FetchFailed", "timeout after 10 s", p.ETH),)
    result = p.result(7, status=CycleStatus.PARTIAL, errors=errors, held=(p.SOL,))
    told = "fetch failed ETH/USDT · held SOL/USDT · timeout after 10 s"
    assert plain(CycleStory(result).remark()) == told


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("OrderTrouble", "order trouble"),
        ("cycle_metrics_persist_failed", "cycle metrics persist failed"),
        ("Interrupted", "interrupted"),
        ("ZeroDivisionError", "zero division error"),
        ("[red]X_y \u200b", "[red]X_y \u200b"),
    ],
)
def test_kinds_of_errors_are_told_in_words(kind: str, words: str) -> None:
    assert in_words(kind) == words


def test_a_contradiction_comes_before_everything_else() -> None:
    warnings = (p.notice("tx1", "ledger_conflict", "events against the ledger: 2"),)
    result = p.result(7, ledger_events_conflicting=2, warnings=warnings)
    assert plain(CycleStory(result).outcome()) == "≠ 2 conflicts, kept beside the ledger"
    assert plain(CycleStory(result).remark()) == "≠ 2 conflicts"
    assert Tone.DANGER in tones(result)


def test_a_market_held_beside_a_contradiction_is_told_too() -> None:
    result = p.result(7, ledger_events_conflicting=1, held=(p.SOL,), status=CycleStatus.PARTIAL)
    said = "◆ partial · ≠ 1 conflict, kept beside the ledger · held SOL/USDT"
    assert plain(CycleStory(result).outcome()) == said
    assert plain(CycleStory(result).remark()) == "≠ 1 conflict · held SOL/USDT"


def test_a_replay_that_contradicts_says_so_once() -> None:
    result = p.result(
        7, kind=Kind.REPLAY, verdict=Verdict.CONFLICT, replay_of=5, ledger_events_conflicting=2
    )
    assert plain(CycleStory(result).remark()) == "≠ 2 conflicts"


def test_a_held_cursor_is_told_once() -> None:
    warnings = (p.notice("inputs", "cursor_held", "an item waits", p.SOL),)
    result = p.result(7, status=CycleStatus.PARTIAL, held=(p.SOL,), warnings=warnings)
    assert plain(CycleStory(result).outcome()) == "◆ partial · waits for you: SOL/USDT"
    assert plain(CycleStory(result).remark()) == "held SOL/USDT"


def test_a_warning_is_told_where_there_is_nothing_worse() -> None:
    warnings = (p.notice("tx1", "wal_large", "the write-ahead log has 9 bytes"),)
    result = p.result(7, warnings=warnings)
    assert (
        plain(CycleStory(result).outcome()) == "wal large at TX 1: the write-ahead log has 9 bytes"
    )
    assert plain(CycleStory(result).remark()) == "wal large · the write-ahead log has 9 bytes"


@pytest.mark.parametrize(
    ("verdict", "told", "tone"),
    [
        (Verdict.CLEAN, "= clean", Tone.OK),
        (Verdict.RECOVERED, "+ recovered", Tone.ATTENTION),
        (Verdict.CONFLICT, "≠ conflict", Tone.DANGER),
    ],
)
def test_a_replay_tells_its_verdict(verdict: Verdict, told: str, tone: Tone) -> None:
    result = p.result(9, kind=Kind.REPLAY, replay_of=1_270, verdict=verdict)
    assert plain(CycleStory(result).outcome()).startswith(f"ok · replay of 1,270: {told}, ")
    assert plain(CycleStory(result).remark()) == told
    assert tone in tones(result)
    assert CycleStory(result).is_remarkable


def test_the_time_is_that_of_all_steps_or_from_beginning_to_end() -> None:
    assert CycleStory(p.result(7)).total_ms == pytest.approx(40.7)
    assert CycleStory(p.result(7, timings_ms={})).total_ms == 41


def test_words_from_outside_are_shown_and_not_obeyed() -> None:
    error = p.notice("fetch", "[red]x", "\x1b]0;pwn\x07 ‮ [/] \u200b", "BTC[/]")
    found = plain(CycleStory(p.result(7, status=CycleStatus.PARTIAL, errors=(error,))).outcome())
    assert "[red]x at fetch BTC[/]: \\x1b]0;pwn\\x07 \\u202e [/] \\u200b" in found
