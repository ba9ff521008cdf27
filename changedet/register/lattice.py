"""Smooth maps of the plane as small values: an affine part and a lattice of displacements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, sparse

from changedet.core.grid import Grid

FloatArray = NDArray[np.float64]
Positions = tuple[FloatArray, FloatArray]

IDENTITY: FloatArray = np.eye(3)[:2]
"""Affine that leaves every position where it is."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lattice:
    """A smooth 2-vector function of the plane: a bicubic B-spline on a regular lattice.

    Twice continuously differentiable inside, constant along the normal outside of its area.

    Parameters
    ----------
    origin : tuple of float
        (col, row) of the first coefficient, pixels.
    spacing : float
        Distance between coefficients, pixels.
    coefficients : ndarray of float64, shape (ny, nx, 2)
        B-spline coefficients of the two components (col, row); at least 4 x 4.
    """

    origin: tuple[float, float]
    spacing: float
    coefficients: FloatArray

    def __post_init__(self) -> None:
        shape = self.coefficients.shape
        if len(shape) != 3 or shape[2] != 2 or min(shape[:2]) < 4:
            raise ValueError(f"coefficients must be (>=4, >=4, 2), not {shape}")
        if not self.spacing > 0:
            raise ValueError(f"spacing must be positive, not {self.spacing}")

    @classmethod
    def through(cls, values: FloatArray, *, origin: tuple[float, float], spacing: float) -> Lattice:
        """Return the spline that takes given values (ny, nx, 2) at its nodes."""
        filtered = [ndimage.spline_filter(values[..., i], order=3, mode="mirror") for i in (0, 1)]
        # mirrored beyond the edge, as the filter assumed
        padded = np.pad(np.stack(filtered, -1), ((1, 1), (1, 1), (0, 0)), mode="reflect")
        start = (origin[0] - spacing, origin[1] - spacing)
        return cls(origin=start, spacing=spacing, coefficients=padded)

    def at(self, cols: ArrayLike, rows: ArrayLike) -> Positions:
        """Evaluate at positions that broadcast against each other.

        A row of columns (1, w) with a column of rows (h, 1) takes the fast, separable way.
        """
        col, row = np.asarray(cols, float), np.asarray(rows, float)
        if col.ndim == row.ndim == 2 and col.shape[0] == 1 and row.shape[1] == 1:
            across, down = self.basis(col[0], axis=1), self.basis(row[:, 0], axis=0)
            first, second = (
                np.asarray(down @ (across @ self.coefficients[..., i].T).T) for i in (0, 1)
            )
            return first, second
        col, row = np.broadcast_arrays(col, row)
        where = [self._index(p, axis=i).ravel() for i, p in enumerate((row, col))]
        first, second = (
            ndimage.map_coordinates(
                self.coefficients[..., i], where, order=3, prefilter=False, mode="nearest"
            ).reshape(col.shape)
            for i in (0, 1)
        )
        return first, second

    def basis(self, positions: FloatArray, *, axis: int) -> sparse.csr_array:
        """Weights of the coefficients along one axis: a sparse (positions, coefficients)."""
        return bspline_basis(self._index(positions, axis=axis), self.coefficients.shape[axis])

    def _index(self, positions: FloatArray, *, axis: int) -> FloatArray:
        start = self.origin[1 - axis]
        last = self.coefficients.shape[axis] - 2
        return np.clip((positions - start) / self.spacing, 1, last)


def bspline_basis(index: FloatArray, count: int) -> sparse.csr_array:
    """Weights of the uniform cubic B-spline at fractional indices in [1, count - 2]."""
    first = np.clip(np.floor(index).astype(np.intp), 1, count - 3)
    t = index - first
    weights = np.stack(
        [
            (1 - t) ** 3 / 6,
            2 / 3 - t**2 + t**3 / 2,
            2 / 3 - (1 - t) ** 2 + (1 - t) ** 3 / 2,
            t**3 / 6,
        ],
        axis=1,
    )
    columns = first[:, None] + np.arange(-1, 3)
    line = np.repeat(np.arange(len(index)), 4)
    return sparse.csr_array((weights.ravel(), (line, columns.ravel())), (len(index), count))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Mapping:
    """position -> affine(position) + lattice(position), in pixels (col, row)."""

    affine: FloatArray
    lattice: Lattice | None = None

    def __post_init__(self) -> None:
        if self.affine.shape != (2, 3):
            raise ValueError(f"an affine is (2, 3), not {self.affine.shape}")

    def at(self, cols: ArrayLike, rows: ArrayLike) -> Positions:
        """Map positions that broadcast against each other."""
        col, row = np.asarray(cols, float), np.asarray(rows, float)
        (a, b, c), (d, e, f) = self.affine
        if b == d == 0 and col.shape == row.shape:
            # Two georeferences that differ by shift and scale: the other axis adds nothing.
            out_col, out_row = np.asarray(a * col), np.asarray(e * row)
            out_col += c
            out_row += f
        else:
            out_col, out_row = a * col + (b * row + c), d * col + (e * row + f)
        if self.lattice is not None:
            extra_col, extra_row = self.lattice.at(col, row)
            extra_col += out_col
            extra_row += out_row
            return extra_col, extra_row
        return out_col, out_row

    @property
    def scale(self) -> float:
        """Target pixels per source pixel (the root of the area ratio)."""
        return float(np.sqrt(abs(np.linalg.det(self.affine[:, :2]))))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Chain:
    """The whole way from BEFORE to AFTER pixels: first ``model``, then ``base``."""

    base: Mapping
    model: Mapping

    def at(self, cols: ArrayLike, rows: ArrayLike) -> Positions:
        """Map BEFORE positions to AFTER positions, pixels."""
        return self.base.at(*self.model.at(cols, rows))

    @property
    def scale(self) -> float:
        """AFTER pixels per BEFORE pixel."""
        return self.base.scale * self.model.scale


def fit_mapping(
    locate: Callable[[FloatArray, FloatArray], Positions],
    *,
    height: int,
    width: int,
    nodes: int = 17,
    tolerance: float = 1e-3,
) -> Mapping:
    """Condense an exact but slow map of positions, such as two CRS, into a small value.

    Parameters
    ----------
    locate : callable
        (cols, rows) -> (cols, rows), pixels; the positions are flat float64 arrays.
    height, width : int
        Area over which it must hold, pixels.
    nodes : int
        Nodes along the longer side for what an affine does not explain.
    tolerance : float
        Largest rest, in target pixels, that is left to the affine alone.

    Returns
    -------
    Mapping
        The affine by least squares, and a lattice of the rest where it exceeds the tolerance.
    """
    spacing = max(height, width) / (nodes - 1)
    # some nodes beyond the edges, where the spline is less exact
    cols, rows = (
        np.arange(-5, int(np.ceil(length / spacing)) + 6) * spacing for length in (width, height)
    )
    grid_col, grid_row = np.meshgrid(cols, rows)
    found = np.stack(locate(grid_col.ravel(), grid_row.ravel()), -1)
    affine = fit_affine(grid_col.ravel(), grid_row.ravel(), found)
    rest = found - np.stack(Mapping(affine=affine).at(grid_col.ravel(), grid_row.ravel()), -1)
    if np.abs(rest).max() <= tolerance:
        return Mapping(affine=affine)
    lattice = Lattice.through(
        rest.reshape(*grid_col.shape, 2), origin=(cols[0], rows[0]), spacing=spacing
    )
    return Mapping(affine=affine, lattice=lattice)


def invert(chain: Chain, after: Grid, before: Grid) -> Mapping:
    """Return where each AFTER pixel lies in BEFORE: the inverse of a chain, to 0.001 px.

    Parameters
    ----------
    chain : Chain
        BEFORE to AFTER.
    after, before : Grid
        Over AFTER's pixels; beyond BEFORE's edge the inverse is only roughly right.
    """
    ahead = fit_mapping(chain.at, height=before.height, width=before.width)
    linear, offset = ahead.affine[:, :2], ahead.affine[:, 2]
    back = np.linalg.inv(linear)

    def locate(cols: FloatArray, rows: FloatArray) -> Positions:
        wanted = np.stack([cols, rows])
        at = back @ (wanted - offset[:, None])
        for _ in range(10):  # the field is a small correction of the affine
            at = at + back @ (wanted - np.stack(chain.at(at[0], at[1])))
        return at[0], at[1]

    return fit_mapping(locate, height=after.height, width=after.width, nodes=65)


def fit_affine(
    cols: FloatArray, rows: FloatArray, found: FloatArray, weights: FloatArray | None = None
) -> FloatArray:
    """Fit the affine (2, 3) that takes positions to ``found`` (n, 2) by weighted least squares.

    Raises
    ------
    ValueError
        With fewer than three positions of positive weight.
    """
    weight = np.ones(len(cols)) if weights is None else weights
    if np.count_nonzero(weight) < 3:
        raise ValueError("an affine needs three positions")
    total = weight.sum()
    centre = np.array([(weight * cols).sum(), (weight * rows).sum()]) / total
    # centred and scaled: the normal matrix of raw pixel positions would be ill-conditioned
    away = np.stack([cols, rows], -1) - centre
    size = max(float(np.sqrt((weight[:, None] * away**2).sum() / total)), 1e-9)
    root = np.sqrt(weight)[:, None]
    design = np.column_stack([away / size, np.ones(len(cols))])
    solution = np.linalg.lstsq(design * root, found * root, rcond=None)[0].T
    linear = solution[:, :2] / size
    return np.column_stack([linear, solution[:, 2] - linear @ centre])
