"""The door to image files: the only place that opens one, for reading or writing.

GDAL is told the one driver that fits the file's content, never to look at neighbours, and
to fail where it would rather guess. Its errors leave here as ours.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
import rasterio.shutil
import rasterio.windows
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, DatasetWriter

from changedet.core.environment import NO_NETWORK
from changedet.core.errors import ChangedetError, EnvironmentFault, InputError
from changedet.core.grid import Grid, Window
from changedet.io.checksums import check_checksums
from changedet.io.description import FillRegion, Raster, set_scale
from changedet.io.formats import StrPath, check_file, check_whole, pick_driver, shown
from changedet.io.inspection import check_dataset, describe_dataset
from changedet.io.places import locate, put_on_metres
from changedet.io.reading import Pixels, read_pixels, to_rasterio
from changedet.io.scanning import scan_pixels

__all__ = [
    "FillRegion",
    "Raster",
    "RasterWriter",
    "check_raster",
    "close_rasters",
    "create_raster",
    "describe_own",
    "inspect_raster",
    "locate",
    "put_on_metres",
    "read_own",
    "read_small",
    "read_window",
    "set_scale",
    "write_cog",
]

_SETTINGS: dict[str, Any] = {
    "GDAL_CACHEMAX": 64 * 2**20,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO",
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "YES",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_NUM_THREADS": 1,
    "GTIFF_IGNORE_READ_ERRORS": "NO",
    "GTIFF_FORCE_RGBA": "NO",
    "GTIFF_POINT_GEO_IGNORE": "NO",
    # Overviews would be compressed for a moment, and then unpacked and compressed again.
    "COG_TMP_COMPRESSION": "NONE",
    "CPL_DEBUG": "OFF",
    **NO_NETWORK,
}
_OVERVIEW_PIXELS = 2**26
"""Larger images are looked at from afar through their overviews, where they have any."""
_MAX_HANDLES = 4
_DAMAGE = re.compile(r"corrupt|premature|truncat|unexpected end|damaged", re.IGNORECASE)


_FILTERS = threading.Lock()


@contextmanager
def _quiet() -> Iterator[None]:
    """Open without the warning that an image has no georeference: that is no surprise here.

    The interpreter's warning filters belong to all threads, so one at a time changes them.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


class _Handles(threading.local):
    """Open datasets of one thread: a JPEG or PNG starts from its first row when re-opened."""

    def __init__(self) -> None:
        self.open: OrderedDict[tuple[Any, ...], DatasetReader] = OrderedDict()

    def get(self, path: str, driver: str, level: int | None) -> DatasetReader:
        """Return a dataset, opened now or before; a file that changed is opened anew."""
        state = Path(path).stat()
        # a forked process must not share the file position of its parent
        key = (os.getpid(), path, level, state.st_mtime_ns, state.st_size, state.st_ino)
        if key in self.open:
            self.open.move_to_end(key)
            return self.open[key]
        options = {} if level is None else {"overview_level": level}
        with _quiet():
            dataset = rasterio.open(Path(path), driver=driver, sharing=False, **options)
        self.open[key] = dataset
        while len(self.open) > _MAX_HANDLES:
            self.open.popitem(last=False)[1].close()
        return dataset

    def close(self) -> None:
        """Close all of this thread's datasets."""
        while self.open:
            self.open.popitem()[1].close()


_HANDLES = _Handles()


def close_rasters() -> None:
    """Close the files that reading left open in the calling thread."""
    _HANDLES.close()


class _Complaints(logging.Handler):
    """What GDAL logs in the calling thread without raising."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.thread = threading.get_ident()
        self.damage: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what tells of damaged data."""
        text = record.getMessage()
        if record.thread == self.thread and _DAMAGE.search(text):
            self.damage.append(text)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Set GDAL up, and turn its errors, and damage that it only logs, into InputError."""
    complaints = _Complaints()
    logger = logging.getLogger("rasterio._err")
    logger.addHandler(complaints)
    try:
        with rasterio.Env(**_SETTINGS):
            yield
    except ChangedetError:
        raise
    # GDAL's own class too: rasterio lets it through where it reads single facts of a band
    except (RasterioError, CPLE_BaseError, OSError, ValueError) as error:
        raise InputError(
            f"{name}: cannot be read, it is damaged or unsupported ({_reason(error)}); "
            "get the file again"
        ) from error
    except MemoryError:
        fact = f"{name}: out of memory while reading; use a smaller block"
        raise EnvironmentFault(fact) from None
    finally:
        logger.removeHandler(complaints)
    if complaints.damage:
        fact = shown(complaints.damage[0])[:160]
        raise InputError(f"{name}: its pixels are damaged ({fact}); get the file again")


def _reason(error: BaseException, path: Path | None = None) -> str:
    """Return the innermost message of GDAL, on one line; the path in it as a name alone."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error) if path is None else str(error).replace(str(path), path.name)
    return shown(" ".join(text.split()))[:160]


def inspect_raster(
    path: StrPath,
    *,
    role: str,
    bands: Mapping[str, int] | None = None,
    allow_driver: tuple[str, ...] = (),
) -> Raster:
    """Describe an image file: its content decides, not its name.

    The pixels are walked over once (large images by their overviews), so a file that
    cannot be read is refused here, before any work.

    Parameters
    ----------
    path : path-like
        GeoTIFF, JPEG, PNG or JPEG 2000.
    role : {"before", "after"}
        For messages.
    bands : mapping of role to band number, optional
        The user's word on the bands.
    allow_driver : tuple of str
        Further GDAL drivers that may open it.

    Raises
    ------
    InputError
        Missing, unreadable, damaged, unsupported or unsafe; one line that says what and
        what to do.
    """
    name = f"{role} {shown(path)}"
    try:
        absolute = check_file(path)
        driver = pick_driver(absolute, allow=allow_driver)
        check_whole(absolute, driver)
        check_checksums(absolute, driver)
        sha256 = _digest(absolute)
    except InputError as error:
        # say what the user typed, and which of the two it is
        text = str(error).replace(shown(Path(path).absolute()), shown(path), 1)
        raise InputError(f"{role} {text}") from None
    except EnvironmentFault:
        raise
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}); check the file") from None
    with _reading(name):
        dataset = _HANDLES.get(str(absolute), driver, None)
        check_dataset(dataset, name)
        raster = describe_dataset(
            dataset, path=absolute, name=name, driver=driver, bands=bands, sha256=sha256
        )
        level = _scan_level(raster)
        seen = dataset if level == 1 else _open_level(raster, level)
        return scan_pixels(seen, replace(raster, name=shown(path)), level=level)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _scan_level(raster: Raster) -> int:
    """Overview factor that the scan for fill may use: still at least 2048 px wide."""
    width, height = raster.native_grid.width, raster.native_grid.height
    if width * height <= _OVERVIEW_PIXELS:
        return 1
    return max((f for f in raster.overviews if max(width, height) / f >= 2048), default=1)


def _read_level(raster: Raster, window: Window, zoom: int) -> int:
    """Overview factor for a zoomed read: at most half the zoom, and on whole pixels."""
    native = raster.native_grid
    if zoom < 4 or native.width * native.height <= _OVERVIEW_PIXELS:
        return 1
    fits = (
        factor
        for factor in raster.overviews
        if zoom % factor == 0 and zoom // factor >= 2
        if window.row % factor == 0 and window.col % factor == 0
    )
    return max(fits, default=1)


def _open_level(raster: Raster, level: int) -> DatasetReader:
    number = None if level == 1 else raster.overviews.index(level)
    return _HANDLES.get(raster.path, raster.driver, number)


def read_window(
    raster: Raster,
    window: Window,
    *,
    roles: Sequence[str] | None = None,
    zoom: int = 1,
) -> Pixels:
    """Read a window as values and validity.

    Parameters
    ----------
    raster : Raster
        From :func:`inspect_raster`, perhaps put on metres.
    window : Window
        In pixels of ``raster.grid``, at full resolution; may reach beyond it.
    roles : sequence of str, optional
        Bands to return, in this order; all of ``raster.roles`` by default. An empty one asks for
        the validity alone, which is cheaper.
    zoom : int
        Whole zoom-out factor: each pixel is the mean over ``zoom`` x ``zoom`` valid pixels,
        and valid where at least half of them are. Images of more than 67 million pixels
        are averaged from their overviews, where they have any.

    Returns
    -------
    values : ndarray of float32, shape (bands, h, w)
        h, w = ceil(window / zoom). Scale and offset tags are applied; 0 where not valid.
    valid : ndarray of bool, shape (h, w)
        True = use. False outside the image, and where nodata, alpha, mask, fill or NaN.

    Raises
    ------
    InputError
        Where the file is damaged, or changed or vanished since it was inspected.
    KeyError
        For a role that the image does not have.
    """
    if zoom < 1:
        raise ValueError(f"zoom is a positive whole number, not {zoom}")
    wanted = tuple(roles) if roles is not None else raster.roles
    missing = [role for role in wanted if role not in raster.roles]
    if missing:
        raise KeyError(f"{raster.name} has no band {missing[0]}; it has {raster.roles}")
    level = _read_level(raster, window, zoom)
    with _reading(raster.name):
        dataset = _open_level(raster, level)
        return read_pixels(dataset, raster, window, roles=wanted, zoom=zoom, level=level)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Set GDAL up for writing, and turn its errors into EnvironmentFault."""
    complaints = _Complaints()
    logger = logging.getLogger("rasterio._err")
    logger.addHandler(complaints)
    try:
        with rasterio.Env(**_SETTINGS):
            yield
    except (RasterioError, OSError) as error:
        if isinstance(error, (EnvironmentFault, InputError)):
            raise
        raise EnvironmentFault(_cannot_write(path, _reason(error, path))) from error
    finally:
        logger.removeHandler(complaints)


def _cannot_write(path: Path, reason: str) -> str:
    try:
        free = f"{shutil.disk_usage(path.parent).free / 1e6:,.0f} MB free there"
    except OSError:
        free = "its folder cannot be reached"
    cure = _cure(reason, "free some space or choose -o")
    return f"{shown(path)}: cannot be written ({reason}; {free}); {cure}"


def _cure(reason: str, usual: str) -> str:
    return "raise the limit (ulimit -n)" if "Too many open files" in reason else usual


class RasterWriter:
    """A GeoTIFF being written block by block; use it in a ``with`` statement."""

    def __init__(self, dataset: DatasetWriter, path: Path, scale: float | None) -> None:
        self._dataset = dataset
        self._path = path
        self._scale = scale

    def write(self, array: np.ndarray, window: Window) -> None:
        """Write a window.

        Parameters
        ----------
        array : ndarray, shape (h, w) or (bands, h, w)
            In the file's dtype and digital numbers.
        window : Window
            Inside the grid.

        Raises
        ------
        EnvironmentFault
            Disk full, no permission.
        """
        bands = array[np.newaxis] if array.ndim == 2 else array
        with _writing(self._path):
            self._dataset.write(bands, window=to_rasterio(window))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _writing(self._path):
            self._dataset.close()


def create_raster(
    path: Path,
    grid: Grid,
    *,
    count: int = 1,
    dtype: str,
    nodata: float | None = None,
    scale: float | None = None,
    colours: Mapping[int, tuple[int, ...]] | None = None,
    descriptions: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    zlevel: int = 6,
) -> RasterWriter:
    """Begin a tiled GeoTIFF.

    Parameters
    ----------
    path : Path
        In a staging folder; replaced where it exists.
    grid : Grid
        Shape, transform and CRS.
    count, dtype, nodata :
        Bands, numpy type, and the value of pixels without data.
    scale : float, optional
        Unit per digital number, written as GDAL's band scale.
    colours : mapping of value to (red, green, blue) or (red, green, blue, alpha), optional
        Colour table of a one-band ``uint8`` raster.
    descriptions : sequence of str
        Names of the bands.
    tags : mapping of str to str, optional
        Provenance.
    zlevel : int
        Effort of the compression, 1 (fast) to 9; 0 for a draft, which is not compressed.

    Raises
    ------
    EnvironmentFault
        Disk full, no permission.
    """
    colour = tuple(descriptions[:3]) == ("red", "green", "blue") and dtype in ("uint8", "uint16")
    placed = grid.crs is not None or grid.transform != Affine.identity()
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": count,
        "dtype": dtype,
        "nodata": nodata,
        "crs": None if grid.crs is None else CRS.from_user_input(grid.crs),
        "transform": grid.transform if placed else None,
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "interleave": "band",
        "photometric": "rgb" if colour else "minisblack",
        "bigtiff": "if_safer",
    }
    if zlevel:
        predictor = 3 if np.dtype(dtype).kind == "f" else 2
        profile |= {"compress": "deflate", "zlevel": zlevel, "predictor": predictor}
    with _writing(path):
        with _quiet():
            dataset = rasterio.open(path, "w", **profile)
        if colours:
            dataset.write_colormap(1, {value: (*rgb, 255)[:4] for value, rgb in colours.items()})
        if scale is not None:
            dataset.scales = (scale,) * count
            dataset.offsets = (0.0,) * count
        for number, text in enumerate(descriptions, start=1):
            dataset.set_band_description(number, text)
        if count > 3 and colour:
            # GDAL would call the fourth band alpha
            rest = (ColorInterp.undefined,) * (count - 3)
            dataset.colorinterp = (*dataset.colorinterp[:3], *rest)
        if tags:
            dataset.update_tags(**dict(tags))
    return RasterWriter(dataset, path, scale)


def write_cog(
    source: Path, target: Path, *, overview_resampling: str = "average", level: int = 4
) -> None:
    """Copy a GeoTIFF to a Cloud Optimized GeoTIFF with overviews, tags and colours.

    Parameters
    ----------
    source, target : Path
        Both in the staging folder; GDAL puts temporary files beside ``target``.
    overview_resampling : str
        "average" for continuous maps, "mode" or "nearest" for classes.
    level : int
        Effort of the compression. 4 takes half the time of 6, for maps that are 2 to 6 % larger;
        images hardly compress better than with 1, which is a fifth faster still.

    Raises
    ------
    EnvironmentFault
        Disk full, no permission.
    """
    with _writing(target), _open_own(source) as draft:
        rasterio.shutil.copy(
            draft,
            target,
            driver="COG",
            COMPRESS="DEFLATE",
            PREDICTOR="YES",
            LEVEL=level,
            BLOCKSIZE=512,
            BIGTIFF="IF_SAFER",
            OVERVIEWS="IGNORE_EXISTING",
            RESAMPLING=Resampling[overview_resampling].name.upper(),
        )
    for leftover in target.parent.glob(f"{target.name}.*.tmp"):
        leftover.unlink(missing_ok=True)


def check_raster(path: Path) -> None:
    """Read a file that was just written from its first to its last pixel.

    GDAL does not always say that a disk was full.

    Raises
    ------
    EnvironmentFault
        Where it is not whole.
    """
    try:
        check_whole(path, "GTiff")
        with _reading(shown(path)), _open_own(path) as dataset:
            for _, window in dataset.block_windows(1):
                dataset.read(window=window)
    except (InputError, OSError) as error:
        raise EnvironmentFault(_cannot_write(path, f"not whole when read back: {error}")) from error


def _open_own(path: str | Path) -> DatasetReader:
    """Open a GeoTIFF that this program wrote."""
    with _quiet():
        return rasterio.open(Path(path), driver="GTiff", sharing=False)


def read_own(path: str | Path, window: Window, *, outside: int = 0) -> np.ndarray:
    """Read a window of a raster that this program wrote.

    Parameters
    ----------
    path : path
        GeoTIFF from :func:`create_raster`, closed.
    window : Window
        May reach beyond the raster.
    outside : int
        Value there.

    Returns
    -------
    ndarray, shape (bands, height, width)
        In the file's data type.

    Raises
    ------
    EnvironmentFault
        Where the file cannot be read back.
    """
    with (
        _rereading(path),
        rasterio.Env(**_SETTINGS),
        _open_own(path) as dataset,
    ):
        whole = Window(row=0, col=0, height=dataset.height, width=dataset.width)
        part = window & whole
        out = np.full((dataset.count, *window.shape), outside, dataset.dtypes[0])
        if part.height and part.width:
            rows = slice(part.row - window.row, part.stop_row - window.row)
            cols = slice(part.col - window.col, part.stop_col - window.col)
            out[:, rows, cols] = dataset.read(window=to_rasterio(part))
    return out


def describe_own(path: str | Path) -> dict[str, Any]:
    """Say what a raster is that this program wrote.

    Returns
    -------
    dict
        ``dtype``, ``nodata``, ``scale`` (of the first band), ``bands`` (descriptions),
        ``transform`` (six numbers) and ``shape``.
    """
    with _rereading(path), rasterio.Env(**_SETTINGS), _open_own(path) as dataset:
        return {
            "dtype": str(dataset.dtypes[0]),
            "nodata": dataset.nodata,
            "scale": float(dataset.scales[0]),
            "bands": tuple(text or "" for text in dataset.descriptions),
            "transform": tuple(dataset.transform)[:6],
            "shape": tuple(dataset.shape),
        }


def read_small(
    path: str | Path, *, size: int = 0, zoom: int = 0, resampling: str = "average"
) -> np.ndarray:
    """Read a whole raster that this program wrote, at most ``size`` pixels a side.

    Parameters
    ----------
    path : path
        GeoTIFF, closed; its overviews are used.
    size : int
        Longest side of the result, pixels.
    zoom : int
        In place of ``size``: pixels of the file along a side of one of the result.
    resampling : str
        "average", "nearest" or "mode"; nodata takes no part.

    Returns
    -------
    ndarray, shape (bands, height, width)
        In the file's data type; ceil(shape / zoom) with a whole zoom.
    """
    with (
        _rereading(path),
        rasterio.Env(**_SETTINGS),
        _open_own(path) as dataset,
    ):
        zoom = zoom or max(1, -(-max(dataset.shape) // size))
        shape = (dataset.count, -(-dataset.height // zoom), -(-dataset.width // zoom))
        return np.asarray(
            dataset.read(
                out_shape=shape,
                resampling=Resampling[resampling],
                # The last row and column may reach beyond the image.
                window=rasterio.windows.Window(0, 0, dataset.width, dataset.height),
            )
        )


@contextmanager
def _rereading(path: str | Path) -> Iterator[None]:
    """Turn a failure to read our own file into EnvironmentFault: the disk, not the input."""
    try:
        yield
    except (RasterioError, OSError) as error:
        reason = _reason(error, Path(path))
        cure = _cure(reason, "check the disk")
        raise EnvironmentFault(
            f"{path}: written but cannot be read back ({reason}); {cure}"
        ) from error
