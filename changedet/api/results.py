"""What a run hands to Python: the record, and the folder with its maps, that show themselves."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from changedet.io.output import stage
from changedet.register.alignment import Alignment
from changedet.report.views import Histogram
from changedet.report.words import plain
from changedet.result import Buildings, Built, Record, Registration, Vegetation, read_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from changedet.api.showing import Shown
    from changedet.api.widgets import Swipe


class Temporary:
    """A folder that goes, without a word, when nobody holds it any more."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="changedet-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    @contextmanager
    def filled(self) -> Iterator[Path]:
        """Yield the folder; remove it at once where filling it fails."""
        with ExitStack() as undo:
            undo.callback(self._remove)
            yield self.path
            undo.pop_all()


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result:
    """The result of one pair.

    Parameters
    ----------
    record : Record
        What result.json holds.
    folder : Path
        The result folder; a temporary one, gone with this object, until :meth:`save`.
    histograms : tuple of Histogram
        Scores beside their nulls; empty where the result was opened from its folder.
    """

    record: Record
    folder: Path
    keep: Temporary | None = field(default=None, repr=False)
    histograms: tuple[Histogram, ...] = field(default=(), repr=False)

    @property
    def status(self) -> str:
        """``ok``, ``degraded`` or ``refused``."""
        return self.record.status

    @property
    def built(self) -> Built | None:
        """Built area before and destroyed; None after a refusal."""
        return self.record.built

    @property
    def vegetation(self) -> Vegetation | None:
        """Vegetation before, lost and gained; None after a refusal."""
        return self.record.vegetation

    @property
    def buildings(self) -> Buildings | None:
        """Counts by grade; None after a refusal."""
        return self.record.buildings

    @property
    def registration(self) -> Registration | None:
        """How well the images were brought together."""
        return self.record.registration

    def show(self, *, lang: str | None = None) -> Shown:
        """Return what a notebook shows: verdict, figures with intervals, pictures.

        Parameters
        ----------
        lang : {"en", "uk"}, optional
            Language; that of the run if not given.
        """
        from changedet.api.showing import show_result

        return show_result(self.folder, self.record, lang=lang)

    def __repr__(self) -> str:
        # Short, and without a path: notebooks keep it beside the pictures.
        return f"<{type(self).__name__} {self.status}: {plain(self.record.title, limit=80)}>"

    def _repr_html_(self) -> str:
        """Show itself in a notebook, without a server and without scripts."""
        return self.show().html

    def plot(self, kind: str | None = None, *, lang: str | None = None) -> Drawing:
        """Draw one of the figures of the report.

        Parameters
        ----------
        kind : str, optional
            classes, before_after, buildings, structural_change, pixel_change, cells, registration
            or evidence (the scores with their nulls and thresholds; of a fresh result alone).
            Without it the classes, or the registration where nothing else was done.
        lang : {"en", "uk"}, optional
            Language; that of the run if not given.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        UsageError
            There is no such figure.
        InputError
            After a refusal, or where this result has nothing to draw of that kind.
        """
        from changedet.api.showing import plot_result

        return plot_result(self.folder, self.record, self.histograms, kind, lang=lang)

    def explain_building(
        self, name: str | int, *, before: str | Path | None = None, lang: str | None = None
    ) -> Drawing:
        """Draw one building before and after, its measures among all, and why it got its grade.

        Parameters
        ----------
        name : str or int
            ``id`` in the buildings layer of vectors.gpkg.
        before : path-like, optional
            The image before, where it lies elsewhere now than result.json says.
        lang : {"en", "uk"}, optional
            Language; that of the run if not given.

        Raises
        ------
        InputError
            No footprints were graded, there is no such building, or the image before is gone.
        """
        from changedet.api.explaining import view_of_building
        from changedet.api.showing import pick_language
        from changedet.report import figures

        language = pick_language(self.record, lang)
        view = view_of_building(self.folder, self.record, name, before=before)
        return figures.explain_building(view, self.record, lang=language)

    def plot_building(
        self, name: str | int, *, before: str | Path | None = None, lang: str | None = None
    ) -> Drawing:
        """Do the same as :meth:`explain_building`."""
        return self.explain_building(name, before=before, lang=lang)

    def swipe(self, **wishes: Any) -> Swipe:
        """Return the live widget of both dates; needs the extra ``notebook``.

        Parameters
        ----------
        **wishes
            See :class:`changedet.api.widgets.Swipe`.

        Raises
        ------
        UsageError
            The extra is not installed.
        InputError
            After a refusal.
        """
        from changedet.api.widgets import Swipe

        return Swipe(self, **wishes)

    def to_geodataframe(self, layer: str = "buildings") -> Any:
        """Return a layer of vectors.gpkg as a ``geopandas.GeoDataFrame``.

        Parameters
        ----------
        layer : str
            buildings, changes, tie_points, grid_cells, aoi or source.

        Raises
        ------
        UsageError
            geopandas is not installed, or there is no such layer.
        InputError
            After a refusal: there are no layers.
        """
        from changedet.api.frames import layer_frame

        return layer_frame(self.folder, self.record, layer)

    def to_xarray(self, *names: str, zoom: int | None = None) -> Any:
        """Return the maps as an ``xarray.Dataset`` with coordinates and CRS.

        Evidence is 0..1 with NaN where it was not judged; ``classes`` has CF's ``flag_values`` and
        ``flag_meanings``; ``after`` is AFTER on BEFORE's grid, in its own numbers.

        Parameters
        ----------
        *names : str
            Of pixel_change, structural_change, classes, after; without any, all that there are.
        zoom : int, optional
            Pixels of the maps along a side of one that is returned: evidence and images are
            averaged, of classes the nearest is taken. Without it every pixel.

        Raises
        ------
        UsageError
            xarray is not installed, there is no such map, or the maps are larger than 50
            megapixels and no ``zoom`` was given.
        InputError
            After a refusal: there are no maps.
        """
        from changedet.api.frames import map_dataset

        return map_dataset(self.folder, self.record, names, zoom=zoom)

    def save(self, output: str | Path, *, overwrite: bool = False) -> Result:
        """Copy the result folder to ``output``, as one transaction, and return it there.

        Raises
        ------
        UsageError
            Where ``output`` holds something and ``overwrite`` is not set.
        """
        with stage(output, overwrite=overwrite) as staged:
            for path in sorted(self.folder.iterdir()):
                if path.name.startswith("."):
                    continue
                copy = shutil.copytree if path.is_dir() else shutil.copy2
                copy(path, staged / path.name)
        return Result(record=self.record, folder=Path(output), histograms=self.histograms)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RegistrationResult(Result):
    """The result of co-registration alone."""

    alignment: Alignment | None = None
    """None where the pair was refused before it was tried, and where it was opened again."""


def open_result(folder: str | Path) -> Result:
    """Return the result that a folder holds, without computing anything.

    Parameters
    ----------
    folder : path-like
        A result folder, of ``changedet run`` or ``changedet register``.

    Returns
    -------
    Result or RegistrationResult

    Raises
    ------
    InputError
        The folder holds no result.
    """
    place = Path(folder)
    record = read_record(place / "result.json")
    alone = record.status != "refused" and record.built is None
    return (RegistrationResult if alone else Result)(record=record, folder=place)
