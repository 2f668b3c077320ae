"""Where the stylesheets are: `styles/` beside this package, in a checkout and when installed."""

from pathlib import Path

_FOLDER = Path(__file__).resolve().parent.parent / "styles"


def stylesheet(name: str) -> Path:
    return _FOLDER / f"{name}.tcss"
