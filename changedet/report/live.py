"""What the live widgets of a notebook show: pictures as data, and all texts in one language."""

from __future__ import annotations

from typing import Any

from changedet.report import credit
from changedet.report.card import PATTERNS
from changedet.report.language import Phrase, phrase, tell
from changedet.report.palette import CHANGES
from changedet.report.pictures import (
    class_layer,
    data_uri,
    encode_indexed,
    encode_webp,
    evidence_layer,
    shown,
)
from changedet.report.views import Views
from changedet.result import Record

_QUALITY = 82
_EVIDENCE = (("structural_change", "structural"), ("pixel_change", "pixel"))


def live_pictures(views: Views) -> tuple[str, str]:
    """Return both dates as data URIs."""
    first, second = (
        data_uri(encode_webp(shown(image, views.valid), quality=_QUALITY), "image/webp")
        for image in (views.before, views.after)
    )
    return first, second


def live_layers(views: Views, record: Record, language: str) -> dict[str, Any]:
    """Return the maps that can lie over AFTER: picture, label, text alternative and legend.

    Parameters
    ----------
    views : Views
        At the size that is shown.
    record : Record
        One of a registration alone has no layer.
    language : str
        Of all texts.
    """
    if record.built is None:
        return {}
    legend = [
        (tell(style.label, language), PATTERNS[style.pattern].format(style.colour))
        for style in CHANGES
    ]
    layers = {"classes": ("classes", class_layer(views.classes), legend)}
    for name, key in _EVIDENCE:
        layers[name] = (key, evidence_layer(getattr(views, name)), [])
    return {
        name: {
            "picture": data_uri(encode_indexed(*layer), "image/png"),
            "label": tell(Phrase(f"card-{key}"), language),
            "alt": tell(Phrase(f"card-alt-{key}"), language),
            "legend": items,
        }
        for name, (key, layer, items) in layers.items()
    }


def live_texts(record: Record, language: str) -> dict[str, str]:
    """Return the texts around the swipe; in ``value`` braces stand for the number."""
    before, after = credit.dates(record)
    said = {
        "before": phrase("swipe-dated-before", date=before),
        "after": phrase("swipe-dated-after", date=after),
        "alt_before": phrase("card-alt-before", date=before),
        "alt_after": phrase("card-alt-after", date=after),
        "divider": Phrase("swipe-divider"),
        "value": phrase("swipe-value", percent="{}"),
        "layer": Phrase("swipe-layer"),
        "opacity": Phrase("swipe-opacity"),
        "none": Phrase("swipe-none"),
    }
    return {name: tell(text, language) for name, text in said.items()}
