"""How much simulated images look like real ones: texture, contrast and colour, chip by chip.

Chips of 256 x 256 px are cut from real sets (folder in `CHANGEDET_BENCH_DATA`) and from simulated
pairs, all at the same ground sampling distance. A simulated image passes a measure when the
median of its chips lies within the ranges, p10 to p90, of all real sets taken together; beside
stands in how many of them singly. A before image is held against intact towns, an after image
against all sets.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rasterio.errors import NotGeoreferencedWarning
from scipy import stats

Floats = NDArray[np.floating[Any]]
Bytes = NDArray[np.uint8]

CHIP = 256  # px
SHOWN = 192  # px of a chip that the sheet shows
ZOOM = 2
COLUMNS = 6
MOST = 40  # chips a set
GSDS = (0.5, 1.0)  # m
STRETCH = 1.35  # a set enlarged by more than this says nothing about texture
STRAIGHT_M = 10.0  # a straight line that is one side of a house or longer
TOWN_M_PER_HA = 240.0  # metres of such lines on a hectare of town; half that where it lies in ruins


# Name, files, metres per row and per column, and whether the town is damaged.
REAL: tuple[tuple[str, str, tuple[float, float], bool], ...] = (
    ("joplin before", "joplin_west/before.tif", (0.6, 0.6), False),
    ("joplin after", "joplin_west/after.tif", (0.666, 0.532), True),
    ("levir before", "levir/before/*.png", (0.5, 0.5), False),
    ("levir after", "levir/after/*.png", (0.5, 0.5), False),
    ("mexico", "mexico_intact/[ab]*/*.png", (1.0, 1.0), False),
    ("pleiades before", "kahramanmaras_pleiades/before/img1.tif", (0.7, 0.7), False),
    ("pleiades after", "kahramanmaras_pleiades/after/img1.tif", (0.7, 0.7), True),
)


class Source(NamedTuple):
    """A set of images, and what of it may be compared."""

    name: str
    files: tuple[Path, ...]
    gsd: tuple[float, float]  # metres per row and per column
    damaged: bool = False
    real: bool = True


class Chips(NamedTuple):
    """Chips of a source at one resolution, and their measures."""

    source: Source
    images: list[Bytes]
    measures: dict[str, Floats]


def spectrum_measures(grey: Floats) -> dict[str, float]:
    """Slope of the radial power spectrum, and how much power the fine detail has."""
    window, axis = np.hanning(CHIP), np.fft.fftfreq(CHIP)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * np.outer(window, window))) ** 2
    frequency = np.hypot(axis[:, None], axis[None, :])

    def band(low: float, high: float) -> Floats:
        return np.asarray(power[(frequency >= low) & (frequency < high)])

    edges = np.geomspace(1 / 64, 1 / 3, 17)
    rings = [float(band(a, b).mean()) for a, b in itertools.pairwise(edges)]
    slope = np.polyfit(np.log(np.sqrt(edges[:-1] * edges[1:])), np.log(np.add(rings, 1e-9)), 1)[0]
    return {
        "spectrum slope 1/64..1/3": float(slope),
        "power above 1/4 c/px, %": 100 * float(band(0.25, 0.5).sum() / band(1 / 64, 0.5).sum()),
        "roll-off 0.4 to 0.2 c/px, dB": 10
        * float(np.log10(band(0.37, 0.43).mean() / band(0.17, 0.23).mean())),
    }


def edge_measures(grey: Floats) -> dict[str, float]:
    """Strength, tail and direction of the gradients."""
    rows, columns = np.asarray(np.gradient(grey))
    size = np.hypot(rows, columns)
    median, p90, p99 = (float(v) for v in np.percentile(size, [50, 90, 99]))
    products = (rows * rows, columns * columns, rows * columns)
    down, across, mixed = (cv2.GaussianBlur(p, (0, 0), 2.0) for p in products)
    coherent = np.hypot(across - down, 2 * mixed).sum() / max(float((down + across).sum()), 1e-6)
    turned = np.exp(4j * np.arctan2(rows, columns))
    return {
        "gradient median": median,
        "gradient p90": p90,
        "gradient p99": p99,
        "gradient p99 / median": p99 / max(median, 1e-6),
        "gradient p90 / std": p90 / max(float(grey.std()), 1e-6),
        "kurtosis of d/dx": float(stats.kurtosis(np.diff(grey, axis=1).ravel())),
        "edge coherence": float(coherent),
        "right-angle concentration": float(abs((size * turned).sum()) / max(size.sum(), 1e-6)),
    }


def _blocks(values: Floats, side: int = 16) -> Floats:
    """Return the values as one row per block of `side` x `side` px."""
    across = values.shape[0] // side
    parts = values[: across * side, : across * side].reshape(across, side, across, side)
    return parts.swapaxes(1, 2).reshape(across * across, side * side)


def tone_measures(grey: Floats) -> dict[str, float]:
    """Percentiles of the grey values, local contrast and the noise of the smoothest places."""
    found = {f"grey p{p}": float(np.percentile(grey, p)) for p in (1, 25, 50, 75, 99)}
    blocks, second = _blocks(grey), np.array([1.0, -2.0, 1.0])
    noise = _blocks(np.asarray(cv2.filter2D(grey, -1, np.outer(second, second) / 6), float)).std(
        axis=1
    )
    return found | {
        "dark (< 30), %": 100 * float((grey < 30).mean()),
        "local std (16 px), median": float(np.median(blocks.std(axis=1))),
        "local std (16 px), p5": float(np.percentile(blocks.std(axis=1), 5)),
        "std of 16 px means": float(blocks.mean(axis=1).std()),
        "noise sigma, smoothest 5 %": float(np.percentile(noise, 5)),
    }


def colour_measures(rgb: Floats) -> dict[str, float]:
    """Correlation of the bands, saturation, and the share of green."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    between = np.asarray(np.corrcoef(rgb.reshape(-1, 3).T))
    top = rgb.max(axis=-1)
    return {
        "correlation RG": float(between[0, 1]),
        "correlation RB": float(between[0, 2]),
        "correlation GB": float(between[1, 2]),
        "saturation, mean": float(((top - rgb.min(axis=-1)) / np.maximum(top, 1)).mean()),
        "R - G, median": float(np.median(red - green)),
        "G - B, median": float(np.median(green - blue)),
        "green (2G-R-B > 12), %": 100 * float((2 * green - red - blue > 12).mean()),
    }


def measure(chip: Bytes) -> tuple[dict[str, float], dict[str, float]]:
    """Return the texture measures and the tone measures of one chip, RGB or grey."""
    values = chip.astype(np.float64)
    grey = values if values.ndim == 2 else values.mean(axis=-1)
    texture = spectrum_measures(grey) | edge_measures(grey)
    tone = tone_measures(grey)
    texture |= {k: tone.pop(k) for k in [*tone] if k.startswith(("local", "noise"))}
    # A panchromatic image was stretched to 8 bits on reading: its tone says nothing.
    return texture, (tone | colour_measures(values) if values.ndim == 3 else {})


def read(path: Path, gsd: tuple[float, float], target: float) -> Bytes:
    """Read an image as 8-bit RGB or grey and resample it to `target` metres per px."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as data:
            image = np.moveaxis(data.read(), 0, -1)[..., :3]
    if image.dtype != np.uint8:
        low, high = np.percentile(image, [0.1, 99.7])
        image = (np.clip((image - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    size = [round(n * step / target) for n, step in zip(image.shape[:2], gsd, strict=True)]
    how = cv2.INTER_AREA if np.prod(size) < 0.9 * image[..., 0].size else cv2.INTER_CUBIC
    if size != [*image.shape[:2]]:
        image = cv2.resize(image, (size[1], size[0]), interpolation=how)
    return np.squeeze(np.asarray(image, dtype=np.uint8))


def town_score(chip: Bytes, gsd: float) -> float:
    """Metres of straight lines per hectare, zero where part of the chip holds no data."""
    grey = chip if chip.ndim == 2 else np.round(chip.mean(axis=-1)).astype(np.uint8)
    if (cv2.boxFilter(grey, cv2.CV_32F, (9, 9)) < 1).mean() > 0.001 or grey.std() < 3:
        return 0.0
    coarse = cv2.resize(grey, None, fx=gsd, fy=gsd, interpolation=cv2.INTER_AREA)
    found: Any = cv2.createLineSegmentDetector().detect(coarse)[0]
    ends = np.zeros((0, 4)) if found is None else found.reshape(-1, 4)
    lengths = np.hypot(*(ends[:, 2:] - ends[:, :2]).T)
    return float(lengths[lengths >= STRAIGHT_M].sum() / ((CHIP * gsd / 100) ** 2))


def cut(image: Bytes, gsd: float) -> list[tuple[float, Bytes]]:
    """Cut half-overlapping chips and score each for the town in it."""
    tops, lefts = (
        np.linspace(0, n - CHIP, max(1, -(-(n - CHIP) // (CHIP // 2)) + 1)).round().astype(int)
        for n in image.shape[:2]
    )
    chips = [image[t : t + CHIP, c : c + CHIP] for t in tops for c in lefts]
    return [(town_score(chip, gsd), chip) for chip in chips]


def spread(images: list[Bytes], most: int) -> list[Bytes]:
    """Choose at most so many chips, spread evenly over the set."""
    places = np.linspace(0, len(images) - 1, min(most, len(images)))
    return [images[i] for i in places.round().astype(int)]


def gather(source: Source, gsd: float) -> Chips:
    """Cut and measure the chips of a source in which there is town, `MOST` at most."""
    scored = [pair for f in source.files for pair in cut(read(f, source.gsd, gsd), gsd)]
    least = TOWN_M_PER_HA / (2 if source.damaged else 1)
    town = spread([chip for score, chip in scored if score >= least], MOST)
    enlarged = source.real and max(source.gsd) > STRETCH * gsd
    found: dict[str, list[float]] = {}
    for chip in town:
        texture, tone = measure(chip)
        for key, value in (tone if enlarged else texture | tone).items():
            found.setdefault(key, []).append(value)
    return Chips(source, town, {k: np.asarray(v) for k, v in found.items()})


def real_sources(root: Path) -> list[Source]:
    """List the real sets that `root` holds."""
    found = [Source(name, tuple(sorted(root.glob(p))), gsd, hurt) for name, p, gsd, hurt in REAL]
    return [source for source in found if source.files]


def simulated_sources(folders: Iterable[Path]) -> list[Source]:
    """List the two images of every simulated pair, with the resolution they state."""
    sources = []
    for folder in folders:
        for kind in ("before", "after"):
            with rasterio.open(folder / f"{kind}.tif") as data:
                across, down = data.res
            one = Source(f"{folder.name} {kind}", (folder / f"{kind}.tif",), (down, across))
            sources.append(one._replace(damaged=kind == "after", real=False))
    return sources


def verdict(key: str, sim: Chips, real: Sequence[Chips]) -> str:
    """Say whether the median of a simulated image lies within the real sets' ranges."""
    usable = [r for r in real if key in r.measures and r.source.damaged <= sim.source.damaged]
    if not usable or key not in sim.measures:
        return "?"
    ranges = np.array([np.percentile(r.measures[key], [10, 90]) for r in usable])
    low, high, middle = ranges[:, 0].min(), ranges[:, 1].max(), np.median(sim.measures[key])
    if low <= middle <= high:
        inside = (ranges[:, 0] <= middle) & (middle <= ranges[:, 1])
        return f"within, {inside.sum()} of {len(usable)}"
    return f"LOW, below {low:.3g}" if middle < low else f"HIGH, above {high:.3g}"


def _range(values: Floats | None, middle: bool) -> str:
    if values is None:
        return "-"
    low, median, high = np.percentile(values, [10, 50, 90])
    return f"{median:.3g} ({low:.3g}..{high:.3g})" if middle else f"{low:.3g}..{high:.3g}"


def table(sets: Sequence[Chips]) -> str:
    """Return the markdown table: a row per measure, a column per set, verdicts last."""
    real, simulated = ([s for s in sets if s.source.real is kind] for kind in (True, False))
    keys = [*dict.fromkeys(k for s in sets for k in s.measures)]
    head = ["measure"] + [f"{s.source.name} (n={len(s.images)})" for s in [*real, *simulated]]
    head += [f"verdict {s.source.name}" for s in simulated]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for key in keys:
        cells = [_range(s.measures.get(key), not s.source.real) for s in [*real, *simulated]]
        cells += [verdict(key, s, real) for s in simulated]
        lines.append("| " + " | ".join([key, *cells]) + " |")
    return "\n".join(lines) + "\n"


def record(sets: Sequence[Chips]) -> list[dict[str, Any]]:
    """Return what looks.json says of the sets: p10, median and p90 of every measure."""
    real = [s for s in sets if s.source.real]

    def entry(one: Chips) -> dict[str, Any]:
        ranges = {k: np.percentile(v, [10, 50, 90]).tolist() for k, v in one.measures.items()}
        found = {k: {"p10": v[0], "median": v[1], "p90": v[2]} for k, v in ranges.items()}
        said = {} if one.source.real else {k: verdict(k, one, real) for k in found}
        name = {"set": one.source.name, "chips": len(one.images)}
        return name | {"measures": found, "verdicts": said}

    return [entry(one) for one in sets]


def _tile(chip: Bytes, side: int) -> Image.Image:
    edge = (CHIP - SHOWN) // 2
    middle = Image.fromarray(chip[edge:-edge, edge:-edge]).convert("RGB")
    return middle.resize((side, side), Image.Resampling.BICUBIC)


def paste(tiles: Sequence[Sequence[Bytes]], labels: Sequence[str], path: Path) -> None:
    """Write the chips as rows of one image, a small label above every row that has one."""
    side, gap, strip = SHOWN * ZOOM, 4, 14
    sheet = Image.new("RGB", (COLUMNS * (side + gap), len(tiles) * (side + strip)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (chips, label) in enumerate(zip(tiles, labels, strict=True)):
        pen.text((2, row * (side + strip) + 1), label, fill="black")
        for column, chip in enumerate(chips):
            sheet.paste(_tile(chip, side), (column * (side + gap), row * (side + strip) + strip))
    sheet.save(path)


def blind(sets: Sequence[Chips], path: Path) -> None:
    """Write the chips of all sets in colour unlabelled in random order, and the key beside."""
    chips = [(s.source.name, c) for s in sets for c in spread(s.images, COLUMNS) if c.ndim == 3]
    order = np.random.default_rng(0).permutation(len(chips))
    rows = [order[i : i + COLUMNS] for i in range(0, len(order), COLUMNS)]
    tiles = [[chips[i][1] for i in row] for row in rows]
    paste(tiles, [f"from {1 + COLUMNS * i}" for i in range(len(rows))], path)
    key = {str(place + 1): chips[i][0] for place, i in enumerate(order)}
    path.with_suffix(".key.json").write_text(json.dumps(key, indent=1), encoding="utf-8")


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="looks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("simulated", nargs="+", type=Path, help="holds before.tif and after.tif")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--blind", action="store_true", help="also write unlabelled, mixed sheets")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Measure the sets, print the tables, write looks.json and the sheets."""
    options = _arguments(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    folder = os.environ.get("CHANGEDET_BENCH_DATA")
    if not folder:
        sys.stdout.write("CHANGEDET_BENCH_DATA is not set: no real sets to compare with.\n")
    sources = real_sources(Path(folder)) if folder else []
    sources += simulated_sources(options.simulated)
    found = {}
    for gsd in GSDS:
        sets = [gather(source, gsd) for source in sources]
        kept = [s for s in sets if s.images]
        missed = "".join(f"\nNo town found in {s.source.name}.\n" for s in sets if not s.images)
        sys.stdout.write(f"\n## {gsd} m per px\n\n{table(kept)}{missed}")
        found[f"{gsd} m"] = record(kept)
        tag = "" if gsd == GSDS[0] else f"_{gsd:g}m"
        labels = [f"{s.source.name}, shown at {gsd} m, own {max(s.source.gsd):.1f} m" for s in kept]
        paste([spread(s.images, COLUMNS) for s in kept], labels, options.output / f"sheet{tag}.png")
        if options.blind:
            blind(kept, options.output / f"blind{tag}.png")
    (options.output / "looks.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0
