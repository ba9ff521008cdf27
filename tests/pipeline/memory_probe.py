"""Print the peak memory (MB) of comparing two aligned grey images: ``memory_probe.py SIDE DIR``.

Run by ``test_walk.py`` in a process of its own: peak memory never falls again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.windows import Window

from changedet.core.options import RunOptions
from changedet.io.sources import Pair, open_pair
from changedet.pipeline import outputs
from changedet.pipeline.fit import fit_plan
from changedet.pipeline.grading import grade_footprints, make_rules
from changedet.pipeline.record import peak_mb
from changedet.pipeline.scene import Scene
from changedet.register.alignment import Alignment, TiePoints
from changedet.register.lattice import IDENTITY, Chain, Mapping

GSD, STRIP = 3.0, 500


def write_noise(path: Path, side: int) -> Path:
    rng = np.random.default_rng(len(path.stem))
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=1, dtype="uint8",
        crs="EPSG:32637", transform=Affine(GSD, 0, 4e5, 0, -GSD, 5e6), tiled=True,
        blockxsize=256, blockysize=256,
    ) as file:  # fmt: skip
        for row in range(0, side, STRIP):
            strip = rng.integers(40, 200, (STRIP, side), dtype=np.uint8)
            file.write(strip, 1, window=Window(0, row, side, STRIP))
    return path


def make_scene(pair: Pair) -> Scene:
    same = Mapping(affine=IDENTITY)
    alignment = Alignment(
        chain=Chain(base=same, model=same), tie_points=TiePoints.none(), model="identity",
        method="identity", coarse_score=50.0, coarse_share=1.0, rmse_px=0.3, ce90_px=0.5,
        supported_share=1.0, max_shift_px=0.0, gsd_m=GSD,
    )  # fmt: skip
    left, bottom, right, top = pair.grid.bounds
    houses = [
        shapely.box(x, y, x + 40, y + 40)
        for x in np.arange(left + 100, right - 100, 300)
        for y in np.arange(bottom + 100, top - 100, 300)
    ]
    return Scene(
        before=pair.before,
        after=pair.after,
        grid=pair.grid,
        alignment=alignment,
        footprints=tuple(houses),
    )


def main(side: int, folder: Path) -> None:
    cv2.setNumThreads(1)
    options = RunOptions()
    paths = [write_noise(folder / f"{name}.tif", side) for name in ("before", "later")]
    with open_pair(paths[0], paths[1], options) as pair:
        scene = make_scene(pair)
        plan, _ = fit_plan(scene)
        walk = outputs.Walk(scene=scene, work=folder, block_size=1024, executor=None, tags={})
        maps, sums = outputs.write_evidence(walk, plan, report=lambda _: None)
        rules = make_rules(scene, grade_footprints(scene, plan, sums, options), options)
        tally = outputs.write_classes(walk, rules, maps, report=lambda _: None)
        outputs.finish_maps(maps, folder / "maps")
    assert tally.total("analysed") == side * side
    print(peak_mb())  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
