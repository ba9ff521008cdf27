"""Estimate an alignment: overviews, tie points from coarse to full resolution, a choice."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from changedet.core.kernels import BoolArray
from changedet.core.options import RegisterOptions
from changedet.register.alignment import (
    Alignment,
    TiePoints,
    find_overlap,
    largest_shift,
    measure_extrapolation,
)
from changedet.register.byhand import ByHand, align_by_hand, fit_given
from changedet.register.coarse import Hypothesis, Limits, estimate_coarse, verify
from changedet.register.correlation import Matches
from changedet.register.field import (
    Points,
    fit_field,
    measure_growth,
    measure_scatter,
    normalised_median,
)
from changedet.register.lattice import IDENTITY, Chain, FloatArray, Mapping, invert
from changedet.register.models import (
    Choice,
    choose_model,
    choose_stiffness,
    fit_affine_robust,
)
from changedet.register.overview import Overview, overview_of, overview_through
from changedet.register.quality import measure_quality
from changedet.register.reader import Reader, Remembering, exact, release
from changedet.register.tiepoints import (
    BLOCK,
    Nodes,
    Wider,
    match_nodes,
    match_nodes_wider,
    plan_nodes,
    sample_contrast,
)
from changedet.register.verdict import (
    Pair,
    find_unbelievable,
    find_unusable,
    judge_alignment,
    reason,
    refuse,
)

OVERVIEW = 700
"""Longer side of the overviews, pixels; about that of large images."""

_LEAST_SNR = 5.5  # of a tie point; nine of ten windows of wrong places stay below 6
_MOST_NOISE = 2.0  # of a tie point, level pixels
_FEWEST = 12  # believed tie points; fewer cannot carry a model
_FEWEST_SEARCHED = 25
_CLEAR_SNR = 6.5
_WIDE_NOISE = 4.0  # times the predicted one, for windows of twice the side
_SHARP_SNR = 13.0
_NODES_TRIAL = 144
_NODES_BACK = 100
_SAME_SCALE = 0.1  # ratio of the pixels up to which gradients of both grids are as long
_NODES_BETWEEN = 1600  # most nodes of a pass that is not the last
_SECOND_PASS_PX = 6_000_000  # up to this size a second pass at full resolution pays


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Pass:
    """The result of matching one level."""

    nodes: Nodes
    at: FloatArray  # (2, ny, nx) positions in BEFORE
    found: FloatArray  # (ny, nx, 2) positions in the base plane
    believed: BoolArray  # (ny, nx)
    matchable: BoolArray  # (ny, nx): enough valid pixels and a peak
    noise: FloatArray  # (ny, nx): predicted, along an axis
    scatter: float  # beyond the noise

    def points(self) -> Points:
        col, row = self.at
        keep = self.believed
        return Points(
            col=col[keep],
            row=row[keep],
            found=self.found[keep],
            noise=self.noise[keep],
            scatter=self.scatter,
        )


def estimate_alignment(
    before: Reader,
    after: Reader,
    *,
    base: Mapping | None = None,
    options: RegisterOptions | None = None,
    gsd_m: float | None = None,
    given: FloatArray | None = None,
    executor: Executor | None = None,
) -> Alignment:
    """Find where each BEFORE pixel lies in AFTER.

    Hypotheses of the coarse position are verified on overviews; then windows are matched from
    coarse to full resolution, with AFTER warped by the present model each time; in the end tie
    points that were left out of the fit choose between identity, shift, affine, and affine with a
    smooth field, and measure what is left.

    Parameters
    ----------
    before, after : Reader
        The two dates, grey.
    base : Mapping, optional
        What the georeferences say: BEFORE positions to AFTER positions, pixels
        (:func:`~changedet.register.lattice.fit_mapping`). None where one of them has none: then
        any rotation and a scale of 0.4 to 2.5 are believed (0.5 to 2 are searched).
    options : RegisterOptions, optional
        Density and limits.
    gsd_m : float, optional
        Metres per BEFORE pixel, where known.
    given : ndarray, shape (n, 4), optional
        Tie points that somebody set: column and row in BEFORE, column and row in AFTER, at least
        four. Matching then starts from them instead of from a search; where it finds nothing,
        they alone make the model, and the result says so.
    executor : concurrent.futures.Executor, optional
        Computes tiles of windows; the result does not depend on it.

    Returns
    -------
    Alignment
        Always; a pair that must not be compared carries a finding of severity "refuse" (codes
        ``nothing_valid``, ``no_overlap``, ``no_texture``, ``no_match``, ``implausible_model``,
        ``residual_too_large``).
    """
    options = options or RegisterOptions()
    reach = options.max_offset_m / gsd_m if gsd_m else None
    pair = Pair(
        before=Remembering(before),
        after=Remembering(after),
        base=base or Mapping(affine=IDENTITY),
        limits=Limits(scale=2.5, turn_deg=180.0, offset_px=None)
        if base is None
        else Limits(scale=1.15, turn_deg=12.0, offset_px=reach),
        options=options,
        gsd_m=gsd_m,
        executor=executor,
    )
    fixed, moving = _overviews(pair, georeferenced=base is not None, reach=reach)
    finding = find_unusable(fixed, moving, georeferenced=base is not None)
    if finding is not None:
        return refuse(pair, finding)
    hand = None if given is None else fit_given(given, pair.base)
    if hand is None:
        coarse = estimate_coarse(fixed, moving, georeferenced=base is not None, reach=reach)
    else:
        judged = verify(fixed, moving, Hypothesis(affine=hand.affine, method="tie-points"))
        coarse = replace(judged, affine=hand.affine)
    finding = find_unbelievable(pair, coarse)
    if finding is not None:
        return refuse(pair, finding, coarse)
    last = _descend(pair, Mapping(affine=coarse.affine), first_zoom=fixed.zoom)
    if hand is not None and not _improves(last, hand):
        return align_by_hand(hand, pair.base, pair.grid, gsd_m=gsd_m)
    return _conclude(pair, coarse, last)


def _improves(last: _Pass | None, hand: ByHand) -> bool:
    """Say whether matching found enough, and nothing far from the points that were given."""
    if last is None or last.believed.sum() < 0.03 * max(last.matchable.sum(), 1):
        return False
    points = last.points()
    away = points.residuals(Mapping(affine=hand.affine))
    return bool(np.median(away) <= 3 * max(hand.rmse_px, 1.0) + 10)


def _overviews(
    pair: Pair, *, georeferenced: bool, reach: float | None
) -> tuple[Overview, Overview]:
    fixed = overview_of(pair.before, size=OVERVIEW)
    if not georeferenced:
        return fixed, overview_of(pair.after, size=OVERVIEW)
    most = 0.35 * max(pair.grid.shape)
    room = math.ceil(min(most if reach is None else reach, most) / fixed.zoom) * fixed.zoom
    moving = overview_through(
        pair.after, pair.base, area=pair.grid.window.pad(room), zoom=fixed.zoom
    )
    return fixed, moving


def _descend(pair: Pair, model: Mapping, *, first_zoom: int) -> _Pass | None:
    """Match level after level, each with AFTER warped by the model of the one before."""
    zooms = [first_zoom]
    while zooms[-1] > 1:
        zooms.append(max(1, zooms[-1] // 2))
    if pair.grid.width * pair.grid.height <= _SECOND_PASS_PX:
        zooms += [1] if first_zoom > 1 else [1, 1]
    last, full = None, 0
    for number, zoom in enumerate(zooms):
        final = number == len(zooms) - 1
        radius = 14 if number == 0 else 8 if zoom != zooms[number - 1] else 5
        if zoom == 1 and not full:
            release(pair.before, pair.after)
            full = _pick_window(pair, model)
        window = full if zoom == 1 else pair.options.window
        found = _match_level(pair, model, zoom=zoom, radius=radius, window=window, final=final)
        if found is None or found.believed.sum() < _FEWEST:
            continue
        last = found
        if final:
            break
        model = _fit_pass(pair, found)
        if pair.broken(model.affine):
            return last
    return last


def _match_level(
    pair: Pair, model: Mapping, *, zoom: int, radius: int, window: int, final: bool
) -> _Pass | None:
    options = pair.options
    chain = Chain(base=pair.base, model=model)
    most = options.max_nodes if final else min(options.max_nodes, _NODES_BETWEEN)
    area = find_overlap(pair.grid, pair.after.grid, chain)
    # far enough apart for neighbours to say something new; small images cannot afford more
    apart = min(window // 3, min(area.shape) // (16 * zoom))
    short = min(area.shape) // zoom
    window = min(window, max(32, short // 4 // 2 * 2))
    spacing = max(min(options.spacing, short // 10), 8)
    nodes = plan_nodes(
        area,
        zoom=zoom,
        window=window,
        spacing=max(spacing, apart),
        max_nodes=most,
        beyond=3 * window // 8,
    )
    if nodes is None:
        return None
    wider = Wider(window=2 * nodes.window, below=_CLEAR_SNR) if final else None
    small, large = _match(pair, chain, nodes, radius=radius, wider=wider)
    found = _judge(small, nodes, model)
    # where small windows see something clearly, large ones would only see it less well
    blind = ~found.believed & (small.snr < _CLEAR_SNR)
    if not final or not blind.any():
        return found
    return _judge(_help_out(small, large, blind), nodes, model)


def _match(
    pair: Pair, chain: Chain, nodes: Nodes, *, radius: int, wider: Wider | None = None
) -> tuple[Matches, Matches]:
    """Match windows; of a zoomed-out level here, since what was read of it is kept here."""
    full = nodes.zoom == 1
    before, after = (exact(r) if full else r for r in (pair.before, pair.after))
    if nodes.zoom not in pair.contrasts:
        pair.contrasts[nodes.zoom] = sample_contrast(before, after, chain, nodes)
    return match_nodes_wider(
        before, after, chain, nodes, radius=radius, wider=wider,
        contrast=pair.contrasts[nodes.zoom], executor=pair.executor if full else None,
    )  # fmt: skip


def _help_out(small: Matches, large: Matches, where: BoolArray) -> Matches:
    """Take windows of twice the side where small ones do not stand out."""
    # what hides a place from small windows displaces large ones: they only help out
    large = replace(large, noise=_WIDE_NOISE * large.noise)
    clear = where & (large.snr >= _CLEAR_SNR) & (large.noise < _MOST_NOISE)
    return small.replaced(clear, large.part(clear))


def _pick_window(pair: Pair, model: Mapping) -> int:
    """Take larger windows where few of a sample of them stand out: lean, season, much rebuilt."""
    chain = Chain(base=pair.base, model=model)
    window = pair.options.window
    nodes = plan_nodes(
        find_overlap(pair.grid, pair.after.grid, chain),
        zoom=1,
        window=window,
        spacing=window,
        max_nodes=_NODES_TRIAL,
    )
    if nodes is None:
        return window
    trial, _ = _match(pair, chain, nodes, radius=8)
    usable = trial.snr > 0
    if not usable.any():
        return window
    clear = float((trial.snr[usable] >= _CLEAR_SNR).mean())
    # very clear peaks here and none there: content was replaced, and small windows find the rest
    if clear >= 0.75 or float(np.quantile(trial.snr[usable], 0.8)) >= _SHARP_SNR:
        return window
    return int(window * (1.5 if clear >= 0.5 else 2.0)) // 2 * 2


def _judge(matches: Matches, nodes: Nodes, model: Mapping) -> _Pass:
    """Believe the peaks that stand out and agree with those around them."""
    col, row = nodes.positions()
    col, row = col + matches.off_col * nodes.zoom, row + matches.off_row * nodes.zoom
    shift = np.stack([matches.dcol, matches.drow], -1).astype(float)
    found = np.stack(
        model.at(col + shift[..., 0] * nodes.zoom, row + shift[..., 1] * nodes.zoom), -1
    )
    strong = (matches.snr >= _LEAST_SNR) & (matches.noise < _MOST_NOISE)
    believed = strong & (normalised_median(shift, strong) < 3.0)
    # a second look without the outliers: they had a voice in the first
    believed &= normalised_median(shift, believed) < 3.0
    noise = matches.noise.astype(float)
    return _Pass(
        nodes=nodes,
        at=np.stack([col, row]),
        found=found,
        believed=believed,
        matchable=matches.snr > 0,
        noise=noise * nodes.zoom,
        scatter=measure_scatter(shift, believed, noise) * nodes.zoom,
    )


def _fit_pass(pair: Pair, found: _Pass) -> Mapping:
    """Fit the model that the next pass starts from."""
    points = found.points()
    floor = 0.1 * found.nodes.zoom
    affine = fit_affine_robust(points, floor=floor)
    if len(points) < 20:
        return Mapping(affine=affine)
    held = found.nodes.held_out()[found.believed]
    area, spacing = pair.grid.window, found.nodes.spacing
    stiffness = choose_stiffness(
        points, held, affine, area=area, spacing=spacing, floor=floor, tried=(0.01, 0.1, 1.0, 10.0)
    )
    if stiffness is None:
        return Mapping(affine=affine)
    field = fit_field(points, affine, area=area, spacing=spacing, stiffness=stiffness, floor=floor)
    return Mapping(affine=affine, lattice=field)


def _conclude(pair: Pair, coarse: Hypothesis, last: _Pass | None) -> Alignment:
    if last is None:
        return refuse(
            pair,
            reason("no_match", "too few tie points agree with each other at full resolution"),
            coarse,
        )
    points = last.points()
    if coarse.method == "search" and len(points) < _FEWEST_SEARCHED:
        # nothing else speaks for a model that was picked from thousands
        return refuse(
            pair,
            reason("no_match", f"only {len(points)} tie points agree with what a search found"),
            coarse,
        )
    held = last.nodes.held_out()[last.believed]
    if held.sum() < 3 or (~held).sum() < 6:
        held = np.arange(len(points)) % 4 == 0
    choice = choose_model(points, held, area=pair.grid.window, spacing=last.nodes.spacing)
    rows, cols = np.nonzero(last.believed)
    chain = Chain(base=pair.base, model=choice.mapping)
    quality = measure_quality(
        points,
        choice.mapping,
        choice.residual,
        held,
        refit=choice.refit,
        cells=(rows // BLOCK + cols // BLOCK) % 2 == 0,
        bends=choice.name == "affine+field",
        scale=chain.scale,
    )
    alignment = Alignment(
        chain=chain,
        tie_points=_tie_points(last, choice),
        model=choice.name,
        method=coarse.method,
        coarse_score=coarse.score,
        coarse_share=coarse.share,
        rmse_px=quality.rmse,
        ce90_px=quality.ce90,
        left_out_px=quality.left_out,
        backward_px=_look_back(pair, chain, last.nodes.window),
        supported_share=float(last.believed.sum() / max(last.matchable.sum(), 1)),
        max_shift_px=largest_shift(pair.grid, choice.mapping),
        gsd_m=pair.gsd_m,
        growth=measure_growth(points, choice.mapping, spacing=last.nodes.spacing),
        spacing=last.nodes.spacing,
    )
    return replace(
        alignment,
        findings=judge_alignment(pair, alignment),
        extrapolated_share=measure_extrapolation(pair.grid, pair.after.grid, alignment),
    )


def _look_back(pair: Pair, chain: Chain, window: int) -> float:
    """Match the other way: windows of AFTER against BEFORE, laid on AFTER by the inverse model.

    Returns
    -------
    float
        Median distance from the model in BEFORE pixels, at places that the model was not fitted
        to; NaN where too few windows can be matched.
    """
    after = pair.after.grid
    back = Chain(base=Mapping(affine=IDENTITY), model=invert(chain, after, pair.grid))
    area = find_overlap(after, pair.grid, back)
    nodes = plan_nodes(area, zoom=1, window=window, spacing=window, max_nodes=_NODES_BACK)
    if nodes is None:
        return float("nan")
    first, second = exact(pair.after), exact(pair.before)
    known = pair.contrasts.get(1) if abs(chain.scale - 1) < _SAME_SCALE else None
    matches = match_nodes(
        first, second, back, nodes, radius=5, executor=pair.executor,
        contrast=None if known is None else (known[1], known[0]),
    )  # fmt: skip
    found = _judge(matches, nodes, back.model)
    if found.believed.sum() < _FEWEST:
        return float("nan")
    return float(np.median(found.points().residuals(back.model)))


def _tie_points(last: _Pass, choice: Choice) -> TiePoints:
    col, row = (p.ravel() for p in last.at)
    keep, seen = last.believed.ravel(), last.matchable.ravel()
    role = np.zeros(len(col), np.int8)
    role[keep] = np.where(choice.held_out, 2, 1)
    residual = np.full(len(col), np.nan)
    residual[keep] = choice.residual
    found = last.found.reshape(-1, 2)
    return TiePoints(
        col=col[seen],
        row=row[seen],
        dcol=(found[:, 0] - col)[seen],
        drow=(found[:, 1] - row)[seen],
        residual_px=residual[seen],
        role=role[seen],
    )
