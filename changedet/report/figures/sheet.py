"""The sheet that a figure is drawn on: filled from the top down, in inches, credits at its foot.

Only matplotlib's object interface is used, never pyplot: nothing global, nothing on a screen.
Places are computed from the widths of the lettering, not left to a layout engine: it would have to
draw everything twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import cv2
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Tick, XAxis, YAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Polygon
from matplotlib.text import Text as Lettering
from matplotlib.transforms import Affine2D, IdentityTransform, ScaledTranslation
from numpy.typing import NDArray

from changedet.report import pictures
from changedet.report.credit import credit_lines
from changedet.report.figures.look import (
    DPI,
    FOOT_PT,
    INK,
    NOTE_PT,
    SOFT,
    TEXT_PT,
    TITLE_PT,
    WIDTH_IN,
    foreign,
    halo,
    look,
    width_of,
    wrapped,
)
from changedet.report.language import Phrase, Text, tell
from changedet.report.mapping import north_angle, scale_bar
from changedet.report.views import Views
from changedet.result import Record

EDGE = 0.12
"""White around everything, inches."""
GAP = 0.16
"""Between pictures beside each other, inches."""
_ROW = 0.215
"""Of a legend, inches."""
_NOTHING = np.zeros((1, 1, 3), np.uint8)


class Sheet:
    """A figure that grows downwards; nothing has a place before :meth:`done`.

    Parameters
    ----------
    width : float
        Of the whole sheet, inches.
    lang : str
        Language of the lettering.
    """

    def __init__(self, width: float, lang: str) -> None:
        self.figure = Figure(figsize=(width, 1), dpi=DPI)
        FigureCanvasAgg(self.figure)
        self.lang = lang
        self.width = width - 2 * EDGE
        self.top = EDGE
        self._axes: list[tuple[Axes, float, float, float, float]] = []
        self._lines: list[tuple[Lettering, float, float]] = []

    def say(self, text: Text) -> str:
        """Tell a text in the language of the sheet."""
        return tell(text, self.lang)

    def axes(
        self, left: float, top: float, width: float, height: float, *, bare: bool = False
    ) -> Axes:
        """Add axes; inches from the upper left corner of what may be used.

        ``bare`` ones hold a picture or a legend: they never have ticks, a frame or labels.
        """
        # Axes at the same place would be one: each gets a place of its own until the end.
        axes = self.figure.add_axes(
            (0, 0, 1, 1 + len(self._axes)), axes_class=_Bare if bare else Axes
        )
        self._axes.append((axes, left + EDGE, top, width, height))
        return axes

    def place_of(self, axes: Axes) -> tuple[float, float, float, float]:
        """Return left, top, width and height of axes as they were given, inches."""
        _, left, *rest = next(item for item in self._axes if item[0] is axes)
        top, wide, tall = rest
        return left - EDGE, top, wide, tall

    def write(
        self,
        text: str,
        left: float,
        top: float,
        width: float,
        *,
        size: float = TEXT_PT,
        bold: bool = False,
        colour: str = INK,
        right: bool = False,
    ) -> float:
        """Write a paragraph, flush left or right, and return its height, inches."""
        step = size * 1.35 / 72
        lines = wrapped(text, width, size, bold=bold)
        for number, line in enumerate(lines):
            drawn = self.figure.text(
                0, 0, line, fontsize=size, color=colour, weight="bold" if bold else "normal",
                va="baseline", ha="right" if right else "left", parse_math=False,
            )  # fmt: skip
            at = left + EDGE + (width if right else 0)
            self._lines.append((drawn, at, top + number * step + size * 1.05 / 72))
        return len(lines) * step

    def titles(self, titles: Sequence[str], lefts: Sequence[float], width: float) -> None:
        """Write the titles of what stands side by side, and go on below the longest."""
        tall = max(
            self.write(title, left, self.top, width, size=TITLE_PT, bold=True)
            for title, left in zip(titles, lefts, strict=True)
        )
        self.top += tall + 0.06

    def legend(self, handles: Sequence[Artist]) -> None:
        """Put a legend across the sheet, in as many columns as its words allow."""
        # A handle is two letters wide, its distances three more: matplotlib's own measures.
        em = TEXT_PT / 72
        wide = [width_of(str(handle.get_label()), TEXT_PT) + 2.9 * em for handle in handles]
        columns = next(
            (n for n in range(len(wide), 1, -1) if _across(wide, n) + 2 * em * n <= self.width), 1
        )
        rows = -(-len(wide) // columns)
        # Rows, not columns, are read first; matplotlib fills columns.
        order = [handles[k] for c in range(columns) for k in range(c, len(wide), columns)]
        axes = self.axes(0, self.top + 0.05, self.width, rows * _ROW, bare=True)
        axes.legend(
            handles=order, loc="upper left", bbox_to_anchor=(0, 1), borderaxespad=0, borderpad=0,
            ncols=columns,
        )  # fmt: skip
        self.top += 0.05 + rows * _ROW

    def note(
        self, text: str, left: float, top: float, width: float, *, right: bool = False
    ) -> float:
        """Write small words below a picture and return their height, inches."""
        return self.write(text, left, top, width, size=NOTE_PT, colour=SOFT, right=right)

    def done(self, record: Record) -> Figure:
        """Write credit, dates and software at the foot, give all its place; return the figure."""
        self.top += 0.08
        for line in credit_lines(record, clean=foreign):
            self.top += self.write(
                self.say(line), 0, self.top, self.width, size=FOOT_PT, colour=SOFT
            )
        width = self.width + 2 * EDGE
        # Whole pixels: a picture that was made for its place is not resampled.
        height = round((self.top + EDGE) * DPI) / DPI
        self.figure.set_size_inches(width, height)
        for axes, left, top, wide, tall in self._axes:
            box = (left, height - top - tall, wide, tall)
            x, y, w, h = (round(inches * DPI) / DPI for inches in box)
            axes.set_position((x / width, y / height, w / width, h / height))
        for text, left, top in self._lines:
            text.set_position((left / width, 1 - top / height))
        return self.figure


def _across(wide: Sequence[float], columns: int) -> float:
    """Return the width of a legend whose rows are filled one after the other."""
    return sum(max(wide[c::columns]) for c in range(columns))


class Board(Sheet):
    """A sheet with pictures of one shape: two or three in a row, or stacked where they are wide.

    Parameters
    ----------
    views : Views
        The shape of the pictures.
    number : int
        How many there are.
    lang : str
        Language of the lettering.
    across : float
        Largest width of the sheet, inches.
    """

    def __init__(self, views: Views, number: int, lang: str, *, across: float = WIDTH_IN) -> None:
        ratio = views.height / views.width
        self.columns = 1 if ratio < 0.5 else min(number, 3 if ratio > 1.25 else 2)
        width = across
        if self.columns == 1 and ratio > 1.1:  # a tall picture would fill more than a page
            width = max(across * 1.1 / ratio, across / 2)
        super().__init__(width, lang)
        self.views = views
        self.column = (self.width - GAP * (self.columns - 1)) / self.columns
        tall = min(self.column * ratio, across * 1.1)
        self.picture = min(self.column, max(tall / ratio, 1 / DPI)), max(tall, 1 / DPI)

    @property
    def pixels(self) -> tuple[int, int]:
        """Rows and columns that a picture has on the sheet."""
        wide, tall = self.picture
        return max(1, round(tall * DPI)), max(1, round(wide * DPI))

    def left(self, number: int) -> float:
        """Return where the column of a picture begins."""
        return (number % self.columns) * (self.column + GAP)

    def show(
        self, images: Sequence[NDArray[np.uint8]], titles: Sequence[Text], *, below: float = 0.08
    ) -> list[Axes]:
        """Show pictures with their titles, scale and north, row after row."""
        shown = []
        for first in range(0, len(images), self.columns):
            numbers = range(first, min(first + self.columns, len(images)))
            lefts = [self.left(number) for number in numbers]
            self.titles([self.say(titles[number]) for number in numbers], lefts, self.column)
            for number in numbers:
                axes = self.axes(self.left(number), self.top, *self.picture, bare=True)
                self._picture(axes, images[number])
                shown.append(axes)
            self.top += self.picture[1] + below
        return shown

    def _picture(self, axes: Axes, image: NDArray[np.uint8]) -> None:
        height, width = self.views.height, self.views.width
        put(axes, pictures.resized(image, self.pixels), (width, height))
        self._scale(axes)
        self._north(axes)

    def _scale(self, axes: Axes) -> None:
        """Draw the scale bar in the lower left corner, or say that there is none."""
        bar = scale_bar(self.views.grid)
        corner = axes.transAxes + ScaledTranslation(8 / 72, 9 / 72, self.figure.dpi_scale_trans)
        if bar is not None:
            axes.plot(
                [0, bar.share], [0, 0], transform=corner, color=INK, linewidth=3,
                solid_capstyle="butt", path_effects=halo(6), zorder=6,
            )  # fmt: skip
        axes.annotate(
            self.say(bar.text if bar is not None else Phrase("no-scale")), (0, 0),
            xycoords=corner, xytext=(0, 5 if bar is not None else -3),
            textcoords="offset points", color=INK, va="bottom", path_effects=halo(), zorder=6,
            annotation_clip=False,
        )  # fmt: skip

    def _north(self, axes: Axes) -> None:
        """Draw a needle in the upper right corner; smaller where the picture is hardly taller."""
        angle = north_angle(self.views.grid)
        if angle is None:
            return
        size = min(1.0, *(inches / 0.7 for inches in self.picture))
        corner = ScaledTranslation(1, 1, cast("Affine2D", axes.transAxes))
        points = Affine2D().scale(size / 72) + self.figure.dpi_scale_trans + corner
        turn = Affine2D().rotate_deg(-angle).translate(-24, -26)
        needle = turn.transform([(0, 15), (6.5, -11), (0, -6), (-6.5, -11)])
        axes.add_patch(
            Polygon(
                needle, transform=points, facecolor=INK, edgecolor="white", linewidth=1.2, zorder=6
            )
        )
        x, y = turn.transform((0, -19))
        axes.text(
            x, y, self.say(Phrase("north")), transform=points, color=INK, weight="bold",
            fontsize=TEXT_PT * size, ha="center", va="center", path_effects=halo(), zorder=6,
        )  # fmt: skip


class _NoTicks:
    """What makes an axis one without ticks: those that are never drawn are not made either."""

    majorTicks = minorTicks = ()  # noqa: N815 - matplotlib's names

    def get_major_ticks(self, numticks: int | None = None) -> list[Tick]:  # noqa: ARG002
        return []

    def get_minor_ticks(self, numticks: int | None = None) -> list[Tick]:  # noqa: ARG002
        return []


class _BareX(_NoTicks, XAxis):  # type: ignore[misc]
    pass


class _BareY(_NoTicks, YAxis):  # type: ignore[misc]
    pass


class _Bare(Axes):
    """Axes of which nothing is seen but what is put into them.

    Usual axes make four ticks, each of three lines and two texts, only to hide them: that took
    longer than all pictures together.
    """

    def _init_axis(self) -> None:
        self.xaxis = _BareX(self, clear=False)
        self.yaxis = _BareY(self, clear=False)
        spines: Any = self.spines
        for axis, names in ((self.xaxis, ("bottom", "top")), (self.yaxis, ("left", "right"))):
            for name in names:
                spines[name].register_axis(axis)

    def clear(self) -> None:
        super().clear()
        self.set_axis_off()


class _Pixels(AxesImage):
    """A picture that has the size of its place already: drawn as it is, without resampling."""

    picture: NDArray[np.uint8]
    """What is shown, (h, w, 3): a copy with a fourth band is made where it is drawn."""

    def make_image(self, renderer: Any, magnification: float = 1.0, unsampled: bool = False) -> Any:
        box = self.axes.bbox
        here = round(box.height * magnification), round(box.width * magnification)
        if self.picture.shape[:2] != here or unsampled:  # on another canvas, of another size
            self.set_data(self.picture)
            return super().make_image(renderer, magnification, unsampled)
        # The canvas begins at its foot.
        upright = cv2.cvtColor(np.ascontiguousarray(self.picture[::-1]), cv2.COLOR_RGB2RGBA)
        return upright, round(box.x0), round(box.y0), IdentityTransform()


def put(axes: Axes, image: NDArray[np.uint8], size: tuple[int, int]) -> None:
    """Fill axes with a picture; coordinates are pixels of ``size`` (columns, rows).

    Parameters
    ----------
    axes : Axes
        Loses its ticks and frame.
    image : ndarray, uint8, (h, w, 3)
        Best of the size that the axes have on the sheet.
    size : tuple of int
        Columns and rows of what is shown.
    """
    right, bottom = size[0] - 0.5, size[1] - 0.5
    pixels: Any = _Pixels(
        axes, interpolation="nearest", origin="upper", extent=(-0.5, right, bottom, -0.5)
    )
    pixels.set_data(_NOTHING)  # matplotlib would keep a masked copy of all of it
    pixels.picture = np.asarray(image, np.uint8)
    axes.add_image(pixels)
    axes.set_aspect("auto")
    axes.set_xlim(-0.5, right)
    axes.set_ylim(bottom, -0.5)
    # Nothing of the axes themselves is to be seen.
    axes.set_axis_off()


def to_png(figure: Figure) -> pictures.Drawn:
    """Return the figure as a PNG: the same bytes for the same figure, no time stamp."""
    canvas: Any = figure.canvas  # matplotlib does not say its types
    with look():
        canvas.draw()
    # Opaque: a fourth band would cost a third more.
    opaque = np.asarray(
        cv2.cvtColor(np.asarray(canvas.buffer_rgba()), cv2.COLOR_RGBA2RGB), np.uint8
    )
    return pictures.Drawn.of(np.asarray(opaque, np.uint8), dpi=DPI)


def let_go(figure: Figure) -> None:
    """Free the pixels of a figure that is done with, which is a web of references.

    ``figure.clear`` would do so, too, but sets up all axes anew before it drops them.
    """
    canvas: Any = figure.canvas
    canvas.renderer = None
    for axes in figure.axes:
        for image in axes.images:
            if isinstance(image, _Pixels):
                image.picture = _NOTHING
