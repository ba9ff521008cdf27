"""Coefficients of the built-up score: logistic regressions, fixed once and for all scenes.

Fitted on 42 scenes in four groups of equal weight (the drawn town half): an American suburb
(Joplin, 0.6 m), 28 chips of Mexico City (xBD), the drawn sample town, and the edge of Austin
(LEVIR-CD: new houses of the later date; fields, woods and roads of the earlier one). Fitted
without the group that is then mapped, the mapped share is 0.7 (Mexico City) to 1.0 (town)
times the true one, 2.4 times at the edge of Austin, most of which is not built at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """One linear score: the sum of offset and weight * clip((cue - centre) / spread, -3, 4)."""

    cues: Mapping[str, tuple[float, float, float]]
    """Centre, spread and weight of each cue."""
    offset: float


COLOUR = Weights(
    cues={
        "edges": (4.2335, 0.9744, 0.442),
        "edges_quarter": (4.2836, 0.7399, 0.555),
        "right_angles": (0.4124, 0.1548, 0.715),
        "one_direction": (0.4847, 0.1706, -0.333),
        "compact_bright": (1.2655, 1.6579, 0.258),
        "long_bright": (4.8232, 1.9583, -0.145),
        "wide_bright": (3.3092, 2.2813, -0.141),
        "small_dark": (2.9961, 1.5890, -0.121),
        "dark_index_around": (2.3780, 0.5104, -0.261),
        "shadow_beside": (0.2557, 0.2599, 0.181),
        "plants": (0.0777, 0.0787, -2.604),
        "green": (0.0124, 0.0682, 0.402),
        "warm_around": (0.0914, 0.0580, 0.443),
        "other_colour": (0.1636, 0.0816, 0.227),
    },
    offset=-2.999,
)
"""For red, green and blue."""

GREY = Weights(
    cues={
        "edges": (4.2295, 0.9780, 0.670),
        "edges_quarter": (4.2822, 0.7387, 0.575),
        "right_angles": (0.4122, 0.1551, 0.868),
        "one_direction": (0.4852, 0.1709, -0.278),
        "compact_bright": (1.2389, 1.6375, 0.390),
        "long_bright": (4.6116, 1.8953, -0.162),
        "wide_bright": (3.0494, 2.1933, -0.094),
        "small_dark": (3.0511, 1.6638, -0.240),
        "dark_index_around": (2.4330, 0.5044, -0.314),
        "shadow_beside": (0.2985, 0.2833, 0.230),
    },
    offset=-2.143,
)
"""For one grey band, or where the bands do not make up a colour."""
