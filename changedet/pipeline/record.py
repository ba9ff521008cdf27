"""The parts of result.json, made from what the walk found."""

from __future__ import annotations

import contextlib
import math
import platform
import resource
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from changedet.core.errors import Finding
from changedet.core.grid import Grid
from changedet.core.options import RunOptions
from changedet.decide.interval import LEVEL, REPEATS
from changedet.decide.null import CENTRAL, HIGH, LOW
from changedet.io.digests import digest_files
from changedet.io.raster import Raster
from changedet.pipeline.apply import HIDDEN
from changedet.pipeline.plan import Plan
from changedet.pipeline.scene import Scene
from changedet.quantify.areas import Tally, clip_interval, hectares, share
from changedet.quantify.buildings import (
    DAMAGED,
    DESTROYED,
    NONE,
    NOT_ANALYSED,
    POSSIBLY,
    Assessment,
)
from changedet.quantify.built import COARSEST_M
from changedet.register.alignment import Alignment
from changedet.result import (
    Buildings,
    Built,
    GridRecord,
    ImageRecord,
    Inputs,
    Note,
    Observable,
    Provenance,
    Radiometry,
    Registration,
    Status,
)

_LIBRARIES = (
    "numpy",
    "scipy",
    "opencv-python-headless",
    "rasterio",
    "pyogrio",
    "shapely",
    "matplotlib",
)

MASK_RANGE = (0.7, 1.45)
"""True over mapped built area where no footprints are given, on built scenes that the score was
not fitted on (decision 0002): the hectares of the interval are widened by it, the shares not."""


def resolve_status(findings: tuple[Finding, ...], *, force: bool) -> Status:
    """Return what the findings leave of the result."""
    severities = {finding.severity for finding in findings}
    if "refuse" in severities and not force:
        return "refused"
    return "degraded" if severities & {"refuse", "degrade"} else "ok"


def notes(findings: tuple[Finding, ...], *, refusals: bool) -> tuple[Note, ...]:
    """Return the refusals, or everything else, each once."""
    found = {
        (finding.code, finding.message): Note(code=finding.code, message=finding.message)
        for finding in findings
        if (finding.severity == "refuse") == refusals
    }
    return tuple(found.values())


def image_record(raster: Raster, date: object) -> ImageRecord:
    """Return one input as it was understood."""
    native = raster.native_grid
    return ImageRecord(
        path=raster.name,
        sha256=raster.sha256,
        date=str(date) if date is not None else raster.date,
        width=native.width,
        height=native.height,
        bands=dict(raster.bands),
        bands_from=raster.bands_from,
        dtype=raster.dtype,
        crs=native.crs,
        gsd_m=_rounded(native.gsd_m, 6),
    )


def inputs_record(before: Raster, after: Raster, options: RunOptions) -> Inputs:
    """Return both inputs."""
    return Inputs(
        before=image_record(before, options.before_date),
        after=image_record(after, options.after_date),
    )


def grid_record(grid: Grid, analysed_share: float | None) -> GridRecord:
    """Return the grid of all maps."""
    t = grid.transform
    return GridRecord(
        crs=grid.crs,
        transform=(t.a, t.b, t.c, t.d, t.e, t.f),
        gsd_m=_rounded(grid.gsd_m, 6),
        width=grid.width,
        height=grid.height,
        analysed_share=analysed_share,
    )


def registration_record(alignment: Alignment, gsd_m: float | None) -> Registration:
    """Return how AFTER was brought onto BEFORE."""
    rmse, ce90 = _rounded(alignment.rmse_px), _rounded(alignment.ce90_px)
    believed = int((alignment.tie_points.role > 0).sum())
    matched = alignment.tie_points.col.size > 0
    return Registration(
        method=f"coarse: {alignment.method}; "
        + ("tie points: windowed correlation of gradients" if matched else "no tie points"),
        model=alignment.model,
        tie_points=int(alignment.tie_points.col.size),
        inliers=believed,
        rmse_px=rmse,
        rmse_m=None if rmse is None or gsd_m is None else _rounded(rmse * gsd_m),
        ce90_px=ce90,
        ce90_m=None if ce90 is None or gsd_m is None else _rounded(ce90 * gsd_m),
        max_shift_px=_rounded(alignment.max_shift_px),
        coarse_score=_rounded(alignment.coarse_score),
        supported_share=_rounded(alignment.supported_share),
        left_out_px=_rounded(alignment.left_out_px),
        backward_px=_rounded(alignment.backward_px),
        extrapolated_share=_rounded(alignment.extrapolated_share),
    )


def radiometry_record(plan: Plan) -> dict[str, Radiometry]:
    """Return the line of each band."""
    return {
        role: Radiometry(
            gain=round(line.gain, 6),
            offset=round(line.offset, 4),
            correlation=round(line.correlation, 4),
        )
        for role, line in plan.lines
    }


def observable_record(tally: Tally, scene: Scene) -> Observable:
    """Return why a part of the area could not be seen."""
    inside = tally.total("inside")
    hidden = {name: share(tally.total(name), inside) for name in (*HIDDEN, "shadow")}
    seen = scene.observed
    thin, colour = (seen.thin_decided, seen.colour) if seen is not None else (False, False)
    unseen = inside - tally.total("analysed") - sum(tally.total(name) for name in HIDDEN)
    return Observable(
        saturated_share=hidden["saturated"],
        cloud_share=hidden["cloud"],
        smoke_share=hidden["smoke"] if thin else None,
        snow_share=hidden["snow"] if colour else None,
        shadow_share=hidden["shadow"] if colour else None,
        outside_share=share(unseen, inside),
    )


def built_record(
    tally: Tally,
    plan: Plan,
    grid: Grid,
    *,
    footprints: bool,
    seen: bool,
    interval_px: NDArray[np.int64] | None = None,
) -> Built:
    """Return built area before and destroyed, with its interval.

    ``interval_px`` is that of repeats of the decision on whole buildings; without it, the band of
    the threshold and of the prior.
    """
    null = plan.null
    before, area = tally.total("built"), grid.pixel_area_m2
    if not seen:
        return _built_unmeasured()
    central = tally.total("built_central")
    if interval_px is None:
        low = min(central, tally.total("built_low"), round(null.prior_low * before))
        high = max(central, tally.total("built_high"), round(null.prior_high * before))
        band = f"band: {LOW} to {HIGH}, widened by the range of the estimated share over the scene"
    else:
        low, high = clip_interval(interval_px[:, -1], central, before)
        band = (
            f"interval: {LEVEL:.0%} of {REPEATS} repeats with other places of the town, other "
            "constants, noise and error of the alignment"
        )
    if not null.separable:
        low = 0
    found = "found in BEFORE by a score of structure and colour, hectares right to about a third"
    source = "the footprints given" if footprints else found
    least, most = (1.0, 1.0) if footprints else MASK_RANGE
    return Built(
        before_ha=hectares(before, area),
        before_share=share(before, tally.total("analysed")),
        destroyed_ha=hectares(central, area),
        destroyed_share=share(central, before),
        low_ha=hectares(round(low * least), area),
        high_ha=hectares(min(round(high * most), tally.total("analysed")), area),
        low_share=share(low, before),
        high_share=share(high, before),
        interval_kind="model",
        separable=null.separable,
        method=f"Built area: {source}. Destroyed: structure no more alike than unrelated places "
        f"and its order lost, posterior probability at least {CENTRAL} ({band}).",
    )


def _built_unmeasured() -> Built:
    return Built(
        before_ha=None,
        before_share=None,
        destroyed_ha=None,
        destroyed_share=None,
        low_ha=None,
        high_ha=None,
        low_share=None,
        high_share=None,
        interval_kind="model",
        separable=False,
        method=f"Not measured: in pixels of more than {COARSEST_M:g} m it cannot be seen whether "
        "buildings stand.",
    )


def buildings_record(assessment: Assessment | None) -> Buildings:
    """Return the counts by grade; None throughout without footprints."""
    if assessment is None:
        return Buildings(
            total=None,
            destroyed=None,
            damaged=None,
            possibly_damaged=None,
            no_visible_damage=None,
            not_analysed=None,
        )
    return Buildings(
        total=len(assessment.grade),
        destroyed=assessment.count(DESTROYED),
        damaged=assessment.count(DAMAGED),
        possibly_damaged=assessment.count(POSSIBLY),
        no_visible_damage=assessment.count(NONE),
        not_analysed=assessment.count(NOT_ANALYSED),
    )


def title_of(options: RunOptions, inputs: Inputs) -> str:
    """Return the heading: what the user wished, else the names of the files."""
    names = (_last_part(image.path) for image in (inputs.before, inputs.after))
    return options.title or " / ".join(names)


def _last_part(path: str) -> str:
    """Return the name of a file; of an address, without what was hidden of it."""
    return Path(path.removesuffix("?***") if "://" in path else path).name


def provenance_record(
    options: RunOptions, command: str, started: datetime, version: str
) -> Provenance:
    """Return what made this result."""
    return Provenance(
        version=version,
        options=_plain(options),
        command=command,
        started=started.isoformat(timespec="seconds"),
        seconds=round((datetime.now(UTC) - started).total_seconds(), 2),
        peak_mb=round(peak_mb(), 1),
        software={"python": platform.python_version()}
        | {name: metadata.version(name) for name in _LIBRARIES},
        files=digest_files(options),
    )


def peak_mb() -> float:
    """Return the peak resident memory of this process, MB."""
    # Linux hands the peak of the process that started this one on to ``getrusage``.
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
        held = next(line for line in lines if line.startswith("VmHWM:"))
        return float(held.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6)


def _plain(options: RunOptions) -> dict[str, Any]:
    return options.model_dump(mode="json")


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
