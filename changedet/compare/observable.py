"""What cannot be seen: saturated, under cloud, under smoke, under snow; and what lies in shadow.

All of it on cells of about 2 m, from both dates: a veil is what brightens the darkest things of a
place, takes its colours and stays soft over tens of metres, in one date and not in the other.
Shadow is marked and nothing more: a burnt roof is as dark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from changedet.compare.radiometry import Line, fit_line
from changedet.compare.structure import windowed_mean, zncc
from changedet.compare.veils import (
    VeilSizes,
    chroma,
    closed,
    dark_channel,
    detail,
    grown,
    opened,
    shrunk,
    split,
    steps,
    veil_sizes,
)

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]

CLEAR, SATURATED, CLOUD, SMOKE, SNOW = 0, 1, 2, 3, 4
"""Codes of a cell; what is not 0 cannot be seen in at least one date."""
SHADOW = 8
"""Added to the code of a cell that lies in shadow in at least one date."""

CELL_M = 2.0
"""Side of a cell, about; in coarser images the pixel."""

_RISE = 0.25
"""Rise of the dark channel that makes a veil, in ranges of BEFORE (1st to 99th percentile)."""
_AIR = np.float32(1.15)
"""Brightness of a veil that hides everything, in the same ranges."""
_LEAST_GAP = 0.5
"""Least distance to that brightness: what is bright in the other date tells little."""
_LEAST_RISE = 0.15
"""Below which a rise is that of light and material, whatever is left to hide."""
_LIFT = 0.7
"""Rise of the mean over that of the dark channel, both as parts of what is left to hide."""
_PALE = 0.5
"""Chroma under a veil, over that of the scene."""
_FADED, _FADED_FLOOR = 0.8, 0.1
"""Chroma under a veil over that of the other date, and what is granted where neither has any."""
_RISE_SOFT, _PALE_SOFT, _DETAIL_SOFT, _LOSS_SOFT = 0.30, 0.7, 0.75, 0.8
"""The same where a veil keeps some colour: then its detail is below that of the scene, too, and
below this share of what the other date shows."""
_GROWN = 0.95
"""Detail over that of the other date that no veil has: rubble brightens and roughens."""
_WIDER = 2
"""Cells by which the radius of the opening is larger for smoke over BEFORE."""
_RISE_CLOUD, _LEVEL_CLOUD = 0.45, 0.80
"""Rise and level of the dark channel above which a veil is a cloud, in the same ranges."""
_FLOOR = 0.3
"""Detail of the scene that is added to that of the other date: bare ground has none to lose."""
_EDGE, _EDGE_WHITE, _EDGE_SHARE = 0.35, 0.4, 0.35
"""Step over two cells that is sharp, in ranges, that of white things, and the share of
a rim that makes a thing a roof: a veil has no outline."""
_WHITE, _NEUTRAL = 0.80, 0.12
"""Least of the bands over the bright end of the image, and greatest difference of the bands over
the brightest, of snow."""
_WHITER = 0.35
"""Difference of the dates that snow makes, in ranges of BEFORE."""
_SNOW_LEAST = 0.03
"""Share of a scene that turned white or was, below which that is roofs, not snow."""
_SNOWED = 0.5
"""Share of a scene that is white in one date alone, from which the rest fits no lines."""
_PATCHED = 0.25
"""Share of the surroundings (60 m) that is white in one date alone, of snow."""
_FULL = 0.995
"""Of the largest value: saturated."""
_SHADE_BLUE = 0.78
"""Blue over the brighter of red and green in the light of the sky alone; plants have less."""
_STABLE_SHARE = 0.3
MIN_CORRELATION = 0.3
"""Of the lines between the dates, below which a thin veil cannot be told from another season."""
MARGIN = 128
"""Cells that must be read beyond a window: the sum of all windows in a row, cells of 1.4 m."""
SAMPLE_MARGIN = 32
"""The same for a sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VeilPlan:
    """What is fitted once for a scene; values are shares of the nominal white."""

    cell_m: float
    """Side of a cell, metres."""
    colour: bool
    """Whether both dates have red, green and blue (else one grey band)."""
    lines: tuple[Line, ...]
    """Of each band, from AFTER to BEFORE, on what is most alike."""
    low: float
    """1st percentile of BEFORE's grey level."""
    range: float
    """From there to the 99th."""
    chroma: tuple[float, float]
    """Median of the windowed chroma of BEFORE and of AFTER."""
    detail: float
    """Median of BEFORE's detail, in ranges."""
    bright: tuple[float, float]
    """Bright end (99.5th percentile) of both dates."""
    white_apart: float
    """Share of the cells that are white in one date alone."""
    snowy: float
    """Share of them that are far darker in the other date."""
    levels: tuple[tuple[float, float], tuple[float, float]]
    """1st and 99th percentile of both dates' grey levels, without snow and cloud."""
    shade: tuple[float, float]
    """Level below which both dates may lie in shadow: the split of Otsu."""

    @property
    def thin_decided(self) -> bool:
        """Whether smoke can be told: the dates go together, and there is colour."""
        return self.colour and min(line.correlation for line in self.lines) >= MIN_CORRELATION


@dataclass(frozen=True, slots=True, eq=False)
class VeilSample:
    """Cells of one tile that both dates show, n of them."""

    before: FloatArray
    """Shape (bands, n)."""
    after: FloatArray
    """Shape (bands, n)."""
    alike: FloatArray
    """Correlation of the surroundings, shape (n,)."""
    chroma: FloatArray
    """Windowed chroma of both dates, shape (2, n)."""
    detail: FloatArray
    """Of BEFORE, in shares of white, shape (n,)."""

    @classmethod
    def of(
        cls,
        before: FloatArray,
        after: FloatArray,
        valid: BoolArray,
        *,
        cell_m: float,
        keep: BoolArray,
    ) -> VeilSample:
        """Sample a tile where ``keep`` and valid; see :func:`find_unseen` for the arrays."""
        use = keep & valid
        sizes = veil_sizes(cell_m)
        grey = [date.mean(axis=0, dtype=np.float32) for date in (before, after)]
        alike = zncc(grey[0], grey[1], valid=valid, radius=sizes.detail, search=0, step=1)
        pale = [chroma(date, valid, sizes)[use] for date in (before, after)]
        return cls(
            before=before[:, use],
            after=after[:, use],
            alike=alike[use],
            chroma=np.stack(pale),
            detail=detail(grey[0], valid, sizes)[use],
        )


def fit_veils(samples: list[VeilSample], *, cell_m: float) -> VeilPlan:
    """Fit what is global in a scene from its sampled cells.

    Parameters
    ----------
    samples : list of VeilSample
        At least one cell in all.
    cell_m : float
        Side of a cell, metres.

    Returns
    -------
    VeilPlan
    """
    before = np.concatenate([sample.before for sample in samples], axis=1)
    after = np.concatenate([sample.after for sample in samples], axis=1)
    alike = np.concatenate([sample.alike for sample in samples])
    pale = np.concatenate([sample.chroma for sample in samples], axis=1)
    fine = np.concatenate([sample.detail for sample in samples])
    bright = _bright_end(before), _bright_end(after)
    # Snow and cloud of one date have no line to the other, however alike their surroundings.
    white = [_is_white(*pair) for pair in ((before, bright[0]), (after, bright[1]))]
    same = white[0] == white[1]
    fair = same if same.mean() >= 1 - _SNOWED else np.ones_like(same)
    stable = fair & (alike >= np.quantile(alike[fair], 1 - _STABLE_SHARE))
    lines = tuple(fit_line(x[stable], y[stable]) for x, y in zip(before, after, strict=True))
    low, high = _ends(before[:, fair])
    span = max(high - low, 1e-3)
    return VeilPlan(
        cell_m=cell_m,
        colour=len(before) == 3,
        lines=lines,
        low=low,
        range=span,
        chroma=(float(np.median(pale[0][fair])), float(np.median(pale[1][fair]))),
        detail=float(np.median(fine[fair])) / span,
        bright=bright,
        levels=(_ends(before[:, fair]), _ends(after[:, fair])),
        white_apart=float(1 - same.mean()),
        snowy=float(
            _turned_white(white[0], white[1], _whitening(before, after, lines, span)).mean()
        ),
        shade=(_shade_level(before.max(axis=0)[fair]), _shade_level(after.max(axis=0)[fair])),
    )


def find_unseen(
    before: FloatArray,
    after: FloatArray,
    valid: BoolArray,
    plan: VeilPlan,
) -> ByteArray:
    """Say of each cell what hides it, and whether it lies in shadow.

    Parameters
    ----------
    before, after : ndarray, shape (3 or 1, height, width)
        Red, green and blue of both dates, or one grey band, as shares of the nominal white, on
        one grid of cells; 0 where not valid. :data:`MARGIN` cells around what is used.
    valid : ndarray of bool, shape (height, width)
        True = both dates show the cell.
    plan : VeilPlan

    Returns
    -------
    ndarray of uint8
        One of the codes, plus :data:`SHADOW`; 0 where not valid.

    Notes
    -----
    The rise of the dark channel is that of He, Sun & Tang 2011, doi:10.1109/TPAMI.2010.168, taken
    between two dates; whiteness and size as in Zhu & Woodcock 2012,
    doi:10.1016/j.rse.2011.10.028; snow by level and neutral colour, because visible bands have no
    better; shadow is where only the sky lights (blue over the brighter of red and green).
    """
    sizes = veil_sizes(plan.cell_m)
    aligned = np.stack([line.apply(band) for line, band in zip(plan.lines, after, strict=True)])
    looks = [
        _look(image, native, valid, plan, own=own)
        for image, native, own in ((before, before, 0), (aligned, after, 1))
    ]
    cloud, smoke = np.zeros_like(valid), np.zeros_like(valid)
    for date in (0, 1):
        thick, thin = _veils(looks[date], looks[1 - date], valid, plan, before=date == 0)
        cloud |= thick
        smoke |= thin
    full = [
        _saturated(native, look.step, valid, sizes)
        for native, look in zip((before, after), looks, strict=True)
    ]
    code = np.zeros(valid.shape, np.uint8)
    code[full[0] | full[1]] = SATURATED
    if plan.colour:
        snow = _snow(before, after, valid, plan)
        code[snow] = SNOW
        code[smoke] = SMOKE
        # What is as white as snow beside a cloud is more of it.
        cloud |= snow & grown(cloud, sizes.rim // 2)
    code[cloud] = CLOUD
    if plan.colour:
        for image, level in zip((before, after), plan.shade, strict=True):
            code[_is_shaded(image, level)] |= SHADOW
    code[~valid] = 0
    return code


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """How one date looks, in ranges of BEFORE; AFTER brought to BEFORE first."""

    dark: FloatArray
    mean: FloatArray
    """Of all bands, in the window of the dark channel."""
    pale: FloatArray
    """Chroma over that of the scene."""
    detail: FloatArray
    least: FloatArray
    """Least of the bands of a cell itself."""
    step: FloatArray
    """Difference over two cells."""


def _look(
    image: FloatArray, native: FloatArray, valid: BoolArray, plan: VeilPlan, *, own: int
) -> _Look:
    sizes = veil_sizes(plan.cell_m)
    scaled = (image - np.float32(plan.low)) / np.float32(plan.range)
    grey = np.asarray(scaled.mean(axis=0, dtype=np.float32))
    pale = chroma(scaled, valid, sizes) * np.float32(plan.range) / max(plan.chroma[0], 1e-3)
    # White is white before it is brought to the other date's colours, too.
    bare = chroma(native, valid, sizes) / max(plan.chroma[own], 1e-3)
    return _Look(
        dark=dark_channel(scaled, valid, sizes),
        mean=windowed_mean(grey, weight=valid.astype(np.float32), radius=sizes.dark),
        pale=np.asarray(np.minimum(pale, bare), np.float32),
        detail=detail(grey, valid, sizes),
        least=np.asarray(scaled.min(axis=0), np.float32),
        step=steps(grey, valid),
    )


def _veils(
    here: _Look, other: _Look, valid: BoolArray, plan: VeilPlan, *, before: bool
) -> tuple[BoolArray, BoolArray]:
    """Mark cloud and smoke of one date (BEFORE or not) against the other."""
    sizes = veil_sizes(plan.cell_m)
    # A veil hides less of what is bright already.
    over = here.dark - other.dark
    rise = np.where(over < _LEAST_RISE, np.float32(0), over) / np.maximum(
        _AIR - other.dark, np.float32(_LEAST_GAP)
    )
    # It lifts everything, not the darkest alone: a pale roof without its holes is no veil.
    lifted = here.mean - other.mean > _LIFT * rise * (_AIR - other.mean)
    rise = np.where(lifted, rise, np.float32(0))
    loss = here.detail / (other.detail + np.float32(_FLOOR * plan.detail))
    soft = (here.detail < _DETAIL_SOFT * plan.detail) & (loss < _LOSS_SOFT)
    thick = (rise > _RISE_CLOUD) & (here.dark > _LEVEL_CLOUD)
    if plan.colour:
        # It takes colour away: what is the paler of the two dates only by nature keeps its own.
        paler = here.pale < _FADED * other.pale + np.float32(_FADED_FLOOR)
        rise = np.where(paler, rise, np.float32(0))
        grey = (rise > _RISE) & (here.pale < _PALE) & (loss < _GROWN)
        veil = grey | ((rise > _RISE_SOFT) & (here.pale < _PALE_SOFT) & soft)
        thick &= veil
        if not plan.thin_decided:
            veil = thick
    else:
        thick &= soft
        veil = thick
    veil = opened(closed(veil & valid, sizes.open), sizes.open) & valid
    rim = grown(veil, 2) & ~shrunk(veil, 2) & valid
    veil &= ~_is_sharp(rim, here.step, _EDGE, sizes)
    # A white roof is sharp where the white ends, some way out of what windows make of it.
    core = opened(thick & veil, sizes.white)
    near = grown(core, 2 * sizes.dark + 2)
    bright = opened(valid & (here.least > _LEVEL_CLOUD - 0.1), sizes.open)
    veil &= ~(near & _is_sharp(bright & ~shrunk(bright, 1) & near, here.step, _EDGE_WHITE, sizes))
    if before:
        # A pale roof that burnt leaves the picture of a veil in BEFORE: ask for more than a roof.
        wide = opened(veil, sizes.open + _WIDER) & veil
        veil = wide | (veil & grown(core, 2 * sizes.open))
    # A veil fades out: two more cells of it.
    veil = grown(veil, 2) & valid
    # Cloud is what has a core of cloud near.
    core = grown(core & veil, 2 * sizes.open)
    return veil & core, veil & ~core


def _saturated(
    native: FloatArray, step: FloatArray, valid: BoolArray, sizes: VeilSizes
) -> BoolArray:
    """Mark what has the largest value, but for roofs: whether one stands is seen by its outline."""
    full = (native >= _FULL).all(axis=0) & valid
    rim = grown(full, 1) & ~shrunk(full, 1) & valid
    return opened(full, sizes.white) & ~_is_sharp(rim, step, _EDGE_WHITE, sizes)


def _is_sharp(rim: BoolArray, step: FloatArray, least: float, sizes: VeilSizes) -> BoolArray:
    """Mark where the outline of a bright thing is sharp: a roof, a paved yard."""
    sharp = windowed_mean(
        (step > least).astype(np.float32), weight=rim.astype(np.float32), radius=sizes.rim
    )
    return np.asarray(sharp > _EDGE_SHARE)


def _ends(bands: FloatArray) -> tuple[float, float]:
    low, high = np.percentile(bands.mean(axis=0), [1, 99])
    return float(low), float(high)


def _bright_end(bands: FloatArray) -> float:
    return float(np.percentile(bands.mean(axis=0), 99.5))


def _is_white(bands: FloatArray, bright: float) -> BoolArray:
    least, most = bands.min(axis=0), bands.max(axis=0)
    neutral = most - least <= np.float32(_NEUTRAL) * most
    return np.asarray((least >= np.float32(_WHITE * bright)) & neutral)


def _snow(before: FloatArray, after: FloatArray, valid: BoolArray, plan: VeilPlan) -> BoolArray:
    """Mark what is white in one date and far darker in the other."""
    white = [_is_white(date, end) for date, end in zip((before, after), plan.bright, strict=True)]
    one = white[0] != white[1]
    if plan.thin_decided and plan.white_apart < _SNOWED:
        if plan.snowy < _SNOW_LEAST:
            return np.zeros_like(valid)
        one = _turned_white(white[0], white[1], _whitening(before, after, plan.lines, plan.range))
    one &= valid
    return np.asarray(one & _patched(one, valid, veil_sizes(plan.cell_m)))


def _whitening(
    before: FloatArray, after: FloatArray, lines: tuple[Line, ...], span: float
) -> FloatArray:
    """Rise of the darkest band from BEFORE to AFTER, in ranges of BEFORE."""
    aligned = [line.apply(band) for line, band in zip(lines, after, strict=True)]
    rise = np.min(aligned, axis=0) - before.min(axis=0)
    return np.asarray(rise / np.float32(span), np.float32)


def _turned_white(before: BoolArray, after: BoolArray, rise: FloatArray) -> BoolArray:
    return np.asarray((after & (rise > _WHITER)) | (before & (rise < -_WHITER)))


def _patched(white: BoolArray, valid: BoolArray, sizes: VeilSizes) -> BoolArray:
    """Mark where white things lie all around, as snow does and roofs do not."""
    share = windowed_mean(
        white.astype(np.float32), weight=valid.astype(np.float32), radius=sizes.rim
    )
    return np.asarray(share > _PATCHED)


def _is_shaded(bands: FloatArray, level: float) -> BoolArray:
    red, green, blue = bands
    return np.asarray(
        (bands.max(axis=0) < np.float32(level))
        & (blue > np.float32(_SHADE_BLUE) * np.maximum(red, green))
    )


def _shade_level(values: FloatArray) -> float:
    """Return the level below which the darker part of a scene falls into two once more."""
    first = split(values)
    return split(values[values <= first])
