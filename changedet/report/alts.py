"""Text alternatives: the facts of each picture, for whoever cannot see it, in any language."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from changedet.report import content, words
from changedet.report.amounts import count, hectares, measure, percent
from changedet.report.credit import dates
from changedet.report.language import Joined, Listed, Number, Phrase, Text, joined, phrase
from changedet.report.mapping import thirds
from changedet.report.palette import CHANGES, GRADES
from changedet.report.views import EVIDENCE_NODATA, EVIDENCE_STEPS, Histogram, Views
from changedet.result import Record

_SCORES = {"structural", "pixel"}
_LOSSES = {
    "built_destroyed_share": "loss-built-area",
    "vegetation_lost_share": "loss-vegetation",
}


def score_name(item: Histogram) -> Text:
    """Return what a score is; the label as it is where we have no words for it."""
    if item.name in _SCORES:
        return Phrase(f"score-{item.name}")
    return words.plain(item.label, limit=80)


def loss_name(field: str) -> Text:
    """Return what was lost, by the field of a cell."""
    return Phrase(_LOSSES[field])


def before_after(views: Views, record: Record) -> Text:
    """Describe the two images."""
    before, after = dates(record)
    share = percent(float(views.valid.mean()))
    return phrase("alt-before-after", before=before, after=after, share=share)


def _evidence(kind: str, evidence: NDArray[np.uint8]) -> Text:
    judged = evidence != EVIDENCE_NODATA
    name = Phrase(f"alt-evidence-{kind}")
    if not judged.any():
        return joined([name, Phrase("alt-nothing-judged")])
    high = judged & (evidence > EVIDENCE_STEPS // 2)
    share = percent(float(high.sum() / judged.sum()))
    where = thirds(high)
    said = (
        phrase("alt-evidence-high", share=share)
        if where is None
        else phrase("alt-evidence-high-where", share=share, where=where)
    )
    return joined([name, said, phrase("alt-not-judged", share=percent(float(1 - judged.mean())))])


def pixel_change(views: Views, _record: Record) -> Text:
    """Describe the map of spectral change."""
    return _evidence("spectral", views.pixel_change)


def structural_change(views: Views, _record: Record) -> Text:
    """Describe the map of structural change."""
    return _evidence("structural", views.structural_change)


def indices(views: Views, _record: Record) -> Text:
    """Describe how each index changed."""
    said: list[Text] = [Phrase("alt-indices")]
    for index in views.indices:
        known = np.isfinite(index.difference)
        name = words.plain(index.name, limit=40)
        if not known.any():
            said.append(phrase("alt-index-unknown", name=name))
            continue
        values = index.difference[known]
        low, middle, high = (float(v) for v in np.percentile(values, [5, 50, 95]))
        where = thirds(known & (index.difference < min(low, 0)))
        facts = {"name": name, "median": Number(middle), "low": Number(low), "high": Number(high)}
        said.append(
            phrase("alt-index", **facts)
            if where is None
            else phrase("alt-index-where", **facts, where=where)
        )
    return joined(said)


def classes(views: Views, _record: Record) -> Text:
    """Describe the decided classes."""
    analysed = views.classes > 0
    name = Phrase("alt-classes")
    if not analysed.any():
        return joined([name, Phrase("alt-nothing-analysed")])
    total = float(analysed.sum())
    parts: list[Text] = []
    for style in CHANGES:
        chosen = views.classes == style.code
        if (where := thirds(chosen)) is not None:
            share = percent(float(chosen.sum()) / total)
            parts.append(phrase(f"alt-{style.label.key}", share=share, where=where))
    said = joined(parts, "; ") if parts else Phrase("alt-no-change")
    return joined(
        [
            name,
            phrase("alt-of-analysed", said=said),
            phrase("alt-not-analysed", share=percent(float(1 - analysed.mean()))),
        ]
    )


def buildings(_views: Views, record: Record) -> Text:
    """Describe the graded outlines."""
    counted = record.buildings
    if counted is None or counted.total is None:
        return Phrase("alt-buildings")
    parts = [
        phrase(f"alt-{style.label.key}", number=getattr(counted, style.field) or 0)
        for style in GRADES
    ]
    return phrase("alt-buildings-graded", total=counted.total, grades=Listed(tuple(parts)))


def registration(views: Views, record: Record) -> Text:
    """Describe how well AFTER lies on BEFORE."""
    found = record.registration
    if found is None:
        return Phrase("alt-registration-unknown")
    pixels = Phrase("unit-pixels")
    return joined(
        [
            phrase("alt-registration", drawn=len(views.tie_points)),
            phrase(
                "alt-registration-error",
                inliers=count(found.inliers),
                points=count(found.tie_points),
                rmse=measure(found.rmse_px, pixels),
                ce90=measure(found.ce90_px, pixels),
            ),
        ]
    )


def evidence(views: Views, _record: Record) -> Text:
    """Describe the histograms of the scores."""
    return joined([Phrase("alt-scores"), *(_histogram(item) for item in views.histograms)])


def _histogram(item: Histogram) -> Text:
    label = score_name(item)
    if item.threshold is None:
        return phrase("alt-score-no-threshold", label=label)
    beyond = item.edges[:-1] >= item.threshold
    total = float(item.counts.sum())
    share = percent(float(item.counts[beyond].sum()) / total if total else None)
    facts = {"label": label, "threshold": Number(item.threshold), "share": share}
    if item.null_counts is None or not item.null_counts.sum():
        return phrase("alt-score-no-null", **facts)
    null = float(item.null_counts[beyond].sum() / item.null_counts.sum())
    return phrase("alt-score", **facts, null=percent(null))


def cells(_views: Views, record: Record) -> Text:
    """Describe the shares by cell."""
    said: list[Text] = [phrase("alt-cells", number=len(record.cells or ()))]
    for share, area, *_ in content.cell_fields(record):
        for cell in content.worst_cells(record, share, area, most=1):
            amount = getattr(cell, area)
            sizes: list[Text] = [percent(getattr(cell, share))]
            if amount is not None:
                sizes.append(hectares(amount))
            said.append(
                phrase(
                    "alt-cell-worst",
                    loss=loss_name(share),
                    cell=words.plain(cell.id, limit=80),
                    size=Joined(tuple(sizes), "; "),
                )
            )
    return joined(said)


DESCRIBE: dict[str, Callable[[Views, Record], Text]] = {
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
