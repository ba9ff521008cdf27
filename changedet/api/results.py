"""What a run hands to Python: the record, and the folder with its maps, that show themselves."""

from __future__ import annotations

import base64
import html
import shutil
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from changedet.api.views import views_of_folder
from changedet.core.errors import InputError
from changedet.io.output import stage
from changedet.register.alignment import Alignment
from changedet.report import figures
from changedet.result import Buildings, Built, Record, Registration, Vegetation

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The result of one pair.

    Parameters
    ----------
    record : Record
        What result.json holds.
    folder : Path
        The result folder; a temporary one, gone with this object, until :meth:`save`.
    """

    record: Record
    folder: Path
    keep: Temporary | None = field(default=None, repr=False)

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

    def plot(self, *, lang: str = "en") -> Drawing:
        """Draw the classes over the after image.

        Parameters
        ----------
        lang : str
            Language of the lettering.

        Raises
        ------
        InputError
            After a refusal: there is nothing to draw.
        """
        views = views_of_folder(self.folder, self.record)
        if views is None:
            raise InputError("a refused pair has no maps to draw; see record.refusals")
        return figures.classes(views, self.record, lang=lang)

    def explain_building(
        self, name: str | int, *, before: str | Path | None = None, lang: str = "en"
    ) -> Drawing:
        """Draw one building before and after, its measures among all, and why it got its grade.

        Parameters
        ----------
        name : str or int
            ``id`` in the buildings layer of vectors.gpkg.
        before : path-like, optional
            The image before, where it lies elsewhere now than result.json says.
        lang : str
            Language of the lettering.

        Raises
        ------
        InputError
            No footprints were graded, there is no such building, or the image before is gone.
        """
        from changedet.api.explaining import view_of_building

        view = view_of_building(self.folder, self.record, name, before=before)
        return figures.explain_building(view, self.record, lang=lang)

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
        return Result(record=self.record, folder=Path(output))

    def _repr_html_(self) -> str:
        """Show the headline and two pictures in a notebook, without a server."""
        from changedet.report.content import headline
        from changedet.report.language import tell

        lines = "".join(f"<p>{html.escape(tell(line))}</p>" for line in headline(self.record))
        pictures = "".join(
            self._picture(name) for name in ("before_after", "classes") if self._has(name)
        )
        return (
            f"<section><h3>{html.escape(self.record.title)} "
            f"({html.escape(self.record.status)})</h3>{lines}{pictures}</section>"
        )

    def _has(self, name: str) -> bool:
        return (self.folder / "figures" / f"{name}.png").is_file()

    def _picture(self, name: str) -> str:
        data = base64.b64encode((self.folder / "figures" / f"{name}.png").read_bytes()).decode()
        alt = next((f.alt for f in self.record.figures if f.file == f"figures/{name}.png"), name)
        return (
            f'<img alt="{html.escape(alt, quote=True)}" style="max-width:100%" '
            f'src="data:image/png;base64,{data}">'
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class RegistrationResult(Result):
    """The result of co-registration alone."""

    alignment: Alignment | None = None
    """None where the pair was refused before it was tried."""
