"""The plan: the few numbers that fitting leaves and that every block then applies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from changedet.compare.irmad import IrMad, inflation
from changedet.compare.radiometry import Light, Line
from changedet.compare.structure import WindowSizes
from changedet.decide.chance import Chance
from changedet.decide.interval import Noise
from changedet.decide.null import CENTRAL, HIGH, LOW, Null
from changedet.decide.threshold import ChangeCut
from changedet.quantify.built import BuiltPlan
from changedet.quantify.floor import Floor
from changedet.quantify.vegetation import VegetationPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """What brings one date's grey image to 0..255: two percentiles of the whole scene."""

    low: float
    high: float

    def apply(self, grey: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map ``low`` to 0 and ``high`` to 255; a little more on both sides is kept."""
        scaled = (grey - np.float32(self.low)) / np.float32(max(self.high - self.low, 1e-6))
        return np.asarray(np.clip(scaled, -0.3, 1.3) * np.float32(255), np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """What a pair where nothing happened says of the unchanged."""

    pixels: Null
    """Of windows on its built area."""
    objects: Null
    """Of its objects as wholes."""
    name: str
    """Names of its two files."""
    floor: Floor | None = None
    """What the rule for lost vegetation took of its plants; None where that was not measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChromaPlan:
    """What the log-ratios of red to green and of blue to green do where nothing changed."""

    floors: tuple[float, float]
    """Added to the bands of BEFORE and of AFTER, digital numbers."""
    offsets: tuple[float, ...]
    """AFTER minus BEFORE, one a ratio."""
    noise: tuple[float, ...]
    """Standard deviation of that difference in bright light."""
    level_noise: tuple[float, ...]
    """Noise of the bands that adds to it where there is less light, digital numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything that turns the pixels of a block into evidence and decisions."""

    gsd_m: float
    """Scale for window sizes, metres; nominal where the pair has none."""
    sizes: WindowSizes
    error_px: float
    """Residual error of the co-registration per axis, pixels."""
    ce90_px: float
    """90 % error of the co-registration, pixels."""
    stretch: tuple[Stretch, Stretch]
    """Of BEFORE's and AFTER's grey images."""
    before_blur: float
    """Gaussian sigma that brings BEFORE to AFTER's coarser detail, pixels; 0 = none."""
    built: BuiltPlan | None
    """None where footprints say what was built."""
    chance: Chance
    chance_match: Chance | None
    """Of objects looked for as a whole; None where there are too few."""
    control: Control | None
    """What a pair where nothing happened says; None without one."""
    expected: Null | None
    """Objects of a synthetic pair: BEFORE beside itself, moved and noised; None with too few."""
    noise_of_objects: Noise
    """How far the measures of one object move under noise and the error of the alignment."""
    null: Null
    lines: tuple[tuple[str, Line], ...]
    """Radiometric line of each shared band (or of ``grey``)."""
    light: Light | None
    """Slow field that AFTER is multiplied by; None where none was found."""
    noise: tuple[float, ...]
    """Of the difference of each of these bands where nothing changed."""
    change_scale: float
    """Measured change, in units of its noise, at which evidence is 0.5."""
    vegetation: VegetationPlan | None
    chroma: ChromaPlan | None = None
    """None where colour is not a view of its own: coarse multispectral or grey."""
    irmad: IrMad | None = None
    """What found the invariant pixels of multispectral pairs."""
    change_cut: ChangeCut | None = None
    """Where the scale comes from, of multispectral pairs; else from structure that is stable."""

    def with_null(self, null: Null) -> Plan:
        """Return the same plan with another null, such as one fitted on whole buildings."""
        return replace(self, null=null)

    @property
    def thresholds(self) -> dict[str, float]:
        """Structural evidence at which destroyed is possible, likely, nearly sure."""
        return {
            "high": self.null.threshold(HIGH),
            "central": self.null.threshold(CENTRAL),
            "low": self.null.threshold(LOW),
        }

    def describe_thresholds(self) -> dict[str, Any]:
        """Return what was decided with, for result.json."""
        described: dict[str, Any] = {
            "structural_evidence": {k: round(v, 6) for k, v in self.thresholds.items()},
            "pixel_evidence": 0.5,
            "pixel_z_at_half": round(self.change_scale, 4),
            "window_px": 2 * self.sizes.radius + 1,
            "search_px": self.sizes.search,
            "support_px": 2 * self.sizes.support + 1,
        }
        if self.irmad is not None:
            described["invariant_by"] = "IR-MAD, its chi-squared divided by the inflation"
            described["irmad_inflation"] = round(inflation(self.irmad.bands), 4)
            described["irmad_correlations"] = [round(v, 4) for v in self.irmad.correlation]
        if self.change_cut is not None:
            described["pixel_changed_share"] = round(self.change_cut.changed, 4)
        if self.light is not None:
            described["light_amplitude"] = round(self.light.amplitude, 4)
            described["light_explained"] = round(self.light.explained, 4)
        if self.built is not None:
            described["built_score"] = round(self.built.threshold, 4)
        if self.vegetation is not None:
            described["vegetation_index"] = self.vegetation.index
            described["vegetation_threshold"] = round(self.vegetation.threshold, 4)
            described["vegetation_noise"] = round(self.vegetation.spread, 4)
        return described

    def _null_source(self) -> str:
        if self.control is not None:
            return f"the control pair {self.control.name}, where nothing happened"
        if self.null.synthetic:
            return (
                "synthetic: BEFORE beside itself, moved by the error of the alignment and noised, "
                "since the scene has hardly any unchanged building"
            )
        return (
            "inside the scene: the unchanged part of a mixture whose other part is anchored at "
            "the similarity of unrelated places of this pair"
        )

    def describe_null(self) -> dict[str, Any]:
        """Return where the null distribution came from, for result.json."""
        null = self.null
        return {
            "source": self._null_source(),
            "chance_similarity": round(self.chance.centre, 4),
            "chance_spread": round(self.chance.spread, 4),
            "chance_match": None
            if self.chance_match is None
            else [round(self.chance_match.centre, 4), round(self.chance_match.spread, 4)],
            "unchanged_centre": round(null.centre, 4),
            "unchanged_spread": round(null.spread, 4),
            "order_loss_centre": round(null.drop_centre, 4),
            "order_loss_spread": round(null.drop_spread, 4),
            "destroyed_prior": round(null.prior, 4),
            "destroyed_prior_range": [round(null.prior_low, 4), round(null.prior_high, 4)],
            "stray_share": null.stray,
            "damaged_prior": round(null.damaged, 4),
            "synthetic_centre": None if self.expected is None else round(self.expected.centre, 4),
            "noise_of_objects": [
                round(self.noise_of_objects.dissimilarity, 4),
                round(self.noise_of_objects.drop, 4),
            ],
            "separation": round(null.separation, 3),
            "separable": null.separable,
            "samples": null.samples,
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScoreHistogram:
    """How often a score took which value in the sample, beside its null."""

    name: str
    label: str
    edges: NDArray[np.float64]
    """Shape (n + 1,)."""
    counts: NDArray[np.float64]
    """Shape (n,)."""
    null_counts: NDArray[np.float64]
    """Shape (n,); its sum need not be that of ``counts``."""
    threshold: float
    """Where the decision was cut."""
