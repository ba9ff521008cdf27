"""What is known of a pair before its pixels are compared: how it lies, and its outlines."""

from __future__ import annotations

from concurrent.futures import Executor

from changedet.core.errors import Finding
from changedet.core.options import RunOptions
from changedet.io.points import read_tie_points
from changedet.io.raster import locate
from changedet.io.sources import Pair
from changedet.io.vector import Outlines
from changedet.pipeline.scene import GreyReader
from changedet.register.alignment import Alignment, identity_alignment
from changedet.register.estimate import estimate_alignment
from changedet.register.lattice import Mapping as PixelMap
from changedet.register.lattice import fit_mapping


def align_pair(pair: Pair, options: RunOptions, *, executor: Executor | None = None) -> Alignment:
    """Estimate where each pixel of BEFORE lies in AFTER; of one file with itself it is known."""
    if pair.before.sha256 == pair.after.sha256:
        return identity_alignment(georeference(pair), gsd_m=pair.grid.gsd_m)
    return estimate_alignment(
        GreyReader(raster=pair.before),
        GreyReader(raster=pair.after),
        base=georeference(pair),
        options=options.coregistration,
        gsd_m=pair.grid.gsd_m,
        given=read_tie_points(options.tie_points, before=pair.grid, after=pair.after.grid),
        executor=executor,
    )


def georeference(pair: Pair) -> PixelMap | None:
    """Condense the two georeferences to a map of pixels; None where one has none."""
    if pair.before.grid.crs is None or pair.after.grid.crs is None:
        return None
    return fit_mapping(
        lambda cols, rows: locate(pair.grid, pair.after, cols, rows),
        height=pair.grid.height,
        width=pair.grid.width,
    )


def check_outlines(outlines: Outlines, *, what: str) -> tuple[Finding, ...]:
    """Say how many polygons were repaired or left out; those outside are no surprise."""
    counts = {
        "were repaired": outlines.repaired,
        "could not be repaired or have no area, and were left out": outlines.skipped["invalid"],
        "are empty": outlines.skipped["empty"],
    }
    parts = [f"{count} {fate}" for fate, count in counts.items() if count]
    if not parts:
        return ()
    message = f"{what}: of the geometries near the image, {'; '.join(parts)}"
    return (Finding(code=f"{what}_geometry", message=message, severity="warn"),)
