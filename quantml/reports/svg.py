"""A matplotlib figure as SVG text that belongs in a page: its colours, its font, and the same bytes everywhere."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Ink(StrEnum):
    """A colour that the page chooses: matplotlib draws with the value, the SVG refers to ``var(--name)``."""

    TEXT = "#010203"
    MUTED = "#010204"
    GRID = "#010205"
    PAPER = "#010206"
    STRATEGY = "#010207"
    BENCHMARK = "#010208"
    GAIN = "#010209"
    LOSS = "#01020a"
    ERROR = "#01020b"
    WARNING = "#01020c"

    @property
    def variable(self) -> str:
        """Name of the page's CSS variable."""
        return f"var(--{self.name.lower()})"


@dataclass(frozen=True)
class Sheet:
    """Size of a drawing in CSS pixels; a narrow one is for phones."""

    width: int
    height: int

    @property
    def narrow(self) -> bool:
        """Whether the drawing is for a phone."""
        return self.width < 500


FONT_SIZE: Final = 11.0
STYLE: Final = MappingProxyType(
    {
        "svg.fonttype": "none",
        "text.parse_math": False,
        "font.family": ["DejaVu Sans"],
        "font.size": FONT_SIZE,
        "axes.edgecolor": Ink.GRID.value,
        "axes.labelcolor": Ink.MUTED.value,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "axes.formatter.useoffset": False,
        "xtick.color": Ink.GRID.value,
        "xtick.labelcolor": Ink.MUTED.value,
        "xtick.major.size": 4.0,
        "ytick.color": Ink.GRID.value,
        "ytick.labelcolor": Ink.MUTED.value,
        "ytick.major.size": 0.0,
        "ytick.minor.size": 0.0,
        "grid.color": Ink.GRID.value,
        "grid.linewidth": 0.8,
        "lines.linewidth": 1.5,
        "lines.solid_joinstyle": "round",
    }
)
NO_METADATA: Final = MappingProxyType(dict.fromkeys(("Date", "Creator", "Format", "Type")))


_ONE_AT_A_TIME: Final = threading.Lock()
"""matplotlib's settings are the process's, so that two threads must not draw at once."""


def draw(name: str, label: str, sheet: Sheet, paint: Callable[[Figure, Sheet], None]) -> str:
    """Paint a figure and return it as inline SVG.

    Nothing of matplotlib's global state, or of the reader's settings, is read or changed.

    Parameters
    ----------
    name : str
        Unique in the page: salts and prefixes the identifiers inside the drawing.
    label : str
        Says what the drawing shows to those who cannot see it.
    sheet : Sheet
    paint : callable
        Draws on the empty figure, in the colours of `Ink`.

    Returns
    -------
    str
        One ``<svg>`` element whose width follows its container.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with _ONE_AT_A_TIME, mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast(Any, {**STYLE, "svg.hashsalt": name}))
        figure = Figure(figsize=(sheet.width / 72.0, sheet.height / 72.0), dpi=72)
        FigureCanvasSVG(figure)
        paint(figure, sheet)
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata=dict(NO_METADATA))
    return inline(written.getvalue(), name, label)


_REMOVED: Final = (
    r"<!--.*?-->",  # the texts again
    r"<style.*?</style>",  # would rule the whole page
    r"<defs>\s*</defs>",
    r" transform=\"rotate\(-?0 [^)]*\)\"",
    r" font-family: [^;\"]*;",
)


def inline(document: str, name: str, label: str) -> str:
    """Turn an SVG document by matplotlib into an element of a page.

    Parameters
    ----------
    document : str
        With a prolog, fixed colours and font, and identifiers that other drawings have too.
    name : str
        Prefix of the identifiers that are kept: those that the drawing itself refers to.
    label : str
        The drawing's title.
    """
    body = re.search(r"<svg [^>]*viewBox=\"([^\"]*)\"[^>]*>(.*)</svg>", document, re.DOTALL)
    assert body is not None, "matplotlib writes one svg element with a viewBox"
    box, drawing = body[1], body[2].replace("xlink:href", "href")
    for pattern in _REMOVED:
        drawing = re.sub(pattern, "", drawing, flags=re.DOTALL)
    drawing = re.sub(r"\"[^\"<>]*\"", lambda found: re.sub(r"-?\d+\.\d{2}\d+", _rounded, found[0]), drawing)
    drawing = _renamed(drawing, name)
    for ink in Ink:
        drawing = drawing.replace(ink.value, ink.variable)
    drawing = re.sub(r"\s+", " ", drawing).replace("> <", ">\n<")
    title = f'<title id="{name}-title">{escape(label)}</title>'
    return f'<svg viewBox="{box}" role="img" aria-labelledby="{name}-title">{title}{drawing}</svg>'


def _rounded(number: re.Match[str]) -> str:
    """Two decimals are a hundredth of a pixel."""
    text = f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _renamed(drawing: str, name: str) -> str:
    """Drop the identifiers that nothing refers to, and put the drawing's name before the others."""
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", drawing))

    def rename(found: re.Match[str]) -> str:
        return f' id="{name}-{found[1]}"' if found[1] in used else ""

    drawing = re.sub(r" id=\"([^\"]*)\"", rename, drawing)
    return re.sub(r"(url\(#|href=\"#)", rf"\g<1>{name}-", drawing)


def axes_of(figure: Figure, sheet: Sheet, *, top: float, bottom: float, left: float) -> Any:
    """Add axes whose edges are `top`, `bottom` and `left` pixels from the sheet's, and 10 from its right."""
    right = 10.0
    width, height = float(sheet.width), float(sheet.height)
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box)
    axes.grid(axis="y")
    return axes
