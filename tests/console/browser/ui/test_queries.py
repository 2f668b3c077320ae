"""The history of statements."""

import json
from pathlib import Path

import pytest

from console.browser.ui.queries import LONGEST, QueryHistory


def test_statements_are_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "state" / "queries.jsonl"
    history = QueryHistory(path)
    history.add("select 1")
    history.add("select\n2")
    assert QueryHistory(path).statements == ("select 1", "select\n2")
    assert path.stat().st_mode & 0o077 == 0


def test_a_statement_run_again_is_the_newest_and_kept_once(tmp_path: Path) -> None:
    history = QueryHistory(tmp_path / "q.jsonl")
    for sql in ("a", "b", "a"):
        history.add(sql)
    assert history.statements == ("b", "a")


def test_the_oldest_go_first(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text("".join(json.dumps({"sql": f"select {n}"}) + "\n" for n in range(LONGEST)))
    history = QueryHistory(path)
    history.add("newest")
    assert len(history.statements) == LONGEST
    assert history.statements[0] == "select 1"
    assert len(path.read_text().splitlines()) == LONGEST


def test_lines_that_are_none_of_ours_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'{"sql": "good"}\n{broken\n[1]\n{"sql": 3}\n\xff\xfe\n')
    assert QueryHistory(path).statements == ("good",)


def test_where_nothing_can_be_written_it_holds_for_this_session(tmp_path: Path) -> None:
    history = QueryHistory(tmp_path)
    with pytest.raises(OSError, match="directory"):
        history.add("select 1")
    assert history.statements == ("select 1",)
