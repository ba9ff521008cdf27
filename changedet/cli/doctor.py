"""``changedet doctor``: what is installed here, and what a run would miss."""

from __future__ import annotations

import os
import platform
from importlib import import_module, metadata
from typing import Any

from changedet.cli import console
from changedet.cli import options as opt
from changedet.core.environment import set_aside

LIBRARIES = (
    "affine",
    "jinja2",
    "matplotlib",
    "numpy",
    "opencv-python-headless",
    "pydantic",
    "pyogrio",
    "rasterio",
    "rich",
    "scikit-image",
    "scipy",
    "shapely",
    "typer",
)
RASTER_DRIVERS = ("GTiff", "COG", "JPEG", "PNG", "JP2OpenJPEG")
VECTOR_DRIVERS = ("GPKG", "GeoJSON", "FlatGeobuf", "ESRI Shapefile")
SUSPECTS = ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "GDAL_DRIVER_PATH", "OGR_DRIVER_PATH")
"""Variables that QGIS, OSGeo4W and conda set, and that lead wheels to another GDAL's files."""


def doctor(json: opt.Json = False, quiet: opt.Quiet = False, verbose: opt.Verbose = 0) -> int:
    """Print versions, GDAL and PROJ, drivers, cores and memory, and what looks wrong."""
    console.set_level(quiet=quiet, verbose=verbose)
    facts, faults = examine()
    document = {**facts, "problems": faults or None}
    if json:
        console.write_json(document)
    else:
        console.print_tree(document)
    return 5 if faults else 0


def examine() -> tuple[dict[str, Any], list[str]]:
    """Return the facts about this installation, and what is wrong with it."""
    from changedet import __version__

    versions, faults = _read_versions()
    raster, raster_faults = _look_at("rasterio", "__proj_version__", RASTER_DRIVERS)
    vector, vector_faults = _look_at("pyogrio", "", VECTOR_DRIVERS)
    # the command leaves them out; Python code that uses changedet may meet them
    given = {**os.environ, **set_aside}
    suspects = {name: given[name] for name in SUSPECTS if name in given}
    facts = {
        "changedet": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "libraries": versions,
        "rasterio": raster,
        "pyogrio": vector,
        "environment": suspects or None,
    }
    faults += raster_faults + vector_faults
    faults += [
        f"{name} is set to no folder: unset it, rasterio and pyogrio bring their own files"
        for name, value in suspects.items()
        if not os.path.isdir(value)  # noqa: PTH112
    ]
    return facts, faults


def _read_versions() -> tuple[dict[str, str | None], list[str]]:
    versions: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    missing = [name for name, version in versions.items() if version is None]
    return versions, [f"{name} is not installed: pip install changedet" for name in missing]


def _look_at(library: str, proj: str, drivers: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    """Import a library that brings GDAL; a broken wheel is a fact to report, not an error."""
    try:
        module = import_module(library)
        present = _list_drivers(library)
    except (ImportError, OSError) as fault:
        return {"import": f"failed: {fault}"}, [f"{library} cannot be imported: {fault}"]
    version = module.__gdal_version__
    gdal = ".".join(map(str, version)) if isinstance(version, tuple) else str(version)
    facts: dict[str, Any] = {"gdal": gdal}
    if proj:
        facts["proj"] = getattr(module, proj, None)
    facts["drivers"] = [name for name in drivers if name in present]
    missing = [name for name in drivers if name not in present]
    return facts, [f"{library} has no driver {name}" for name in missing]


def _list_drivers(library: str) -> set[str]:
    if library == "pyogrio":
        return set(import_module("pyogrio").list_drivers())
    with import_module("rasterio").Env() as env:
        return set(env.drivers())


def _memory_gb() -> float | None:
    """Return the physical memory, where the system says it."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, OSError, ValueError):
        return None
