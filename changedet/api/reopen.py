"""The image before of a finished result, opened again: no result folder holds it whole."""

from __future__ import annotations

from pathlib import Path

from changedet.core.errors import InputError
from changedet.io.raster import Raster, inspect_raster, put_on_metres, set_scale
from changedet.result import Record


def reopen_before(record: Record, path: str | Path | None = None) -> Raster:
    """Open the image before of a result again.

    Parameters
    ----------
    record : Record
        Of a pair that was compared.
    path : path-like, optional
        Where it lies now, if not where the record says.

    Raises
    ------
    InputError
        Where it is gone, or is not the image that was compared.
    """
    given = record.inputs.before
    place = Path(path or given.path)
    if not place.is_file():
        raise InputError(
            f"{place}: the image before is not there any more; say where it lies now (before=PATH)"
        )
    options = record.provenance.options
    raster = inspect_raster(
        place,
        role="before",
        bands=options.get("bands"),
        allow_driver=tuple(options.get("allow_driver") or ()),
    )
    if raster.sha256 != given.sha256:
        raise InputError(
            f"{place}: not the image before of this result (its content differs); "
            "give the file that was compared"
        )
    if options.get("gsd") is not None:
        raster = set_scale(raster, float(options["gsd"]))
    raster = put_on_metres(raster)
    if record.grid is None or raster.grid.shape != (record.grid.height, record.grid.width):
        raise InputError(f"{place}: its grid is not that of this result; run the pair again")
    return raster
