"""What a file of outlines may hold: four formats by content, and nothing that acts.

OGR tries some eighty drivers on a file and does what the file says: it asks a server that a
GeoJSON names for its CRS, and runs a query that a GeoPackage holds in the place of a table. So
the file is looked at first, without OGR.
"""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from urllib.parse import quote

from changedet.core.errors import InputError
from changedet.io.formats import shown

FORMATS = "a GeoPackage, GeoJSON, FlatGeobuf or Shapefile"
_GEOPACKAGE_IDS = (b"GPKG", b"GP10", b"GP11")
_MAX_GEOJSON = 2**31
_PIECE = 2**24
_LONGEST_CRS = 2**16
_CRS_KEY = re.compile(
    rb"""["'](?:c|\\u00[46]3)(?:r|\\u00[57]2)(?:s|\\u00[57]3)["']\s*:\s*(?!["'\s\d.+-]|null|true|false)""",
    re.IGNORECASE,
)
"""A member ``crs`` that is no plain value, also spelled so that only a parser sees it."""
_PIPELINE = b"gdal_streamed_alg"
"""What GDAL, from 3.11 on, takes for a chain of its own commands, whatever the file is called."""
_RTREE = re.compile(r"\bUSING\s+[\"'`\[]?rtree\b", re.IGNORECASE)


def check_content(path: Path) -> None:
    """Refuse what is none of the four formats, and what would make OGR do more than read.

    Raises
    ------
    InputError
        Another format, a truncated GeoPackage, layers that are stored queries, a GeoJSON whose
        CRS lies at an address.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(1024)
    name = shown(path)
    if head.startswith(b"SQLite format 3\0"):
        if head[68:72] not in _GEOPACKAGE_IDS and path.suffix.lower() != ".gpkg":
            raise InputError(f"{name}: an SQLite database but no GeoPackage; {FORMATS} is needed")
        pages = int.from_bytes(head[16:18], "big")
        needed = (65536 if pages == 1 else pages) * int.from_bytes(head[28:32], "big")
        if needed > size:
            raise InputError(
                f"{name}: is truncated (needs {needed:,} bytes, has {size:,}); get it again"
            )
        _check_tables(path, name)
        return
    if head.startswith((b"fgb\x03", b"\x00\x00\x27\x0a")):
        return
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"{"):
        if size > _MAX_GEOJSON:
            raise InputError(f"{name}: GeoJSON of {size / 1e9:.1f} GB; convert it to GeoPackage")
        _check_members(path, name)
        return
    kind = "XML or HTML" if text.startswith(b"<") else "unknown content"
    raise InputError(f"{name}: format not allowed ({kind}); {FORMATS} is needed")


def _check_tables(path: Path, name: str) -> None:
    """Refuse layers that are views, and virtual tables: an endless query is quickly written."""
    try:
        # immutable: no lock, no journal beside a file that is not ours
        place = f"file:{quote(str(path))}?mode=ro&immutable=1"
        connection = sqlite3.connect(place, uri=True)
        try:
            rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
            listed = connection.execute("SELECT table_name FROM gpkg_contents").fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError, ValueError) as error:
        reason = shown(" ".join(str(error).split()))[:160]
        raise InputError(f"{name}: cannot be read as GeoPackage ({reason}); save it anew") from None
    layers = {str(table).lower() for (table,) in listed}
    for kind, table, sql in rows:
        text = str(sql or "")
        if kind == "view" and str(table).lower() in layers:
            what = "is a view, a query stored in the file"
        elif re.match(r"\s*CREATE\s+VIRTUAL\b", text, re.IGNORECASE) and not _RTREE.search(text):
            what = "is a virtual table, which may read other files"
        else:
            continue
        raise InputError(f"{name}: {shown(table)[:80]} {what}; save its rows as a layer")


def _check_members(path: Path, name: str) -> None:
    """Refuse a CRS that is given as an address, and a pipeline: OGR would follow either."""
    kept = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            data = kept + piece
            if _PIPELINE in data:
                raise InputError(
                    f"{name}: format not allowed (a GDAL pipeline, which points to other "
                    f"files); {FORMATS} is needed"
                )
            if not _CRS_KEY.search(data):
                kept = data[-64:]
                continue
            for found in _CRS_KEY.finditer(data):
                # what lies at the end of the piece is read on into the next one
                rest = data[found.end() : found.end() + _LONGEST_CRS]
                if len(rest) < _LONGEST_CRS:
                    place = file.tell()
                    rest += file.read(_LONGEST_CRS - len(rest))
                    file.seek(place)
                if not _is_named(rest):
                    raise InputError(
                        f"{name}: its CRS is not given by name; "
                        "save it with a CRS of a code, or as GeoPackage"
                    )
            kept = data[-64:]


def _is_named(text: bytes) -> bool:
    """Tell whether a CRS member is an object of type "name" (or an EPSG code)."""
    try:
        value, _ = json.JSONDecoder().raw_decode(text.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    kinds = [kind for key, kind in value.items() if key.lower() == "type"]
    return len(kinds) == 1 and str(kinds[0]).lower() in {"name", "epsg"}
