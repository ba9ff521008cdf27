"""Estimate an alignment: overviews, tie points from coarse to full resolution, a choice."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from changedet.core.errors import Finding
from changedet.core.grid import Grid, Window
from changedet.core.kernels import BoolArray
from changedet.core.options import RegisterOptions
from changedet.register.alignment import Alignment, TiePoints, largest_shift
from changedet.register.byhand import ByHand, align_by_hand, fit_given
from changedet.register.coarse import Hypothesis, Limits, estimate_coarse, verify
from changedet.register.correlation import Matches
from changedet.register.field import (
    Choice,
    Points,
    choose_model,
    choose_stiffness,
    fit_affine_robust,
    fit_field,
    measure_growth,
    normalised_median,
)
from changedet.register.lattice import IDENTITY, Chain, FloatArray, Mapping
from changedet.register.overview import Overview, measure_contrast, overview_of, overview_through
from changedet.register.reader import Reader, Remembering
from changedet.register.tiepoints import Nodes, match_nodes, plan_nodes

OVERVIEW = 700
"""Longer side of the overviews, pixels."""

_LEAST_SNR = 5.5  # of a tie point; nine of ten windows of wrong places stay below 6
_FEWEST = 12  # believed tie points; fewer cannot carry a model
_CLEAR_SNR = 6.5
_SHARP_SNR = 13.0
_NODES_TRIAL = 144
_NODES_BETWEEN = 1600  # most nodes of a pass that is not the last
_SECOND_PASS_PX = 6_000_000  # up to this size a second pass at full resolution pays


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Pair:
    """What every step needs to know."""

    before: Reader
    after: Reader
    base: Mapping
    limits: Limits
    options: RegisterOptions
    gsd_m: float | None
    executor: Executor | None

    @property
    def grid(self) -> Grid:
        return self.before.grid

    def broken(self, affine: FloatArray) -> str | None:
        """Say what is implausible about a model; None where it is fine."""
        return self.limits.broken_by(affine, (self.grid.width / 2, self.grid.height / 2))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Pass:
    """The result of matching one level."""

    nodes: Nodes
    at: FloatArray  # (2, ny, nx) positions in BEFORE
    found: FloatArray  # (ny, nx, 2) positions in the base plane
    believed: BoolArray  # (ny, nx)
    matchable: BoolArray  # (ny, nx): enough valid pixels and a peak
    weight: FloatArray  # (ny, nx)

    def points(self) -> Points:
        col, row = self.at
        keep = self.believed
        return Points(
            col=col[keep], row=row[keep], found=self.found[keep], weight=self.weight[keep]
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
    pair = _Pair(
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
    finding = _unusable(fixed, moving, georeferenced=base is not None)
    if finding is not None:
        return _refusal(pair, finding)
    hand = None if given is None else fit_given(given, pair.base)
    if hand is None:
        coarse = estimate_coarse(fixed, moving, georeferenced=base is not None, reach=reach)
    else:
        judged = verify(fixed, moving, Hypothesis(affine=hand.affine, method="tie-points"))
        coarse = replace(judged, affine=hand.affine)
    finding = _unbelievable(pair, coarse)
    if finding is not None:
        return _refusal(pair, finding, coarse)
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
    pair: _Pair, *, georeferenced: bool, reach: float | None
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


def _unusable(fixed: Overview, moving: Overview, *, georeferenced: bool) -> Finding | None:
    """Say why two overviews cannot be matched at all; None where they can."""
    if not fixed.valid.any():
        return _refuse("nothing_valid", "BEFORE has no valid pixel: check its nodata value")
    if not moving.valid.any():
        if georeferenced:
            return _refuse(
                "no_overlap",
                "AFTER has no valid pixel where BEFORE is: it is nodata there, or its CRS is wrong",
            )
        return _refuse("nothing_valid", "AFTER has no valid pixel: check its nodata value")
    for name, overview in (("BEFORE", fixed), ("AFTER", moving)):
        if measure_contrast(overview.image, overview.valid, sigma=1.0) <= 0:
            return _refuse("no_texture", f"{name} shows nothing: it is (almost) constant")
    return None


def _unbelievable(pair: _Pair, coarse: Hypothesis) -> Finding | None:
    if not coarse.verified and coarse.method != "tie-points":
        return _refuse(
            "no_match",
            f"no place in AFTER looks like BEFORE (best attempt: {coarse.support} of "
            f"{coarse.windows} windows agree): are these images of the same place?",
        )
    wrong = pair.broken(coarse.affine)
    if wrong is not None:
        return _refuse(
            "implausible_model",
            f"AFTER matches BEFORE only if {wrong}: check the georeference of both images",
        )
    return None


def _refuse(code: str, message: str) -> Finding:
    return Finding(code=code, message=message, severity="refuse")


def _refusal(pair: _Pair, finding: Finding, coarse: Hypothesis | None = None) -> Alignment:
    affine = coarse.affine if coarse is not None and coarse.verified else IDENTITY
    model = Mapping(affine=affine)
    return Alignment(
        chain=Chain(base=pair.base, model=model),
        tie_points=TiePoints.none(),
        model="identity" if coarse is None or not coarse.verified else "affine",
        method="none" if coarse is None else coarse.method,
        coarse_score=0.0 if coarse is None else coarse.score,
        coarse_share=0.0 if coarse is None else coarse.share,
        rmse_px=float("nan"),
        ce90_px=float("nan"),
        supported_share=0.0,
        max_shift_px=largest_shift(pair.grid, model),
        gsd_m=pair.gsd_m,
        findings=(finding,),
    )


def _descend(pair: _Pair, model: Mapping, *, first_zoom: int) -> _Pass | None:
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
    pair: _Pair, model: Mapping, *, zoom: int, radius: int, window: int, final: bool
) -> _Pass | None:
    options = pair.options
    chain = Chain(base=pair.base, model=model)
    most = options.max_nodes if final else min(options.max_nodes, _NODES_BETWEEN)
    area = _overlap(pair.grid, pair.after.grid, chain)
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
    matches = match_nodes(
        pair.before, pair.after, chain, nodes, radius=radius, executor=pair.executor
    )
    return _judge(matches, nodes, model)


def _pick_window(pair: _Pair, model: Mapping) -> int:
    """Take larger windows where few of a sample of them stand out: lean, season, much rebuilt."""
    chain = Chain(base=pair.base, model=model)
    window = pair.options.window
    nodes = plan_nodes(
        _overlap(pair.grid, pair.after.grid, chain),
        zoom=1,
        window=window,
        spacing=window,
        max_nodes=_NODES_TRIAL,
    )
    if nodes is None:
        return window
    trial = match_nodes(pair.before, pair.after, chain, nodes, radius=8, executor=pair.executor)
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
    strong = matches.snr >= _LEAST_SNR
    believed = strong & (normalised_median(shift, strong) < 3.0)
    # a second look without the outliers: they had a voice in the first
    believed &= normalised_median(shift, believed) < 3.0
    weight = np.clip(matches.peak, 0.02, 1.0).astype(float)
    return _Pass(
        nodes=nodes,
        at=np.stack([col, row]),
        found=found,
        believed=believed,
        matchable=matches.snr > 0,
        weight=weight,
    )


def _overlap(before: Grid, after: Grid, chain: Chain) -> Window:
    """Bounding window, in BEFORE, of where the model finds AFTER's pixels."""
    cols = np.linspace(0, before.width, 65)
    rows = np.linspace(0, before.height, 65)
    at_col, at_row = chain.at(cols[None], rows[:, None])
    inside = (at_col >= -1) & (at_row >= -1) & (at_col <= after.width) & (at_row <= after.height)
    if not inside.any():
        return Window(row=0, col=0, height=0, width=0)
    # one mesh wider than the nodes that are inside
    seen_rows, seen_cols = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, bottom = rows[max(seen_rows[0] - 1, 0)], rows[min(seen_rows[-1] + 1, 64)]
    left, right = cols[max(seen_cols[0] - 1, 0)], cols[min(seen_cols[-1] + 1, 64)]
    return Window(row=int(top), col=int(left), height=int(bottom - top), width=int(right - left))


def _fit_pass(pair: _Pair, found: _Pass) -> Mapping:
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


def _conclude(pair: _Pair, coarse: Hypothesis, last: _Pass | None) -> Alignment:
    if last is None:
        return _refusal(
            pair,
            _refuse("no_match", "too few tie points agree with each other at full resolution"),
            coarse,
        )
    points = last.points()
    held = last.nodes.held_out()[last.believed]
    if held.sum() < 3 or (~held).sum() < 6:
        held = np.arange(len(points)) % 4 == 0
    choice = choose_model(points, held, area=pair.grid.window, spacing=last.nodes.spacing)
    judged = choice.residual[held]
    alignment = Alignment(
        chain=Chain(base=pair.base, model=choice.mapping),
        tie_points=_tie_points(last, choice),
        model=choice.name,
        method=coarse.method,
        coarse_score=coarse.score,
        coarse_share=coarse.share,
        rmse_px=float(np.sqrt(np.mean(judged**2))),
        ce90_px=float(np.quantile(judged, 0.9)),
        supported_share=float(last.believed.sum() / max(last.matchable.sum(), 1)),
        max_shift_px=largest_shift(pair.grid, choice.mapping),
        gsd_m=pair.gsd_m,
        growth=measure_growth(points, choice.mapping, spacing=last.nodes.spacing),
        spacing=last.nodes.spacing,
    )
    return replace(alignment, findings=_findings(pair, alignment))


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


def _findings(pair: _Pair, alignment: Alignment) -> tuple[Finding, ...]:
    wrong = pair.broken(alignment.chain.model.affine)
    if wrong is not None:
        return (_refuse("implausible_model", f"AFTER matches BEFORE only if {wrong}"),)
    if alignment.supported_share < 0.03:
        return (
            _refuse(
                "no_match",
                f"only {alignment.supported_share:.1%} of the tie points agree with each other",
            ),
        )
    if not alignment.rmse_px <= pair.options.max_residual_px:
        return (
            _refuse(
                "residual_too_large",
                f"tie points left out of the fit are {alignment.rmse_px:.1f} pixels off; "
                f"at most {pair.options.max_residual_px:g} are accepted",
            ),
        )
    return ()
