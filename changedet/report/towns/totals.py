"""Sums over towns, where a sum is honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from changedet.report.towns.entry import TownEntry, claimed, graded
from changedet.result import AreaRecord, Record

_SAME_GROUND = 0.1
"""Share of the smaller of two towns from which on they are taken to lie on the same ground."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaTotal:
    """Hectares lost in all towns that claim a loss in hectares."""

    towns: int
    """Towns in the sum."""
    area_ha: float
    low_ha: float
    """Sum of the lower ends: intervals of towns are not independent."""
    high_ha: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """Sums over the towns of a batch; None where no town has such a figure."""

    with_figures: int
    """Towns that were compared, those by force left out: their figures are in no sum."""
    built: AreaTotal | None = None
    vegetation: AreaTotal | None = None
    buildings_destroyed: int | None = None
    buildings_towns: int = 0
    """Towns with graded buildings."""
    same_ground: tuple[str, str] | None = None
    """Two towns that would be counted twice; then there are no sums."""


def sum_up(entries: Sequence[TownEntry]) -> Totals:
    """Sum what may be summed.

    Towns that were refused, failed or compared by force are in no sum, and those whose loss is
    not separable from its null add nothing to its sum. Two towns on the same ground (outlines that
    share a tenth of the smaller one, or one file before where outlines are not known) would be
    counted twice: then there is no sum at all.
    """
    told = [entry for entry in entries if entry.found is not None and not entry.forced]
    pair = _same_ground(told)
    if pair is not None:
        return Totals(with_figures=len(told), same_ground=pair)
    records = [entry.found for entry in told if entry.found is not None]
    buildings = [
        record.buildings
        for record in records
        if record.buildings is not None and claimed(record.built) and graded(record.buildings)
    ]
    return Totals(
        with_figures=len(told),
        built=_sum(
            [(r.built, r.built.destroyed_ha) for r in records if r.built is not None],
        ),
        vegetation=_sum(
            [(r.vegetation, r.vegetation.lost_ha) for r in records if r.vegetation is not None],
        ),
        buildings_destroyed=sum(item.destroyed or 0 for item in buildings) if buildings else None,
        buildings_towns=len(buildings),
    )


def _sum(parts: Sequence[tuple[AreaRecord, float | None]]) -> AreaTotal | None:
    known = [
        (area, part.low_ha, part.high_ha)
        for part, area in parts
        if claimed(part) and area is not None and None not in {part.low_ha, part.high_ha}
    ]
    if not known:
        return None
    area, low, high = (sum(row[k] or 0.0 for row in known) for k in range(3))
    return AreaTotal(towns=len(known), area_ha=area, low_ha=low, high_ha=high)


def box_of(entry: TownEntry) -> Box | None:
    """Return west, south, east, north of a town, degrees; None without a georeference."""
    if not entry.outline:
        return None
    lons, lats = zip(*entry.outline, strict=True)
    return min(lons), min(lats), max(lons), max(lats)


def _same_ground(entries: Sequence[TownEntry]) -> tuple[str, str] | None:
    seen: dict[str, TownEntry] = {}
    for entry in entries:
        file = _before(entry.found)
        first = seen.setdefault(file, entry)
        # Outlines tell two areas of one image apart.
        if file and first is not entry and not (first.outline and entry.outline):
            return first.name, entry.name
    boxes = sorted(
        ((box, entry.name) for entry in entries if (box := box_of(entry)) is not None),
        key=lambda item: item[0],
    )
    # From west to east: a town meets only those that begin before it ends.
    open_: list[tuple[Box, str]] = []
    for box, name in boxes:
        open_ = [item for item in open_ if item[0][2] > box[0]]
        for other, earlier in open_:
            if _shared(box, other) > _SAME_GROUND * min(_size(box), _size(other)):
                return earlier, name
        open_.append((box, name))
    return None


def _before(record: Record | None) -> str:
    return "" if record is None else record.inputs.before.sha256


def _size(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(one: Box, two: Box) -> float:
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    return max(0.0, width) * max(0.0, height)
