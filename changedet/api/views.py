"""Files and results -> what the report draws, decimated to the size of a screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from changedet.api.reopen import reopen_before
from changedet.core.errors import InputError
from changedet.core.grid import Grid
from changedet.io.places import LONLAT, move_points, to_xy
from changedet.io.raster import Raster, read_small, read_window
from changedet.io.vector import read_own_layer
from changedet.pipeline.indexed import allowed_indices, index_differences
from changedet.pipeline.outcome import Outcome
from changedet.pipeline.scene import visible_roles
from changedet.report.language import Retold, Text
from changedet.report.pictures import decode
from changedet.report.views import EVIDENCE_NODATA, Histogram, IndexView, Outline, Views
from changedet.result import GridRecord, Record

SIZE = 1600
"""Longest side of a view, pixels."""
FINE = 3000
"""Longest side of both dates in the map that can be zoomed, pixels: some 4 MB each as JPEG."""
MAX_OUTLINES = 20_000
"""Buildings drawn in the report; the layer holds them all."""
_INDEX_NAMES = {"exg": "ExG"}


def to_display(
    values: NDArray[np.floating],
    valid: NDArray[np.bool_],
    *,
    limits: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Stretch up to three bands to 8 bits, together, so that colours stay what they are.

    Parameters
    ----------
    values : ndarray, shape (bands, height, width)
        One or three bands.
    valid : ndarray of bool, shape (height, width)
        True = use; the rest becomes black.
    limits : (float, float), optional
        Values that become 1 and 255; by default those of :func:`find_limits`.
    """
    low, high = (np.float32(limit) for limit in limits or find_limits(values, valid))
    gain = np.float32(254 / max(float(high - low), 1e-6))
    shown = np.zeros((*valid.shape, 3), np.uint8)
    for number in range(3):
        band = values[number if len(values) == 3 else 0].astype(np.float32)
        shown[..., number] = np.where(valid, np.clip(np.rint((band - low) * gain + 1), 1, 255), 0)
    return shown


def find_limits(values: NDArray[np.floating], valid: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the values between which an image is shown: 1st and 99th percentile of all bands."""
    # Every third pixel is enough for two percentiles.
    few = values[:, ::3, ::3][:, valid[::3, ::3]]
    if not few.size:
        return 0.0, 1.0
    low, high = np.percentile(few, [1, 99])
    return float(low), float(high)


def known_pixels(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark where aligned.tif has data, of shape (bands, h, w) -> (h, w); True = use.

    The lowest value of the data type says nodata (see the pipeline), NaN in floats.
    """
    known = np.isfinite(values) if values.dtype.kind == "f" else values > np.iinfo(values.dtype).min
    return np.asarray(known.all(axis=0), dtype=bool)


def views_of_outcome(outcome: Outcome, folder: Path) -> Views | None:
    """Make the views of a fresh result; None where the pair was refused before any map."""
    scene = outcome.scene
    if scene is None:
        return None
    zoom = _zoom(scene.grid)
    values, valid = read_window(
        scene.before, scene.grid.window, roles=visible_roles(scene.before), zoom=zoom
    )
    before = to_display(values, valid)
    points = scene.alignment.tie_points
    tie_points = np.stack(
        [points.col, points.row, points.dcol, points.drow, points.residual_px, points.role], axis=1
    ).astype(float)
    roles = visible_roles(scene.after)
    bands = [scene.after.roles.index(role) for role in roles]
    return _views(
        folder,
        scene.grid,
        before,
        bands,
        buildings=_graded(_outlines_of(folder, scene.grid), outcome.record),
        tie_points=tie_points,
        fine=_fine_before(scene.before, scene.grid),
        indices=_indices_of(outcome, folder),
        histograms=histograms_of(outcome),
    )


def histograms_of(outcome: Outcome) -> tuple[Histogram, ...]:
    """Return the scores of a fresh result beside their nulls; a result folder keeps none."""
    return tuple(
        Histogram(
            name=h.name,
            label=h.label,
            edges=h.edges,
            counts=h.counts,
            null_counts=h.null_counts,
            threshold=h.threshold,
        )
        for h in outcome.histograms
    )


def views_of_folder(folder: Path, record: Record, *, fine: bool = False) -> Views | None:
    """Make the views of a result folder from its own files.

    Parameters
    ----------
    folder : Path
        The result folder.
    record : Record
        Its result.json.
    fine : bool
        Whether both dates are wanted with smaller pixels, too, if the image before is still there.
    """
    picture = folder / "figures" / "before.png"
    if record.grid is None or not picture.is_file():
        return None
    grid = grid_of(record.grid)
    bands = shown_bands(record)
    return _views(
        folder,
        grid,
        decode(picture.read_bytes()),
        bands,
        buildings=_graded(_outlines_of(folder, grid), record),
        tie_points=_tie_points_of(folder),
        fine=_fine_again(record, grid) if fine else None,
        histograms=(),
    )


def _fine_again(record: Record, grid: Grid) -> NDArray[np.uint8] | None:
    """Read the image before once more; None where it is gone, or is shown whole already."""
    if _zoom(grid, FINE) == _zoom(grid):
        return None
    try:
        return _fine_before(reopen_before(record), grid)
    except InputError:
        return None


def _fine_before(before: Raster, grid: Grid) -> NDArray[np.uint8] | None:
    zoom = _zoom(grid, FINE)
    if zoom == _zoom(grid):
        return None
    roles = visible_roles(before)
    return to_display(*read_window(before, grid.window, roles=roles, zoom=zoom))


def grid_of(found: GridRecord) -> Grid:
    """Return the grid of the maps of a result."""
    transform = Affine(*found.transform)
    res = float(np.sqrt(abs(transform.determinant)))
    return Grid(
        width=found.width,
        height=found.height,
        transform=transform,
        crs=found.crs,
        unit_m=None if found.gsd_m is None else found.gsd_m / res,
    )


def shown_bands(record: Record) -> list[int]:
    """Return which bands of aligned.tif make a picture: three colours or the first."""
    names = list(record.inputs.after.bands)
    wanted = [role for role in ("red", "green", "blue") if role in names]
    return [names.index(role) for role in wanted] if len(wanted) == 3 else [0]


def _zoom(grid: Grid, size: int = SIZE) -> int:
    return max(1, -(-max(grid.shape) // size))


def _views(
    folder: Path,
    grid: Grid,
    before: NDArray[np.uint8],
    after_bands: list[int],
    *,
    buildings: tuple[Outline, ...],
    tie_points: NDArray[np.float64],
    histograms: tuple[Histogram, ...],
    indices: Mapping[str, NDArray[np.float32]] | None = None,
    fine: NDArray[np.uint8] | None = None,
) -> Views:
    zoom = _zoom(grid)
    maps = folder / "maps"
    after, seen = _read_aligned(maps / "aligned.tif", after_bands)
    finer = None
    if fine is not None:
        finer = fine, _read_aligned(maps / "aligned.tif", after_bands, size=FINE)[0]
    seen &= before.any(axis=-1)
    nothing = np.where(seen, 0, 255).astype(np.uint8)

    def evidence(name: str) -> NDArray[np.uint8]:
        path = maps / f"{name}.tif"
        # Co-registration alone writes no evidence.
        return read_small(path, size=SIZE)[0] if path.is_file() else nothing

    pixel = evidence("pixel_change")
    classes = maps / "classes.tif"
    return Views(
        before=before,
        after=after,
        valid=pixel != 255,
        pixel_change=pixel,
        structural_change=evidence("structural_change"),
        classes=read_small(classes, size=SIZE, resampling="nearest")[0]
        if classes.is_file()
        else np.zeros(seen.shape, np.uint8),
        grid=grid.zoom_out(zoom),
        zoom=float(zoom),
        buildings=buildings,
        tie_points=tie_points,
        histograms=histograms,
        indices=tuple(
            IndexView(
                name=_INDEX_NAMES.get(name, name.upper()),
                difference=np.where(pixel != EVIDENCE_NODATA, difference, np.float32(np.nan)),
            )
            for name, difference in (indices or {}).items()
        ),
        fine=finer,
        lonlat=_lonlat(grid.zoom_out(zoom)),
    )


def _lonlat(grid: Grid) -> NDArray[np.float64] | None:
    """Return where five by five even places of a grid are on Earth, degrees.

    Longitudes go on beyond 180 where the grid crosses the antimeridian: between two places the
    page interpolates.
    """
    if grid.crs is None:
        return None
    cols, rows = np.meshgrid(
        np.linspace(-0.5, grid.width - 0.5, 5), np.linspace(-0.5, grid.height - 0.5, 5)
    )
    lon, lat = move_points(*to_xy(grid, cols, rows), source=grid.crs, target=LONLAT)
    if np.ptp(lon) > 180:
        lon = lon % 360
    return np.stack([lon, lat], axis=-1)


def _indices_of(outcome: Outcome, folder: Path) -> dict[str, NDArray[np.float32]]:
    """Compute the index differences of a fresh result from a decimated read of both dates."""
    scene, lines = outcome.scene, outcome.record.radiometry
    if scene is None or lines is None or not allowed_indices(scene.shared_roles):
        return {}
    roles = scene.shared_roles
    whole = scene.grid.window
    before, _ = read_window(scene.before, whole, roles=roles, zoom=_zoom(scene.grid))
    bands = [scene.after.roles.index(role) for role in roles]
    after = read_small(folder / "maps" / "aligned.tif", size=SIZE)[bands]
    return index_differences(before, after, roles, lines=lines, white=scene.white)


def _read_aligned(
    path: Path, bands: list[int], *, size: int = SIZE
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    values = read_small(path, size=size)[bands]
    seen = known_pixels(values)
    if values.dtype.kind == "f":
        values = np.nan_to_num(values)
    return to_display(values, seen), seen


def _graded(outlines: tuple[Outline, ...], record: Record) -> tuple[Outline, ...]:
    """Drop regions that were only found: they are no graded buildings."""
    known = record.buildings is not None and record.buildings.total is not None
    return outlines if known else ()


def _tie_points_of(folder: Path) -> NDArray[np.float64]:
    shapes, columns = read_own_layer(folder / "vectors.gpkg", "tie_points")
    words = {"rejected": 0.0, "fit": 1.0, "held out": 2.0}
    if not len(shapes):
        return np.zeros((0, 6))
    names = ("col", "row", "shift_col_px", "shift_row_px", "residual_px")
    used = [words[str(word)] for word in columns["used"]]
    return np.column_stack([*(columns[name].astype(float) for name in names), used])


def _outlines_of(folder: Path, grid: Grid) -> tuple[Outline, ...]:
    shapes, columns = read_own_layer(folder / "vectors.gpkg", "buildings")
    zoom = _zoom(grid)
    return tuple(
        Outline(
            id=str(columns["id"][k]),
            ring=_ring(shape, grid, zoom),
            grade=str(columns["grade"][k]),
            score=_known(columns["probability"][k]),
            area_m2=_known(columns["area_m2"][k]),
            evidence=_known(columns["score"][k]),
            lost_share=_known(columns["lost_share"][k]),
            reason=str(columns["reason"][k] or ""),
        )
        for k, shape in enumerate(shapes[:MAX_OUTLINES])
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _ring(shape: shapely.Geometry, grid: Grid, zoom: int) -> NDArray[np.float64]:
    """Outer ring in pixels of the view; of several parts the largest."""
    part = max(shapely.get_parts(shape), key=lambda p: float(p.area))
    xy = shapely.get_coordinates(part.exterior)
    cols, rows = ~grid.transform @ (xy[:, 0], xy[:, 1])
    return np.stack([np.asarray(cols) / zoom - 0.5, np.asarray(rows) / zoom - 0.5], axis=1)


def pictures_of(folder: Path, record: Record) -> dict[str, tuple[bytes, Text]]:
    """Read the pictures of a result folder, each with its text alternative.

    Raises
    ------
    InputError
        Where one is gone.
    """
    pictures: dict[str, tuple[bytes, Text]] = {}
    for figure in record.figures:
        path = folder / figure.file
        if not path.is_file():
            raise InputError(f"{path}: the picture is missing; run the pair again")
        alt = Retold(figure.alt, figure.alts.get("uk", figure.alt))
        pictures[path.stem] = (path.read_bytes(), alt)
    return pictures
