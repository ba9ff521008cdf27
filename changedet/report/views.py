"""What the report looks at: both dates and all maps, small enough for a screen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Grid

EVIDENCE_NODATA = 255
"""Value of an evidence view where nothing was judged."""
EVIDENCE_STEPS = 250
"""Value of an evidence view that stands for 1.0."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outline:
    """A building as the report draws it.

    Parameters
    ----------
    id : str
        As in the buildings layer.
    ring : ndarray, float, (n, 2)
        Columns and rows of the outer ring, pixels of the view; (0, 0) is the centre of the first.
    grade : str
        Destroyed, Damaged, Possibly damaged, No visible damage or Not analysed.
    score : float or None
        Evidence of loss, 0..1.
    area_m2 : float or None
        Square metres; None where no scale is known.
    evidence : float or None
        The measured score that the grade rests on; None where not analysed.
    lost_share : float or None
        Share of the outline that is lost, 0..1; None where not analysed.
    reason : str
        Why it was not analysed; empty where it was.
    """

    id: str
    ring: NDArray[np.float64]
    grade: str
    score: float | None
    area_m2: float | None
    evidence: float | None = None
    lost_share: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Histogram:
    """How often a score took which value, beside what it does where nothing changed.

    Parameters
    ----------
    name : str
        Short machine-readable name.
    label : str
        What the score is, for a reader.
    edges : ndarray, float, (n + 1,)
        Bin edges in units of the score.
    counts : ndarray, float, (n,)
        Pixels or objects in each bin.
    null_counts : ndarray, float, (n,), or None
        The same where nothing happened; its sum need not be that of ``counts``.
    threshold : float or None
        Where the decision was cut.
    """

    name: str
    label: str
    edges: NDArray[np.float64]
    counts: NDArray[np.float64]
    null_counts: NDArray[np.float64] | None
    threshold: float | None

    def __post_init__(self) -> None:
        if self.edges.ndim != 1 or len(self.edges) != len(self.counts) + 1:
            raise ValueError(f"histogram {self.name}: n counts need n + 1 edges")
        if self.null_counts is not None and len(self.null_counts) != len(self.counts):
            raise ValueError(f"histogram {self.name}: the null needs the same bins")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IndexView:
    """How a spectral index changed.

    Parameters
    ----------
    name : str
        As a reader knows it: NDVI.
    difference : ndarray, float, (h, w)
        After minus before, unitless; NaN where it is not known.
    """

    name: str
    difference: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Views:
    """Everything the report draws, decimated to at most some 1,600 pixels on the long side.

    Parameters
    ----------
    before, after : ndarray, uint8, (h, w, 3)
        Display colours; AFTER lies on BEFORE's grid.
    valid : ndarray, bool, (h, w)
        True where both dates have data.
    pixel_change, structural_change : ndarray, uint8, (h, w)
        Evidence, 0..250 for 0..1; 255 is not judged.
    classes : ndarray, uint8, (h, w)
        Codes of classes.tif, 0..5.
    grid : Grid
        Of the views: BEFORE's grid, zoomed out.
    zoom : float
        Pixels of the full grid per pixel of a view.
    buildings : tuple of Outline
        Empty without footprints.
    tie_points : ndarray, float, (n, 6)
        col, row (pixels of the full BEFORE grid), dcol, drow (displacement, the same pixels),
        residual in pixels, role (0 rejected, 1 used in the fit, 2 left out of it).
    histograms : tuple of Histogram
        Scores beside their nulls.
    indices : tuple of IndexView
        Empty where the bands allow none, and where a stored result is looked at again.
    fine : tuple of ndarray, uint8, (h2, w2, 3), or None
        Both dates with smaller pixels, for the map that can be zoomed; None where the views show
        all that there is, or no more is at hand.
    lonlat : ndarray, float, (5, 5, 2), or None
        Longitude and latitude (WGS 84, degrees) at even steps from the upper left to the lower
        right corner of the views; None without a georeference.
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    pixel_change: NDArray[np.uint8]
    structural_change: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    grid: Grid
    zoom: float
    buildings: tuple[Outline, ...]
    tie_points: NDArray[np.float64]
    histograms: tuple[Histogram, ...]
    indices: tuple[IndexView, ...] = ()
    fine: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None
    lonlat: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        shape = self.grid.shape
        for name in ("before", "after"):
            if getattr(self, name).shape != (*shape, 3):
                raise ValueError(f"view {name} must be {(*shape, 3)}")
        for name in ("valid", "pixel_change", "structural_change", "classes"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"view {name} must be {shape}")
        for index in self.indices:
            if index.difference.shape != shape:
                raise ValueError(f"view of {index.name} must be {shape}")
        if self.tie_points.ndim != 2 or self.tie_points.shape[1] != 6:
            raise ValueError("tie points need six columns: col, row, dcol, drow, residual, role")
        if not self.zoom > 0:
            raise ValueError(f"zoom must be positive, not {self.zoom}")

    @property
    def height(self) -> int:
        """Rows of the views."""
        return self.grid.height

    @property
    def width(self) -> int:
        """Columns of the views."""
        return self.grid.width

    def to_view(self, full: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions on the full grid, pixels (0 = centre of the first) -> the same on the views."""
        return (full + 0.5) / self.zoom - 0.5


def shrink_views(views: Views, side: int) -> Views:
    """Return the views at most ``side`` pixels a side, by a whole factor; without indices.

    Parameters
    ----------
    views : Views
        Stay as they are.
    side : int
        Longest side, pixels.
    """
    step = max(1, -(-max(views.height, views.width) // side))
    if step == 1:
        return views
    grid = views.grid.zoom_out(step)
    size = (grid.width, grid.height)

    def mean(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)

    def pick(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST), np.uint8)

    def evidence(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        judged = image != EVIDENCE_NODATA
        seen = cv2.resize(judged.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        known = np.where(judged, image, 0).astype(np.float32)
        total = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        small = np.rint(total / np.maximum(seen, 1e-6)).clip(0, EVIDENCE_STEPS)
        return np.where(seen >= 0.5, small, EVIDENCE_NODATA).astype(np.uint8)

    return replace(
        views,
        before=mean(views.before),
        after=mean(views.after),
        valid=pick(views.valid.astype(np.uint8)).astype(np.bool_),
        pixel_change=evidence(views.pixel_change),
        structural_change=evidence(views.structural_change),
        classes=pick(views.classes),
        grid=grid,
        zoom=views.zoom * step,
        buildings=tuple(
            replace(item, ring=(item.ring + 0.5) / step - 0.5) for item in views.buildings
        ),
        indices=(),
    )
