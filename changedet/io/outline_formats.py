"""What an outline file is, by its bytes: one of four formats, and none that leads elsewhere."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from changedet.core.errors import InputError
from changedet.io.formats import shown

FORMATS = "a GeoPackage, GeoJSON, FlatGeobuf or Shapefile"
_GEOPACKAGE_IDS = (b"GPKG", b"GP10", b"GP11")
_MAX_GEOJSON = 2**31


def check_content(path: Path) -> None:
    """Refuse what is none of the four formats: OGR would try 60 drivers, XML and VRT too.

    Raises
    ------
    InputError
        Another format, a truncated GeoPackage, or GeoJSON that leads elsewhere.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(1024)
    name = shown(path)
    if head.startswith(b"SQLite format 3\0"):
        if head[68:72] in _GEOPACKAGE_IDS or path.suffix.lower() == ".gpkg":
            pages = int.from_bytes(head[16:18], "big")
            needed = (65536 if pages == 1 else pages) * int.from_bytes(head[28:32], "big")
            if needed > size:
                raise InputError(
                    f"{name}: is truncated (needs {needed:,} bytes, has {size:,}); get it again"
                )
            return
        raise InputError(f"{name}: an SQLite database but no GeoPackage; {FORMATS} is needed")
    if head.startswith((b"fgb\x03", b"\x00\x00\x27\x0a")):
        return
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"{"):
        if size > _MAX_GEOJSON:
            raise InputError(f"{name}: GeoJSON of {size / 1e9:.1f} GB; convert it to GeoPackage")
        _check_json(path)
        return
    kind = "XML or HTML" if text.startswith(b"<") else "unknown content"
    raise InputError(f"{name}: format not allowed ({kind}); {FORMATS} is needed")


def _spelled(word: str) -> bytes:
    """Return a pattern for a JSON string in any case, its letters plain or escaped."""
    letters = (rf"(?:{c}|\\u00{ord(c):02x}|\\u00{ord(c.upper()):02x})" for c in word)
    return rf"[\"']{''.join(letters)}[\"']".encode()


_ALGORITHM = b"gdal_streamed_alg"
_CRS = re.compile(_spelled("crs"), re.IGNORECASE)
# A value: where the same word is a key, a colon follows.
_LINK = re.compile(rb"(?:" + _spelled("link") + rb"|" + _spelled("url") + rb")(?!\s*:)", re.I)


def _check_json(path: Path) -> None:
    """Refuse what GDAL would follow: a pipeline that reads other files, a CRS behind an address."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        if text.find(_ALGORITHM) >= 0:
            raise InputError(
                f"{shown(path)}: format not allowed (a GDAL pipeline, which points to other "
                f"files); {FORMATS} is needed"
            )
        if _CRS.search(text) and _LINK.search(text):
            raise InputError(
                f"{shown(path)}: its CRS is an address, which is not asked; "
                "save it as GeoPackage, or name the CRS"
            )
