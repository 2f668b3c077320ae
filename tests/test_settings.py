"""Settings: a file, the environment, flags; and errors that say what is accepted."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Settings, load_settings
from engine.cli.config_file import template
from engine.clock import format_duration, iso, parse_duration, parse_time
from engine.errors import SettingsError
from engine.settings import fields
from tests.denied import denied

FILE = "cycledeck.toml"


def load(text: str = "", **flags: Any) -> Settings:
    Path(FILE).write_text(text, "utf-8")
    return load_settings(None, flags)


def refused(text: str = "", **flags: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(text, **flags)
    return str(caught.value)


# --- durations and times


@pytest.mark.parametrize(
    ("text", "ms"),
    [("0", 0), (0, 0), ("0s", 0), ("250ms", 250), ("2s", 2_000), ("10m", 600_000),
     ("1h", 3_600_000), ("30d", 2_592_000_000)],
)  # fmt: skip
def test_durations_read_as_people_write_them(text: object, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "value",
    ["", "5", "1.5s", "-1s", "1 s", "1S", "1w", "s", "1h30m", "٣s", 5, 1.5, None, [], True, False,
     0.0, "9" * 12 + "d"],
)  # fmt: skip
def test_what_is_no_duration_is_refused_with_what_is_accepted(value: object) -> None:
    with pytest.raises(ValueError, match="a duration reads like 0, 250ms, 2s, 10m, 1h or 30d"):
        parse_duration(value)


@given(st.integers(0, 10**12))
def test_a_duration_written_reads_back_as_itself(ms: int) -> None:
    assert parse_duration(format_duration(ms)) == ms


@given(st.integers(0, 253_402_300_799_999))
def test_a_time_written_reads_back_as_itself(ms: int) -> None:
    assert parse_time(iso(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-02", 86_400_000),
        ("1970-01-01T00:00:01", 1_000),
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T01:00:01+01:00", 1_000),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1767225600000", 1_767_225_600_000),
    ],
)
def test_times_are_utc_unless_they_say_otherwise_or_milliseconds(text: str, ms: int) -> None:
    assert parse_time(text) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "-5", "9" * 30, "10:00"])
def test_what_is_no_time_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(ValueError, match="a time reads like 2026-01-31"):
        parse_time(text)


# --- where settings come from


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = load()
    assert (settings.venue, settings.interval, settings.lookback) == ("sim", 2_000, 600_000)
    assert (settings.page_size, settings.start_from, settings.strategy) == (
        100,
        "beginning",
        "auto",
    )


def test_flags_win_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = 'lookback = "1m"\ninterval = "1m"\naccount = "file"\n'
    monkeypatch.setenv("CYCLEDECK_LOOKBACK", "2m")
    monkeypatch.setenv("CYCLEDECK_INTERVAL", "2m")
    settings = load(text, interval="3m")
    assert (settings.interval, settings.lookback) == (180_000, 120_000)
    assert settings.account == "file"


def test_sections_are_merged_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLEDECK_RISK__MAX_OPEN_ORDERS", "3")
    monkeypatch.setenv("CYCLEDECK_SIM__MISCHIEF__LATE", "0.5")
    settings = load('[risk]\nmax_position = "7.5"\n[sim.mischief]\nduplicate = 0.25\n')
    assert settings.risk.max_position == Decimal("7.5")
    assert settings.risk.max_open_orders == 3
    assert (settings.sim.mischief.late, settings.sim.mischief.duplicate) == (0.5, 0.25)


def test_the_file_given_wins_over_the_one_found(tmp_path: Path) -> None:
    Path(FILE).write_text('account = "found"')
    given_file = tmp_path / "other.toml"
    given_file.write_text('account = "given"')
    assert load_settings(given_file).account == "given"
    assert load_settings().account == "found"


def test_the_users_file_is_found_where_there_is_none_here(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "cycledeck"
    folder.mkdir(parents=True)
    (folder / FILE).write_text('account = "user"')
    assert load_settings().account == "user"


def test_a_folder_that_may_hold_settings_and_cannot_be_entered_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    with denied(tmp_path) as closed:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(closed))
        with pytest.raises(SettingsError, match=rf"{closed}/cycledeck/{FILE}: Permission denied"):
            load_settings(flags={"db": "l.db"})


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: No such file"):
        load_settings(Path("nowhere.toml"))


@pytest.mark.parametrize("content", [b"= 1", b"a = ", b"\xff"])
def test_a_file_that_is_no_toml_is_named(content: bytes) -> None:
    Path(FILE).write_bytes(content)
    with pytest.raises(SettingsError, match=r"cycledeck\.toml: not a TOML file"):
        load_settings()


# --- symbols, venue, start


def test_symbols_are_a_list_or_text_with_commas_each_once() -> None:
    pair = ("A/B", "C/D")
    assert load(symbols="A/B,C/D,A/B").symbols == pair
    assert load(symbols=" A/B, C/D ").symbols == pair
    assert load('symbols = ["A/B", "C/D"]').symbols == pair
    assert load('symbols = "A/B,C/D"').symbols == pair
    assert load(symbols="").symbols == ()


@pytest.mark.parametrize("symbols", ["AB", "A/B/C", "A/B,,X", "A /B"])
def test_a_symbol_that_is_none_is_named(symbols: str) -> None:
    assert "does not read like BASE/QUOTE" in refused(symbols=symbols)


@pytest.mark.parametrize("venue", ["", "binance", "recorded", "recorded:", "sim:x"])
def test_a_venue_is_sim_or_a_recorded_path(venue: str) -> None:
    message = refused(venue=venue)
    assert message == f"venue = {venue!r}: a venue is sim or recorded:PATH"


def test_a_recorded_path_may_have_colons() -> None:
    assert load(venue="recorded:/a:b/c.jsonl").venue == "recorded:/a:b/c.jsonl"


def test_a_start_is_now_beginning_or_a_time() -> None:
    assert load(start_from="now").start_ms(5) == 5
    assert load(start_from="beginning").start_ms(5) == 0
    assert load(start_from="1970-01-02").start_ms(5) == 86_400_000
    assert "start_from = 'soon': a time reads like" in refused(start_from="soon")


# --- what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lokback = 1", r"lokback = 1: unknown key; did you mean lookback\?"),
        ("[risk]\nmax_positon = 1", r"risk\.max_positon = 1: unknown key; did you mean risk\.max"),
        ("[nonsense]\na = 1", r"nonsense = .*unknown key"),
        ("zzzzzzzz = 1", r"zzzzzzzz = 1: unknown key; accepted: account, .*venue"),
        ("[sim.mischief]\nlate = 2", r"sim\.mischief\.late = 2: .*less than or equal to 1"),
        ("page_size = 0", r"page_size = 0: .*greater than or equal to 1"),
        ('page_size = "many"', r"page_size = 'many': .*integer"),
        ('strategy = "grid"', r"strategy = 'grid': .*'auto', 'none' or 'ladder'"),
        ('lookback = "soon"', r"lookback = 'soon': a duration reads like 0, 250ms, 2s"),
        ("lookback = 600", r"lookback = 600: a duration reads like"),
        ("lookback = 1.5", r"lookback = 1.5: a duration reads like"),
        ("lookback = true", r"lookback = True: a duration reads like"),
        ("lookback = false", r"lookback = False: a duration reads like"),
        ('lease_ttl = "0"', r"lease_ttl = '0': has to be longer than 0"),
        ("[risk]\nmax_position = nan", r"risk\.max_position = nan: .* is not"),
        ('[risk]\nmax_position = "lots"', r"risk\.max_position = 'lots': .*decimal number"),
        ("[risk]\nmax_open_orders = -1", r"risk\.max_open_orders = -1: .*greater"),
        ("[risk]\nmax_position = -5", r"risk\.max_position = -5: .*than or equal to 0"),
        ("[risk]\nmax_order_notional = -1", r"risk\.max_order_notional = -1: .*than or equal to 0"),
        ("[ladder]\norder_notional = -1", r"ladder\.order_notional = -1: .*greater than 0"),
        ("[ladder]\norder_notional = 0", r"ladder\.order_notional = 0: .*greater than 0"),
        ("[ladder]\nspacing_bps = 0", r"ladder\.spacing_bps = 0: .*greater than 0"),
        ("[ladder]\nmax_notional = -1", r"ladder\.max_notional = -1: .*than or equal to 0"),
        ('db = ""', r"db = '': is not the path of a file"),
        (
            '[recorded]\ntrade_ids = "x"',
            r"recorded\.trade_ids = 'x': .*'account', 'market', 'order'",
        ),
        ("risk = 5", r"risk = 5: "),
        ('[log]\nlevel = "loud"', r"log\.level = 'loud': .*'debug'"),
    ],
)
def test_unknown_keys_and_bad_values_name_key_value_and_what_is_accepted(
    text: str, message: str
) -> None:
    assert re.search(message, refused(text)), refused(text)


def test_every_mistake_is_listed_not_only_the_first() -> None:
    assert len(refused('a = 1\npage_size = 0\nlookback = "x"').splitlines()) == 3


def test_a_toml_zero_is_a_duration() -> None:
    assert load("lookback = 0").lookback == 0


def test_a_toml_float_of_money_keeps_its_digits() -> None:
    assert load("[risk]\nmax_position = 0.1").risk.max_position == Decimal("0.1")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CYCLEDECK_LOKBACK", "1m", r"CYCLEDECK_LOKBACK: unknown variable; did you mean CYCLEDECK"),
        ("CYCLEDECK_RISK__MAX", "1", r"CYCLEDECK_RISK__MAX: unknown variable"),
        ("CYCLEDECK_LOOKBACK", "soon", r"lookback = 'soon': a duration reads like"),
        ("CYCLEDECK_RISK", "nope", r"\"risk\".*: a whole section is given as JSON"),
        ("CYCLEDECK_SIM__MISCHIEF__LATE", "x", r"sim\.mischief\.late = 'x': .*number"),
        ("CYCLEDECK_SYMBOLS", "AB", r"symbols = 'AB': .*BASE/QUOTE"),
    ],
)
def test_variables_are_checked_like_keys(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    assert re.search(message, refused()), refused()


def test_an_empty_variable_of_a_setting_without_default_unsets_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CYCLEDECK_RISK__MAX_POSITION", "")
    assert load('[risk]\nmax_position = "5"').risk.max_position is None


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().account = "other"  # type: ignore[misc]


# --- the file that init writes


def uncommented() -> str:
    lines = template().splitlines()
    return "\n".join(re.sub(r"^# (\w+ = )", r"\1", line) for line in lines)


def test_the_template_sets_nothing() -> None:
    assert not any(isinstance(v, str | int | list) for v in tomllib.loads(template()).values())
    assert load(template()).model_dump() == load().model_dump()


def test_the_template_with_every_line_uncommented_is_the_defaults() -> None:
    text = uncommented()
    flat = tomllib.loads(text)
    for key, _ in fields():
        value: Any = flat
        for part in key.split("."):
            value = value[part]
    assert load(text).model_dump() == load().model_dump()


def test_every_setting_has_one_sentence_in_the_template() -> None:
    text = template()
    for key, info in fields():
        assert info.description, key
        assert info.description.endswith("."), key
        assert f"# {info.description}\n# {key.rpartition('.')[2]} = " in text


def test_the_kill_switch_file_is_beside_the_ledger_unless_set(tmp_path: Path) -> None:
    assert load(db=tmp_path / "l.db").kill_switch_file == tmp_path / "l.db.kill"
    stop = f'[risk]\nkill_switch_file = "{tmp_path}/stop"'
    assert load(stop).kill_switch_file == tmp_path / "stop"


def test_the_kill_switch_file_is_beside_the_ledger_itself_where_that_is_a_link(
    tmp_path: Path,
) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "l.db")
    assert load(db=tmp_path / "link.db").kill_switch_file == tmp_path / "l.db.kill"


@pytest.mark.parametrize("db", ["", ".", "/", "a\0b"])
def test_a_ledger_that_no_file_can_be_is_refused(db: str) -> None:
    assert "db = " in refused(db=db)
    assert "is not the path of a file" in refused(db=db)
