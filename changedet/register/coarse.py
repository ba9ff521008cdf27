"""Coarse stage: hypotheses of how AFTER lies on BEFORE, each verified before it is believed.

Everything happens on overviews of some 700 pixels. A hypothesis is a similarity; what judges it
is independent of what proposed it: windows are matched one by one under the hypothesis, and those
that agree with their neighbours and with one affine are counted, against the same count for
windows laid on deliberately wrong places. Where the dates have too few edges in common for that,
the best of a whole search may still be believed: if its correlation stands far out of the plane
and far above every other place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from changedet.core.grid import Window
from changedet.core.kernels import (
    BoolArray,
    double_angle,
    fill_invalid,
    shrink_valid,
)
from changedet.register.ascent import climb
from changedet.register.correlation import Matches, Spectra, correlate_windows
from changedet.register.hypotheses import (
    correlate,
    features_model,
    find_features,
    match_features,
    shrink,
    vote_similarities,
)
from changedet.register.lattice import IDENTITY, FloatArray, Mapping, fit_affine
from changedet.register.overview import (
    Overview,
    find_overlay,
    measure_contrast,
    warp_overview,
)
from changedet.register.tiepoints import Nodes, plan_nodes

SIGMA = 1.2
"""Smoothing before gradients, overview pixels."""

_LEAST_SNR = 5.0
_LEAST_HEIGHT = 10.0  # of a correlation of whole overviews
_LEAST_LEAD = 1.3  # over the next best place


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Hypothesis:
    """A proposed model with what its verification found.

    Parameters
    ----------
    affine : ndarray, shape (2, 3)
        BEFORE positions to positions in the base plane, full-resolution pixels.
    method : str
        What proposed it.
    support : int
        Windows that agree with one affine.
    chance : float
        The same count for windows of wrong places (mean of some arrangements).
    windows : int
        Windows that could be matched at all.
    height, rival : float
        Peak of the correlation of the whole overviews, in standard deviations, after climbing
        from a search; and that of the next best place. 0 where it was not measured.
    """

    affine: FloatArray
    method: str
    support: int = 0
    chance: float = 0.0
    windows: int = 0
    height: float = 0.0
    rival: float = 0.0

    @property
    def score(self) -> float:
        """Support above chance, in standard deviations of what chance may give."""
        return (self.support - self.chance) / math.sqrt(self.chance + 1.0 + 0.02 * self.windows)

    @property
    def share(self) -> float:
        """Share of the windows that support it."""
        return self.support / max(self.windows, 1)

    @property
    def verified(self) -> bool:
        """Whether it may be believed."""
        if self.support >= 6 + 0.03 * self.windows + 3 * self.chance:
            return True
        return self.height >= max(_LEAST_HEIGHT, _LEAST_LEAD * self.rival)


def match_overviews(
    fixed: Overview, moving: Overview, affine: FloatArray, *, radius: int
) -> tuple[Nodes, list[Matches]] | None:
    """Match windows under a hypothesis: truly, then twice on wrong places.

    Returns
    -------
    tuple or None
        The lattice of windows, and the matches of shape (n,), the true ones first. None where
        the two hardly overlap.
    """
    image, seen = warp_overview(moving, fixed, affine)
    valid = fixed.valid & seen
    area = _extent(valid)
    nodes = _plan(area)
    if nodes is None:
        return None
    second = double_angle(
        fill_invalid(image, seen),
        valid,
        contrast=measure_contrast(image, seen, sigma=SIGMA),
        sigma=SIGMA,
    )
    first = fixed.field(sigma=SIGMA)
    rows, cols = (g.ravel() for g in np.meshgrid(nodes.row_starts, nodes.col_starts, indexing="ij"))
    ny, nx = nodes.shape
    order = np.arange(ny * nx).reshape(ny, nx)
    turns = [(0, 0), (ny // 2, nx // 3), (ny // 3, nx // 2)]
    use = shrink_valid(valid, 1 + math.ceil(2 * SIGMA))
    spectra = [
        Spectra.of(field, use, rows=rows, cols=cols, window=nodes.window)
        for field in (first, second)
    ]
    found = [
        correlate_windows(
            *spectra,
            radius=min(radius, nodes.window // 2 - 3),
            partner=np.roll(order, turn, (0, 1)).ravel(),
        )
        for turn in turns
    ]
    return nodes, found


def _plan(area: Window) -> Nodes | None:
    short = min(area.shape)
    window = 64 if short >= 256 else 48 if short >= 128 else 32
    return plan_nodes(area, zoom=1, window=window, spacing=window // 2, max_nodes=400)


def _extent(valid: BoolArray) -> Window:
    rows, cols = np.flatnonzero(valid.any(1)), np.flatnonzero(valid.any(0))
    if not len(rows):
        return Window(row=0, col=0, height=0, width=0)
    return Window(
        row=int(rows[0]),
        col=int(cols[0]),
        height=int(rows[-1] - rows[0] + 1),
        width=int(cols[-1] - cols[0] + 1),
    )


def find_consensus(
    nodes: Nodes, matches: Matches, *, tolerance: float = 2.5
) -> tuple[BoolArray, FloatArray | None]:
    """Find the windows whose displacements agree with each other and with one affine.

    Returns
    -------
    members : ndarray of bool, shape (n,)
        Windows within the tolerance (pixels of the nodes' level) of the affine.
    affine : ndarray, shape (2, 3), or None
        Of the displaced positions, level pixels; None where no four windows agree.
    """
    ny, nx = nodes.shape
    count = _agreeing_neighbours(matches, (ny, nx), tolerance)
    members = count >= 2
    cols, rows = (p.ravel() / nodes.zoom for p in nodes.positions())
    found = np.stack([cols + matches.dcol, rows + matches.drow], -1)
    affine = None
    for _ in range(8):
        if members.sum() < 4:
            return np.zeros(ny * nx, np.bool_), None
        start = fit_affine(cols, rows, found, members.astype(float))
        affine = _gentle(start, cols[members], rows[members], found[members])
        away = np.abs(found - np.stack(Mapping(affine=affine).at(cols, rows), -1)).max(1)
        wide = max(tolerance, 1.5 * float(np.median(away[members])))
        new = (away <= wide) & (matches.snr > 0)
        if (new == members).all():
            break
        members = new
    return (away <= tolerance) & (matches.snr > 0), affine


def _gentle(
    affine: FloatArray, cols: FloatArray, rows: FloatArray, found: FloatArray
) -> FloatArray:
    """Fall back to a shift where few windows support an affine that deforms."""
    linear = affine[:, :2]
    stretch = np.linalg.svd(linear, compute_uv=False)
    if len(cols) >= 6 and stretch[1] > 0.85 and stretch[0] < 1.18:
        return affine
    shift = np.median(found - np.stack([cols, rows], -1), axis=0)
    return np.column_stack([np.eye(2), shift])


def _agreeing_neighbours(
    matches: Matches, shape: tuple[int, int], tolerance: float
) -> NDArray[np.intp]:
    """Count the neighbours two steps away (windows that share no pixel) that agree."""
    dcol, drow = matches.dcol.reshape(shape), matches.drow.reshape(shape)
    use = matches.snr.reshape(shape) > 0
    pad = ((2, 2), (2, 2))
    far_col, far_row = np.pad(dcol, pad), np.pad(drow, pad)
    far_use = np.pad(use, pad)
    count = np.zeros(shape, np.intp)
    for down in (0, 2, 4):
        for right in (0, 2, 4):
            if (down, right) == (2, 2):
                continue
            part = slice(down, down + shape[0]), slice(right, right + shape[1])
            near = np.maximum(abs(far_col[part] - dcol), abs(far_row[part] - drow)) <= tolerance
            count += near & use & far_use[part]
    return count.ravel()


def _keep_strong(nodes: Nodes, found: list[Matches]) -> tuple[Nodes, list[Matches]]:
    """Drop the peaks that are no higher than nine of ten at wrong places."""
    wrong = np.concatenate([m.snr[m.snr > 0] for m in found[1:]])
    least = max(_LEAST_SNR, float(np.quantile(wrong, 0.9))) if len(wrong) else _LEAST_SNR
    return nodes, [replace(m, snr=np.where(m.snr >= least, m.snr, 0)) for m in found]


def verify(
    fixed: Overview, moving: Overview, hypothesis: Hypothesis, *, radius: int = 16
) -> Hypothesis:
    """Judge a hypothesis, and improve it by the affine of the windows that support it."""
    matched = match_overviews(fixed, moving, hypothesis.affine, radius=radius)
    if matched is None:
        return replace(hypothesis, support=0, windows=0, chance=0.0)
    nodes, (true, *wrong) = _keep_strong(*matched)
    members, affine = find_consensus(nodes, true)
    chance = float(np.mean([find_consensus(nodes, m)[0].sum() for m in wrong]))
    better = hypothesis.affine
    if affine is not None:
        step = fixed.to_full @ np.vstack([affine, [0, 0, 1]]) @ np.linalg.inv(fixed.to_full)
        better = (np.vstack([hypothesis.affine, [0, 0, 1]]) @ step)[:2]
    return replace(
        hypothesis,
        affine=better,
        support=int(members.sum()),
        chance=chance,
        windows=int((matched[1][0].snr > 0).sum()),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How far a model may be from the identity.

    Parameters
    ----------
    scale, turn_deg : float
        Largest factor of scale either way; largest rotation in degrees.
    offset_px : float or None
        Largest shift of BEFORE's centre, full-resolution pixels; None for any.
    anisotropy : float
        Largest ratio of the stretches along two axes (a view angle, a sensor's raw geometry).
    """

    scale: float
    turn_deg: float
    offset_px: float | None
    anisotropy: float = 1.3

    def broken_by(self, affine: FloatArray, centre: tuple[float, float]) -> str | None:
        """Say in a few words what is implausible about a model; None where it is fine."""
        linear = affine[:, :2]
        if not np.isfinite(affine).all() or np.linalg.det(linear) <= 0:
            return "it would have to be mirrored"
        stretch = np.linalg.svd(linear, compute_uv=False)
        factor = float(np.sqrt(stretch[0] * stretch[1]))
        if max(factor, 1 / factor) > self.scale:
            return f"its scale would differ by a factor of {factor:.2f}"
        if stretch[0] / stretch[1] > self.anisotropy:
            return f"it would be stretched by {stretch[0] / stretch[1]:.2f} along one axis"
        turn = math.degrees(math.atan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
        if abs(turn) > self.turn_deg:
            return f"it would have to be turned by {turn:.0f} degrees"
        moved = np.hypot(*(affine @ [*centre, 1] - np.asarray(centre)))
        if self.offset_px is not None and moved > self.offset_px:
            return f"it would have to be shifted by {moved:.0f} pixels"
        return None


def estimate_coarse(
    fixed: Overview, moving: Overview, *, georeferenced: bool, reach: float | None
) -> Hypothesis:
    """Find how AFTER lies on BEFORE, as a verified hypothesis where there is one.

    Cheap hypotheses come first; the search over rotations and scales is done only where none of
    them verifies. Unless the dates lie on each other as they are, what both show alike to the grey
    value at the same pixels is left out: a logo or a caption matches itself, whatever the ground
    does.

    Parameters
    ----------
    fixed, moving : Overview
        BEFORE, and AFTER in the base plane.
    georeferenced : bool
        Both have a georeference: only small rotations and scales are searched.
    reach : float or None
        Largest shift looked for, full-resolution pixels.

    Returns
    -------
    Hypothesis
        The one with the highest score; ask its ``verified``.
    """
    best = _refined(fixed, moving, Hypothesis(affine=IDENTITY, method="identity"))
    if best.verified and best.share > 0.3:
        return best
    overlay = find_overlay(fixed, moving)
    if overlay.any():
        fixed = replace(fixed, valid=fixed.valid & ~overlay)
        best = _refined(fixed, moving, replace(best, affine=IDENTITY))
    for method, affine in _cheap(fixed, moving, reach):
        found = _refined(fixed, moving, Hypothesis(affine=affine, method=method))
        best = max(best, found, key=lambda h: (h.verified, h.score))
    if best.verified:
        return best
    return max(
        best,
        *_climbed(fixed, moving, _searched(fixed, moving, georeferenced, reach)),
        key=lambda h: (h.verified, h.score, h.height),
    )


def _climbed(fixed: Overview, moving: Overview, models: list[FloatArray]) -> Iterator[Hypothesis]:
    """Let the models of a search climb, and verify them until one is believed."""
    climbed = climb(fixed, moving, models)
    rival = climbed[1].height if len(climbed) > 1 else 0.0
    for number, one in enumerate(climbed):
        found = _refined(fixed, moving, Hypothesis(affine=one.affine, method="search"))
        if not found.verified:  # a few windows that agree by chance improve nothing
            found = replace(found, affine=one.affine)
        if number == 0:
            found = replace(found, height=one.height, rival=rival)
        yield found
        if found.verified:
            break


def _refined(fixed: Overview, moving: Overview, hypothesis: Hypothesis) -> Hypothesis:
    """Verify, and while that improves the model, verify the improved one."""
    found = verify(fixed, moving, hypothesis)
    for _ in range(2):
        if found.support < 4:
            break
        again = verify(fixed, moving, found, radius=12)
        if again.score <= found.score:
            break
        found = again
    return found


def _cheap(
    fixed: Overview, moving: Overview, reach: float | None
) -> Iterator[tuple[str, FloatArray]]:
    outward, inward = moving.to_full, np.linalg.inv(fixed.to_full)
    first, second = find_features(fixed), find_features(moving)
    model = features_model(*match_features(first, second))
    inner = [("sift", model)] if model is not None else []
    inner += [("sift-vote", m) for m in vote_similarities(first, second)]
    for method, model in inner:
        yield method, (outward @ np.vstack([model, [0, 0, 1]]) @ inward)[:2]
    still, other = shrink(fixed, 360), shrink(moving, 360)
    for model in correlate(
        still, other, angles=np.zeros(1), scales=np.ones(1), limit=1, reach=reach
    ):
        yield "fft", model


def _searched(
    fixed: Overview, moving: Overview, georeferenced: bool, reach: float | None
) -> list[FloatArray]:
    small = 200 if georeferenced else 128
    angles = np.deg2rad(np.arange(-9, 10, 3) if georeferenced else np.arange(0, 360, 3))
    scales = np.geomspace(0.9, 1.1, 3) if georeferenced else np.geomspace(0.5, 2, 13)
    return correlate(
        shrink(fixed, small),
        shrink(moving, small),
        angles=angles,
        scales=scales,
        limit=6 if georeferenced else 24,
        reach=reach,
    )
