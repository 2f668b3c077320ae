from console.kit.lines import plain, width_of
from console.screens.health.error_counts import ErrorCounts
from tests.console import published as p

KINDS = (
    ("OrderTrouble", 146),
    ("FetchFailed", 12),
    ("StoreLocked", 3),
    ("cycle_metrics_persist_failed", 1),
)


def shown(width: int, height: int) -> list[str]:
    counts = ErrorCounts()
    counts._errors = p.books(errors=KINDS).errors
    lines = counts.lines(width, height)
    assert len(lines) <= height
    assert max(width_of(line) for line in lines) <= width
    return [plain(line) for line in lines]


def test_errors_are_counted_in_plain_words() -> None:
    assert shown(120, 1) == [
        "146 × order trouble    12 × fetch failed    3 × store locked"
        "    1 × cycle metrics persist failed"
    ]


def test_what_there_is_no_room_for_is_counted() -> None:
    assert shown(60, 1) == ["146 × order trouble    12 × fetch failed    and 2 more kinds"]
    assert shown(50, 1) == ["146 × order trouble    and 3 more kinds"]
    assert shown(60, 2) == [
        "146 × order trouble    12 × fetch failed    3 × store locked",
        "1 × cycle metrics persist failed",
    ]
