"""Whether an alignment may be believed: every reason for which a pair is refused."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, field

from changedet.core.errors import Finding
from changedet.core.grid import Grid
from changedet.core.options import RegisterOptions
from changedet.register.alignment import Alignment, TiePoints, largest_shift
from changedet.register.coarse import Hypothesis, Limits
from changedet.register.lattice import IDENTITY, Chain, FloatArray, Mapping
from changedet.register.overview import Overview, measure_contrast
from changedet.register.reader import Reader
from changedet.register.tiepoints import Contrast

_HOLES = 1.5  # what holes in the tie points may add to the error that is left out


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pair:
    """What every step of a registration needs to know."""

    before: Reader
    after: Reader
    base: Mapping
    limits: Limits
    options: RegisterOptions
    gsd_m: float | None
    executor: Executor | None
    contrasts: dict[int, Contrast] = field(default_factory=dict)
    """What was measured of a zoom-out: see ``sample_contrast``."""

    @property
    def grid(self) -> Grid:
        """BEFORE's grid."""
        return self.before.grid

    def broken(self, affine: FloatArray) -> str | None:
        """Say what is implausible about a model; None where it is fine."""
        return self.limits.broken_by(affine, (self.grid.width / 2, self.grid.height / 2))


def find_unusable(fixed: Overview, moving: Overview, *, georeferenced: bool) -> Finding | None:
    """Say why two overviews cannot be matched at all; None where they can."""
    if not fixed.valid.any():
        return reason("nothing_valid", "BEFORE has no valid pixel: check its nodata value")
    if not moving.valid.any():
        if georeferenced:
            return reason(
                "no_overlap",
                "AFTER has no valid pixel where BEFORE is: it is nodata there, or its CRS is wrong",
            )
        return reason("nothing_valid", "AFTER has no valid pixel: check its nodata value")
    for name, overview in (("BEFORE", fixed), ("AFTER", moving)):
        if measure_contrast(overview.image, overview.valid, sigma=1.0) <= 0:
            return reason("no_texture", f"{name} shows nothing: it is (almost) constant")
    return None


def find_unbelievable(pair: Pair, coarse: Hypothesis) -> Finding | None:
    """Say why a coarse model is not to be believed; None where it is."""
    if not coarse.verified and coarse.method != "tie-points":
        return reason(
            "no_match",
            f"no place in AFTER looks like BEFORE (best attempt: {coarse.support} of "
            f"{coarse.windows} windows agree): are these images of the same place?",
        )
    wrong = pair.broken(coarse.affine)
    if wrong is not None:
        return reason(
            "implausible_model",
            f"AFTER matches BEFORE only if {wrong}: check the georeference of both images",
        )
    return None


def judge_alignment(pair: Pair, alignment: Alignment) -> tuple[Finding, ...]:
    """Say why an alignment that was measured is not to be believed; nothing where it is."""
    wrong = pair.broken(alignment.chain.model.affine)
    if wrong is not None:
        return (reason("implausible_model", f"AFTER matches BEFORE only if {wrong}"),)
    if alignment.supported_share < 0.03:
        return (
            reason(
                "no_match",
                f"only {alignment.supported_share:.1%} of the tie points agree with each other",
            ),
        )
    most = pair.options.max_residual_px
    # what is left out leaves holes in a field that bends: alone it would refuse strong warps
    worst = max(alignment.rmse_px, alignment.left_out_px / _HOLES)
    if not worst <= most:
        return (
            reason(
                "residual_too_large",
                f"the model is {worst:.1f} pixels off, by tie points left out of its fit; "
                f"at most {most:g} are accepted",
            ),
        )
    return ()


def refuse(pair: Pair, finding: Finding, coarse: Hypothesis | None = None) -> Alignment:
    """Return the alignment of a pair that must not be compared."""
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


def reason(code: str, message: str) -> Finding:
    """Return a finding that refuses the pair."""
    return Finding(code=code, message=message, severity="refuse")
