"""A small painted town with a known loss, as views and as a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from affine import Affine

from changedet.core.grid import Grid
from changedet.report import figures
from changedet.report.language import Text
from changedet.report.views import Histogram, IndexView, Outline, Views
from changedet.result import (
    Buildings,
    Built,
    Cell,
    GridRecord,
    ImageRecord,
    Inputs,
    Note,
    Provenance,
    Radiometry,
    Record,
    Registration,
    Vegetation,
)

HEIGHT, WIDTH, ZOOM, GSD = 300, 400, 4.0, 0.5


def make_grid(*, georeferenced: bool = True, rotation: float = 0.0) -> Grid:
    step = GSD * ZOOM
    if not georeferenced:
        return Grid(width=WIDTH, height=HEIGHT, transform=Affine.scale(ZOOM))
    transform = (
        Affine.translation(360_000, 4_100_000)
        @ Affine.rotation(rotation)
        @ Affine.scale(step, -step)
    )
    return Grid(width=WIDTH, height=HEIGHT, transform=transform, crs="EPSG:32615", unit_m=1.0)


def _paint(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """Roofs of 14 x 18 pixels between streets; the lower left third of them becomes rubble."""
    before = np.full((HEIGHT, WIDTH, 3), (104, 122, 82), np.float32)
    before[:, ::50] = before[:, 1::50] = before[:, 2::50] = (150, 148, 145)
    before[::60] = before[1::60] = before[2::60] = (150, 148, 145)
    after = before.copy()
    places = [(r, c) for r in range(15, HEIGHT - 20, 30) for c in range(14, WIDTH - 22, 25)]
    for row, col in places:
        roof = rng.choice([(170, 92, 74), (190, 186, 180), (120, 110, 104)])
        before[row : row + 14, col : col + 18] = roof
        after[row : row + 14, col : col + 18] = roof
        if row > 150 and col < 200:
            after[row : row + 14, col : col + 18] = rng.normal(140, 35, (14, 18, 1))
    before[20:80, 300:380] = (60, 92, 52)
    after[20:80, 300:380] = (128, 112, 88)
    noise = rng.normal(0, 6, (2, HEIGHT, WIDTH, 1))
    return before + noise[0], after * 0.95 + noise[1], places


def _tie_points(rng: np.random.Generator) -> np.ndarray:
    cols, rows = np.meshgrid(np.arange(60, 1600, 90.0), np.arange(60, 1200, 90.0))
    count = cols.size
    points = np.zeros((count, 6))
    points[:, 0], points[:, 1] = cols.ravel(), rows.ravel()
    points[:, 2] = 3.2 + points[:, 1] / 900
    points[:, 3] = -1.4 + points[:, 0] / 1500
    points[:, 4] = np.abs(rng.normal(0, 0.3, count))
    points[:, 5] = rng.choice([0, 1, 1, 1, 2], count)
    return points


def make_histogram(rng: np.random.Generator, name: str, label: str) -> Histogram:
    edges = np.linspace(0, 8, 41)
    null = np.histogram(np.abs(rng.normal(0, 1, 4000)), edges)[0]
    score = np.histogram(np.r_[np.abs(rng.normal(0, 1.1, 9000)), rng.normal(5, 1, 900)], edges)[0]
    return Histogram(
        name=name,
        label=label,
        edges=edges,
        counts=score.astype(np.float64),
        null_counts=null.astype(np.float64),
        threshold=2.6,
    )


def make_index(name: str, change: float, classes: np.ndarray, valid: np.ndarray) -> IndexView:
    """An index that changes where vegetation was lost, and is not known where nothing is."""
    difference = np.where(classes == 3, change, 0.01).astype(np.float32)
    return IndexView(name=name, difference=np.where(valid, difference, np.float32(np.nan)))


def make_views(**changes: Any) -> Views:
    rng = np.random.default_rng(7)
    before, after, places = _paint(rng)
    valid = np.ones((HEIGHT, WIDTH), np.bool_)
    valid[:, 385:] = False
    classes = np.ones((HEIGHT, WIDTH), np.uint8)
    outlines = []
    for number, (row, col) in enumerate(places):
        lost = row > 150 and col < 200
        if lost:
            classes[row : row + 14, col : col + 18] = 2
        corners = [(col, row), (col + 18, row), (col + 18, row + 14), (col, row + 14)]
        grade = ("Destroyed", "Damaged")[number % 5 == 0] if lost else "No visible damage"
        outlines.append(
            Outline(
                id=str(number),
                ring=np.array(corners, np.float64) - 0.5,
                grade="Possibly damaged" if number == 8 else grade,
                score=0.9 if lost else 0.1,
                area_m2=1008.0,
            )
        )
    classes[20:80, 300:380] = 3
    classes[100:112, 320:350] = 5
    classes[200:212, 300:340] = 4
    classes[~valid] = 0
    change = np.where(np.isin(classes, (2, 3, 4)), 220, 25) + rng.integers(-20, 20, valid.shape)
    change[~valid] = 255
    filled: dict[str, Any] = {
        "before": before.clip(0, 255).astype(np.uint8),
        "after": np.where(valid[..., None], after.clip(0, 255), 0).astype(np.uint8),
        "valid": valid,
        "pixel_change": change.astype(np.uint8),
        "structural_change": change.astype(np.uint8),
        "classes": classes,
        "grid": make_grid(),
        "zoom": ZOOM,
        "buildings": tuple(outlines),
        "tie_points": _tie_points(rng),
        "histograms": (
            make_histogram(rng, "built", "Loss score of built area"),
            make_histogram(rng, "vegetation", "Fall of the vegetation index"),
        ),
        "indices": (
            make_index("NDVI", -0.4, classes, valid),
            make_index("BSI", 0.25, classes, valid),
            make_index("NDBI", 0.1, classes, valid),
        ),
    }
    return Views(**{**filled, **changes})


def _image(name: str, date: str | None) -> ImageRecord:
    return ImageRecord(
        path=name,
        sha256="ab" * 32,
        date=date,
        width=1600,
        height=1200,
        bands={"red": 1, "green": 2, "blue": 3},
        bands_from="colour interpretation",
        dtype="uint8",
        crs="EPSG:32615",
        gsd_m=GSD,
    )


def _cells() -> tuple[Cell, ...]:
    found = []
    for r in range(2):
        for c in range(2):
            left, top = 360_000 + 400 * c, 4_100_000 - 300 * r
            hit = r == 1 and c == 0
            found.append(
                Cell(
                    id=f"r{r:03d}c{c:03d}",
                    bounds=(left, top - 300, left + 400, top),
                    analysed_share=1.0 if c == 0 else 0.925,
                    built_before_ha=3.1,
                    built_destroyed_ha=2.34 if hit else 0.012,
                    built_destroyed_share=0.755 if hit else 0.0039,
                    vegetation_before_ha=4.0,
                    vegetation_lost_ha=1.92 if (r, c) == (0, 1) else 0.0,
                    vegetation_lost_share=0.48 if (r, c) == (0, 1) else 0.0,
                )
            )
    return tuple(found)


def make_record(**changes: Any) -> Record:
    filled: dict[str, Any] = {
        "status": "ok",
        "title": "Painted town",
        "warnings": (
            Note(code="no_nir", message="There is no near-infrared band: vegetation is uncertain."),
        ),
        "inputs": Inputs(
            before=_image("before.tif", "2021-03-14"), after=_image("after.tif", "2022-04-09")
        ),
        "grid": GridRecord(
            crs="EPSG:32615",
            transform=(GSD, 0, 360_000, 0, -GSD, 4_100_000),
            gsd_m=GSD,
            width=1600,
            height=1200,
            analysed_share=0.9625,
        ),
        "registration": Registration(
            method="SIFT, then windowed correlation",
            model="affine+field",
            tie_points=234,
            inliers=187,
            rmse_px=0.3123,
            rmse_m=0.1562,
            ce90_px=0.5081,
            ce90_m=0.254,
            max_shift_px=5.04,
            coarse_score=0.8123,
            supported_share=0.98,
        ),
        "radiometry": {"red": Radiometry(gain=1.0526, offset=0.21, correlation=0.987)},
        "thresholds": {"built": {"score": 2.6, "mmu_m2": 10.0}, "vegetation": 0.12},
        "null": {"source": "stable pixels of this pair", "pixels": 123456},
        "built": Built(
            before_ha=12.4,
            before_share=0.26,
            low_ha=2.1,
            high_ha=2.9,
            low_share=0.169,
            high_share=0.234,
            interval_kind="model",
            separable=True,
            method="MBI minus ExG",
            destroyed_ha=2.3456,
            destroyed_share=0.1892,
        ),
        "vegetation": Vegetation(
            before_ha=16.0,
            before_share=0.333,
            low_ha=1.5,
            high_ha=2.2,
            low_share=0.094,
            high_share=0.1375,
            interval_kind="model",
            separable=True,
            method="ExG",
            lost_ha=1.92,
            lost_share=0.12,
            gained_ha=0.144,
        ),
        "buildings": Buildings(
            total=150,
            destroyed=24,
            damaged=8,
            possibly_damaged=1,
            no_visible_damage=117,
            not_analysed=0,
        ),
        "cells": _cells(),
        "not_observable_share": 0.0375,
        "provenance": Provenance(
            version="0.1.0",
            options={"gsd": None, "force": False, "coregistration": {"window": 64}},
            command="changedet run before.tif after.tif -o out",
            started="2025-01-02T03:04:05Z",
            seconds=12.345,
            peak_mb=345.6,
            software={"numpy": "2.0", "rasterio": "1.4.4"},
        ),
    }
    return Record(**{**filled, **changes})


def make_refused(**changes: Any) -> Record:
    # Figures left in on purpose: a refused record must not show them, even if it holds them.
    return make_record(
        status="refused",
        warnings=(),
        refusals=(
            Note(code="no_match", message="No common structure was found in the two images."),
            Note(code="something_new", message="The after image is mostly snow."),
        ),
        **changes,
    )


@pytest.fixture(scope="session")
def views() -> Views:
    return make_views()


@pytest.fixture(scope="session")
def record() -> Record:
    return make_record()


@pytest.fixture(scope="session")
def refused() -> Record:
    return make_refused()


@pytest.fixture(scope="session")
def drawn(views: Views, record: Record) -> dict[str, tuple[bytes, Text]]:
    """All figures of the painted town, drawn once."""
    return figures.draw_figures(views, record)


@pytest.fixture(scope="session")
def views_with() -> Callable[..., Views]:
    return make_views


@pytest.fixture(scope="session")
def refused_with() -> Callable[..., Record]:
    return make_refused


@pytest.fixture(scope="session")
def record_with() -> Callable[..., Record]:
    return make_record


@pytest.fixture(scope="session")
def grid_with() -> Callable[..., Grid]:
    return make_grid
