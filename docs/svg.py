"""Textual's screenshots made smaller, and the same in every monospaced font.

A screenshot is an SVG with a rectangle behind, and a text for, each run of cells of one style.
Here neighbours are joined, and blocks and lines are drawn: in most fonts they leave gaps between
rows. Nothing is left that would be fetched from elsewhere.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from rich.cells import cell_len

NAMESPACE = "http://www.w3.org/2000/svg"
# A cell in the units of the picture, and how much of it is above the letters' ground line.
WIDTH, HEIGHT = 12.2, 24.4
ASCENT = 20
# Where the row of cells begins above its first one's own y.
TOP = 1.5
BLANK = "\N{NO-BREAK SPACE}"

Box = tuple[float, float, float, float]
# Blocks, as parts of a cell: left, top, width, height.
BLOCKS: dict[str, Box] = {
    "▀": (0, 0, 1, 1 / 2),
    "▔": (0, 0, 1, 1 / 8),
    "▐": (1 / 2, 0, 1 / 2, 1),
    "▕": (7 / 8, 0, 1 / 8, 1),
    "━": (0, 0.44, 1, 0.12),
}
BLOCKS |= {chr(0x2580 + n): (0, 1 - n / 8, 1, n / 8) for n in range(1, 9)}
BLOCKS |= {chr(0x2590 - n): (0, 0, n / 8, 1) for n in range(1, 8)}
# Lines, as paths from the middle of a cell; they reach a little into the cells beside them.
LINES = {
    "─": "m-6.2,0h12.4",
    "│": "m0,-12.4v24.8",
    "┤": "m-6.2,0h6.2m0,-12.4v24.8",
    "╭": "m0,12.4v-7.4q0,-5 5,-5h1.2",
    "╮": "m0,12.4v-7.4q0,-5 -5,-5h-1.2",
    "╰": "m0,-12.4v7.4q0,5 5,5h1.2",
    "╯": "m0,-12.4v7.4q0,5 -5,5h-1.2",
}
DRAWN = BLOCKS.keys() | LINES.keys()

ElementTree.register_namespace("", NAMESPACE)


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring cells in one row that look the same; `look` is a colour or a class."""

    row: int
    column: int
    cells: int
    look: str
    text: str = ""

    @property
    def end(self) -> int:
        return self.column + self.cells


def compact(svg: str) -> str:
    """The same picture of the same screen; `svg` is what `App.export_screenshot` gives."""
    root = ElementTree.fromstring(re.sub(r"\bterminal-\d+-", "terminal-", svg))  # noqa: S314 - ours
    colours = _style(root)
    screen = root.findall(_name("g"))[-1]
    behind = list(joined(_behind(rect) for rect in screen.findall(_name("rect"))))
    written = list(joined(_written(text) for text in screen.iter(_name("text"))))
    _emptied(root, screen)
    _fill(screen, behind, written)
    _line(screen, written, colours)
    _write(screen, written)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def joined(runs: Iterable[Run]) -> Iterator[Run]:
    """Neighbours that look the same as one run."""
    last: Run | None = None
    for run in runs:
        if last and (last.row, last.end, last.look) == (run.row, run.column, run.look):
            last = replace(last, cells=last.cells + run.cells, text=last.text + run.text)
            continue
        if last:
            yield last
        last = run
    if last:
        yield last


# --- reading


def _style(root: Element) -> dict[str, str]:
    """The colour of each class. Fonts are left to the machine that shows the picture."""
    style = _found(root, "style")
    style.text = re.sub(r"@font-face \{.*?\}\s*", "", style.text or "", flags=re.DOTALL)
    return dict(re.findall(r"\.(terminal-r\d+) \{ fill: (#\w+)", style.text))


def _emptied(root: Element, screen: Element) -> None:
    """Without what clips each row: it clips the tails of letters, too."""
    root.remove(_found(root, "defs"))
    del screen.attrib["clip-path"]
    for part in list(screen):
        screen.remove(part)
    screen.text = "\n"


def _behind(rect: Element) -> Run:
    row = round((_number(rect, "y") - TOP) / HEIGHT)
    cells = round(_number(rect, "width") / WIDTH)
    return Run(row, _column(rect), cells, rect.get("fill", ""))


def _written(element: Element) -> Run:
    """Its `textLength` is not used: that takes every character for one cell."""
    row = round((_number(element, "y") - ASCENT) / HEIGHT)
    text = element.text or ""
    return Run(row, _column(element), cell_len(text), element.get("class", ""), text)


def _column(element: Element) -> int:
    return round(_number(element, "x") / WIDTH)


def _number(element: Element, name: str) -> float:
    return float(element.get(name, "0"))


def _found(root: Element, tag: str) -> Element:
    found = root.find(_name(tag))
    if found is None:
        raise ValueError(f"a screenshot has a {tag}; this has none")
    return found


def _name(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"


# --- drawing


def _fill(screen: Element, behind: list[Run], written: list[Run]) -> None:
    """The commonest colour at once, behind everything; the others where they are."""
    group = SubElement(screen, "g", {"shape-rendering": "crispEdges"})
    group.text = group.tail = "\n"
    common = _commonest(behind)
    right, rows = max(run.end for run in behind), max(run.row for run in behind) + 1
    _rect(group, Run(0, 0, right, common), (0, 0, 1, rows))
    for run in behind:
        if run.look != common:
            _rect(group, run, (0, 0, 1, 1))
    for run in written:
        for block in _blocks(run):
            _rect(group, block, BLOCKS[block.text])


def _commonest(runs: Iterable[Run]) -> str:
    areas: Counter[str] = Counter()
    for run in runs:
        areas[run.look] += run.cells
    return areas.most_common(1)[0][0]


def _blocks(run: Run) -> Iterator[Run]:
    """The blocks in it, equal neighbours together where they fill their cells' width."""
    for part in _characters(run):
        if part.text in BLOCKS:
            whole = BLOCKS[part.text][2] == 1
            for column in range(part.column, part.column + 1 if whole else part.end):
                yield replace(part, column=column, cells=part.cells if whole else 1)


def _characters(run: Run) -> Iterator[Run]:
    """Each character with how often it comes in a row."""
    if len(run.text) != run.cells:
        return  # There are characters of two cells, none of which is drawn.
    column = run.column
    for character, found in groupby(run.text):
        cells = len(list(found))
        yield Run(run.row, column, cells, run.look, character)
        column += cells


def _rect(group: Element, run: Run, box: Box) -> None:
    left, top, width, height = box
    look = "fill" if run.look.startswith("#") else "class"
    rect = SubElement(group, "rect", {look: run.look})
    rect.set("x", _short((run.column + left) * WIDTH))
    rect.set("y", _short((run.row + top) * HEIGHT + TOP))
    rect.set("width", _short(run.cells * width * WIDTH))
    rect.set("height", _short(height * HEIGHT))
    rect.tail = "\n"


def _line(screen: Element, written: list[Run], colours: dict[str, str]) -> None:
    """All lines of one colour as one path."""
    paths: dict[str, list[str]] = {}
    for run in written:
        for part in _characters(run):
            if part.text in LINES:
                paths.setdefault(colours[run.look], []).extend(_strokes(part))
    for colour, strokes in paths.items():
        path = SubElement(screen, "path", {"fill": "none", "stroke": colour})
        path.set("stroke-width", "1.5")
        path.set("d", "".join(strokes))
        path.tail = "\n"


def _strokes(part: Run) -> Iterator[str]:
    y = _short((part.row + 0.5) * HEIGHT + TOP)
    if part.text == "─":
        x = _short((part.column + 0.5) * WIDTH)
        yield f"M{x},{y}m-6.2,0h{_short(part.cells * WIDTH + 0.2)}"
        return
    for column in range(part.column, part.end):
        yield f"M{_short((column + 0.5) * WIDTH)},{y}{LINES[part.text]}"


# --- writing


def _write(screen: Element, written: list[Run]) -> None:
    matrix = SubElement(screen, "g", {"class": "terminal-matrix"})
    matrix.text = matrix.tail = "\n"
    for _, runs in groupby(written, key=attrgetter("row")):
        last = None
        for run in filter(None, map(_words, runs)):
            last = _text(matrix, run)
        if last is not None:
            last.tail = "\n"


def _words(run: Run) -> Run | None:
    """What of a run is left to write, without blanks around it."""
    text = run.text
    if len(text) == run.cells:
        text = "".join(BLANK if character in DRAWN else character for character in text)
    shown = text.strip()
    if not shown:
        return None
    before = len(text) - len(text.lstrip())
    cells = run.cells - (len(text) - len(shown))
    return replace(run, column=run.column + before, cells=cells, text=shown)


def _text(matrix: Element, run: Run) -> Element:
    text = SubElement(matrix, "text", {"class": run.look})
    text.set("x", _short(run.column * WIDTH))
    text.set("y", _short(run.row * HEIGHT + ASCENT))
    text.set("textLength", _short(run.cells * WIDTH))
    text.text = run.text
    return text


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
