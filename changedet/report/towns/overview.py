"""Where the towns of a batch lie: positions, outlines and a graticule, without a map below.

Longitude and latitude on a plain cylinder that is true to scale in the middle latitude
(equirectangular projection; Snyder 1987, doi:10.3133/pp1395, p. 90).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from changedet.report import words
from changedet.report.language import Number, Text, phrase
from changedet.report.qml import CELL_STEPS, cell_colour
from changedet.report.towns.entry import TownEntry, claimed
from changedet.report.towns.totals import Box, box_of

WIDTH = 760.0
"""Of the drawing, in its own units."""
_HEIGHTS = (220.0, 400.0)
_RIM = 46.0
_LEAST_SPAN = 0.02
"""Degrees of latitude: some 2 km, so that a single town has ground around it."""
_STEPS = (30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_NEAR = 13.0
"""Markers that would touch become one."""
_LABEL = 7.4
"""Width of a letter of a label."""
_LINE = 17.0
_MOST_LABELS = 40
_MOST_NAMES = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of the graticule."""

    at: float
    label: Text
    upright: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Marker:
    """A town, or several that lie too close to be drawn apart."""

    x: float
    y: float
    count: int
    colour: str
    """Of the largest destroyed share; "" where none is claimed."""
    names: str
    label: str
    """"" where there is no room."""
    label_x: float
    label_y: float
    anchor: str
    rings: tuple[str, ...]
    """Outlines that are large enough to be seen, as SVG points."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The drawing."""

    width: float
    height: float
    lines: tuple[Line, ...]
    markers: tuple[Marker, ...]
    drawn: int
    """Towns in it."""
    legend: tuple[tuple[str, str], ...]
    """Colours with their range of shares."""


@dataclass(frozen=True, slots=True)
class _Frame:
    west: float
    north: float
    across: float
    """Units by degree of longitude."""
    down: float
    """Units by degree of latitude."""
    left: float
    top: float

    def place(self, lon: float, lat: float) -> tuple[float, float]:
        return self.left + (lon - self.west) * self.across, self.top + (
            self.north - lat
        ) * self.down


def draw_overview(entries: Sequence[TownEntry]) -> Overview | None:
    """Lay out the overview of the towns that have figures.

    Returns
    -------
    Overview or None
        None where a town with figures has no georeference, or where there are no figures: a map
        that leaves towns out would be read as if they did not exist.
    """
    told = [entry for entry in entries if entry.found is not None]
    boxes = [box_of(entry) for entry in told]
    known = [box for box in boxes if box is not None]
    if not told or len(known) < len(told):
        return None
    known = _unrolled(known)
    frame, height = _frame(known)
    markers = _markers(told, known, frame)
    return Overview(
        width=WIDTH,
        height=height,
        lines=(*_lines(frame, height, upright=True), *_lines(frame, height, upright=False)),
        markers=tuple(_labelled(markers, height)),
        drawn=len(told),
        legend=tuple(
            (cell_colour(low), f"{low * 100:g}–{high * 100:g}")
            for low, high in itertools.pairwise(CELL_STEPS)
        ),
    )


def _unrolled(boxes: Sequence[Box]) -> list[Box]:
    """Bring towns on both sides of the antimeridian together."""

    def span(found: Sequence[Box]) -> float:
        return max(box[2] for box in found) - min(box[0] for box in found)

    turned = [(box[0] + 360, box[1], box[2] + 360, box[3]) if box[0] < 0 else box for box in boxes]
    return turned if span(turned) < span(boxes) else list(boxes)


def _frame(boxes: Sequence[Box]) -> tuple[_Frame, float]:
    west, south = min(box[0] for box in boxes), min(box[1] for box in boxes)
    east, north = max(box[2] for box in boxes), max(box[3] for box in boxes)
    middle = (south + north) / 2
    narrow = max(0.05, math.cos(math.radians(middle)))
    tall = max(north - south, _LEAST_SPAN) * 1.16
    wide = max((east - west) * narrow, _LEAST_SPAN) * 1.16
    room = WIDTH - 2 * _RIM
    height = min(max(room * tall / wide, _HEIGHTS[0]), _HEIGHTS[1])
    down = min(room / wide, height / tall)
    across = down * narrow
    centre = (west + east) / 2
    frame = _Frame(
        west=centre - room / across / 2,
        north=middle + height / down / 2,
        across=across,
        down=down,
        left=_RIM,
        top=_RIM / 2,
    )
    return frame, height + 1.5 * _RIM


def _lines(frame: _Frame, height: float, *, upright: bool) -> list[Line]:
    """Return some two to five lines at round degrees."""
    if upright:
        first, span = frame.west, (WIDTH - 2 * _RIM) / frame.across
    else:
        span = (height - 1.5 * _RIM) / frame.down
        first = frame.north - span
    step = next((step for step in _STEPS if span / step >= 2.2), _STEPS[-1])
    found = []
    for number in range(math.ceil(first / step), math.floor((first + span) / step) + 1):
        value = number * step
        x, y = frame.place(value, value)
        found.append(
            Line(at=x if upright else y, label=_degrees(value, step, upright), upright=upright)
        )
    return found


def _degrees(value: float, step: float, upright: bool) -> Text:
    places = max(0, -math.floor(math.log10(step)))
    turned = (value + 180) % 360 - 180 if upright else value
    key = ("east" if turned >= 0 else "west") if upright else ("north" if turned >= 0 else "south")
    size = round(abs(turned), places)
    digits = max(1, len(str(int(size))) + places if size >= 1 else places)
    return phrase(f"towns-{key}", degrees=Number(size, digits=digits) if size else 0)


def _markers(entries: Sequence[TownEntry], boxes: Sequence[Box], frame: _Frame) -> list[Marker]:
    """Place the towns; those that would touch share a marker."""
    groups: list[tuple[float, float, list[tuple[TownEntry, Box]]]] = []
    by_place: dict[tuple[int, int], list[int]] = {}
    for entry, box in zip(entries, boxes, strict=True):
        x, y = frame.place((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        col, row = int(x // _NEAR), int(y // _NEAR)
        near = [
            number
            for c in (col - 1, col, col + 1)
            for r in (row - 1, row, row + 1)
            for number in by_place.get((c, r), ())
            if math.hypot(groups[number][0] - x, groups[number][1] - y) < _NEAR
        ]
        if near:
            groups[near[0]][2].append((entry, box))
        else:
            by_place.setdefault((col, row), []).append(len(groups))
            groups.append((x, y, [(entry, box)]))
    return [_marker(x, y, towns, frame) for x, y, towns in groups]


def _marker(x: float, y: float, towns: Sequence[tuple[TownEntry, Box]], frame: _Frame) -> Marker:
    names = [words.plain(entry.name, limit=60) for entry, _ in towns]
    shares = [share for entry, _ in towns if (share := _share(entry)) is not None]
    short = words.plain(names[0], limit=24)
    listed = ", ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")
    return Marker(
        x=round(x, 1),
        y=round(y, 1),
        count=len(towns),
        colour=cell_colour(max(shares)) if shares else "",
        names=listed,
        label=short if len(towns) == 1 else f"{short} +{len(towns) - 1}",
        label_x=0.0,
        label_y=0.0,
        anchor="start",
        rings=tuple(ring for entry, box in towns if (ring := _ring(entry, box, frame))),
    )


def _share(entry: TownEntry) -> float | None:
    built = None if entry.found is None else entry.found.built
    return built.destroyed_share if built is not None and claimed(built) else None


def _ring(entry: TownEntry, box: Box, frame: _Frame) -> str:
    """Return an outline as SVG points; "" where it is smaller than a marker."""
    if (box[2] - box[0]) * frame.across < 2 * _NEAR and (box[3] - box[1]) * frame.down < 2 * _NEAR:
        return ""
    turned = round((box[0] - min(lon for lon, _ in entry.outline or ())) / 360) * 360
    places = [frame.place(lon + turned, lat) for lon, lat in entry.outline or ()]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _labelled(markers: Sequence[Marker], height: float) -> list[Marker]:
    """Put names where they touch neither each other nor a marker."""
    taken = [(m.x - 8, m.y - 8, m.x + 8, m.y + 8) for m in markers]
    found = []
    for number, marker in enumerate(markers):
        wide = len(marker.label) * _LABEL
        spots = (
            (marker.x + 11, marker.y + 5, "start", marker.x + 10),
            (marker.x - 11, marker.y + 5, "end", marker.x - 10 - wide),
            (marker.x, marker.y - 13, "middle", marker.x - wide / 2),
            (marker.x, marker.y + 23, "middle", marker.x - wide / 2),
        )
        for x, y, anchor, left in spots:
            box = (left, y - _LINE + 4, left + wide, y + 4)
            inside = left > 2 and left + wide < WIDTH - 2 and box[1] > 2 and y < height - 20
            if number < _MOST_LABELS and inside and not any(_touch(box, one) for one in taken):
                taken.append(box)
                placed = (marker.label, round(x, 1), round(y, 1), anchor)
                break
        else:
            placed = ("", 0.0, 0.0, "start")
        label, x, y, anchor = placed
        found.append(replace(marker, label=label, label_x=x, label_y=y, anchor=anchor))
    return found


def _touch(one: tuple[float, ...], two: tuple[float, ...]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]
