"""How a result shows itself: as a card in a notebook, and as figures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from changedet.api.views import views_of_folder
from changedet.core.errors import InputError, UsageError
from changedet.report import card, figures
from changedet.report.language import LANGUAGES
from changedet.report.views import Histogram, Views, shrink_views
from changedet.result import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What a notebook shows of a result.

    Parameters
    ----------
    html : str
        Without scripts and without any request.
    """

    html: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.html


def show_result(folder: Path, record: Record, *, lang: str | None = None) -> Shown:
    """Make the card of a result.

    Raises
    ------
    UsageError
        There is no such language.
    """
    check_language(lang)
    pictures: tuple[card.Picture, ...] = ()
    views = None if record.status == "refused" else views_of_folder(folder, record)
    if views is not None:
        pictures = card.card_pictures(shrink_views(views, card.SIDE), record)
    return Shown(html=card.render_card(record, pictures, lang=lang))


def plot_result(
    folder: Path,
    record: Record,
    histograms: tuple[Histogram, ...],
    kind: str | None,
    *,
    lang: str | None = None,
) -> Drawing:
    """Draw a figure of a result; see :meth:`changedet.api.results.Result.plot`."""
    language = pick_language(record, lang)
    if kind is not None and kind not in figures.FIGURES:
        raise UsageError(f"no figure {kind[:40]!r}; there are {', '.join(figures.FIGURES)}")
    views = views_to_draw(folder, record)
    views = replace(views, histograms=histograms)
    name = kind or ("registration" if record.built is None else "classes")
    if name not in figures.wanted_figures(views, record):
        there = folder / "figures" / f"{name}.png"
        hint = (
            f"what it is drawn from is not kept with a result; look at {there}"
            if there.is_file()
            else "this result has nothing to draw of that kind"
        )
        raise InputError(f"figure {name}: {hint}")
    return figures.draw_figure(name, views, record, lang=language)


def views_to_draw(folder: Path, record: Record) -> Views:
    """Return the views of a result that has maps.

    Raises
    ------
    InputError
        After a refusal, and where the folder has lost its pictures.
    """
    if record.status == "refused":
        raise InputError("a refused pair has no maps to draw; see record.refusals")
    views = views_of_folder(folder, record)
    if views is None:
        raise InputError(f"{folder}: figures/before.png is missing; run the pair again")
    return views


def check_language(lang: str | None) -> None:
    """Refuse a language that the report does not speak.

    Raises
    ------
    UsageError
        Names those that there are.
    """
    if lang is not None and lang not in LANGUAGES:
        raise UsageError(f"no language {lang[:20]!r}; there are {', '.join(LANGUAGES)}")


def pick_language(record: Record, lang: str | None) -> str:
    """Return the language asked for, or that of the run."""
    check_language(lang)
    return lang or card.language_of(record)
