"""Live widgets for notebooks; they need the extra ``notebook``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from changedet.api.showing import check_language, views_to_draw
from changedet.core.errors import MissingExtra, UsageError
from changedet.report import card, content
from changedet.report.language import tell
from changedet.report.live import live_layers, live_pictures, live_texts
from changedet.report.views import shrink_views

try:
    import anywidget
    import traitlets
except ImportError:
    raise MissingExtra("notebook", "the swipe widget (anywidget)") from None

if TYPE_CHECKING:
    from changedet.api.results import Result

_HERE = Path(__file__).parent / "swipe"


class Swipe(anywidget.AnyWidget):
    """Before and after with a divider that is moved by drag, touch or keys, and the maps on top.

    Parameters
    ----------
    result : Result
        Compared or co-registered.
    layer : str, optional
        What lies over AFTER at first: classes, structural_change or pixel_change.
    position : float
        Where the divider stands, per cent of the width from the left.
    opacity : float
        Of the layer, 0..1.
    width : int
        Of the pictures on the screen, pixels; never more than there is room for.
    lang : {"en", "uk"}, optional
        Language; that of the run if not given.

    Attributes
    ----------
    position, layer, opacity :
        As they are on the screen: read them, set them, or ``observe`` them.

    Raises
    ------
    InputError
        After a refusal.
    UsageError
        There is no such layer or language.
    """

    _esm = _HERE / "swipe.js"
    _css = _HERE / "swipe.css"

    position = traitlets.Float(50.0, min=0.0, max=100.0).tag(sync=True)
    layer = traitlets.Unicode("").tag(sync=True)
    opacity = traitlets.Float(0.8, min=0.0, max=1.0).tag(sync=True)
    before = traitlets.Unicode().tag(sync=True)
    after = traitlets.Unicode().tag(sync=True)
    layers = traitlets.Dict().tag(sync=True)
    texts = traitlets.Dict().tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)
    lang = traitlets.Unicode("en").tag(sync=True)
    width = traitlets.Int(700, min=100).tag(sync=True)
    aspect = traitlets.Float(1.0).tag(sync=True)

    def __init__(
        self,
        result: Result,
        *,
        layer: str = "",
        position: float = 50.0,
        opacity: float = 0.8,
        width: int = 700,
        lang: str | None = None,
    ) -> None:
        check_language(lang)
        record = result.record
        views = shrink_views(views_to_draw(result.folder, record), max(width, card.SIDE))
        language = lang or card.language_of(record)
        layers = live_layers(views, record, language)
        self._known = ("", *layers)
        verdict = content.verdict(record)
        before, after = live_pictures(views)
        state: dict[str, Any] = {
            "layers": layers,
            "layer": layer,
            "position": position,
            "opacity": opacity,
            "before": before,
            "after": after,
            "texts": live_texts(record, language),
            "notice": "" if verdict.kind == "ok" else tell(verdict.title, language),
            "lang": language,
            "width": width,
            "aspect": views.width / views.height,
        }
        super().__init__(**state)

    @traitlets.validate("layer")
    def _check_layer(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self._known:
            raise UsageError(f"no layer {name[:40]!r}; there are {', '.join(self._known[1:])}")
        return name
