"""Scale and north of a picture: arithmetic on its grid, no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Grid
from changedet.report.language import Number, Phrase, Text, phrase


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleBar:
    """A round length and how much of the picture's width it takes.

    Parameters
    ----------
    metres : float
        Length on the ground.
    share : float
        Length in the picture as a share of its width, 0..1.
    """

    metres: float
    share: float

    @property
    def text(self) -> Text:
        """The length with its unit."""
        if self.metres >= 1000:
            return phrase("scale-kilometres", length=Number(self.metres / 1000, digits=1))
        return phrase("scale-metres", length=Number(self.metres, digits=1))


def scale_bar(grid: Grid, *, most: float = 0.25) -> ScaleBar | None:
    """Return the longest bar of 1, 2 or 5 times a power of ten metres that fits.

    Parameters
    ----------
    grid : Grid
        Of the picture.
    most : float
        Largest share of the width.

    Returns
    -------
    ScaleBar or None
        None where no scale is known.

    Examples
    --------
    >>> scale_bar(Grid(width=1000, height=10, unit_m=0.5))
    ScaleBar(metres=100.0, share=0.2)
    """
    if grid.gsd_m is None:
        return None
    # Along the rows, which need not be as long as wide where pixels are not square.
    step = math.hypot(grid.transform.a, grid.transform.d) * (grid.unit_m or 1.0)
    whole = step * grid.width
    power = 10.0 ** math.floor(math.log10(whole * most))
    # A hair of slack: 0.25 x 2,000 m must not miss 500 m by a rounding error.
    metres = max(power * k for k in (1, 2, 5) if power * k <= whole * most * (1 + 1e-9))
    return ScaleBar(metres=metres, share=metres / whole)


def north_angle(grid: Grid) -> float | None:
    """Return where grid north is in the picture: degrees clockwise from up.

    None without a georeference.
    """
    if grid.crs is None:
        return None
    inverse = ~grid.transform
    # A unit step north in the CRS as a step in columns (right) and rows (down).
    right, down = inverse.b, inverse.e
    return math.degrees(math.atan2(right, -down))


def bounds_ring(grid: Grid, bounds: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Return the four corners of a CRS rectangle in pixels of the picture, (4, 2) col, row."""
    left, bottom, right, top = bounds
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return np.array([grid.colrow(x, y) for x, y in corners], np.float64)


def thirds(chosen: NDArray[np.bool_]) -> Phrase | None:
    """Say in which ninth of the picture True is densest; None where nothing is True.

    Examples
    --------
    >>> from changedet.report.language import tell
    >>> field = np.zeros((9, 9), bool); field[8, 0] = True
    >>> tell(thirds(field))
    'in the lower left'
    """
    if not chosen.any():
        return None
    words = (
        ("upper-left", "upper-middle", "upper-right"),
        ("middle-left", "centre", "middle-right"),
        ("lower-left", "lower-middle", "lower-right"),
    )
    best, where = -1.0, "centre"
    for r, band in enumerate(np.array_split(chosen, 3)):
        for c, part in enumerate(np.array_split(band, 3, axis=1)):
            density = np.count_nonzero(part) / max(part.size, 1)
            if density > best:
                best, where = density, words[r][c]
    return Phrase(f"place-{where}")
