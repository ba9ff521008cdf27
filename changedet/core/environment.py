"""What the user's environment may tell GDAL and PROJ: nothing that loads code or alters a reading.

Two copies of GDAL (rasterio's and pyogrio's) take hundreds of settings from the environment. Some
load a library, some skip a driver, some let GDAL overlook damage. In a process of the user's,
what loads code or reroutes the settings is dropped before the two are imported; in the command's
own process all of it is, and drivers that follow a file to other files are not there at all.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

# Drivers that make GDAL open something else than the file that was given.
# fmt: off
INDIRECT_DRIVERS = frozenset((
    "VRT", "DERIVED", "WMS", "WCS", "WMTS", "STACIT", "STACTA", "GTI", "HTTP", "EEDA", "EEDAI",
    "PLMOSAIC", "DAAS", "OGCAPI", "MEM", "ZARR", "NGW", "PLSCENES", "OGR_VRT", "GDALG", "MRF",
    "KMLSUPEROVERLAY", "ERS", "TIL", "RPFTOC", "ECRGTOC", "ISIS3", "PDS4", "ADBC", "CAD", "OAPIF",
    "WFS", "CSW", "AMIGOCLOUD", "CARTO", "ELASTICSEARCH", "GPSBABEL",
))
# fmt: on

_IN_USE = {"MEM"}
"""GDAL holds arrays of the program itself with it."""

SKIPPED = ",".join(sorted(INDIRECT_DRIVERS - _IN_USE))

_LOADING = (
    "GDAL_DRIVER_PATH",
    "OGR_DRIVER_PATH",
    "GDAL_PYTHON_DRIVER_PATH",
    "GDAL_CONFIG_FILE",
    "GDAL_SKIP",
    "OGR_SKIP",
    "CPL_DEBUG",
    "CPL_LOG",
    "CPL_LOG_ERRORS",
    "CPL_CURL_VERBOSE",
    "GDAL_VRT_ENABLE_PYTHON",
    "GDAL_VRT_ENABLE_RAWRASTERBAND",
    "OGR_SQLITE_LOAD_EXTENSIONS",
)
_FAMILIES = (
    "GDAL_", "OGR_", "OSR_", "CPL_", "VSI", "VRT_", "GTIFF_", "TIFF_", "COG_", "JP2", "OPJ_",
    "JPEG", "PNG_", "SHAPE_", "GPKG_", "FGB_", "SQLITE_", "OVERVIEW_", "AWS_", "AZURE_", "GS_",
    "OSS_", "SWIFT_", "PROJ_", "CENTER_LONG", "CHECK_WITH_INVERT_PROJ", "NO_PROXY",
)  # fmt: skip
_FOLDERS = ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA")
_OURS = {
    "GDAL_SKIP": SKIPPED,
    # in place of one in the user's home
    "GDAL_CONFIG_FILE": os.devnull,
    # that a build lacks a driver which is to be skipped is no news
    "CPL_LOG": os.devnull,
    "PROJ_NETWORK": "OFF",
}

NO_NETWORK = {"GDAL_HTTP_PROXY": "none://nowhere:1", "CPL_VSIL_CURL_ALLOWED_FILENAME": "none"}
"""Settings under which GDAL reaches no server, whatever a file asks for: no such proxy exists.

A ``NO_PROXY`` of the user's would pass it over, so doors also look at what they open.
"""

set_aside: dict[str, str] = {}
"""What was dropped from the environment of this process."""


def shield_import() -> None:
    """Drop what would make GDAL load code, read another configuration or skip drivers.

    Called before rasterio and pyogrio are imported. Does nothing where they already are: then the
    process is its owner's, and so is what was set up in it. What :func:`shield_process` has set,
    in this process or the one that started it, stays.
    """
    if "rasterio" in sys.modules or "pyogrio" in sys.modules:
        return
    for name in _LOADING:
        if name in os.environ and os.environ[name] != _OURS.get(name):
            set_aside[name] = os.environ.pop(name)


def shield_process() -> None:
    """Drop all that GDAL and PROJ would read from the environment, and skip indirect drivers.

    For a process that is the command's alone; processes that it starts inherit it. Folders of
    data stay where the libraries do not bring their own.
    """
    bundled = _brings("rasterio", "proj_data") and _brings("pyogrio", "proj_data")
    for name in list(os.environ):
        if name in _FOLDERS and not bundled:
            continue
        if name.upper().startswith(_FAMILIES):
            set_aside[name] = os.environ.pop(name)
    os.environ.update(_OURS)


def _brings(library: str, folder: str) -> bool:
    """Say whether an installed library, not imported for that, has a folder of PROJ's data."""
    spec = find_spec(library)
    places = () if spec is None else spec.submodule_search_locations or ()
    return any((Path(place) / folder / "proj.db").is_file() for place in places)
