"""The command line: exit codes, what goes where, and documents with exactly the fields promised."""

import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine import __version__
from engine.store.library import has_wal_reset_race
from tests.builders import (
    BTC,
    ETH,
    T0,
    Ran,
    cycledeck,
    fee,
    finished,
    opened,
    reported,
    rows,
    serve,
    spawned,
    started,
)
from tests.cases import mostly_long

MONEY = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")
LOOKING = [
    ["status"], ["verify"], ["replay", "1"], ["replay", "1", "--rehearse"], ["export", "cycles"],
    ["metrics", "backfill"], ["quarantine", "list"], ["quarantine", "resolve", "1", "--drop"],
]  # fmt: skip
COMMANDS = ["once", "run", "replay", "verify", "status", "init", "metrics", "quarantine", "export"]


@pytest.fixture
def where(tmp_path: Path) -> tuple[str, ...]:
    """The flags of a ledger on a recorded file of two markets."""
    fills = [
        reported("1", amount="3", price="0.10", ts=1_000, fees=[fee("0.000000100")]),
        reported("2", "sell", "1", "0.2", 2_000, fees=[fee("-0.5", "BNB")]),
        reported("3", amount="0.0000001", price="100000", ts=3_000, symbol=ETH),
    ]
    path = serve(tmp_path / "f.jsonl", fills)
    return ("--db", str(tmp_path / "ledger.db"), "--venue", f"recorded:{path}")


def look(command: str, where: tuple[str, ...], *more: object) -> Ran:
    return cycledeck(command, *more, *where[:2])


# --- documents


def test_once_prints_the_cycle_as_one_document(where: tuple[str, ...]) -> None:
    ran = cycledeck("once", "--json", *where)
    assert (ran.code, ran.out.count("\n")) == (0, 1)
    found = ran.json
    assert (found["cycle_id"], found["kind"], found["status"]) == (1, "live", "ok")
    counts = [found[f"ledger_events_{n}"] for n in ("attempted", "inserted", "ignored",
              "conflicting")]  # fmt: skip
    assert counts == [5, 5, 0, 0]
    assert (found["fills_fetched"], found["fills_count"]) == (3, 3)
    assert found["cursors"] == {
        f"fills_cursor:{BTC}": {"before": None, "after": T0 + 2_000},
        f"fills_cursor:{ETH}": {"before": None, "after": T0 + 3_000},
    }
    assert set(found["timings_ms"]) == {"fetch", "inputs", "tx1", "execute", "tx2"}
    assert all(isinstance(ms, float) and ms >= 0 for ms in found["timings_ms"].values())
    assert [found[n] for n in ("orders_submitted", "orders_canceled", "rejects_count")] == [0] * 3
    assert found["metrics_persisted"] is True
    assert found["errors"] == []


def test_status_gives_every_figure_as_text_without_exponent_or_trailing_zeros(
    where: tuple[str, ...],
) -> None:
    cycledeck("once", *where)
    found = look("status", where, "--json").json
    assert set(found["positions"]) == {BTC, ETH}
    for position in found["positions"].values():
        figures = [position[name] for name in ("qty", "cost", "avg_cost", "realized_pnl")]
        for figure in [*figures, *position["fees"].values()]:
            assert MONEY.fullmatch(figure), figure
    assert found["positions"][BTC]["fees"] == {"BNB": "-0.5", "USDT": "0.0000001"}
    assert found["positions"][ETH]["qty"] == "0.0000001"
    assert found["cursors"] == {
        f"fills_cursor:{BTC}": T0 + 2_000,
        f"fills_cursor:{ETH}": T0 + 3_000,
    }
    assert found["lease"] is None
    assert (found["last_cycle"]["cycle_id"], found["last_cycle"]["status"]) == (1, "ok")
    assert found["counts"]["ledger_events"] == 5
    assert found["counts"]["applied_fills"] == 3


def test_a_flat_position_has_no_average(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1"), reported("2", "sell", ts=2_000)])
    where = ("--db", str(tmp_path / "l.db"), "--venue", f"recorded:{path}")
    cycledeck("once", *where)
    position = look("status", where, "--json").json["positions"][BTC]
    assert (position["qty"], position["avg_cost"], position["cost"]) == ("0", None, "0")


def test_verify_prints_what_was_checked(where: tuple[str, ...]) -> None:
    cycledeck("once", *where)
    ran = look("verify", where, "--json")
    assert (ran.code, ran.json["ok"], ran.json["violations"]) == (0, True, [])
    assert all(isinstance(count, int) for count in ran.json["checked"].values())


def test_run_prints_one_document_a_line_a_cycle(where: tuple[str, ...]) -> None:
    ran = cycledeck("run", "--cycles", 3, "--interval", "1ms", "--json", *where)
    assert ran.code == 0
    assert [line["cycle_id"] for line in ran.lines] == [1, 2, 3]


def test_a_replay_and_its_rehearsal_print_documents(where: tuple[str, ...]) -> None:
    cycledeck("once", *where)
    replayed = look("replay", where, 1, "--json")
    assert (replayed.code, replayed.json["verdict"], replayed.json["kind"]) == (
        0,
        "clean",
        "replay",
    )
    rehearsed = look("replay", where, 1, "--rehearse", "--json")
    assert (rehearsed.code, rehearsed.json["differences"]) == (0, [])
    assert look("replay", where, 77).code == 2
    assert "cycle 77 does not exist" in look("replay", where, 77).err


def test_a_rehearsal_with_differences_exits_with_1(where: tuple[str, ...]) -> None:
    cycledeck("once", *where)
    with opened(Path(where[1])) as ledger:
        ledger.execute("UPDATE ledger_events SET hash = x'07' WHERE event_id = 'fill:1'")
    ran = look("replay", where, 1, "--rehearse")
    assert (ran.code, "event fill:1: recorded 07" in ran.out) == (1, True)


def test_a_replay_that_conflicts_exits_with_1(where: tuple[str, ...]) -> None:
    cycledeck("once", *where)
    with opened(Path(where[1])) as ledger:
        ledger.execute("UPDATE ledger_events SET qty = '7', hash = x'07' WHERE event_id='fill:1'")
    assert look("replay", where, 1).code == 1


def test_documents_are_alone_on_standard_output_and_logs_on_standard_error(
    where: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CYCLEDECK_LOG__LEVEL", "debug")
    monkeypatch.setenv("CYCLEDECK_LOG__FORMAT", "json")
    ran = spawned("once", "--json", *where)
    assert ran.code == 0
    assert ran.json["cycle_id"] == 1
    events = [json.loads(line)["event"] for line in ran.err.splitlines()]
    assert "cycle" in events
    assert "0.0000001" not in ran.err, "a parameter of a statement was logged"


def test_what_people_read_fits_80_columns_and_has_every_digit(where: tuple[str, ...]) -> None:
    ran = cycledeck("once", *where)
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "0.0000001" in ran.out
    assert look("status", where).out.count("\ncursor ") == 2
    assert "ok" in look("verify", where).out.splitlines()[-1]


# --- the database's tables


@pytest.mark.parametrize("table", ["ledger_events", "cycles", "cursors", "audit"])
def test_a_table_is_exported_as_it_is_stored(where: tuple[str, ...], table: str) -> None:
    cycledeck("once", *where)
    as_csv = look("export", where, table)
    as_json = look("export", where, table, "--format", "jsonl")
    assert (as_csv.code, as_json.code) == (0, 0)
    with closing(sqlite3.connect(where[1])) as connection:
        cursor = connection.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        stored = [
            [value.hex() if isinstance(value, bytes) else value for value in row] for row in cursor
        ]
    assert [list(line.values()) for line in as_json.lines] == stored
    read = list(csv.reader(io.StringIO(as_csv.out)))
    assert read[0] == names
    assert read[1:] == [["" if value is None else str(value) for value in row] for row in stored]


def test_an_unknown_table_is_a_usage_error_that_lists_the_known_ones(
    where: tuple[str, ...],
) -> None:
    cycledeck("once", *where)
    for name in ("nothing", "sqlite_master", 'cycles"; DROP TABLE cycles; --'):
        ran = look("export", where, name)
        assert ran.code == 2
        assert "there are: applied_fills, assertions, audit" in ran.err
    assert look("export", where, "cycles", "--format", "xml").code == 2


def test_an_export_into_a_closed_pipe_ends_without_a_traceback(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [reported(str(n), ts=n) for n in range(5_000)])
    where = ("--db", str(tmp_path / "l.db"), "--venue", f"recorded:{path}")
    assert cycledeck("once", *where).code == 0
    process = started("export", "ledger_events", "--format", "jsonl", *where[:2])
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as err:
        said = err.read()
    process.wait(30)
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert process.returncode == 1


def test_metrics_that_are_missing_are_rebuilt_and_only_those(where: tuple[str, ...]) -> None:
    cycledeck("run", "--cycles", 3, "--interval", "1ms", *where)
    with opened(Path(where[1])) as ledger:
        before = rows(ledger, "SELECT * FROM cycle_metrics ORDER BY 1")
        ledger.execute("DELETE FROM cycle_metrics WHERE cycle_id <> 2")
    ran = cycledeck("metrics", "backfill", "--json", *where[:2])
    assert (ran.code, ran.json) == (0, {"rebuilt": [1, 3]})
    with opened(Path(where[1])) as ledger:
        assert rows(ledger, "SELECT * FROM cycle_metrics ORDER BY 1") == before
    assert cycledeck("metrics", "backfill", "--json", *where[:2]).json == {"rebuilt": []}


# --- flags


def test_flags_decide_what_is_fetched(where: tuple[str, ...]) -> None:
    found = cycledeck("once", "--json", "--symbols", ETH, *where).json
    assert found["cursors"].keys() == {f"fills_cursor:{ETH}"}


@pytest.mark.parametrize(
    ("start", "fills"),
    [("beginning", 3), ("now", 0), ("2023-07-22T04:26:42", 2), (str(T0 + 2_500), 1)],
)
def test_start_from_decides_where_history_begins(
    where: tuple[str, ...], start: str, fills: int
) -> None:
    assert cycledeck("once", "--json", "--start-from", start, *where).json["fills_count"] == fills


def test_the_same_seed_runs_the_same_simulation(tmp_path: Path) -> None:
    def digests(name: str, seed: int) -> list[str]:
        (tmp_path / name).mkdir()
        db = ("--db", tmp_path / name / "l.db", "--seed", seed)
        ran = cycledeck("run", "--cycles", 4, "--interval", "1ms", "--json", *db)
        assert ran.code == 0, ran.err
        return [line["positions"] for line in ran.lines]

    assert digests("a", 3) == digests("b", 3) != digests("c", 4)


def test_settings_come_from_the_file_given(where: tuple[str, ...], tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text(f'db = "{where[1]}"\nvenue = "{where[3]}"\naccount = "mine"\n')
    assert cycledeck("once", "--json", "--config", config).json["account"] == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["once", "--nonsense"], "No such option"),
        (["nonsense"], "No such command"),
        (["replay"], "Missing argument"),
        (["replay", "x"], "Invalid value for"),
        (["replay", "0"], "greater than or equal to 1"),
        (["replay", "9" * 20], "less than or equal to 9223372036854775807"),
        (["replay", "9" * 20, "--rehearse"], "less than or equal to 9223372036854775807"),
        (["quarantine", "resolve", "9" * 20, "--drop"], "less than or equal to 92233720368547758"),
        (["status", "--db", ""], "db = '.': is not the path of a file"),
        (["once", "--db", "gone/l.db"], "db = 'gone/l.db': there is no folder gone; make it first"),
        (
            ["run", "--db", "postgresql://me:secret@host/l"],
            "db = 'postgresql://…': a URL is no led",
        ),
        (["status", "--db", "sqlite:///l.db"], "db = 'sqlite://…': a URL is no ledger; accepted: "),
        (
            ["once", "--db", "http://host/l.db"],
            "db = 'http://…': a URL is no ledger; accepted: the",
        ),
        (["run", "--cycles", "0"], "Invalid value for '--cycles'"),
        (["once", "--lookback", "soon"], "lookback = 'soon': a duration reads like"),
        (["once", "--lookback", "5"], "lookback = '5': a duration reads like"),
        (["run", "--interval", "1w"], "interval = '1w': a duration reads like"),
        (["once", "--venue", "binance"], "venue = 'binance': a venue is sim or recorded:PATH"),
        (["once", "--symbols", "BTC"], "does not read like BASE/QUOTE"),
        (["once", "--start-from", "soon"], "start_from = 'soon': a time reads like"),
        (["once", "--seed", "x"], "Invalid value for"),
        (["once", "--seed", "-1"], "greater than or equal to 0"),
        (["status", "--config", "nowhere.toml"], "nowhere.toml: No such file"),
    ],
)
def test_what_cannot_be_understood_exits_with_2_and_says_why(
    arguments: list[str], message: str
) -> None:
    ran = cycledeck(*arguments)
    assert ran.code == 2
    assert message in ran.err
    assert "secret" not in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("command", LOOKING)
def test_without_a_ledger_looking_fails_and_makes_none(tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "deep" / "ledger.db"
    ran = cycledeck(*command, "--db", path)
    assert ran.code == 1
    assert f"there is no ledger at {path}" in ran.err
    assert not path.parent.exists()


@pytest.mark.parametrize("content", [b"Dear diary, " * 500, b"SQLite format 3\0" + b"\xff" * 5_000])
@pytest.mark.parametrize("command", ["status", "verify", "once"])
def test_a_file_that_is_no_ledger_is_an_error_and_not_a_traceback(
    tmp_path: Path, command: str, content: bytes
) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    ran = cycledeck(command, "--db", path)
    assert ran.code == 1
    assert str(path) in ran.err
    assert path.read_bytes() == content


@pytest.mark.parametrize("command", LOOKING)
def test_a_file_without_anything_in_it_is_said_to_be_empty_and_stays_so(
    tmp_path: Path, command: list[str]
) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    ran = cycledeck(*command, "--db", path)
    assert ran.code == 1
    assert f"{path} is empty: no engine has used it yet" in ran.err
    assert path.read_bytes() == b""


@pytest.mark.parametrize("command", LOOKING)
def test_a_folder_is_said_to_be_no_ledger(tmp_path: Path, command: list[str]) -> None:
    ran = cycledeck(*command, "--db", tmp_path)
    assert ran.code == 1
    assert f"{tmp_path} is a folder, not a ledger" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file/ledger.db", "a" * 300 + ".db"])
@pytest.mark.parametrize("command", ["status", "once"])
def test_a_path_that_cannot_be_is_named_with_the_reason(
    tmp_path: Path, command: str, name: str
) -> None:
    (tmp_path / "file").touch()
    ran = cycledeck(command, "--db", tmp_path / name)
    assert ran.code == 1
    assert str(tmp_path / name) in ran.err
    assert any(why in ran.err for why in ("Not a directory", "File name too long"))


DAMAGE = [
    ("UPDATE stage4_positions SET qty = 'much'", ["status"]),
    ("UPDATE stage4_positions SET fees_json = '{'", ["status"]),
    ("UPDATE cycles SET errors_json = '{'", ["status"]),
    ("UPDATE cycle_inputs SET pages_json = '{'", ["replay", "1"]),
    ("UPDATE cycle_inputs SET pages_json = '{'", ["replay", "1", "--rehearse"]),
    ("UPDATE ledger_commits SET cursors_json = '{'", ["replay", "1", "--rehearse"]),
    ("UPDATE ledger_identity SET value = 'odd' WHERE key = 'trade_ids'", ["replay", "1"]),
    ("UPDATE ledger_identity SET value = 'odd' WHERE key = 'trade_ids'",
     ["replay", "1", "--rehearse"]),
    ("UPDATE ledger_events SET qty = 'much'", ["metrics", "backfill"]),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "command"), DAMAGE)
def test_a_damaged_row_is_an_error_that_says_so(
    where: tuple[str, ...], damage: str, command: list[str]
) -> None:
    cycledeck("once", *where)
    with opened(Path(where[1])) as ledger:
        ledger.execute("DELETE FROM cycle_metrics")
        ledger.execute(damage)
    ran = cycledeck(*command, *where[:2])
    assert (ran.code, ran.out) == (1, "")
    assert f"{where[1]}: a row is not what this program writes" in ran.err
    assert "`cycledeck verify` tells whether the books themselves are sound" in ran.err


def test_a_cursor_that_is_no_time_is_shown_as_it_stands(where: tuple[str, ...]) -> None:
    cycledeck("once", *where)
    with opened(Path(where[1])) as ledger:
        ledger.execute("UPDATE cursors SET value_ms = 9223372036854775807")
    ran = look("status", where)
    assert ran.code == 0
    assert f"cursor     fills_cursor:{BTC} 9223372036854775807 ms, which is no time" in ran.out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@mostly_long(
    ("command", "unbuffered"),
    [(["status"], ""), (["status", "--json"], "1"), (["export", "cycles"], ""), (["verify"], "1"),
     (["--version"], ""), (["run", "--cycles", "1", "--json"], "1")],
)  # fmt: skip
def test_a_disk_that_is_full_is_said_to_be(
    where: tuple[str, ...], command: list[str], unbuffered: str
) -> None:
    cycledeck("once", *where)
    flags = () if command[0].startswith("-") else where if command[0] == "run" else where[:2]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "engine.cli", *command, *flags],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == "error: standard output: No space left on device"
    assert "Traceback" not in ran.stderr


@mostly_long(
    "command",
    [["status"], ["status", "--json"], ["export", "ledger_events", "--format", "jsonl"]],
)
def test_what_an_encoding_has_no_letters_for_is_escaped(tmp_path: Path, command: list[str]) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1", symbol="É/USDT", fees=[fee("1", "€")])])
    where = ("--db", str(tmp_path / "l.db"), "--venue", f"recorded:{path}")
    cycledeck("once", *where)
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    ran = spawned(*command, *where[:2], env=ascii_only)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.isascii()
    assert "\\u00c9/USDT" in ran.out
    if command[-1] != "status":
        assert "É/USDT" in str(json.loads(ran.out.splitlines()[0]))


@pytest.mark.parametrize("command", [*LOOKING, ["once"]])
def test_no_command_warns_of_the_library_but_run_once_in_its_log(
    where: tuple[str, ...], command: list[str]
) -> None:
    cycledeck("once", *where)
    arguments = where if command == ["once"] else where[:2]
    assert "sqlite_wal_reset_race" not in cycledeck(*command, *arguments).err
    ran = cycledeck("run", "--cycles", "2", "--interval", "0", *where)
    assert ran.err.count("sqlite_wal_reset_race") == has_wal_reset_race()


def test_status_says_what_the_library_may_do_to_the_ledger(where: tuple[str, ...]) -> None:
    cycledeck("once", *where)
    status = cycledeck("status", "--json", *where[:2]).json
    assert status["sqlite_version"] == sqlite3.sqlite_version
    assert (status["sqlite_warning"] is not None) is has_wal_reset_race()
    shown = cycledeck("status", *where[:2]).out
    assert ("can lose a transaction" in shown) is has_wal_reset_race()


@pytest.mark.parametrize("command", ["once", "run"])
def test_a_venue_file_that_is_missing_is_named_and_leaves_no_ledger(
    tmp_path: Path, command: str
) -> None:
    ran = cycledeck(command, "--db", tmp_path / "l.db", "--venue", "recorded:gone.jsonl")
    assert ran.code == 1
    assert "recorded:gone.jsonl: [Errno 2] No such file" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_the_default_ledgers_folder_is_made(tmp_path: Path, where: tuple[str, ...]) -> None:
    assert cycledeck("once", *where[2:]).code == 0
    assert (tmp_path / "data" / "cycledeck" / "ledger.db").is_file()


@pytest.mark.parametrize("venue", ["recorded", "sim"])
def test_a_market_that_the_venue_does_not_know_is_an_error_that_names_those_it_has(
    where: tuple[str, ...], tmp_path: Path, venue: str
) -> None:
    flags = where if venue == "recorded" else where[:2]
    ran = cycledeck("once", "--json", "--symbols", f"{BTC},BTC/USD", *flags)
    (error,) = ran.json["errors"]
    assert (error["symbol"], ran.json["status"]) == ("BTC/USD", "partial")
    assert "'BTC/USD'" in error["message"]
    assert venue == "sim" or f"{where[3]} has no such market" in error["message"]
    assert f"{BTC}, {ETH}" in error["message"]
    assert ran.json["cursors"].keys() == {f"fills_cursor:{BTC}"}
    alone = cycledeck("once", "--symbols", "BTC/USD", "--db", tmp_path / "new.db", *flags[2:])
    assert (alone.code, "'BTC/USD'" in alone.out) == (1, True)


def test_a_market_that_is_booked_stays_known_when_a_later_file_has_nothing_of_it(
    where: tuple[str, ...], tmp_path: Path
) -> None:
    cycledeck("once", *where)
    serve(tmp_path / "f.jsonl", [reported("9", symbol=ETH)])
    ran = cycledeck("once", "--json", "--symbols", f"{BTC},{ETH}", *where).json
    assert (ran["status"], ran["errors"]) == ("ok", [])


def test_a_ledger_of_another_venue_is_refused(where: tuple[str, ...]) -> None:
    cycledeck("once", *where)
    ran = cycledeck("once", *where[:2], "--venue", "sim")
    assert ran.code == 1
    assert "belongs to the venue recorded, not sim" in ran.err
    assert "--db" in ran.err


def test_a_failed_cycle_exits_with_1_and_its_document_says_so(
    where: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cycledeck("once", *where)
    monkeypatch.setenv("CYCLEDECK_BUSY_TIMEOUT", "20ms")
    with opened(Path(where[1])) as ledger:
        ledger.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON ledger_commits "
            "BEGIN SELECT raise(ABORT, 'disk full'); END"
        )
        ledger.execute("DELETE FROM applied_fills")
    ran = cycledeck("once", "--json", *where)
    assert ran.code == 1
    found = ran.json
    assert (found["status"], found["commit_seq"]) == ("failed", None)
    assert [(e["step"], e["type"]) for e in found["errors"]] == [("tx1", "StoreError")]


# --- bare, help, version, init


def test_bare_it_says_what_it_can_do() -> None:
    ran = cycledeck()
    assert ran.code == 0
    assert all(command in ran.out for command in COMMANDS)


def test_the_version_is_the_packages() -> None:
    ran = cycledeck("--version")
    assert (ran.code, ran.out) == (0, f"cycledeck {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    ran = cycledeck(command, "--help")
    assert ran.code == 0
    assert "Usage: cycledeck" in ran.out


def test_init_writes_a_file_that_works_and_never_overwrites_one(tmp_path: Path) -> None:
    ran = cycledeck("init")
    assert (ran.code, "wrote cycledeck.toml" in ran.out) == (0, True)
    written = Path("cycledeck.toml").read_text()
    Path("cycledeck.toml").write_text("account = 'mine'\n")
    again = cycledeck("init")
    assert again.code == 2
    assert "exists already; --force overwrites it" in again.err
    assert Path("cycledeck.toml").read_text() == "account = 'mine'\n"
    assert cycledeck("init", "--force").code == 0
    assert Path("cycledeck.toml").read_text() == written
    assert cycledeck("init", tmp_path / "no" / "where.toml").code == 2


# --- signals


def first_line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@mostly_long("number", [signal.SIGTERM, signal.SIGINT])
@mostly_long("interval", ["1ms", "1h"])
def test_a_signal_ends_run_cleanly_after_the_running_cycle(
    where: tuple[str, ...], number: signal.Signals, interval: str
) -> None:
    process = started("run", "--json", "--interval", interval, *where)
    assert first_line(process)["cycle_id"] == 1
    process.send_signal(number)
    ran = finished(process, 30)
    assert ran.code == 0
    assert "Traceback" not in ran.err
    assert all(line["status"] == "ok" for line in ran.lines)
    status = look("status", where, "--json").json
    assert status["lease"] is None
    assert status["last_cycle"]["status"] == "ok"
    assert look("verify", where).code == 0


def test_while_an_engine_runs_status_names_it(where: tuple[str, ...]) -> None:
    process = started("run", "--json", "--interval", "1h", *where)
    first_line(process)
    lease = look("status", where, "--json").json["lease"]
    process.send_signal(signal.SIGTERM)
    finished(process, 30)
    assert (lease["pid"], lease["epoch"]) == (process.pid, 1)


def test_a_run_that_lost_its_ledger_to_another_engine_ends_with_1_and_the_reason(
    where: tuple[str, ...],
) -> None:
    process = started("run", "--json", "--interval", "10ms", *where)
    first_line(process)
    with opened(Path(where[1])) as ledger:
        ledger.execute("UPDATE lease SET epoch = epoch + 1, holder = 'elsewhere:7'")
    ran = finished(process, 30)
    assert ran.code == 1
    assert "another engine took over" in ran.err
    assert "Traceback" not in ran.err


def test_what_a_running_engine_quarantined_can_be_resolved_meanwhile(tmp_path: Path) -> None:
    path = serve(tmp_path / "f.jsonl", [reported("1"), reported("2", ts=2_000, price="NaN")])
    where = ("--db", str(tmp_path / "l.db"), "--venue", f"recorded:{path}")
    process = started("run", "--json", "--interval", "10ms", *where)
    assert first_line(process)["held"] == [BTC]
    assert cycledeck("quarantine", "resolve", 1, "--drop", *where[:2]).code == 0
    assert process.stdout is not None
    while json.loads(process.stdout.readline())["held"]:
        pass
    process.send_signal(signal.SIGTERM)
    assert finished(process, 30).code == 0


@pytest.mark.parametrize("run", [cycledeck, spawned])
def test_a_process_of_its_own_says_the_same(
    where: tuple[str, ...], run: Callable[..., Ran]
) -> None:
    ran = run("once", "--json", *where)
    assert (ran.code, ran.json["fills_count"]) == (0, 3)


def test_text_from_a_venue_is_shown_literally(tmp_path: Path) -> None:
    fills: list[Any] = [reported("1", symbol="[bold]/[red]X"), "\x1b]52;c;aGk=\x07"]
    path = serve(tmp_path / "f.jsonl", fills)
    ran = cycledeck("once", "--db", tmp_path / "l.db", "--venue", f"recorded:{path}")
    assert "[bold]/[red]X" in ran.out
    assert "\x1b" not in ran.out + ran.err
    shown = cycledeck("quarantine", "list", "--db", tmp_path / "l.db")
    assert "\\x1b]52;c;aGk=\\x07" in shown.out
