"""Settings: a TOML file, then `CYCLEDECK_…` variables, then flags; the later wins."""

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

from engine.clock import parse_time
from engine.errors import SettingsError
from engine.ledger.reports import check_symbol
from engine.ledger.terms import FEE_FLOOR
from engine.money import canonical
from engine.sections import FileMode, Millis, Money, Section, Unset
from engine.store.ledger_file import beside
from engine.venues import registry
from engine.venues.recorded import RecordedSettings
from engine.venues.sim.settings import SimSettings

FILE_NAME = "cycledeck.toml"
ENV_PREFIX = "CYCLEDECK_"
# A URL as a path has it: of several slashes one is left.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")


class RiskSettings(Section):
    max_order_notional: Annotated[Money | None, Unset] = Field(
        None, ge=0, description="Largest order, in quote units; a larger one is refused."
    )
    max_position: Annotated[Money | None, Unset] = Field(
        None, ge=0, description="Largest position either way, in quote units at the mark."
    )
    max_open_orders: Annotated[int | None, Unset] = Field(
        None, ge=0, description="Most orders that may be open at once in one market."
    )
    kill_switch: bool = Field(False, description="Stop all new orders; accounting goes on.")
    kill_switch_file: Annotated[Path | None, Unset] = Field(
        None,
        description="While this file exists no order is sent; default: the ledger's path + .kill.",
    )


class LadderSettings(Section):
    levels: int = Field(2, ge=1, le=20, description="Bids and asks on each side of the mark.")
    spacing_bps: Money = Field(
        Decimal(4),
        gt=0,
        description="Distance between levels, in hundredths of a percent of the mark.",
    )
    order_notional: Money = Field(
        Decimal(500), gt=0, description="Size of one order, in quote units."
    )
    max_notional: Money = Field(
        Decimal(5000),
        ge=0,
        description="A side is not quoted while it would grow a position beyond this.",
    )


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important messages that are logged."
    )
    format: Literal["text", "json"] = Field("text", description="How messages are written.")


class Settings(BaseSettings):
    """What one engine runs with."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        validate_default=False,
    )

    account: str = Field("main", description="The account's name, as shown.")
    db: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("cycledeck")) / "ledger.db",
        description="The ledger's SQLite file.",
    )
    venue: str = Field("sim", description=f"Where fills come from: {', or '.join(registry.FORMS)}.")
    symbols: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Markets to follow; empty follows every market the venue names."
    )
    strategy: Literal["auto", "none", "ladder"] = Field(
        "auto", description="What places orders; auto is ladder on sim and none elsewhere."
    )
    interval: Millis = Field(
        2_000, description="Time from the start of one cycle to the next; 0 begins each at once."
    )
    lookback: Millis = Field(
        600_000, description="How far before its cursor each cycle asks again for fills."
    )
    start_from: str = Field(
        "beginning", description="Where a market's history begins: now, beginning, or a time."
    )
    earliest: str = Field(
        "2009-01-03",
        description="New fills dated before this time are held: seconds, read as "
        "milliseconds, are of 1970.",
    )
    fee_floor: Money = Field(
        FEE_FLOOR,
        ge=0,
        description="A fee up to this, in the market's money, is never too high; above it, one of "
        "more than 2 % of the value is told, or held where a client library made the item.",
    )
    page_size: int = Field(100, ge=1, le=10_000, description="Fills per page asked of the venue.")
    reconcile_every: Millis = Field(
        21_600_000, description="Time between cycles that look back further; 0 turns them off."
    )
    reconcile_lookback: Millis = Field(
        604_800_000, description="How far those cycles look back, for fills published very late."
    )
    retry_attempts: int = Field(
        4, ge=1, le=20, description="Tries of one market's fetch before the cycle goes on without."
    )
    retry_wait: Millis = Field(
        200, description="First wait between tries; it doubles, with jitter."
    )
    keep_inputs: Millis = Field(
        2_592_000_000,
        description="How long the venue's answers stay for replays; 0 is for ever.",
    )
    keep_idle_cycles: Millis = Field(
        604_800_000,
        description="How long a cycle that changed nothing stays by itself, and at least as long "
        "as the venue's answers do; 0 is for ever.",
    )
    busy_timeout: Millis = Field(5_000, description="Longest wait for the database's write lock.")
    lease_ttl: Millis = Field(
        30_000, description="An engine silent for this long has lost the ledger to the next one."
    )
    stop_timeout: Millis = Field(
        10_000, description="How long a stop waits for the running cycle before cancelling it."
    )
    file_mode: Annotated[FileMode | None, Unset] = Field(
        None,
        description="Who may use the ledger's files, as 0640 for a group that may look; default: "
        "new ones are for their owner alone (0600).",
    )
    anchor_file: Annotated[Path | None, Unset] = Field(
        None,
        description="A file, best on another disk, that each commit's hash is added to, so that "
        "`verify --anchor` can tell a ledger that was built anew or put back; default: none.",
    )
    wal_alarm_mib: int = Field(
        64, ge=1, description="A write-ahead log above this size is reported with each cycle."
    )
    seed: int = Field(7, ge=0, description="The simulator's seed.")
    risk: RiskSettings = Field(RiskSettings(), description="Limits checked before any order.")
    ladder: LadderSettings = Field(LadderSettings(), description="The ladder strategy.")
    sim: SimSettings = Field(SimSettings(), description="The simulated exchange.")
    recorded: RecordedSettings = Field(RecordedSettings(), description="The recorded venue.")
    log: LogSettings = Field(LogSettings(), description="Messages on standard error.")

    @field_validator("db")
    @classmethod
    def _check_db(cls, value: Path) -> Path:
        if not value.name or "\0" in str(value):
            raise ValueError("is not the path of a file")
        if match := _URL.match(str(value)):
            # The rest is not shown: it may hold a password.
            raise SettingsError(
                f"db = '{match[1]}://…': a URL is no ledger; accepted: the path of an SQLite file, "
                "as ledger.db"
            )
        return value

    @field_validator("symbols", mode="before")
    @classmethod
    def _split_symbols(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]

    @field_validator("symbols")
    @classmethod
    def _check_symbols(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(check_symbol(symbol) for symbol in value))

    @field_validator("venue")
    @classmethod
    def _check_venue(cls, value: str) -> str:
        registry.parse(value)
        return value

    @field_validator("start_from")
    @classmethod
    def _check_start(cls, value: str) -> str:
        if value not in ("now", "beginning"):
            parse_time(value)
        return value

    @field_validator("earliest")
    @classmethod
    def _check_earliest(cls, value: str) -> str:
        parse_time(value)
        return value

    @field_validator("lease_ttl")
    @classmethod
    def _positive(cls, value: int) -> int:
        if value <= 0:
            raise ValueError("has to be longer than 0")
        return value

    @property
    def kill_switch_file(self) -> Path:
        return self.risk.kill_switch_file or beside(self.db, ".kill")

    @property
    def earliest_ms(self) -> int:
        """The earliest time of a new fill that is believed, in UTC milliseconds."""
        return parse_time(self.earliest)

    @property
    def idle_cycles_kept(self) -> int:
        """The time idle cycles stay: never without their evidence. 0 is for ever."""
        times = (self.keep_idle_cycles, self.keep_inputs)
        return max(times) if all(times) else 0

    def start_ms(self, now_ms: int) -> int:
        """Where a market's history begins, in UTC milliseconds."""
        if self.start_from == "beginning":
            return 0
        return now_ms if self.start_from == "now" else parse_time(self.start_from)


def load_settings(config: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """Settings from `config` (else ./cycledeck.toml, else the user's), environment and `flags`.

    Raises `SettingsError`, which names each key, its value and what is accepted.
    """
    path = config or _default_config()
    if path is not None:
        _check_toml(path)
    _check_environment()

    class FileSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file = (TomlConfigSettingsSource(settings_cls, path),) if path else ()
            return init_settings, env_settings, *file

    try:
        return FileSettings(**(flags or {}))
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(error))) from None
    except UnreadableVariable as error:
        raise SettingsError(f"{error}: a whole section is given as JSON") from None


def fields(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting as (dotted key, field), sections after plain keys."""
    sections = []
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            sections.append((name, info.annotation))
        else:
            yield prefix + name, info
    for name, section in sections:
        yield from fields(section, f"{prefix}{name}.")


def _default_config() -> Path | None:
    user = Path(platformdirs.user_config_dir("cycledeck")) / FILE_NAME
    return next((path for path in (Path(FILE_NAME), user) if _is_file(path)), None)


def _is_file(path: Path) -> bool:
    """Raises `SettingsError` for a path that cannot be looked at: it may hold settings."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from None


def _check_toml(path: Path) -> None:
    try:
        tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not a TOML file: {error}") from None


def _check_environment() -> None:
    accepted = {ENV_PREFIX + key.replace(".", "__").upper() for key, _ in fields()}
    accepted |= {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    for name in os.environ:
        if name.upper().startswith(ENV_PREFIX) and name.upper() not in accepted:
            raise SettingsError(f"{name}: unknown variable{_hint(name.upper(), accepted)}")


def _explain(error: ValidationError) -> Iterator[str]:
    keys = [key for key, _ in fields()]
    for entry in error.errors():
        key = ".".join(str(part) for part in entry["loc"] if part != "function-before")
        if entry["type"] == "extra_forbidden":
            yield f"{key} = {entry['input']!r}: unknown key{_hint(key, keys)}"
            continue
        message = entry["msg"].removeprefix("Value error, ")
        yield f"{key} = {_as_given(entry['input'])}: {message}"


def _as_given(value: object) -> str:
    if isinstance(value, Decimal):
        return canonical(value)
    return repr(str(value) if isinstance(value, Path) else value)


def _hint(key: str, accepted: Collection[str]) -> str:
    close = difflib.get_close_matches(key, accepted, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; accepted: {', '.join(sorted(accepted))}"
