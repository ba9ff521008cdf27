"""The vegetation of result.json: all green cover, canopy apart, and the floor taken off."""

from __future__ import annotations

from typing import Any

import numpy as np

from changedet.core.grid import Grid
from changedet.decide.comparable import MIN_CORRELATION
from changedet.pipeline.plan import Plan
from changedet.quantify.areas import Tally, hectares, share
from changedet.quantify.canopy import LEAST_SHARE
from changedet.quantify.floor import DIRECTIONS, fit_lean
from changedet.quantify.vegetation import (
    BURNT_DNBR,
    FARMED_ANYWAY,
    FLOOR,
    LOSS_SPREADS,
    MISSED,
    WEAKER,
    VegetationPlan,
    share_of_fields,
)
from changedet.result import Canopy, Vegetation

LEAFLESS_CANOPY, LEAFLESS_GRASS = 0.5, 0.15
"""Where so much of the canopy lost its green, and no more than so much of the rest, trees are bare
by the season for all that can be seen."""
CANOPY_BAND = 0.15
"""Share of the canopy by which its figure moves with light and view alone, as does its edge."""

_INDEX = {"ndvi": "NDVI", "exg": "excess green (no near infrared)"}


def lean_pixels(tally: Tally, plan: Plan) -> tuple[int, int]:
    """Return the pixels of the loss that leaning buildings hide, and the error."""
    beside = np.array([tally.total(f"beside_{number}") for number in range(DIRECTIONS)])
    return fit_lean(beside, plan.gsd_m)


def lost_pixels(tally: Tally, plan: Plan, *, judged: bool) -> tuple[int, int, int]:
    """Return low, central and high of the loss in pixels, the floor taken off."""
    vegetation = plan.vegetation
    if vegetation is None:
        return 0, 0, 0
    left, fields = _central(tally, plan, vegetation)
    central = round(left + fields) if judged else 0
    low, high = _interval(tally, plan, round(left), judged=judged)
    bared = tally.total("bared")
    return min(low, central), central, max(central, high + bared)


def _central(tally: Tally, plan: Plan, vegetation: VegetationPlan) -> tuple[float, float]:
    """Return the lost pixels outside of fields, and those of fields."""
    before, bared = tally.total("vegetation"), tally.total("bared")
    raw, hidden = tally.total("vegetation_central"), lean_pixels(tally, plan)[0]
    left = vegetation.floor.left(raw - hidden, before)
    return left, bared * share_of_fields(left / max(before, 1))


def floor_record(tally: Tally, plan: Plan) -> dict[str, Any]:
    """Return what was taken off the loss, for ``thresholds``."""
    vegetation = plan.vegetation
    if vegetation is None:
        return {}
    before, floor = tally.total("vegetation"), vegetation.floor
    hidden, error = lean_pixels(tally, plan)
    return {
        "vegetation_floor": {
            "season_share": round(floor.share, 5),
            "season_error": round(floor.error, 5),
            "season_index_shift": round(floor.shift, 5),
            "season_source": floor.source,
            "lean_share": share(hidden, before),
            "lean_error": share(error, before),
        }
    }


def vegetation_record(
    tally: Tally, plan: Plan, grid: Grid, *, judged: bool, bare: str = "", burn_ratio: bool = False
) -> Vegetation:
    """Return vegetation before and lost; shares are None where there is no colour.

    Parameters
    ----------
    tally : Tally
        Of the whole scene.
    plan : Plan
        With its vegetation.
    grid : Grid
        Of the maps.
    judged : bool
        Whether plants and the rest are apart.
    bare : str
        Why the dates forbid figures of canopy; empty where they do not.
    burn_ratio : bool
        Whether the bands of the normalised burn ratio are there.
    """
    vegetation = plan.vegetation
    if vegetation is None:
        return _unmeasured()
    worst = min((line.correlation for _, line in plan.lines), default=0.0)
    if worst < MIN_CORRELATION:
        return _unmeasured(
            "the colours of the dates hardly go together even where nothing changed "
            f"(correlation {worst:.2f}, at least {MIN_CORRELATION:g} is needed)"
        )
    area = grid.pixel_area_m2
    # A field that became bare was green before: as much of it counts as is counted as lost.
    before = tally.total("vegetation") + round(_central(tally, plan, vegetation)[1])
    low, central, high = lost_pixels(tally, plan, judged=judged)
    kept = tally.total("vegetation") - tally.total("vegetation_central")
    return Vegetation(
        before_ha=hectares(before, area),
        before_share=share(before, tally.total("analysed")),
        lost_ha=hectares(central, area),
        lost_share=share(central, before),
        gained_ha=hectares(tally.total("gained"), area) if judged else None,
        low_ha=hectares(low, area),
        high_ha=hectares(high, area),
        low_share=share(low, before),
        high_share=min(1.0, share(high, before)),
        interval_kind="model",
        separable=judged,
        method=_method(tally, plan, vegetation),
        canopy=_canopy(tally, vegetation, area, judged=judged, bare=bare),
        burnt_ha=hectares(tally.total("burnt"), area) if burn_ratio and judged else None,
        condition_share=share(min(kept, tally.total("weaker")), kept) if judged else None,
        fields_changed_ha=hectares(tally.total("farmed"), area) if judged else None,
    )


def _interval(tally: Tally, plan: Plan, central: int, *, judged: bool) -> tuple[int, int]:
    """Return both ends: the band of the threshold, the error of the floor, what is not shown."""
    vegetation = plan.vegetation
    if vegetation is None:
        return 0, 0
    before, index = tally.total("vegetation"), vegetation.index
    hidden, hidden_error = lean_pixels(tally, plan)
    floor = vegetation.floor
    error = float(np.hypot(hidden_error, floor.error * before)) + FLOOR[index] * before
    low = floor.left(tally.total("vegetation_low") - hidden, before) - error
    high = (1 + MISSED[index]) * max(central, tally.total("vegetation_high")) + error
    least = max(0, round(min(central, low))) if judged else 0
    return least, min(before, max(central, round(high)))


def _method(tally: Tally, plan: Plan, vegetation: VegetationPlan) -> str:
    floor, before = vegetation.floor, tally.total("vegetation")
    hidden = share(lean_pixels(tally, plan)[0], before)
    season = (
        f"{floor.share:.1%} for the season (from {floor.source})"
        if floor.share or floor.shift
        else f"nothing for the season ({floor.source})"
    )
    return (
        f"All green cover by {_INDEX[vegetation.index]}, one threshold for both dates; lost where "
        f"the index fell below it by {LOSS_SPREADS['central']:g} times its noise on unchanged "
        f"ground (band: {LOSS_SPREADS['low']:g} to {LOSS_SPREADS['high']:g} times). Taken off the "
        f"figure: {season} and {hidden:.1%} of the vegetation for what leaning buildings hide; "
        f"their errors, {FLOOR[vegetation.index]:.0%} of the vegetation, and "
        f"{MISSED[vegetation.index]:.0%} of the loss, which the index does not show, are in the "
        "interval. Of fields that became bare the part counts that was lost around them, against "
        f"{FARMED_ANYWAY:.0%} that farm work bares anyway; the interval has none and all of "
        "them. The condition is "
        f"worse where plants that stand lost {WEAKER:.0%} of their index. Burnt: the burn ratio "
        f"fell by {BURNT_DNBR:g}; not told without shortwave infrared."
    )


def _canopy(
    tally: Tally, vegetation: VegetationPlan, area: float | None, *, judged: bool, bare: str
) -> Canopy:
    """Return canopy, or why there are no figures of it."""
    before, lost = tally.total("canopy"), tally.total("canopy_central")
    reason = bare or vegetation.canopy.reason
    if not judged:
        reason = "plants cannot be told from the rest on this pair"
    rest = tally.total("vegetation") - before
    rest_lost = tally.total("vegetation_central") - lost
    if not reason and share(before, tally.total("vegetation")) < LEAST_SHARE:
        reason = (
            "next to none of the plants before look like crowns: there are none, they stood "
            "without leaves, or the images do not show their texture"
        )
    if (
        not reason
        and share(lost, before) > LEAFLESS_CANOPY
        and share(max(0, rest_lost), rest) < LEAFLESS_GRASS
    ):
        reason = (
            "most crowns lost their green and the grass around them did not: they may only be "
            "without leaves"
        )
    if reason:
        return _no_canopy(reason)
    band = round(CANOPY_BAND * before)
    low = max(0, min(lost, tally.total("canopy_low")) - band)
    high = min(max(before, lost), max(lost, tally.total("canopy_high")) + band)
    return Canopy(
        before_ha=hectares(before, area),
        before_share=share(before, tally.total("analysed")),
        lost_ha=hectares(lost, area),
        lost_share=share(lost, before),
        low_ha=hectares(low, area),
        high_ha=hectares(high, area),
        low_share=share(low, before),
        high_share=share(high, before),
        interval_kind="model",
        separable=True,
        reason="",
        method="Trees and shrubs: plants that are rougher than the grass of the scene, and of "
        "another green and brightness; lost where their colour went (below the threshold of "
        "vegetation, or by half) and brightness or texture changed with it.",
    )


def _no_canopy(reason: str) -> Canopy:
    return Canopy(
        before_ha=None,
        before_share=None,
        lost_ha=None,
        lost_share=None,
        low_ha=None,
        high_ha=None,
        low_share=None,
        high_share=None,
        interval_kind="model",
        separable=False,
        reason=reason,
        method="Not given: " + reason + ".",
    )


def _unmeasured(
    why: str = "both dates need red, green and blue, or red and near infrared",
) -> Vegetation:
    return Vegetation(
        before_ha=None,
        before_share=None,
        lost_ha=None,
        lost_share=None,
        gained_ha=None,
        low_ha=None,
        high_ha=None,
        low_share=None,
        high_share=None,
        interval_kind="model",
        separable=False,
        method=f"Not measured: {why}.",
    )
