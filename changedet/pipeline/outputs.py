"""Outputs: the maps and layers of the result folder, written into its staging place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from changedet.core.blocks import Block, blocks
from changedet.core.grid import Grid, Window
from changedet.core.spread import spread
from changedet.io.raster import (
    RasterWriter,
    check_raster,
    create_raster,
    read_own,
    write_cog,
)
from changedet.io.shapes import trace
from changedet.io.vector import Layer, Outlines, append_features, write_geopackage
from changedet.pipeline.apply import (
    NODATA,
    STEPS,
    Rules,
    compute_block,
    decide_block,
    warp_block,
)
from changedet.pipeline.fit import block_margin
from changedet.pipeline.plan import Plan
from changedet.pipeline.registered import tie_point_layer, write_correspondence
from changedet.pipeline.scene import Scene
from changedet.quantify.areas import CellGrid, Tally, clip_interval, hectares, share
from changedet.quantify.buildings import UNOSAT, Assessment, FootprintSums
from changedet.result import CLASS_COLOURS, CLASS_NAMES, Cell, Inputs

Value = TypeVar("Value")
Report = Callable[[float], None]
"""Takes the fraction of a stage that is done."""

STRIP_ROWS = 1024
"""Rows of classes.tif that are traced at a time."""
CHUNK = 5000
"""Regions that are written at a time."""
_MAPS = {"aligned": "aligned", "pixel": "pixel_change", "structural": "structural_change",
         "classes": "classes"}  # fmt: skip
_IMAGE_LEVEL, _MAP_LEVEL = 1, 4
"""Effort of the compression: more makes an image 1 % smaller, and maps of few values up to 20 %."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Walk:
    """What every walk over the blocks of a scene needs."""

    scene: Scene
    work: Path
    """Where working files go."""
    block_size: int
    executor: Executor | None
    ahead: int | None = None
    """Most blocks handed to the executor and not yet written; by default as it can use."""
    tags: dict[str, str]
    """Provenance that every raster carries."""

    def over(
        self, job: Callable[[Block], Value], *, margin: int, report: Report
    ) -> Iterator[Value]:
        """Do a job for all blocks and say how far it is."""
        todo = list(blocks(self.scene.grid, size=self.block_size, margin=margin))
        walked = spread(job, todo, executor=self.executor, ahead=self.ahead)
        for done, value in enumerate(walked, start=1):
            yield value
            report(done / len(todo))


def write_evidence(
    walk: Walk, plan: Plan, *, report: Report
) -> tuple[dict[str, str], FootprintSums]:
    """Walk over all blocks once: aligned image, evidence and the state of each pixel."""
    scene, work, tags = walk.scene, walk.work, walk.tags
    margin = block_margin(plan.sizes, plan.gsd_m, built=not scene.has_footprints)
    job = partial(compute_block, scene=scene, plan=plan)
    paths = {
        name: str(work / f"{name}.tif")
        for name in ("aligned", "pixel", "structural", "state", "plants")
    }
    sums = FootprintSums.zero(len(scene.footprints))
    with ExitStack() as stack:
        aligned = stack.enter_context(_aligned_writer(scene, Path(paths["aligned"]), tags))
        maps = {
            name: stack.enter_context(
                create_raster(
                    Path(paths[name]),
                    scene.grid,
                    dtype="uint8",
                    nodata=NODATA,
                    scale=1 / STEPS,
                    descriptions=(text,),
                    tags=tags,
                    zlevel=0,
                )
            )
            for name, text in (
                ("pixel", "evidence of spectral change, 0..1"),
                ("structural", "evidence of structural change, 0..1"),
            )
        }
        for name in ("state", "plants"):
            maps[name] = stack.enter_context(
                create_raster(Path(paths[name]), scene.grid, dtype="uint8", zlevel=0)
            )
        for result in walk.over(job, margin=margin, report=report):
            aligned.write(result.aligned, result.window)
            for name, writer in maps.items():
                writer.write(getattr(result, name)[None], result.window)
            sums = sums + result.sums
    return paths, sums


def write_aligned(walk: Walk, *, report: Report) -> None:
    """Write AFTER on the grid, alone."""
    scene = walk.scene
    maps = walk.work / "maps"
    maps.mkdir()
    draft, path = walk.work / "aligned.part", maps / "aligned.tif"
    with _aligned_writer(scene, draft, walk.tags) as writer:
        for window, values in walk.over(partial(warp_block, scene=scene), margin=0, report=report):
            writer.write(values, window)
    write_cog(draft, path, level=_IMAGE_LEVEL)
    draft.unlink()
    check_raster(path)


def _aligned_writer(scene: Scene, path: Path, tags: dict[str, str]) -> RasterWriter:
    dtype = np.dtype(scene.aligned_dtype)
    lowest = float("nan") if dtype.kind == "f" else float(np.iinfo(dtype).min)
    return create_raster(
        path,
        scene.grid,
        count=len(scene.after.roles),
        dtype=dtype.name,
        nodata=lowest,
        descriptions=scene.after.roles,
        tags=tags,
        zlevel=0,  # a draft: the COG that is made of it is compressed well
    )


def write_classes(walk: Walk, rules: Rules, paths: dict[str, str], *, report: Report) -> Tally:
    """Walk over all blocks again: regions, classes and their areas."""
    scene = walk.scene
    margin = -(-rules.margin // 8) * 8
    job = partial(decide_block, scene=scene, rules=rules, paths=paths)
    tally = Tally.zero(rules.cells)
    paths["classes"] = str(walk.work / "classes.tif")
    with create_raster(
        Path(paths["classes"]),
        scene.grid,
        dtype="uint8",
        nodata=0,
        colours=CLASS_COLOURS,
        descriptions=("class",),
        tags={**walk.tags, "CLASSES": "; ".join(CLASS_NAMES)},
        zlevel=0,
    ) as writer:
        for result in walk.over(job, margin=margin, report=report):
            writer.write(result.classes[None], result.window)
            tally = tally + result.tally
    return tally


def finish_maps(paths: dict[str, str], maps: Path, *, executor: Executor | None = None) -> None:
    """Turn the working rasters into COGs and read them back, on threads of this process alone."""
    maps.mkdir(exist_ok=True)
    todo = [(Path(paths[name]), maps / f"{target}.tif") for name, target in _MAPS.items()]
    threads = executor if isinstance(executor, ThreadPoolExecutor) else None
    for _ in spread(_finish_map, todo, executor=threads):
        pass


def _finish_map(files: tuple[Path, Path]) -> None:
    source, target = files
    resampling = "mode" if target.stem == "classes" else "average"
    level = _IMAGE_LEVEL if target.stem == "aligned" else _MAP_LEVEL
    write_cog(source, target, overview_resampling=resampling, level=level)
    check_raster(target)


def building_layer(outlines: Outlines, assessment: Assessment, area_m2: np.ndarray | None) -> Layer:
    """Return the footprints with their grades."""
    count = len(outlines.geometries)
    return Layer(
        name="buildings",
        geometries=outlines.geometries,
        columns={
            "id": np.array([str(name) for name in outlines.ids], dtype=object),
            "area_m2": np.full(count, np.nan) if area_m2 is None else np.round(area_m2, 2),
            "grade": assessment.grade,
            "unosat": np.array([UNOSAT[str(g)] for g in assessment.grade], dtype=np.int32),
            "score": assessment.score,
            "probability": assessment.probability,
            "damage_probability": assessment.damage_probability,
            "similarity": assessment.similarity,
            "order_loss": assessment.order_loss,
            "lost_share": assessment.lost_share,
            "reason": assessment.reason,
        },
        geometry_type="Polygon",
    )


def no_building_layer() -> Layer:
    """Return the layer without footprints: empty, with the same columns."""
    nothing = Outlines(geometries=np.zeros(0, object), ids=(), skipped={}, repaired=0)
    numbers, words = np.zeros(0), np.zeros(0, object)
    return building_layer(
        nothing,
        Assessment(
            grade=words,
            score=numbers,
            probability=numbers,
            lost_share=numbers,
            reason=words,
            similarity=numbers,
            order_loss=numbers,
            damage_probability=numbers,
        ),
        None,
    )


def change_layer(grid: Grid, regions: list[tuple[int, shapely.Polygon]]) -> Layer:
    """Return regions of classes.tif, traced in pixels, as polygons of the grid."""
    t = grid.transform
    traced = np.array([outline for _, outline in regions], dtype=object)
    outlines = shapely.transform(
        traced,
        lambda at: np.stack(
            [t.a * at[:, 0] + t.b * at[:, 1] + t.c, t.d * at[:, 0] + t.e * at[:, 1] + t.f], axis=1
        ),
    )
    codes = np.array([code for code, _ in regions], dtype=np.int32)
    pixels = shapely.area(traced)
    area = grid.pixel_area_m2
    return Layer(
        name="changes",
        geometries=outlines,
        columns={
            "class": codes,
            "name": np.array([CLASS_NAMES[code] for code in codes], dtype=object),
            "area_m2": pixels * (np.nan if area is None else area),
        },
    )


def read_strips(grid: Grid, *paths: Path | str) -> Iterator[tuple[Any, ...]]:
    """Yield each strip of full rows: its window, and one band of each of our own rasters."""
    for row in range(0, grid.height, STRIP_ROWS):
        height = min(STRIP_ROWS, grid.height - row)
        window = Window(row=row, col=0, height=height, width=grid.width)
        yield window, *(read_own(path, window)[0] for path in paths)


def change_layers(classes: Path, grid: Grid) -> Iterator[Layer]:
    """Trace classes.tif from top to bottom, a few thousand regions at a time."""
    regions = trace(read_strips(grid, classes), least=2)
    while part := list(islice(regions, CHUNK)):
        yield change_layer(grid, part)


def cell_records(
    tally: Tally,
    cells: CellGrid,
    grid: Grid,
    *,
    built_seen: bool,
    plants_seen: bool,
    interval_px: NDArray[np.int64] | None,
    plants_px: tuple[int, int, int],
) -> tuple[Cell, ...]:
    """Return the figures of every cell that holds a part of the grid or AOI.

    ``interval_px`` is that of whole buildings by cell; without it, the band of the threshold.

    What was not measured is None as in the record, and no loss of plants is claimed where it
    was not judged. ``plants_px`` are low, central and high of the lost vegetation of the record:
    they are shared out to the cells in proportion, so that these add up to them.
    """
    parts = [
        (f"vegetation_{name}", pixels / max(1, tally.total(f"vegetation_{name}")))
        for name, pixels in zip(("low", "central", "high"), plants_px, strict=True)
    ]
    area, area_plants = ((grid.pixel_area_m2 if ok else None) for ok in (built_seen, plants_seen))
    records = []
    for number in range(cells.rows * cells.cols):
        inside = tally.cell("inside", number)
        if not inside:
            continue
        row, col = divmod(number, cells.cols)
        built, lost = tally.cell("built", number), tally.cell("built_central", number)
        band = np.array([tally.cell("built_low", number), tally.cell("built_high", number)])
        ends = clip_interval(band if interval_px is None else interval_px[:, number], lost, built)
        plants = tally.cell("vegetation", number)
        low, gone, high = (round(part * tally.cell(name, number)) for name, part in parts)
        low, high = clip_interval(np.array([low, high]), gone, plants)
        left, bottom, right, top = grid.crop(cells.window(number, grid)).bounds
        records.append(
            Cell(
                id=f"r{row:03d}c{col:03d}",
                bounds=(left, bottom, right, top),
                analysed_share=share(tally.cell("analysed", number), inside),
                built_before_ha=hectares(built, area),
                built_destroyed_ha=hectares(lost, area),
                built_destroyed_share=share(lost, built) if built and built_seen else None,
                built_low_ha=hectares(ends[0], area),
                built_high_ha=hectares(ends[1], area),
                vegetation_before_ha=hectares(plants, area_plants),
                vegetation_lost_ha=hectares(gone, area_plants),
                vegetation_lost_share=share(gone, plants) if plants else None,
                vegetation_low_ha=hectares(low, area_plants),
                vegetation_high_ha=hectares(high, area_plants),
            )
        )
    return tuple(records)


def cell_layer(records: tuple[Cell, ...], grid: Grid, cells: CellGrid) -> Layer:
    """Return the cells as polygons of the grid (which may be rotated)."""
    shapes = []
    for record in records:
        row, col = (int(number) for number in record.id[1:].split("c"))
        window = cells.window(row * cells.cols + col, grid)
        corners = [
            grid.transform @ (c, r)
            for c, r in (
                (window.col, window.row),
                (window.stop_col, window.row),
                (window.stop_col, window.stop_row),
                (window.col, window.stop_row),
            )
        ]
        shapes.append(shapely.Polygon(corners))
    names = [name for name in Cell.model_fields if name not in ("id", "bounds")]
    columns = {
        name: np.array(
            [np.nan if getattr(r, name) is None else getattr(r, name) for r in records], float
        )
        for name in names
    }
    return Layer(
        name="grid_cells",
        geometries=shapes,
        columns={"id": np.array([r.id for r in records], dtype=object), **columns},
    )


def aoi_layer(scene: Scene) -> Layer:
    """Return the AOI; the grid's outline where none was given."""
    parts = [shapely.get_parts(s) for s in scene.aoi or (grid_outline(scene.grid),)]
    shapes = [shapely.MultiPolygon(list(part)) for part in parts]
    return Layer(name="aoi", geometries=shapes, columns={}, geometry_type="MultiPolygon")


def grid_outline(grid: Grid) -> shapely.Polygon:
    """Return the four corners of a grid as a polygon."""
    corners = ((0, 0), (grid.width, 0), (grid.width, grid.height), (0, grid.height))
    return shapely.Polygon([grid.transform @ corner for corner in corners])


def source_layer(scene: Scene, inputs: Inputs) -> Layer:
    """Return both images as polygons on the grid, with what they are."""
    after = scene.after.grid
    edge = grid_outline(scene.grid)
    # AFTER's outline through the alignment: the positions of the grid whose AFTER is inside.
    found = [edge, _after_outline(scene, after) or edge]
    both = (inputs.before, inputs.after)

    def column(name: str) -> np.ndarray:
        return np.array([str(getattr(image, name) or "") for image in both], dtype=object)

    return Layer(
        name="source",
        geometries=found,
        columns={
            "eventphase": np.array(["Pre-event", "Post-event"], dtype=object),
            "source_nam": column("path"),
            "src_date": column("date"),
            "sha256": column("sha256"),
            "sensor_gsd": np.array([image.gsd_m or np.nan for image in both], float),
        },
        geometry_type="Polygon",
    )


def _after_outline(scene: Scene, after: Grid) -> shapely.Polygon | None:
    grid = scene.grid
    steps = 64
    cols, rows = np.meshgrid(
        np.linspace(-0.5, grid.width - 0.5, steps), np.linspace(-0.5, grid.height - 0.5, steps)
    )
    at_cols, at_rows = scene.alignment.to_after(cols, rows)
    seen = (
        (at_cols >= -0.5)
        & (at_cols <= after.width - 0.5)
        & (at_rows >= -0.5)
        & (at_rows <= after.height - 0.5)
    )
    if seen.sum() < 3:
        return None
    points = [grid.xy(c, r) for c, r in zip(cols[seen], rows[seen], strict=True)]
    hull = shapely.MultiPoint(points).convex_hull
    return hull if isinstance(hull, shapely.Polygon) else None


def write_rest(
    scene: Scene,
    folder: Path,
    layers: list[Layer],
    *,
    styles: Mapping[str, str],
    more: Iterable[Layer] = (),
) -> None:
    """Write the correspondence and the GeoPackage; changes are traced from classes.tif.

    ``more`` are pieces of layers among ``layers``, appended one by one.
    """
    grid, maps = scene.grid, folder / "maps"
    write_correspondence(grid, scene.alignment, scene.after.grid, maps / "correspondence.tif")
    layers = [*layers, tie_point_layer(scene.alignment, grid)]
    classes, target = maps / "classes.tif", folder / "vectors.gpkg"
    if classes.is_file():
        layers.append(change_layer(grid, []))
    styled = [replace(layer, qml=styles.get(layer.name)) for layer in layers]
    write_geopackage(target, styled, crs=grid.crs)
    for layer in more:
        append_features(target, layer, crs=grid.crs)
    if classes.is_file():
        for layer in change_layers(classes, grid):
            append_features(target, layer, crs=grid.crs)
