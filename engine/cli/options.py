"""The flags that commands share, and the settings they make."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.venues.registry import FORMS

if TYPE_CHECKING:
    from engine.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option(help="Settings file; else ./cycledeck.toml, else the user's.", show_default=False),
]
Db = Annotated[Path | None, typer.Option(help="The ledger's SQLite file.", show_default=False)]
Venue = Annotated[
    str | None,
    typer.Option(help=f"{', or '.join(FORMS)}.", show_default=False, metavar="VENUE"),
]
Symbols = Annotated[
    str | None,
    typer.Option(help="Markets, as A/B,C/D; else all the venue names.", show_default=False),
]
ItemSymbol = Annotated[
    str | None, typer.Option("--symbol", help="Only items of a market.", show_default=False)
]
ItemReason = Annotated[
    str | None,
    typer.Option(
        "--reason", help="Only items with these words in their reason.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Interval = Annotated[
    str | None, typer.Option(help="From one cycle to the next, as 2s.", show_default=False)
]
Lookback = Annotated[
    str | None, typer.Option(help="How far before its cursor to ask, as 10m.", show_default=False)
]
Seed = Annotated[int | None, typer.Option(help="The simulator's seed.", show_default=False)]
StartFrom = Annotated[
    str | None,
    typer.Option(help="Where history begins: now, beginning or a time.", show_default=False),
]


def settings_of(config: Path | None, **flags: Any) -> "Settings":
    """Settings of the file, the environment and the flags that were given."""
    from engine.settings import load_settings

    return load_settings(config, {key: value for key, value in flags.items() if value is not None})
