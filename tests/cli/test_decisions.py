"""The commands that decide, on real ledgers: with an engine on them, and without."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.builders import (
    BTC,
    Ran,
    cycledeck,
    finished,
    money_of,
    opened,
    reported,
    rows,
    serve,
    shared,
    started,
    verified,
)
from tests.golden.golden_ledger import FOLDER, unpack

A = reported("1", "buy", "2", "100", order="a")
B = reported("1", "buy", "2", "90", order="a")


class Desk:
    """A ledger and the file that its fills come from."""

    def __init__(self, folder: Path) -> None:
        self.db = folder / "ledger.db"
        self._file = folder / "f.jsonl"

    def told(self, items: Sequence[Any]) -> Any:
        path = serve(self._file, items)
        ran = cycledeck("once", "--venue", f"recorded:{path}", "--db", self.db, "--json")
        return ran.json

    def run(self, *words: object) -> Ran:
        return cycledeck(*words, "--db", self.db)

    def ask(self, *words: object) -> Any:
        return cycledeck(*words, "--db", self.db, "--json").json

    def figures(self, name: str = BTC) -> Any:
        return money_of(self.ask("status")["positions"][name])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_conflict_is_listed_with_both_contents_and_what_decides_it(desk: Desk) -> None:
    desk.told([A])
    desk.told([B])
    [conflict] = desk.ask("conflicts", "list")
    assert conflict["fields"] == {"price": ["100", "90"]}
    assert "conflicts resolve 1 --keep, --replace or --book-as ID" in conflict["remedy"]
    assert "price              stands 100   reported 90" in desk.run("conflicts", "list").out


def test_status_says_why_a_market_is_not_ok_and_check_exits_with_1(desk: Desk) -> None:
    assert desk.told([A])["status"] == "ok"
    assert desk.run("status", "--check").code == 0
    assert desk.told([B])["status"] == "attention"
    [state] = desk.ask("status")["markets"][BTC]
    assert state["status"] == "attention"
    assert "conflicts resolve 1" in state["remedy"]
    checked = desk.run("status", "--check")
    assert (checked.code, "attention  BTC/USDT: one content kept" in checked.out) == (1, True)


def test_a_preview_shows_both_figures_and_changes_nothing(desk: Desk) -> None:
    desk.told([A])
    desk.told([B])
    before = desk.ask("status")
    ran = desk.run("conflicts", "resolve", 1, "--replace", "--preview")
    assert "before qty 2 · cost 200 · realized 0 USDT" in ran.out
    assert "after  qty 2 · cost 180 · realized 0 USDT" in ran.out
    assert ran.out.endswith("nothing was changed\n")
    after = desk.ask("status")
    assert (before["positions"], before["markets"]) == (after["positions"], after["markets"])
    assert desk.ask("decisions", "list") == []


def test_json_is_one_document_of_what_would_change_and_of_what_changed(desk: Desk) -> None:
    desk.told([A])
    desk.told([B])
    preview = desk.ask("conflicts", "resolve", 1, "--replace", "--preview")
    assert (preview["commit_seq"], preview["cycle_id"]) == (None, 3)
    assert preview["positions_before"][BTC]["cost"] == "200"
    assert preview["positions_after"][BTC]["cost"] == "180"
    assert preview["balances_after"] == {"BTC": "2", "USDT": "-180"}
    made = desk.ask("conflicts", "resolve", 1, "--replace")
    assert made["commit_seq"] == 3
    assert {**made, "commit_seq": None} == preview
    undone = desk.ask("decisions", "undo", 3)
    assert (undone["commit_seq"], undone["positions_after"][BTC]["cost"]) == (4, "200")
    refused = desk.run("decisions", "undo", 3, "--json")
    assert (refused.code, refused.out) == (2, "")


@pytest.mark.parametrize(
    "words",
    [
        ("conflicts", "resolve", 1, "--keep"),
        ("void", "1", "--reason", "busted"),
        ("markets", "alias", "XBT/USDT", BTC),
        ("markets", "distinct", "XBT/USDT", BTC),
        ("open", "--asset", "USDT", "--amount", "1", "--at", "2020-01-01"),
        ("adjust", "--asset", "USDT", "--amount", "1", "--reason", "r"),
        ("close", "2023-07"),
    ],
)
def test_every_command_that_decides_has_json(desk: Desk, words: tuple[object, ...]) -> None:
    desk.told([A])
    desk.told([B])
    changed = desk.ask(*words, "--preview")
    assert (changed["commit_seq"], changed["digest_before"] != "") == (None, True)


def test_a_decision_is_kept_with_who_and_why_and_undone(desk: Desk) -> None:
    desk.told([A])
    desk.told([B])
    assert desk.run("conflicts", "resolve", 1, "--replace", "--reason", "their page").code == 0
    assert desk.figures()["cost"] == "180"
    [made] = desk.ask("decisions", "list")
    assert (made["decision"]["reason"], made["undone_by"]) == ("their page", None)
    assert desk.run("conflicts", "resolve", 1, "--undo").code == 0
    assert desk.figures()["cost"] == "200"
    assert [line["undone_by"] for line in desk.ask("decisions", "list")] == [4, None]
    assert verified(desk.db).ok


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("conflicts", "resolve", 9, "--keep"), "there is no conflict 9"),
        (("conflicts", "resolve", 1), "give one of --keep, --replace, --book-as ID and --undo"),
        (("conflicts", "resolve", 1, "--keep", "--replace"), "give one of"),
        (("conflicts", "resolve", 1, "--undo"), "no such decision that could be undone"),
        (("void", "1"), "--reason"),
        (("void", "nine", "--reason", "x"), "there is no trade nine in the ledger"),
        (("markets", "alias", "X/Y", "Z/Y"), "Z/Y is no market of this ledger"),
        (("markets", "alias", "nonsense", BTC), "'nonsense' does not read like BASE/QUOTE"),
        (("markets", "distinct", BTC, BTC), "give two names"),
        (("rebook", BTC), "is booked by today's rules already, as spot"),
        (("decisions", "undo", 1), "there is no decision 1"),
    ],
)
def test_what_cannot_be_decided_is_refused_by_name_and_changes_nothing(
    desk: Desk, words: tuple[object, ...], said: str
) -> None:
    desk.told([A])
    desk.told([B])
    ran = desk.run(*words)
    assert (ran.code, said in ran.err, "Traceback" in ran.err) == (2, True, False)
    with opened(desk.db) as ledger:
        assert rows(ledger, "SELECT count(*) FROM ledger_commits") == [2]


def test_a_running_engine_is_asked_and_its_audit_has_it(desk: Desk) -> None:
    desk.told([A])
    desk.told([B])
    venue = f"recorded:{desk.db.parent / 'f.jsonl'}"
    engine = started("run", "--venue", venue, "--db", desk.db, "--interval", "1h", "--json")
    try:
        assert engine.stdout is not None
        assert json.loads(engine.stdout.readline())["cycle_id"] == 3
        preview = desk.run("conflicts", "resolve", 1, "--replace", "--preview")
        assert "cost 180" in preview.out
        ran = desk.run("conflicts", "resolve", 1, "--replace", "--reason", "asked")
        assert (ran.code, "decision 3, made in cycle 4" in ran.out) == (0, True)
        refused = desk.run("conflicts", "resolve", 1, "--keep")
        assert (refused.code, "conflict 1 is decided" in refused.err) == (2, True)
    finally:
        engine.terminate()
        assert finished(engine).code == 0
    with opened(desk.db) as ledger:
        audit = rows(ledger, "SELECT action, outcome FROM audit WHERE action = 'decide'")
        assert [action for action, _ in audit] == ["decide", "decide"]
    assert desk.figures()["cost"] == "180"
    assert verified(desk.db).ok


def test_decisions_are_found_again_in_another_ledger_whatever_it_was_told_first(
    tmp_path: Path,
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = Desk(tmp_path / "one"), Desk(tmp_path / "two")
    bust = reported("7", "sell", "1", "5", 7_000)
    one.told([A, bust])
    one.told([B])
    one.run("conflicts", "resolve", 1, "--replace")
    one.run("void", "7", "--reason", "busted")
    export = tmp_path / "decisions.jsonl"
    export.write_text(one.run("decisions", "export").out)
    two.told([B, bust])
    two.told([A])
    applied = two.run("decisions", "apply", export)
    assert (applied.code, applied.out) == (0, "2 lines, 2 decisions made\n")
    assert two.figures() == one.figures()
    again = two.ask("decisions", "apply", export)
    assert again == {"lines": 2, "decided": [], "refused": []}
    assert two.run("decisions", "apply", export).out == "2 lines, 0 decisions made\n"
    third = Desk(tmp_path)
    third.told([A, bust])
    ran = third.run("decisions", "apply", export, "--json")
    assert (ran.code, ran.json["lines"], len(ran.json["refused"])) == (1, 2, 1)
    # Nothing is decided about the trade whose kept content is not there yet.
    assert [made["positions_after"][BTC]["qty"] for made in ran.json["decided"]] == ["2"]
    assert third.run("decisions", "apply", serve(tmp_path / "x", ["{}"])).code == 2


def test_case_01_ids_shared_by_orders_clash_until_each_is_decided(desk: Desk) -> None:
    path = shared("data/cases/01-one-id-many-orders/fills.jsonl")
    items = [json.loads(line) for line in path.read_text().splitlines()]
    assert desk.told(items)["status"] == "attention"
    assert "recorded.trade_ids = 'order' books all" in desk.run("conflicts", "list").out
    desk.run("conflicts", "resolve", 1, "--book-as", "7c1e-aa")
    desk.run("conflicts", "resolve", 2, "--book-as", "7c1e-aa-2")
    assert desk.told(items)["status"] == "ok"
    figures = desk.figures("YES-EX/USDC")
    assert (figures["qty"], figures["realized_pnl"]) == ("0", "1.03")
    assert verified(desk.db).ok


@pytest.mark.parametrize("appended", [False, True])
def test_case_19_a_renamed_market_is_one_position_once_that_is_said(
    desk: Desk, appended: bool
) -> None:
    folder = shared("data/cases/19-market-renamed-same-ids")
    before, after = (
        [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("before.jsonl", "after.jsonl")
    )
    if not appended:
        desk.told(before)
    served = before + after if appended else after
    assert desk.told(served)["status"] == "held"
    assert desk.told(served)["status"] == "held"
    assert desk.figures("ETH/USDT")["qty"] == "2"
    states = desk.ask("status")["markets"]["ETH/USDT:USDT"]
    assert any("markets alias ETH/USDT:USDT ETH/USDT" in state["remedy"] for state in states)
    assert desk.run("markets", "alias", "ETH/USDT:USDT", "=", "ETH/USDT").code == 0
    assert desk.told(served)["status"] == "ok"
    figures = desk.figures("ETH/USDT")
    assert (figures["qty"], figures["realized_pnl"], figures["fees"]) == (
        "0", "300", {"USDT": "2.6"},
    )  # fmt: skip
    assert verified(desk.db).ok


def test_an_alias_of_another_base_or_quote_says_so_before_and_after(desk: Desk) -> None:
    desk.told([A])
    said = (
        "XBT/USDC and BTC/USDT differ in base and quote: XBT is counted as BTC, USDC is counted as "
        "USDT, as after a rename"
    )
    assert said in desk.run("markets", "alias", "XBT/USDC", BTC, "--preview").out
    assert desk.ask("markets", "alias", "XBT/USDC", BTC)["remarks"] == [said]
    assert desk.ask("markets", "alias", "BTC/USDT:X", BTC)["remarks"] == []
    further = desk.ask("markets", "alias", "BTX/USDT", "XBT/USDC")["remarks"]
    assert further == [
        "BTX/USDT and BTC/USDT differ in base: BTX is counted as BTC, as after a rename"
    ]


def test_a_remedy_can_be_typed_where_a_name_has_blanks(desk: Desk) -> None:
    old, new = reported("1", symbol="GMT Token/BTC"), reported("1", symbol="GMT/BTC")
    desk.told([old])
    assert desk.told([old, new])["status"] == "held"
    [state] = desk.ask("status")["markets"]["GMT/BTC"]
    command = state["remedy"].split("`")[1]
    assert command == "cycledeck markets alias GMT/BTC 'GMT Token/BTC'"
    assert desk.run(*shlex.split(command)[1:]).code == 0
    assert desk.ask("status")["markets"] == {}


def test_a_contract_that_the_first_program_booked_as_spot_is_booked_anew(tmp_path: Path) -> None:
    unpack(FOLDER / "0.1.0" / "recorded-account", tmp_path)
    desk = Desk(tmp_path)
    venue = ("--venue", f"recorded:{tmp_path / 'fills.jsonl'}")
    desk.run("once", *venue)
    swap = "BTC/USD:BTC"
    old = desk.figures(swap)
    assert "give the --size" in desk.run("rebook", swap, "--kind", "inverse").err
    assert "is settled in BTC, and so inverse" in desk.run("rebook", swap, "--kind", "linear").err
    how = ("--kind", "inverse", "--size", "100")
    assert desk.run("rebook", swap, *how).code == 0
    figures = desk.figures(swap)
    assert (figures["qty"], figures["cost"]) == ("10000", "0.27027027027027027")
    assert verified(desk.db).ok
    assert desk.run("once", *venue).code == 0
    assert desk.run("rebook", swap, "--undo").code == 0
    assert desk.figures(swap) == old
    assert verified(desk.db).ok


def test_what_the_account_began_with_moves_its_balance_and_is_taken_back(desk: Desk) -> None:
    desk.told([A])
    how = ("open", "--asset", "USDT", "--amount", "1000.5", "--at", "2020-01-01")
    preview = desk.run(*how, "--preview")
    assert "balance USDT  -200 → 800.5" in preview.out
    assert desk.run(*how, "--reason", "their statement").code == 0
    assert desk.ask("status")["balances"] == {"BTC": "2", "USDT": "800.5"}
    assert desk.run("decisions", "undo", 2).code == 0
    found = desk.ask("status")
    assert found["balances"] == {"BTC": "2", "USDT": "-200"}
    assert [line["reason"] for line in found["adjustments"]] == ["takes opening:1 back"]
    assert verified(desk.db).ok


def test_an_opening_that_a_fill_came_late_for_is_kept_or_void_by_the_command_that_status_names(
    desk: Desk,
) -> None:
    early, later = reported("0", "buy", "1", "100", 500), reported("1", "buy", "2", "100", 9_000)
    desk.told([later])
    between = "2023-07-22T04:26:45Z"
    assert desk.run("open", "--asset", "BTC", "--amount", "5", "--at", between).code == 0
    assert desk.run("status", "--check").code == 0
    assert desk.told([later, early])["status"] == "attention"
    checked = desk.run("status", "--check")
    assert (checked.code, "`cycledeck openings keep 1`" in checked.out) == (1, True)
    assert desk.run("openings", "keep", 1, "--reason", "cold wallet").code == 0
    assert desk.run("status", "--check").code == 0
    assert [line["decided"] for line in desk.ask("openings", "list")] == ["kept"]
    assert desk.run("openings", "keep", 1, "--undo").code == 0
    assert desk.run("status", "--check").code == 1
    void = ("openings", "void", 1, "--reason", "all is here")
    assert "balance BTC  8 → 3" in desk.run(*void, "--preview").out
    assert desk.run(*void).code == 0
    assert desk.run("status", "--check").code == 0
    assert "opening:1  2023-07-22T04:26:45.000Z  BTC 5  void" in desk.run("openings", "list").out
    assert verified(desk.db).ok


def test_the_last_opening_of_an_asset_is_taken_back_by_its_own_command(desk: Desk) -> None:
    desk.told([A])
    for asset in ("USDT", "BTC"):
        how = ("open", "--asset", asset, "--amount", "5", "--at", "2020-01-01")
        assert desk.run(*how).code == 0
    assert desk.run("open", "--asset", "USDT", "--undo").code == 0
    assert desk.ask("status")["balances"] == {"BTC": "7", "USDT": "-200"}
    refused = desk.run("open", "--asset", "USDT", "--undo")
    assert (refused.code, "no such decision" in refused.err) == (2, True)
    assert verified(desk.db).ok


def test_an_adjustment_of_a_position_is_on_every_report(desk: Desk) -> None:
    desk.told([A])
    how = ("adjust", "--market", BTC, "--qty", "-1", "--cost", "-100", "--reason", "a fork")
    assert desk.run(*how).code == 0
    assert (desk.figures()["qty"], desk.figures()["cost"]) == ("1", "100")
    assert "a fork" in desk.run("status").out
    assert verified(desk.db).ok


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("open", "--asset", "USDT", "--amount", "1"), "--at"),
        (("open", "--asset", "USDT", "--at", "2020-01-01"), "--amount: give one"),
        (("open", "--at", "2020-01-01"), "either an --asset"),
        (("open", "--asset", "USDT", "--amount", "x", "--at", "2020-01-01"), "--amount"),
        (("adjust", "--asset", "USDT", "--amount", "1"), "--reason"),
        (
            ("adjust", "--market", "XY", "--qty", "1", "--cost", "1", "--reason", "r"),
            "does not read",
        ),
        (("adjust", "--asset", "USDT", "--amount", "1", "--at", "soon"), "--at soon"),
        (("close", "2023-13"), "a period reads like"),
        (("close", "soon"), "a time reads like"),
    ],
)
def test_what_cannot_be_booked_or_closed_is_refused_by_name(
    desk: Desk, words: tuple[object, ...], said: str
) -> None:
    desk.told([A])
    ran = desk.run(*words)
    assert (ran.code, said in ran.err, "Traceback" in ran.err) == (2, True, False)


def test_what_is_booked_in_a_closed_period_is_a_correction_of_a_prior_one(desk: Desk) -> None:
    assert desk.told([A])["status"] == "ok"
    assert desk.run("close", "2023-07", "--reason", "July is done").code == 0
    late = desk.told([A, reported("2", ts=5_000)])
    assert [w["type"] for w in late["warnings"]] == ["prior_period"]
    closed = desk.ask("status")["closed"]
    assert (closed["corrections"], closed["first_corrections"]) == (1, ["fill:2"])
    assert "fill:2, a correction of a prior period" in desk.run("status").out
    assert "is closed already" in desk.run("close", "2023-06").err
    assert desk.run("close", "2023-07", "--undo").code == 0
    assert desk.ask("status")["closed"] is None
    assert verified(desk.db).ok


@pytest.mark.parametrize("how", [(), ("--rehearse",)])
def test_a_decision_is_not_replayed_and_says_that_it_is_one(
    desk: Desk, how: tuple[str, ...]
) -> None:
    desk.told([A])
    desk.run("void", "1", "--reason", "busted")
    ran = desk.run("replay", 2, *how)
    assert (ran.code, "cycle 2 is a decision, which fetched nothing" in ran.err) == (2, True)


def test_a_position_that_the_account_began_with_pins_its_market(desk: Desk) -> None:
    desk.told([A])
    swap = "ETH/USDT:USDT"
    how = ("open", "--market", swap, "--qty", "-2", "--cost", "-200", "--at", "2020-01-01")
    assert desk.run(*how).code == 0
    assert desk.figures(swap)["qty"] == "-2"
    closing = reported("9", "buy", "2", "90", 9_000, swap, contractSize="1")
    assert desk.told([A, closing])["positions"][swap]["realized_pnl"] == "20"
    assert verified(desk.db).ok


@pytest.mark.parametrize(
    ("word", "quantities"),
    [("alias", {"BTC/USDT": "8", "ETH/USDT": "-1"}),
     ("distinct", {"BTC/USDT": "6", "ETH/USDT": "-1", "XBT/USDT": "6"})],
)  # fmt: skip
def test_fills_that_an_earlier_program_booked_under_two_names_are_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, quantities: dict[str, str]
) -> None:
    unpack(FOLDER / "0.1.0" / "recorded-market-twins", tmp_path)
    monkeypatch.chdir(tmp_path)
    first = cycledeck("once", "--json").json
    assert (first["status"], first["ledger_events_inserted"]) == ("held", 0)
    [conflict] = cycledeck("conflicts", "list", "--json").json
    assert (conflict["kind"], conflict["source_id"]) == ("relabelled", "XBT/USDT:2")
    assert conflict["remedy"] == (
        "cycledeck markets alias XBT/USDT BTC/USDT, or markets distinct XBT/USDT BTC/USDT"
    )
    assert cycledeck("markets", word, "XBT/USDT", "BTC/USDT").code == 0
    result = cycledeck("once", "--json").json
    assert (result["status"], result["ledger_events_inserted"]) == ("ok", 0)
    assert {name: position["qty"] for name, position in result["positions"].items()} == quantities
    verification = cycledeck("verify", "--json").json
    assert verification["violations"] == []
    for cycle in (2, 4):
        assert cycledeck("replay", cycle, "--rehearse", "--json").json["differences"] == []


def two_desks(folder: Path) -> tuple[Desk, Desk]:
    for name in ("one", "two"):
        (folder / name).mkdir()
    return Desk(folder / "one"), Desk(folder / "two")


def apply(one: Desk, two: Desk) -> Ran:
    export = one.db.with_name("decisions.jsonl")
    export.write_text(one.run("decisions", "export").out)
    return two.run("decisions", "apply", export)


def test_a_void_replacement_is_void_in_another_ledger_whatever_its_number_is_there(
    tmp_path: Path,
) -> None:
    one, two = two_desks(tmp_path)
    one.told([A])
    one.told([B])
    one.run("conflicts", "resolve", 1, "--replace")
    one.run("void", "decision:3:1", "--reason", "busted")
    two.told([B])
    two.told([A])
    assert apply(one, two).code == 0
    for desk in (one, two):
        result = desk.told([A, B])
        assert (result["status"], result["positions"][BTC]["qty"]) == ("ok", "0")
        assert verified(desk.db).ok


def test_contents_under_two_names_of_a_market_are_found_again_under_either(tmp_path: Path) -> None:
    one, two = two_desks(tmp_path)
    old, new = A | {"symbol": "XBT/USDT"}, B
    one.told([old])
    one.told([A])
    assert one.run("markets", "alias", BTC, "XBT/USDT").code == 0
    one.told([new])
    assert one.run("conflicts", "resolve", 2, "--replace").code == 0
    two.told([B | {"symbol": "XBT/USDT"}])
    two.told([A])
    assert apply(one, two).code == 0
    for desk in (one, two):
        result = desk.told([A, B])
        assert (result["status"], result["positions"]["XBT/USDT"]["cost"]) == ("ok", "180")
        assert verified(desk.db).ok


def test_a_chain_of_undos_leaves_the_first_decision_standing_or_not_as_its_figures_do(
    desk: Desk,
) -> None:
    desk.told([A])
    desk.run("adjust", "--asset", "USDT", "--amount", "5", "--at", "2024-01-01", "--reason", "x")
    for number, balance in ((2, "-200"), (3, "-195"), (4, "-200"), (5, "-195"), (6, "-200")):
        assert desk.run("decisions", "undo", number).code == 0
        assert desk.ask("status")["balances"]["USDT"] == balance
        stands = balance == "-195"
        assert (desk.ask("decisions", "list")[0]["undone_by"] is None) == stands
        assert bool(desk.run("decisions", "export").out) == stands
    ran = desk.run("decisions", "undo", 2)
    assert (ran.code, "taken back already" in ran.err) == (2, True)


def test_equal_decisions_are_applied_as_often_as_they_were_made(tmp_path: Path) -> None:
    one, two = two_desks(tmp_path)
    for desk in (one, two):
        desk.told([A])
    for reason in ("a", "b"):
        how = ("--asset", "USDT", "--amount", "5", "--at", "2024-01-01", "--reason", reason)
        one.run("adjust", *how)
    assert apply(one, two).out == "2 lines, 2 decisions made\n"
    assert apply(one, two).out == "2 lines, 0 decisions made\n"
    assert two.ask("status")["balances"]["USDT"] == "-190"


def test_a_market_under_another_name_is_not_booked_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(FOLDER / "0.1.0" / "recorded-market-ids", tmp_path)
    monkeypatch.chdir(tmp_path)
    cycledeck("once")
    swap = "BTC/USDT:USDT"
    assert cycledeck("markets", "alias", swap, BTC).code == 0
    ran = cycledeck("rebook", swap, "--kind", "linear", "--size", "1")
    assert (ran.code, f"{swap} is another name of {BTC}" in ran.err) == (2, True)


def test_a_content_that_was_decided_about_is_not_left_out(desk: Desk) -> None:
    late = reported("9", "buy", "1", "100", 90_000_000)
    desk.told([A, B])
    desk.run("conflicts", "resolve", 1, "--book-as", "1a")
    desk.run("conflicts", "resolve", 2, "--keep")
    desk.told([A, B, late])
    result = desk.told([A, B, late])
    assert (result["status"], result["warnings"]) == ("ok", [])


def test_a_rehearsal_differs_in_no_order_of_cursors(desk: Desk) -> None:
    eth = reported("2", symbol="ETH/USDT")
    desk.told([A, eth])
    desk.told([eth])
    assert desk.ask("replay", 2, "--rehearse")["differences"] == []
