"""The jobs: run a pair, register it, describe it, rebuild its report."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from importlib import resources
from pathlib import Path
from typing import Any

from changedet.api.exports import Kit, check_exports, write_exports
from changedet.api.results import RegistrationResult, Result, Temporary
from changedet.api.threads import one_thread
from changedet.api.views import histograms_of, pictures_of, views_of_folder, views_of_outcome
from changedet.core.errors import EnvironmentFault, InputError
from changedet.core.options import RunOptions
from changedet.io.formats import StrPath
from changedet.io.output import check_output, extend, stage, write_file
from changedet.io.points import read_tie_points
from changedet.io.remote import fetched
from changedet.pipeline import (
    Outcome,
    Progress,
    describe_pair,
    no_progress,
    register_pair,
    run_pair,
)
from changedet.report.figures import draw_figures
from changedet.report.language import LANGUAGES, Phrase, Text, tell
from changedet.report.page import language_of, render_page
from changedet.report.pictures import encode_png
from changedet.report.qml import classes_qml, layer_styles
from changedet.report.summary import summary_csv
from changedet.report.views import Histogram, Views
from changedet.result import Figure, Record, read_record


def run(
    before: StrPath,
    after: StrPath,
    *,
    options: RunOptions | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    executor: Executor | None = None,
    progress: Progress | None = None,
    command: str = "",
    resume: bool = False,
    **wishes: Any,
) -> Result:
    """Compare two images of one place: the same work as ``changedet run``.

    Parameters
    ----------
    before, after : path-like
        Image files, or http(s) addresses of some: these are fetched whole first.
    options : RunOptions, optional
        All wishes at once; or give its fields by name (``gsd=0.5, footprints="b.gpkg"``).
    output : path-like, optional
        Result folder; without it the result lives in a temporary folder until ``save``.
    overwrite : bool
        Replace a result that is there.
    executor : concurrent.futures.Executor, optional
        Blocks are computed on it.
    progress : callable, optional
        Takes the name of a stage and the fraction of it that is done.
    command : str
        For the provenance.
    resume : bool
        Keep alignment and plan in ``output`` until the result is whole, and go on from those that
        a killed run has left there.

    Returns
    -------
    Result
        With ``status == "refused"``, and no areas, where the pair must not be compared.

    Raises
    ------
    InputError
        Where a file cannot be used.
    EnvironmentFault
        Where a server does not give a file, or the disk is full.
    UsageError
        Where ``output`` is in the way.
    """
    wanted = _options(options, wishes)
    check_exports(wanted.export)
    tell_stage = progress or no_progress

    def work(folder: Path) -> tuple[Record, tuple[Histogram, ...]]:
        with _local(before, after, wanted, folder, tell_stage) as (first, second):
            outcome = run_pair(
                first,
                second,
                options=wanted,
                folder=folder,
                executor=executor,
                progress=tell_stage,
                command=command,
                styles=layer_styles(),
                keep=folder.parent if resume and output is not None else None,
            )
            record = _complete(outcome, folder, tell_stage)
            if wanted.export and record.status != "refused":
                _export(folder, record, wanted, tell_stage)
            return record, histograms_of(outcome)

    record, folder, keep, scores = _into(output, overwrite, work)
    return Result(record=record, folder=folder, keep=keep, histograms=scores)


def register(
    before: Any,
    after: Any,
    *,
    options: RunOptions | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    executor: Executor | None = None,
    progress: Progress | None = None,
    command: str = "",
    **wishes: Any,
) -> Any:
    """Bring AFTER onto BEFORE's grid and nothing more.

    Parameters
    ----------
    before, after : path-like or ndarray
        Image files, or grey arrays of shape (height, width) (not finite = not valid).
    options, output, overwrite, executor, progress, command :
        As in :func:`run`; of no use with arrays, except ``options``.

    Returns
    -------
    RegistrationResult or Alignment
        An :class:`~changedet.register.alignment.Alignment` for arrays.
    """
    wanted = _options(options, wishes)
    if hasattr(before, "ndim") and hasattr(after, "ndim"):
        from changedet.register.estimate import estimate_alignment
        from changedet.register.reader import ArrayReader

        first, second = ArrayReader(image=before), ArrayReader(image=after)
        return estimate_alignment(
            first,
            second,
            options=wanted.coregistration,
            gsd_m=wanted.gsd,
            given=read_tie_points(wanted.tie_points, before=first.grid, after=second.grid),
            executor=executor,
        )

    def work(folder: Path) -> tuple[Record, Any]:
        with _local(before, after, wanted, folder, progress or no_progress) as (first, second):
            outcome = register_pair(
                first,
                second,
                options=wanted,
                folder=folder,
                executor=executor,
                progress=progress or no_progress,
                command=command,
                styles=layer_styles(),
            )
            return _complete(outcome, folder, progress or no_progress, page=False), outcome

    record, folder, keep, outcome = _into(output, overwrite, work)
    alignment = None if outcome.scene is None else outcome.scene.alignment
    return RegistrationResult(record=record, folder=folder, keep=keep, alignment=alignment)


def describe(
    before: StrPath, after: StrPath, *, options: RunOptions | None = None
) -> dict[str, Any]:
    """Say what would be done with a pair, without doing it."""
    wanted = options or RunOptions()
    with fetched((before, after), allow_hosts=wanted.allow_host) as (first, second):
        return describe_pair(first, second, wanted)


def _local(
    before: StrPath, after: StrPath, options: RunOptions, folder: Path, progress: Progress
) -> AbstractContextManager[tuple[StrPath, ...]]:
    """Fetch what is an address onto the disk that takes the result, beside its staging folder."""
    return fetched(
        (before, after),
        place=folder.parent,
        allow_hosts=options.allow_host,
        tell=lambda fraction: progress("fetch", fraction),
    )


def rebuild_report(
    folder: str | Path,
    *,
    lang: str | None = None,
    export: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> tuple[Path, tuple[Path, ...]]:
    """Write report.html anew from a result folder, and exports, without computing anything again.

    Parameters
    ----------
    folder : path-like
        A result folder.
    lang : str, optional
        Language; without it that of the run.
    export : tuple of str
        Exports by name, see :class:`~changedet.core.options.RunOptions`.
    progress : callable, optional
        As in :func:`run`.

    Returns
    -------
    tuple
        The page, and the files of the exports.

    Raises
    ------
    InputError
        Where the folder holds no result, or one that is refused and has nothing to export.
    UsageError
        Where an export needs an extra that is not installed.
    """
    check_exports(export)
    place = Path(folder)
    record = read_record(place / "result.json")
    views = views_of_folder(place, record, fine=True)
    if export and (views is None or record.status == "refused"):
        raise InputError(f"{place}: this pair was refused: there is nothing to export")
    language = lang or language_of(record)
    tell_stage = progress or no_progress
    with extend(place) as staged:
        tell_stage("report", 0.0)
        text = render_page(record, views, pictures_of(place, record), lang=language)
        write_file(staged / "report.html", text)
        tell_stage("report", 1.0)
        files: tuple[Path, ...] = ()
        if export and views is not None:
            kit = Kit(folder=place, target=staged, record=record, views=views, lang=language)
            files = _write_each(export, kit, tell_stage)
    return place / "report.html", tuple(place / file for file in files)


def sample_pair() -> tuple[Path, Path, Path]:
    """Return BEFORE, AFTER and the footprints of the sample that ships with the package."""
    packaged = Path(str(resources.files("changedet"))) / "samples" / "bakhmut"
    checkout = Path(__file__).resolve().parents[2] / "samples" / "bakhmut"
    place = packaged if packaged.is_dir() else checkout
    paths = tuple(place / name for name in ("before.tif", "after.tif", "footprints.gpkg"))
    if not all(path.is_file() for path in paths):
        raise EnvironmentFault(f"{place}: the sample pair is missing; install changedet again")
    return paths[0], paths[1], paths[2]


def _options(options: RunOptions | None, wishes: dict[str, Any]) -> RunOptions:
    if not wishes:
        return options or RunOptions()
    given = {} if options is None else options.model_dump(exclude_unset=True)
    return RunOptions.model_validate({**given, **wishes})


def _into(
    output: str | Path | None,
    overwrite: bool,
    work: Callable[[Path], tuple[Record, Any]],
) -> tuple[Record, Path, Temporary | None, Any]:
    """Do the work in a staging folder of ``output``, or in a temporary one."""
    keep = None
    place: AbstractContextManager[Path]
    if output is None:
        keep = Temporary()
        place = keep.filled()
    else:
        check_output(output, overwrite=overwrite)
        place = stage(output, overwrite=overwrite)
    try:
        with place as folder, one_thread():
            record, extra = work(folder)
    except MemoryError:
        raise EnvironmentFault("out of memory: try --block-size 512 and --jobs 1") from None
    return record, folder if output is None else Path(output), keep, extra


def _complete(outcome: Outcome, folder: Path, progress: Progress, *, page: bool = True) -> Record:
    """Add figures, report, summary and, last, result.json; return the final record."""
    record = outcome.record
    if record.status == "refused" or outcome.scene is None:
        write_file(folder / "result.json", record.to_json())
        return record
    progress("figures", 0.0)
    views = views_of_outcome(outcome, folder)
    if views is None:
        raise EnvironmentFault("the maps that were just written cannot be read back")
    record, pictures = _draw(views, record, folder)
    progress("figures", 1.0)
    if page:
        progress("report", 0.0)
        write_file(folder / "summary.csv", summary_csv(record), encoding="utf-8-sig")
        write_file(folder / "maps" / "classes.qml", classes_qml())
        text = render_page(record, views, pictures)
        write_file(folder / "report.html", text)
        progress("report", 1.0)
    write_file(folder / "result.json", record.to_json())
    return record


def _export(folder: Path, record: Record, wanted: RunOptions, progress: Progress) -> None:
    views = views_of_folder(folder, record)
    if views is not None:
        kit = Kit(folder=folder, target=folder, record=record, views=views, lang=wanted.lang)
        _write_each(wanted.export, kit, progress)


def _write_each(names: tuple[str, ...], kit: Kit, progress: Progress) -> tuple[Path, ...]:
    """Write exports one after the other and return their files, sorted."""
    files: list[Path] = []
    for number, name in enumerate(names):
        progress("export", number / len(names))
        files += write_exports((name,), kit)
    progress("export", 1.0)
    return tuple(sorted(files))


def _draw(
    views: Views, record: Record, folder: Path
) -> tuple[Record, dict[str, tuple[bytes, Text]]]:
    place = folder / "figures"
    place.mkdir()
    pictures = draw_figures(views, record, lang=language_of(record))
    write_file(place / "before.png", encode_png(views.before))
    for name, (png, _) in pictures.items():
        write_file(place / f"{name}.png", png)
    listed = [_listed(name, alt) for name, (_, alt) in pictures.items()]
    listed.append(_listed("before", Phrase("alt-before")))
    return record.model_copy(update={"figures": tuple(listed)}), pictures


def _listed(name: str, alt: Text) -> Figure:
    """Return a picture as the record lists it, its text alternative in every language."""
    alts = {lang: tell(alt, lang) for lang in LANGUAGES}
    return Figure(file=f"figures/{name}.png", alt=alts["en"], alts=alts)
