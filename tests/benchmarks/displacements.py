"""Pairs with a known dense displacement, made of real and of simulated images.

BEFORE is sampled from a source (spline of order 5) where an analytic map says, AFTER is a crop of
that source: the map takes BEFORE positions to AFTER positions exactly. Both are 8-bit with noise.
What a source does not hold is NaN, never invented.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from tests.benchmarks.images import opened
from tests.benchmarks.metrics import Array, endpoint_error
from tests.benchmarks.seeds import DEVELOPMENT, HELD_BACK

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Positions = tuple[Array, Array]
Locate = Callable[[Array, Array], Positions]

SOURCE = 1400
"""Side of a simulated source, pixels: room for shift, rotation and scale."""
SIDE, SMALL_SIDE = 1024, 900
"""Side of the images, pixels: of a source that has room, and of one of 1024 pixels."""
STEP = 16
"""Distance of the places where the error is measured, pixels."""
LOST_PX = 2.0
"""Median error from which a method has failed."""
REAL_TILES = 5
"""LEVIR tiles of the development set; the others are held back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A displacement, a change of looks, and how exact the answer should be.

    Parameters
    ----------
    name : str
        As on the command line.
    shift : tuple of float
        Columns and rows, pixels.
    turn, scale : float
        Rotation in degrees and scale, about the middle.
    warp : float
        Largest displacement of the smooth local warp along an axis, pixels.
    looks : tuple of str
        What is done to AFTER: gamma, tiles, haze, band, invert.
    replaced : float
        Share of AFTER that shows another place, in large patches.
    noise : float
        Standard deviation in both images, of 255.
    ratio : int
        Pixels of BEFORE to one of AFTER along an axis.
    refuse : str
        What AFTER is instead (place, noise, constant): the pair must be refused.
    target, target_p95 : float
        What we want to stay below, pixels.
    """

    name: str
    shift: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    scale: float = 1.0
    warp: float = 0.0
    looks: tuple[str, ...] = ()
    replaced: float = 0.0
    noise: float = 2.0
    ratio: int = 1
    refuse: str = ""
    target: float = float("nan")
    target_p95: float = float("nan")


def _warped(name: str, target: float, **wishes: object) -> Case:
    """Give a case the shift and the local warp that all changes of looks have."""
    given = {"shift": (3.7, -2.2), "warp": 2.0} | wishes
    return Case(name=name, target=target, **given)  # type: ignore[arg-type]


_CASES = (
    Case(name="shift0.3", shift=(0.3, -0.4), target=0.01),
    Case(name="shift3.7", shift=(3.7, -2.2), target=0.01),
    Case(name="shift30", shift=(27.3, -18.6), target=0.01),
    Case(name="turn3", turn=3, shift=(2.4, 1.3), target=0.01),
    Case(name="turn-5scale0.8", turn=-5, scale=0.8, target=0.01),
    Case(name="turn10scale1.1", turn=10, scale=1.1, target=0.01),
    Case(name="scale1.25", scale=1.25, target=0.01),
    *(Case(name=f"warp{a}", warp=a, target=0.03, target_p95=0.15) for a in (1, 2, 5)),
    *(_warped(look, 0.05, looks=(look,)) for look in ("gamma", "tiles", "haze", "band", "invert")),
    *(
        _warped(f"replaced{share}", target, replaced=share / 100)
        for share, target in ((20, 0.06), (40, 0.12), (60, 0.3))
    ),
    _warped("noise10", 0.09, noise=10.0),
    _warped("noise25", 0.15, noise=25.0),
    _warped("ratio2", 0.035, ratio=2),
    _warped("together", 0.15, turn=1.5, looks=("gamma", "haze"), replaced=0.2, noise=6.0),
    *(Case(name=f"refuse-{what}", refuse=what) for what in ("place", "noise", "constant")),
)
CASES = {case.name: case for case in _CASES}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Base:
    """A source, and imagery of another place: uint8 of shape (height, width, 3)."""

    name: str
    source: NDArray[np.uint8]
    other: NDArray[np.uint8]

    @property
    def side(self) -> int:
        """Return the side of the images that are made of it."""
        return SIDE if min(self.source.shape[:2]) >= SOURCE else SMALL_SIDE


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Made:
    """A pair with its truth.

    Parameters
    ----------
    before, after : ndarray of float32
        Whole numbers 0..255; NaN where there is nothing.
    cols, rows : ndarray, shape (n,)
        Places in BEFORE whose partner is in AFTER.
    truth : tuple of ndarray, shape (n,)
        Their columns and rows in AFTER.
    replaced : ndarray of bool, shape (n,)
        AFTER shows another place there.
    scale : float
        AFTER pixels per BEFORE pixel.
    """

    before: Image
    after: Image
    cols: Array
    rows: Array
    truth: Positions
    replaced: Mask
    scale: float

    def figures(self, locate: Locate | None) -> dict[str, Any]:
        """Return the errors of an answer where AFTER shows the place, and where it does not."""
        if locate is None:
            return {"median_px": float("nan"), "p95_px": float("nan"), "failed": True}
        found = locate(self.cols, self.rows)
        seen = endpoint_error(found, self.truth, where=~self.replaced)
        figures = {"median_px": seen["median"], "p95_px": seen["p95"]}
        figures["failed"] = not seen["median"] <= LOST_PX
        if self.replaced.any():
            inside = endpoint_error(found, self.truth, where=self.replaced)
            figures |= {"inside_median_px": inside["median"], "inside_p95_px": inside["p95"]}
        return figures


def bases(*, simulated: int, real: int, data: Path | None, held_back: bool) -> list[Base]:
    """Return so many simulated and real sources."""
    seeds = HELD_BACK if held_back else DEVELOPMENT
    found = [
        Base(name=f"sim{seeds[i]}", source=town(seeds[i]), other=town(seeds[(i + 1) % len(seeds)]))
        for i in range(min(simulated, len(seeds)))
    ]
    return found + ([] if data is None else _real(data, held_back)[:real])


@lru_cache(maxsize=3)
def town(seed: int) -> NDArray[np.uint8]:
    """Simulate an undamaged town and return its image."""
    import changedet

    with TemporaryDirectory() as folder:
        made = changedet.simulate(
            Path(folder) / "town",
            preset="bakhmut",
            prevalence=0.0,
            seed=seed,
            width=SOURCE,
            height=SOURCE,
        )
        return _read(made.before)


def _real(data: Path, held_back: bool) -> list[Base]:
    tiles = sorted((data / "levir" / "before").glob("*.png"), key=lambda p: (len(p.name), p.name))
    tiles = tiles[REAL_TILES:] if held_back else tiles[:REAL_TILES]
    found = []
    joplin = data / "joplin_west" / "before.tif"
    if joplin.is_file() and not held_back:
        image = _read(joplin)
        found = [Base(name="joplin", source=image[:1024], other=image[1024:2048])]
    turned = [*tiles[1:], *tiles[:1]]
    return found + [
        Base(name=f"levir-{tile.stem}", source=_read(tile), other=_read(other))
        for tile, other in zip(tiles, turned, strict=True)
    ]


def _read(path: Path) -> NDArray[np.uint8]:
    with opened(path) as dataset:
        return np.ascontiguousarray(np.moveaxis(dataset.read([1, 2, 3]), 0, -1), np.uint8)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Known:
    """A real pair, grey, and the affine (2, 3) from BEFORE to AFTER positions (col, row)."""

    group: str
    item: str
    before: Image
    after: Image
    affine: Array

    def alike(self, locate: Locate) -> float:
        """Return how alike the images are where a method has them: mean correlation by window.

        Tells whether an answer or a reference that an affine can only approximate is at fault.
        """
        height, width = self.before.shape
        cols, rows = np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float))
        at = [p.reshape(cols.shape) for p in locate(cols.ravel(), rows.ravel())]
        seen = _inside(at, *self.after.shape[::-1])
        values = map_coordinates(self.after, at[::-1], order=1, mode="nearest")
        both = [np.where(seen, image, 0) for image in (self.before, values)]

        def mean(image: Array) -> Array:
            return np.asarray(cv2.boxFilter(image, cv2.CV_64F, (31, 31)), np.float64)

        (m1, m2), full = map(mean, both), mean(seen.astype(float)) > 0.99
        shared = mean(both[0] * both[1]) - m1 * m2
        spread = (mean(both[0] ** 2) - m1**2) * (mean(both[1] ** 2) - m2**2)
        score = shared / np.sqrt(spread.clip(1e-6))
        return float(score[full].mean()) if full.any() else float("nan")


def known_pairs(data: Path) -> Iterator[Known]:
    """Yield the real pairs whose affine or shift is known."""
    for group in ("Optical-Optical", "Optical-Infrared", "Optical-SAR"):
        folder = data / "affine_pairs" / group
        for path in sorted(folder.glob("gt_*.txt"), key=lambda p: int(p.stem[3:])):
            item = path.stem[3:]
            first, second = (_grey(folder / f"pair{item}_{i}.jpg") for i in (1, 2))
            affine = np.loadtxt(path)
            yield Known(group=group, item=item, before=first, after=second, affine=affine)
    for folder in sorted((data / "subpixel_sentinel2").glob("*/r*c*")):
        down, right = map(float, re.findall(r"[+-][0-9.]+", folder.name))
        yield Known(
            group="Sentinel-2",
            item=f"{folder.parent.name} {folder.name}",
            before=_grey(folder / "left.tif"),
            after=_grey(folder / "right.tif"),
            affine=np.array([[1, 0, right], [0, 1, down]]),
        )


def _grey(path: Path) -> Image:
    with opened(path) as dataset:
        return np.asarray(dataset.read(out_dtype="float32").mean(0, dtype=np.float32))


def make(base: Base, case: Case) -> Made:
    """Make a pair; the same base and case give the same pair."""
    rng = np.random.default_rng(crc32(f"{base.name} {case.name}".encode()))
    side = base.side
    grey = base.source.mean(-1, dtype=np.float32)
    shown = base.source[..., 0].astype(np.float32) if "band" in case.looks else grey
    corner = [(n - side) // 2 for n in grey.shape]
    line = np.arange(side, dtype=np.float64)
    cols, rows = _displace(case, line[None], line[:, None], side)
    before = _sample(shown, cols + corner[1], rows + corner[0])
    patches = _patches(rng, side, case.replaced)
    part = slice(corner[0], corner[0] + side), slice(corner[1], corner[1] + side)
    after = np.where(patches[..., None], base.other[:side, :side], base.source[part])
    after = _look(rng, after.astype(np.float32), case)
    after = after.reshape(side // case.ratio, case.ratio, -1, case.ratio).mean((1, 3))
    noisy = [_digitise(rng, image, case.noise) for image in (before, after)]
    places = np.arange(STEP // 2, side, STEP, dtype=np.float64)
    at = [p.ravel() for p in np.meshgrid(places, places)]
    truth = _displace(case, at[0], at[1], side)
    use = _inside(truth, side, side) & np.isfinite(before[at[1].astype(int), at[0].astype(int)])
    here = [p[use] for p in truth]
    inside = patches[tuple(np.rint(p).astype(int) for p in here[::-1])]
    where = [(p + 0.5) / case.ratio - 0.5 for p in here]
    return Made(
        before=noisy[0],
        after=_instead(rng, base, case, noisy[1]),
        cols=at[0][use],
        rows=at[1][use],
        truth=(where[0], where[1]),
        replaced=inside,
        scale=case.scale / case.ratio,
    )


def _displace(case: Case, cols: Array, rows: Array, side: int) -> Positions:
    """Return where BEFORE positions lie in AFTER, before AFTER is made coarser."""
    middle, angle = (side - 1) / 2, np.deg2rad(case.turn)
    a, b = case.scale * np.cos(angle), case.scale * np.sin(angle)
    x, y = cols - middle, rows - middle
    right, down = _waves(case.warp, cols, rows)
    return (
        a * x - b * y + middle + case.shift[0] + right,
        b * x + a * y + middle + case.shift[1] + down,
    )


def _waves(most: float, cols: Array, rows: Array) -> Positions:
    """Return a smooth displacement of wavelengths from 320 to 740 pixels."""
    turn = 2 * np.pi
    right = 0.6 * np.sin(turn * (0.8 * cols + 0.6 * rows) / 740 + 0.5)
    right = right + 0.4 * np.sin(turn * (0.5 * cols - 0.87 * rows) / 340 + 2.0)
    down = 0.6 * np.cos(turn * (0.3 * cols - 0.95 * rows) / 610 + 1.1)
    down = down + 0.4 * np.sin(turn * (0.9 * cols + 0.44 * rows) / 320 + 4.0)
    return most * right, most * down


def _sample(image: Image, cols: Array, rows: Array) -> Image:
    values = map_coordinates(image, [rows, cols], order=5, mode="mirror", output=np.float32)
    outside = ~_inside((cols, rows), *image.shape[::-1])
    return np.where(outside, np.float32(np.nan), values).astype(np.float32)


def _inside(at: Sequence[Array], width: int, height: int) -> Mask:
    col, row = at
    return np.asarray((col >= 0) & (row >= 0) & (col <= width - 1) & (row <= height - 1), np.bool_)


def _smooth_field(rng: np.random.Generator, side: int, sigma: float) -> Image:
    """Return smooth noise whose values are spread evenly over 0..1."""
    small = cv2.GaussianBlur(rng.normal(size=(side // 4, side // 4)), (0, 0), sigma / 4)
    field = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    ranks = np.searchsorted(np.sort(field, axis=None), field) / field.size
    return np.asarray(ranks, np.float32)


def _patches(rng: np.random.Generator, side: int, share: float) -> Mask:
    if not share:
        return np.zeros((side, side), np.bool_)
    return np.asarray(_smooth_field(rng, side, 60.0) < share, np.bool_)


def _look(rng: np.random.Generator, image: Image, case: Case) -> Image:
    """Return AFTER's grey values (height, width) as another day or sensor has them."""
    red, green, blue = np.moveaxis(image, -1, 0)
    grey = image.mean(-1)
    if "band" in case.looks:  # near infrared, roughly: plants bright; BEFORE is the red band
        # smoothed: sharp differences of bands are a camera's and a codec's colour fringes
        plants = cv2.GaussianBlur(2 * green - red - blue, (0, 0), 1.5)
        grey = (green + blue) / 3 + 2.5 * np.asarray(plants, np.float32) + 40
    if "gamma" in case.looks:
        grey = 255 * (grey.clip(0, 255) / 255) ** np.float32(1.8)
    if "tiles" in case.looks:
        gains = rng.uniform(0.7, 1.3, (-(-len(grey) // 200),) * 2)
        grey = grey * gains.repeat(200, 0).repeat(200, 1)[: len(grey), : len(grey)]
    if "haze" in case.looks:
        haze = 0.15 + 0.5 * _smooth_field(rng, len(grey), 90.0)
        grey = grey * (1 - haze) + 215 * haze
    if "invert" in case.looks:
        grey = 255 - grey
    return np.asarray(grey, np.float32)


def _digitise(rng: np.random.Generator, image: Image, noise: float) -> Image:
    noisy = image + rng.normal(0, noise, image.shape)
    return np.rint(noisy).clip(0, 255).astype(np.float32)


def _instead(rng: np.random.Generator, base: Base, case: Case, after: Image) -> Image:
    """Return what a pair to be refused has for AFTER."""
    side = len(after)
    if case.refuse == "place":
        other = base.other[:side, :side].mean(-1, dtype=np.float32)
        return _digitise(rng, other, case.noise)
    if case.refuse == "noise":
        return _digitise(rng, np.full_like(after, 128), 40.0)
    return np.full_like(after, 128) if case.refuse == "constant" else after
