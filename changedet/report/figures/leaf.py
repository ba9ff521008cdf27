"""A page of pixels to draw on: words that are broken to a width, images laid down as they are.

A page is one pair of axes whose unit is the pixel, rows downwards: what is computed is what is
drawn. Here, and only here, user text is drawn: letters that the font lacks become boxes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends import backend_agg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Rectangle

from changedet.report import publish
from changedet.report.language import tell
from changedet.report.publish import UInt8
from changedet.result import Record

DPI = 200
MARGIN = 60
"""Of a page, pixels."""
INK, GREY = "#1c1e21", "#565b62"
_AMBER, _RED = "#f0b400", "#a3001b"
_FONT = "DejaVu Sans"
_LINE = 1.36  # distance of lines, in sizes of the font
_agg: Any = backend_agg  # without types


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Lines of one look, broken to a width."""

    lines: tuple[str, ...]
    size: float
    """Points."""
    bold: bool = False
    colour: str = INK

    @property
    def height(self) -> int:
        """Pixels with the space between lines."""
        return round(len(self.lines) * self.size * _LINE * DPI / 72)


def properties(size: float, *, bold: bool) -> FontProperties:
    """Return the font of all words."""
    return FontProperties(family=_FONT, size=size, weight="bold" if bold else "normal")


def _drawable(text: str) -> str:
    """Replace letters that the font lacks: matplotlib would warn of each."""
    font = get_font(findfont(FontProperties(family=_FONT)))
    return "".join(c if font.get_char_index(ord(c)) else "\u25a1" for c in text)


@cache
def _measure() -> Any:
    return _agg.RendererAgg(8, 8, DPI)


def width_of(line: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a line is, pixels."""
    font = properties(size, bold=bold)
    return float(_measure().get_text_width_height_descent(line, font, ismath=False)[0])


def text_block(
    text: str,
    width: float,
    size: float,
    *,
    bold: bool = False,
    colour: str = INK,
    most: int = 12,
) -> Block:
    """Break a text to a width in pixels, between words where it can, into ``most`` lines."""

    def fits(line: str) -> bool:
        return width_of(line, size, bold=bold) <= width

    lines: list[str] = []
    line = ""
    for word in _drawable(text).split(" "):
        rest = word
        if line and fits(f"{line} {rest}"):
            line = f"{line} {rest}"
            continue
        if line:
            lines.append(line)
        while len(rest) > 1 and not fits(rest):
            cut = next((n for n in range(len(rest) - 1, 1, -1) if fits(rest[:n])), 1)
            lines.append(rest[:cut])
            rest = rest[cut:]
        line = rest
    lines.append(line)
    if len(lines) > most:
        last = lines[most - 1]
        while last and not fits(f"{last}…"):
            last = last[:-1]
        lines = [*lines[: most - 1], last.rstrip(" .,") + "…"]
    return Block(lines=tuple(lines), size=size, bold=bold, colour=colour)


@dataclass(slots=True, eq=False)
class Page:
    """A white page of pixels."""

    width: int
    height: int
    figure: Figure = field(init=False)
    axes: Axes = field(init=False)

    def __post_init__(self) -> None:
        self.figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI)
        self.figure.set_facecolor("white")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, self.width)
        self.axes.set_ylim(self.height, 0)
        self.axes.set_autoscale_on(False)

    def write(self, block: Block, x: float, y: float) -> float:
        """Write lines from their upper left corner on; return where they end."""
        step = block.size * _LINE * DPI / 72
        font = properties(block.size, bold=block.bold)
        for number, line in enumerate(block.lines):
            self.axes.text(
                x, y + (number + 0.78) * step, line, fontproperties=font, color=block.colour,
                va="baseline", zorder=6, parse_math=False, usetex=False,
            )  # fmt: skip
        return y + block.height

    def show(self, image: UInt8, x: int, y: int) -> None:
        """Lay an image down, pixel for pixel."""
        height, width = image.shape[:2]
        self.axes.imshow(
            image, extent=(x, x + width, y + height, y), interpolation="none", aspect="auto",
            origin="upper", zorder=1,
        )  # fmt: skip
        self.axes.set_xlim(0, self.width)
        self.axes.set_ylim(self.height, 0)

    def fill(
        self, x: float, y: float, width: float, height: float, colour: str, *, alpha: float = 1.0
    ) -> Rectangle:
        """Fill a rectangle; words and marks lie above it, images and outlines below."""
        patch = Rectangle(
            (x, y), width, height, facecolor=colour, edgecolor="none", alpha=alpha, zorder=4
        )
        self.axes.add_patch(patch)
        return patch


def pixels(figure: Figure) -> UInt8:
    """Return a figure as colours, uint8 (h, w, 3)."""
    canvas = _agg.FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba(), np.uint8)[..., :3])


def band_block(record: Record, lang: str, width: float, size: float) -> Block | None:
    """Return the words of the band of a degraded or forced result; None where there is none."""
    warned = publish.band(record)
    if warned is None:
        return None
    colour = "white" if _is_forced(record) else INK
    return text_block(tell(warned, lang), width, size, bold=True, colour=colour)


def _is_forced(record: Record) -> bool:
    return bool(record.refusals)


def band_height(block: Block | None) -> int:
    """Return the rows that a band takes."""
    return 0 if block is None else block.height + 2 * _pad(block)


def _pad(block: Block) -> int:
    return round(block.size * DPI / 72 * 0.5)


def draw_band(page: Page, block: Block | None, record: Record) -> None:
    """Draw the band on top of a page."""
    if block is not None:
        page.fill(0, 0, page.width, band_height(block), _RED if _is_forced(record) else _AMBER)
        page.write(block, min(2 * _pad(block), MARGIN), _pad(block))


def banded(image: UInt8, record: Record, lang: str) -> UInt8:
    """Lay the band of a degraded or forced result over the top of a picture; its size stays."""
    height, width = image.shape[:2]
    size = max(5.0, min(width * 0.009, 26.0) * 72 / DPI * 1.4)
    block = band_block(record, lang, width * 0.96, size)
    if block is None:
        return image
    page = Page(width, band_height(block))
    draw_band(page, block, record)
    out = image.copy()
    strip = pixels(page.figure)[:height, :width]
    out[: len(strip)] = strip
    return out
