"""The control: a pair where nothing happened, put through the same chain."""

from __future__ import annotations

from concurrent.futures import Executor

from changedet.core.errors import Finding, NotComparable
from changedet.core.options import RunOptions
from changedet.io.sources import open_pair
from changedet.pipeline.fit import fit_control
from changedet.pipeline.plan import Control
from changedet.pipeline.prepare import align_pair
from changedet.pipeline.scene import Scene, pick_zoom


def read_control(options: RunOptions, *, executor: Executor | None = None) -> Control | None:
    """Measure the control pair that the options name; None where they name none.

    Raises
    ------
    InputError
        Where one of its files cannot be used.
    NotComparable
        ``code="control"``, where the pair cannot be aligned or shows too few buildings.
    """
    if options.control_before is None or options.control_after is None:
        return None
    before, after = options.control_before, options.control_after
    name = f"{before.name} / {after.name}"
    wishes = options.model_copy(
        update={"footprints": None, "aoi": None, "tie_points": None, "before_date": None,
                "after_date": None}
    )  # fmt: skip
    with open_pair(before, after, wishes) as pair:
        alignment = align_pair(pair, wishes, executor=executor)
        findings: tuple[Finding, ...] = pair.findings + alignment.findings
        reasons = [finding.message for finding in findings if finding.severity == "refuse"]
        if reasons or alignment.refused:
            reason = reasons[0] if reasons else "it cannot be aligned"
            raise NotComparable(f"the control pair {name} is of no use: {reason}", code="control")
        scene = Scene(
            before=pair.before,
            after=pair.after,
            grid=pair.grid,
            alignment=alignment,
            zoom=pick_zoom(alignment, pair.grid),
        )
        return fit_control(scene, name=name, executor=executor)
