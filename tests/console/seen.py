"""What is on the screen, as text."""

from textual.app import App
from textual.strip import Strip
from textual.widget import Widget


def strips(app: App[None]) -> list[Strip]:
    """Every row of the screen as it is sent to the terminal."""
    return app.screen._compositor.render_strips()


def rows(app: App[None]) -> list[str]:
    """Every row of the screen, blanks at its end removed."""
    return [strip.text.rstrip() for strip in strips(app)]


def text(app: App[None]) -> str:
    return "\n".join(rows(app))


def inside(app: App[None], selector: str) -> list[str]:
    """The rows of one widget, with its border and title."""
    widget = app.screen.query_one(selector, Widget)
    left, top, width, height = widget.region
    return [
        strip.crop(left, left + width).text.rstrip() for strip in strips(app)[top : top + height]
    ]


def cells(app: App[None], selector: str) -> str:
    """One widget's text, its words one blank apart."""
    return " ".join("\n".join(inside(app, selector)).split())
