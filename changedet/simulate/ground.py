"""Paint what lies flat: grass and soil, plots, streets, fields, water and rails."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from changedet.simulate.canvas import Canvas, Mask, Plants
from changedet.simulate.frames import Array, Frame, Slices, interpolate
from changedet.simulate.materials import M, colour
from changedet.simulate.things import Cell, Plot, Rect
from changedet.simulate.town import Strip, Town


def paint_ground(canvas: Canvas, town: Town, cells: list[Cell]) -> None:
    """Paint the ground of a canvas as it is in a lush season, but for the fields."""
    lattice = _street_lattice(canvas.frame, town)
    _paint_grass(canvas)
    for cell in cells:
        for plot in cell.plots:
            if plot.use != "field":
                _paint_plot(canvas, town, plot, lattice, 0.0)
    for cell in cells:
        for street in cell.streets:
            _paint_street(canvas, town, street.rect, street.surface, lattice, lanes=street.lanes)
    for strip, paint in ((town.river, _paint_river), (town.railway, _paint_railway)):
        if strip is not None:
            paint(canvas, strip)


def paint_fields(canvas: Canvas, town: Town, cells: list[Cell], ploughed: float) -> None:
    """Paint the fields; ``ploughed`` is the share that look otherwise than at first."""
    plots = [plot for cell in cells for plot in cell.plots if plot.use == "field"]
    if plots:
        lattice = _street_lattice(canvas.frame, town)
        for plot in plots:
            _paint_plot(canvas, town, plot, lattice, ploughed)


def dry_out(canvas: Canvas, state: float) -> None:
    """Bring the grass to its state of the season: 0 dry, 1 green."""
    if state >= 1:
        return
    here = np.isin(canvas.material, (M.GRASS, M.CROP))
    share = np.float32(0.65 * (1 - state)) * here
    for band in range(4):
        # As bright or dark as the grass was, in the colour of dry grass.
        ratio = np.float32(colour(M.DRY)[band] / colour(M.GRASS)[band] - 1)
        canvas.colour[band] *= 1 + ratio * share


def fill_puddles(canvas: Canvas, share: float) -> None:
    """Let water stand on a share of the bare and paved ground."""
    if share == 0:
        return
    level = canvas.textures.cover("soft", canvas.frame, grain=9, salt=91)
    level += np.float32(0.4) * canvas.textures.cover("fractal", canvas.frame, grain=2, salt=92)
    bare = np.isin(canvas.material, (M.SOIL, M.DIRT, M.ASPHALT)) & (canvas.height < 0.3)
    here = bare & (level > np.float32(1.08 * ndtri(1 - share)))
    for band in range(4):
        canvas.colour[band][here] *= np.float32(0.25)
        canvas.colour[band][here] += np.float32(0.75) * colour(M.WATER)[band]
    canvas.material[here] = M.WATER


def _street_lattice(frame: Frame, town: Town) -> tuple[Array, Array]:
    """Street coordinates over a frame, interpolated from two metres: exact to a millimetre."""
    return (
        interpolate(frame, 2.0, lambda x, y: town.streets.to_street(x, y)[0]),
        interpolate(frame, 2.0, lambda x, y: town.streets.to_street(x, y)[1]),
    )


def _paint_grass(canvas: Canvas) -> None:
    """Paint a mosaic of grass, dry grass and bare soil."""
    frame, tex = canvas.frame, canvas.textures
    lush = tex.cover("soft", frame, grain=90, salt=1)
    lush *= np.float32(0.20)
    lush += np.float32(0.62)
    patchy = tex.cover("fractal", frame, grain=7, salt=2)
    lush += np.float32(0.20) * patchy
    # How far a place is green: a ramp about the lushness at which plants cover half of it.
    green = np.clip((lush - np.float32(0.36)) * np.float32(2.2) + np.float32(0.5), 0, 1)
    tone = tex.cover("fractal", frame, grain=1.6, salt=3)
    tone *= np.float32(0.055)
    tone += np.float32(0.09) * tex.cover("soft", frame, grain=24, salt=4)
    tone += 1
    bare = np.clip(np.float32(1.2) - 4 * lush, 0, 1)
    for band in range(4):
        dry, wet, soil = (colour(m)[band] for m in (M.DRY, M.GRASS, M.SOIL))
        base = green * (wet - dry)
        base += dry
        base += (soil - base) * bare
        base *= tone
        canvas.colour[band] = base
    canvas.plants[green > 0.5] = Plants.GREEN
    canvas.material[...] = np.where(bare > 0.5, M.SOIL, np.where(green > 0.5, M.GRASS, M.DRY))


@lru_cache(maxsize=4096)
def _box(town: Town, rect: Rect) -> Rect:
    """Bounds on the ground of a rectangle in street coordinates."""
    p0, q0, p1, q1 = rect
    ring = [
        town.streets.to_ground(p, q)[:2]
        for p in np.linspace(p0, p1, 2 + int((p1 - p0) / 60))
        for q in np.linspace(q0, q1, 2 + int((q1 - q0) / 60))
    ]
    x, y = np.array(ring).T
    return x.min() - 3, y.min() - 3, x.max() + 3, y.max() + 3


class Lot(NamedTuple):
    """A plot as it lies on a canvas: where, street coordinates from its corner, which pixels."""

    where: Slices
    p: Array
    q: Array
    inside: Mask
    size: tuple[float, float]
    rng: np.random.Generator
    ploughed: float


def _bare(
    canvas: Canvas,
    where: Slices,
    share: NDArray[np.floating],
    paint: NDArray[np.floating],
    material: M,
) -> None:
    """Lay a surface over the ground by a map of shares."""
    canvas.blend(where, paint, share)
    hard = share > 0.5
    canvas.material[where][hard] = material
    canvas.plants[where][hard] = Plants.NONE


def _paint_plot(canvas: Canvas, town: Town, plot: Plot, lattice: tuple[Array, Array],
                ploughed: float) -> None:  # fmt: skip
    where = canvas.frame.patch(*_box(town, plot.rect))
    if where is None:
        return
    p, q = lattice[0][where] - plot.rect[0], lattice[1][where] - plot.rect[1]
    size = plot.rect[2] - plot.rect[0], plot.rect[3] - plot.rect[1]
    inside = (p > 0) & (q > 0) & (p < size[0]) & (q < size[1])
    if not inside.any():
        return
    rng = np.random.default_rng(plot.seed)
    paint = {"garden": _garden, "court": _court, "yard": _yard, "school": _court,
             "park": _park, "field": _field, "drive": _drive}[plot.use]  # fmt: skip
    paint(canvas, Lot(where, p, q, inside, size, rng, ploughed))


def _garden(canvas: Canvas, lot: Lot) -> None:
    """Tread a yard, dig beds, set a fence."""
    where, p, q, inside, size, rng, _ = lot
    rough = canvas.piece("fractal", where, int(rng.integers(1024)))
    deep = size[1] >= size[0]
    a, b = (p, q) if deep else (q, p)  # along the street, away from it
    wide, long = min(size), max(size)
    if rng.random() < 0.5:
        b = long - b
    yard = np.clip(1.1 - np.abs(b - long * 0.35) / (long * rng.uniform(0.12, 0.30)) + 0.22 * rough,
                   0, rng.uniform(0.3, 0.95))  # fmt: skip
    # Each owner keeps another lawn.
    dry = rng.beta(1.2, 2.2) * 0.8
    canvas.blend(where, colour(M.DRY) * rng.uniform(0.75, 1.1), inside * np.float32(dry))
    if dry > 0.4:
        canvas.plants[where][inside] = Plants.NONE
        canvas.material[where][inside] = M.DRY
    canvas.colour[:, where[0], where[1]] *= 1 + inside * np.float32(rng.normal(0, 0.10))
    dirt = colour(M.DIRT) * rng.uniform(0.62, 1.05)
    if rng.random() < 0.25:
        dirt = colour(M.CONCRETE) * rng.uniform(0.6, 0.95)
    tone = (1 + 0.05 * rough).astype(np.float32)
    share = (yard * inside).astype(np.float32)
    _bare(canvas, where, share, dirt[:, None, None] * tone, M.DIRT)
    edge = long * rng.uniform(0.45, 0.62)
    for n in range(int(rng.integers(1, 4))):
        c0 = rng.uniform(0.02, 0.5) * wide
        c1 = c0 + rng.uniform(0.25, 0.48) * wide
        bed = inside & (b > edge) & (b < edge + rng.uniform(0.15, 0.36) * long)
        bed &= (a > c0) & (a < c1)
        rows = np.sin(2 * np.pi * a / rng.uniform(0.9, 1.6)).astype(np.float32)
        chance = rng.random()
        if chance < 0.55:
            base = colour(M.SOIL) * rng.uniform(0.6, 0.95)
            paint = base[:, None, None] * (1 + 0.04 * rows + 0.05 * rough)
            _bare(canvas, where, bed * np.float32(0.95), paint, M.SOIL)
        elif chance < 0.85:
            leaves = np.clip(0.5 + 0.4 * rows + 0.25 * rough, 0, 1)
            soil, crop = colour(M.SOIL) * 0.85, colour(M.CROP) * rng.uniform(0.85, 1.25)
            paint = soil[:, None, None] + (crop - soil)[:, None, None] * leaves
            canvas.blend(where, paint.astype(np.float32), bed * np.float32(0.95))
            canvas.plants[where][bed] = Plants.GREEN
            canvas.material[where][bed] = M.CROP
        edge += rng.uniform(0.02, 0.3) * long * (n > 0)
    if canvas.frame.fine <= 0.4:
        fence = inside & ((a < 0.22) | ((b < 0.3) & (a > 3)))
        canvas.put(where, fence, colour(M.WALL) * rng.uniform(0.4, 1.3), M.WALL)
        canvas.height[where][fence] = 1.5
        canvas.plants[where][fence] = Plants.NONE


def _drive(canvas: Canvas, lot: Lot) -> None:
    """Lay a drive from the street to a house: concrete, gravel or earth."""
    where, _, _, inside, _, rng, _ = lot
    material = M.CONCRETE if rng.random() < 0.5 else M.DIRT
    paint = colour(material) * rng.uniform(0.8, 1.1)
    _bare(canvas, where, inside * np.float32(0.92), paint, material)


def _court(canvas: Canvas, lot: Lot) -> None:
    """Lay drives, paths and worn places between apartment blocks."""
    where, p, q, inside, size, rng, _ = lot
    rough = canvas.piece("fractal", where, int(rng.integers(1024)))
    wavy = p + 1.5 * np.sin(q / 23 + rng.uniform(0, 6)), q + 1.5 * np.sin(p / 31)
    asphalt = colour(M.ASPHALT) * rng.uniform(0.85, 1.25)
    tone = (1 + 0.06 * rough).astype(np.float32)
    drives = np.zeros(p.shape, np.float32)
    for axis in (0, 1):
        for at in np.arange(rng.uniform(10, 30), size[axis], rng.uniform(42, 60)):
            half = rng.uniform(1.6, 3.2)
            np.maximum(drives, np.clip((half - np.abs(wavy[axis] - at)) * 3, 0, 1), out=drives)
    for _n in range(int(rng.integers(1, 4))):
        c, d = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        parking = (np.abs(p - c) < rng.uniform(8, 18)) & (np.abs(q - d) < rng.uniform(5, 9))
        np.maximum(drives, parking, out=drives)
    _bare(canvas, where, drives * inside * np.float32(0.95), asphalt[:, None, None] * tone,
          M.ASPHALT)  # fmt: skip
    worn = np.zeros(p.shape, np.float32)
    for _n in range(5):
        c, d, r = rng.uniform(0, size[0]), rng.uniform(0, size[1]), rng.uniform(4, 13)
        far = np.hypot(p - c, q - d) / r + 0.3 * rough
        np.maximum(worn, np.clip(1.3 - far, 0, 0.85), out=worn)
    for _n in range(3):  # trodden paths
        turn, off = rng.uniform(0, np.pi), rng.uniform(-0.3, 0.3) * min(size)
        line = np.abs((p - size[0] / 2) * np.sin(turn) - (q - size[1] / 2) * np.cos(turn) - off)
        np.maximum(worn, np.clip((1.0 - line) * 2, 0, 0.75), out=worn)
    dirt = colour(M.DIRT) * rng.uniform(0.75, 1.0)
    _bare(canvas, where, worn * inside, dirt[:, None, None] * tone, M.DIRT)


def _yard(canvas: Canvas, lot: Lot) -> None:
    """Pave an industrial yard, stained and patched."""
    where, p, q, inside, size, rng, _ = lot
    rough = canvas.piece("fractal", where, int(rng.integers(1024)))
    soft = canvas.piece("soft", where, int(rng.integers(1024)))
    slabs = np.floor(p / 6) * 3.1 + np.floor(q / 6) * 7.7
    tone = 1 + 0.10 * rough + 0.05 * np.sin(slabs * 12.9)
    base = colour(M.CONCRETE if rng.random() < 0.5 else M.ASPHALT) * rng.uniform(0.75, 1.0)
    share = (np.clip(0.95 - 0.5 * (rough + 0.5 * soft > 1.1), 0, 1) * inside).astype(np.float32)
    _bare(canvas, where, share, base[:, None, None] * tone.astype(np.float32), M.CONCRETE)
    for _n in range(6):  # heaps and stacks
        c, d = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        heap = (np.abs(p - c) < rng.uniform(1, 6)) & (np.abs(q - d) < rng.uniform(1, 4)) & inside
        canvas.put(where, heap, colour(M(int(rng.choice([M.DIRT, M.ZINC, M.DARK, M.TILE])))) * 0.9,
                   M.CONCRETE)  # fmt: skip
        canvas.height[where][heap] = rng.uniform(1, 3)


def _park(canvas: Canvas, lot: Lot) -> None:
    """Lay paths and a square."""
    where, p, q, inside, size, rng, _ = lot
    rough = canvas.piece("fractal", where, int(rng.integers(1024)))
    a, b = p - size[0] / 2, q - size[1] / 2
    lines = [np.abs(a * np.sin(t) - b * np.cos(t) - 4 * np.sin((a + b) / 40))
             for t in rng.uniform(0, np.pi, 4)]  # fmt: skip
    path = np.clip((1.8 - np.min(lines, 0)) * 2, 0, 1)
    path = np.maximum(path, np.clip(12 - np.hypot(a, b), 0, 1))
    paint = (colour(M.CONCRETE) * 0.9)[:, None, None] * (1 + 0.06 * rough)
    _bare(canvas, where, (path * inside).astype(np.float32), paint.astype(np.float32), M.CONCRETE)


def _field(canvas: Canvas, lot: Lot) -> None:
    """Plough or sow; what a field is may change between the dates, which is no damage."""
    where, p, _, inside, _, rng, ploughed = lot
    rough = canvas.piece("fractal", where, int(rng.integers(1024)))
    kinds = [M.SOIL, M.CROP, M.DRY]
    state, changed = int(rng.integers(3)), rng.random() < ploughed
    lines = rng.uniform(0.85, 1.15), rng.uniform(14, 24)
    blotch = canvas.textures.cover("soft", canvas.frame, grain=45, salt=9)[where]
    if changed:
        state = (state + 1 + int(rng.integers(2))) % 3
    trams = (np.abs((p + 3) % lines[1] - 3) < 0.5) * -0.10
    tone = 1 + 0.10 * blotch + 0.035 * rough + trams
    paint = (colour(kinds[state]) * lines[0])[:, None, None] * tone
    canvas.blend(where, paint.astype(np.float32), inside * np.float32(0.95))
    canvas.material[where][inside] = kinds[state]
    canvas.plants[where][inside] = Plants.CROP if kinds[state] == M.CROP else Plants.FALLOW
    if changed:
        canvas.marked[where][inside] = True


def _paint_street(canvas: Canvas, town: Town, rect: Rect, surface: str,
                  lattice: tuple[Array, Array], *, lanes: bool) -> None:  # fmt: skip
    where = canvas.frame.patch(*_box(town, rect))
    if where is None:
        return
    p0, q0, p1, q1 = rect
    p, q = lattice[0][where], lattice[1][where]
    along_p = p1 - p0 > q1 - q0
    across = np.abs(q - (q0 + q1) / 2) if along_p else np.abs(p - (p0 + p1) / 2)
    along = p if along_p else q
    half = (q1 - q0) / 2 if along_p else (p1 - p0) / 2
    lo, hi = (p0, p1) if along_p else (q0, q1)
    inside = (along > lo) & (along < hi)
    if not inside.any():
        return
    rough = canvas.piece("fractal", where, 5)
    dirt = surface == "dirt"
    paved = half - 0.9 + (0.55 if dirt else 0.12) * rough
    share = (np.clip((paved - across) * 2.5 + 0.5, 0, 1) * inside).astype(np.float32)
    verge = (np.clip(1.2 - np.abs(across - half) + 0.5 * rough, 0, 0.7) * inside).astype(np.float32)
    dust = colour(M.DIRT) * 0.9
    _bare(canvas, where, verge, dust[:, None, None] * (1 + 0.08 * rough), M.DIRT)
    rng = np.random.default_rng(abs(int(p0 * 10)) + 7 * abs(int(q0 * 10)))
    base = (colour(M.DIRT) if dirt else colour(M.ASPHALT)) * rng.uniform(0.85, 1.2)
    patches = np.sin(np.floor(along / 9) * 5.3 + np.floor(across / 2.5) * 2.1 + p0) > 0.93
    worn = 0.05 * np.cos(2 * np.pi * across / max(half, 2.0)) + 0.025 * rough - 0.12 * patches
    _bare(canvas, where, share, base[:, None, None] * (1 + worn).astype(np.float32),
          M.DIRT if dirt else M.ASPHALT)  # fmt: skip
    canvas.height[where][share > 0.5] = 0
    if canvas.frame.fine <= 0.4 and not dirt:
        kerb = inside & (np.abs(across - half + 0.75) < 0.2)
        canvas.blend(where, colour(M.CONCRETE), kerb * np.float32(0.75))
    if lanes and canvas.frame.fine <= 0.4:
        mark = inside & (across < 0.12) & (along % 6 < 3.5)
        canvas.blend(where, colour(M.ZINC), mark * np.float32(0.6))


def _near(canvas: Canvas, strip: Strip) -> bool:
    """Tell whether a strip comes near a canvas."""
    x, y = canvas.frame.axes()
    off = np.abs(strip.offset(x[:, ::32], y[::32]))
    return bool(off.min() < strip.half + 32 * canvas.frame.fine + 10)


def _paint_river(canvas: Canvas, strip: Strip) -> None:
    x, y = canvas.frame.axes()
    if not _near(canvas, strip):
        return
    off = np.abs(strip.offset(x, y)).astype(np.float32)
    off += np.float32(0.8) * canvas.textures.cover("fractal", canvas.frame, grain=8, salt=8)
    whole = (slice(0, canvas.frame.height), slice(0, canvas.frame.width))
    bank = np.clip((strip.half + 4 - off) / 3, 0, 0.6)
    _bare(canvas, whole, bank, colour(M.DRY) * 0.8, M.DRY)
    water = np.clip((strip.half - off) * 2, 0, 1)
    _bare(canvas, whole, water, colour(M.WATER), M.WATER)


def _paint_railway(canvas: Canvas, strip: Strip) -> None:
    x, y = canvas.frame.axes()
    if not _near(canvas, strip):
        return
    off = strip.offset(x, y).astype(np.float32)
    whole = (slice(0, canvas.frame.height), slice(0, canvas.frame.width))
    rough = canvas.textures.cover("fractal", canvas.frame, grain=2, salt=9)
    bed = np.clip((strip.half - 1 - np.abs(off)) * 1.5, 0, 1)
    ballast = (colour(M.ASPHALT) * np.array([1.15, 1.02, 0.95, 1.1], np.float32))[:, None, None]
    _bare(canvas, whole, bed, ballast * (1 + 0.10 * rough), M.ASPHALT)
    for track in (-2.4, 2.4):
        ties = np.clip(1.3 - np.abs(off - track), 0, 1) * 0.35
        canvas.blend(whole, colour(M.CHAR) * 1.6, ties)
        for rail in (-0.76, 0.76):
            line = np.clip(1 - np.abs(off - track - rail) / 0.2, 0, 1) * 0.5
            canvas.blend(whole, colour(M.ZINC) * 0.7, line)
