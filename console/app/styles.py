"""Where the stylesheets are: `styles/` beside this package, in a checkout and when installed."""

from pathlib import Path

import console

_FOLDER = Path(console.__file__).resolve().parent.parent / "styles"


def stylesheets() -> list[Path]:
    """What all screens share, then one file a screen, of the same name as its module.

    An app takes them all at once: with every sheet that is added later, Textual reads each one
    again that it has, its widgets' own included.
    """
    shared = _FOLDER / "app.tcss"
    return [shared, *sorted(set(_FOLDER.glob("*.tcss")) - {shared})]
