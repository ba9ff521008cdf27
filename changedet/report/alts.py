"""Text alternatives: the facts of each picture, for whoever cannot see it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from changedet.report import content, made, words
from changedet.report.mapping import thirds
from changedet.report.palette import CHANGES, GRADES
from changedet.report.views import EVIDENCE_NODATA, EVIDENCE_STEPS, Histogram, Views
from changedet.result import Record


def before_after(views: Views, record: Record) -> str:
    """Describe the two images."""
    before, after = made.dates(record)
    return (
        f"The image before ({before}) and the image after ({after}) of the same place, AFTER laid"
        f" on BEFORE's grid. {words.percent(float(views.valid.mean()))} of the picture has data"
        " on both dates."
    )


def _evidence(kind: str, evidence: NDArray[np.uint8]) -> str:
    judged = evidence != EVIDENCE_NODATA
    if not judged.any():
        return f"Map of the evidence of {kind} change: nothing could be judged."
    high = judged & (evidence > EVIDENCE_STEPS // 2)
    share = float(high.sum() / judged.sum())
    where = thirds(high)
    place = f"; it is densest in the {where} of the picture" if where else ""
    return (
        f"Map of the evidence of {kind} change from 0 (as where nothing changed) to 1 (far beyond"
        f" that). {words.percent(share)} of what could be judged is above 0.5{place}."
        f" {words.percent(float(1 - judged.mean()))} of the picture could not be judged."
    )


def pixel_change(views: Views, _record: Record) -> str:
    """Describe the map of spectral change."""
    return _evidence("spectral", views.pixel_change)


def structural_change(views: Views, _record: Record) -> str:
    """Describe the map of structural change."""
    return _evidence("structural", views.structural_change)


def indices(views: Views, _record: Record) -> str:
    """Describe how each index changed."""
    said = ["Maps of the change of spectral indices, after minus before."]
    for index in views.indices:
        known = np.isfinite(index.difference)
        if not known.any():
            said.append(f"{index.name}: not known anywhere.")
            continue
        values = index.difference[known]
        low, middle, high = (float(v) for v in np.percentile(values, [5, 50, 95]))
        where = thirds(known & (index.difference < min(low, 0)))
        place = f", the falls densest in the {where}" if where else ""
        said.append(
            f"{index.name}: median {words.number(middle)}, nine tenths between"
            f" {words.number(low)} and {words.number(high)}{place}."
        )
    return " ".join(said)


def classes(views: Views, _record: Record) -> str:
    """Describe the decided classes."""
    analysed = views.classes > 0
    if not analysed.any():
        return "Map of the classes: nothing was analysed."
    total = float(analysed.sum())
    parts = []
    for style in CHANGES:
        chosen = views.classes == style.code
        if where := thirds(chosen):
            parts.append(
                f"{style.name.lower()} {words.percent(float(chosen.sum()) / total)},"
                f" densest in the {where}"
            )
    return (
        "Map of the classes over the image after. Of the analysed part of the picture: "
        + ("; ".join(parts) if parts else "no visible change anywhere")
        + f". {words.percent(float(1 - analysed.mean()))} of the picture was not analysed."
    )


def buildings(_views: Views, record: Record) -> str:
    """Describe the graded outlines."""
    counted = record.buildings
    if counted is None:
        return "Building outlines by grade over the image after."
    parts = [
        f"{words.count(getattr(counted, style.field))} {style.name.lower()}" for style in GRADES
    ]
    return (
        f"Outlines of {words.count(counted.total)} buildings by grade over the image after: "
        f"{words.listed(parts)}."
    )


def registration(views: Views, record: Record) -> str:
    """Describe how well AFTER lies on BEFORE."""
    found = record.registration
    drawn = len(views.tie_points)
    if found is None:
        return "Checkerboard of both dates; the registration is not recorded."
    return (
        "Three pictures of the registration: a checkerboard of both dates, arrows of the"
        f" displacement at {words.count(drawn)} tie points, and a histogram of their residuals."
        f" {words.count(found.inliers)} of {words.count(found.tie_points)} tie points were"
        f" believed; the error of the model is estimated at"
        f" {words.measure(found.rmse_px, 'px')} (RMSE), 90 % within"
        f" {words.measure(found.ce90_px, 'px')}."
    )


def evidence(views: Views, _record: Record) -> str:
    """Describe the histograms of the scores."""
    said = ["Histograms of the scores beside what they do where nothing changed."]
    said.extend(_histogram(item) for item in views.histograms)
    return " ".join(said)


def _histogram(item: Histogram) -> str:
    label = words.plain(item.label)
    if item.threshold is None:
        return f"{label}: no threshold was set."
    beyond = item.edges[:-1] >= item.threshold
    total = float(item.counts.sum())
    share = float(item.counts[beyond].sum()) / total if total else None
    text = f"{label}: threshold {words.number(item.threshold)}, {words.percent(share)} above it"
    if item.null_counts is None or not item.null_counts.sum():
        return f"{text}; no null."
    null = float(item.null_counts[beyond].sum() / item.null_counts.sum())
    return f"{text} against {words.percent(null)} where nothing changed."


def cells(_views: Views, record: Record) -> str:
    """Describe the shares by cell."""
    text = f"Maps and bars of {words.count(len(record.cells or ()))} cells."
    for share, area, title in content.cell_fields(record):
        for cell in content.worst_cells(record, share, area, most=1):
            amount = getattr(cell, area)
            size = f", {words.hectares(amount)}" if amount is not None else ""
            text += (
                f" {title}: most in cell {words.plain(cell.id)}"
                f" ({words.percent(getattr(cell, share))}{size})."
            )
    return text


DESCRIBE: dict[str, Callable[[Views, Record], str]] = {
    "before_after": before_after,
    "classes": classes,
    "buildings": buildings,
    "structural_change": structural_change,
    "pixel_change": pixel_change,
    "indices": indices,
    "cells": cells,
    "registration": registration,
    "evidence": evidence,
}
"""Text alternative by name of the figure."""
