"""The live swipe: its traits in Python, and its own code in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import changedet as cd
from changedet import api

pytest.importorskip("anywidget")
CHROMIUM = Path("/usr/bin/chromium")
# What a widget's code is given by every front end, as small as it can be.
PAGE = """<!doctype html><meta charset="utf-8"><title>swipe</title>
<body style="margin:20px"><div id="here"></div>
<script type="module">
const state = %STATE%, heard = {}, sent = window.sent = [];
window.model = {
  get: (name) => state[name],
  set: (name, value) => {
    if (state[name] === value) return;
    state[name] = value;
    for (const call of heard["change:" + name] ?? []) call();
  },
  save_changes: () => sent.push({ position: state.position, layer: state.layer }),
  on: (name, call) => (heard[name] ??= []).push(call),
  off: (name, call) => { heard[name] = heard[name].filter((other) => other !== call); },
};
window.heard = heard;
const code = new Blob([%ESM%], { type: "text/javascript" });
const widget = (await import(URL.createObjectURL(code))).default;
window.stop = await widget.render({ model, el: document.getElementById("here") });
window.ready = true;
</script><style>%CSS%</style>"""


@pytest.fixture(scope="module")
def swipe(small_result: api.Result) -> Any:
    return small_result.swipe(layer="classes", width=600)


def test_its_state_is_synced(small_result: api.Result) -> None:
    widget = small_result.swipe()
    sent: list[Any] = []
    widget.observe(sent.append, names=["position", "layer"])
    widget.set_state({"position": 12.5, "layer": "pixel_change"})  # as a front end does
    assert (widget.position, widget.layer) == (12.5, "pixel_change")
    assert [change["name"] for change in sent] == ["position", "layer"]
    state = widget.get_state()
    assert {"position", "layer", "opacity", "before", "after", "layers", "texts"} <= set(state)
    assert state["before"].startswith("data:image/webp;base64,")
    assert list(state["layers"]) == ["classes", "structural_change", "pixel_change"]


def test_its_code_and_style_need_nothing_from_elsewhere(swipe: Any) -> None:
    state = swipe.get_state()
    for text in (state["_esm"], state["_css"]):
        assert "render" in text or "changedet-swipe" in text
        assert not any(word in text for word in ("http", "import ", "@import", "url(", "eval("))


def test_wrong_wishes(small_result: api.Result, refused_result: api.Result) -> None:
    with pytest.raises(cd.UsageError, match="structural_change"):
        small_result.swipe(layer="houses")
    with pytest.raises(cd.UsageError, match="en, uk"):
        small_result.swipe(lang="xx")
    with pytest.raises(cd.InputError, match="refused"):
        cd.widgets.Swipe(refused_result)


def test_a_registration_has_no_layers(registered: api.RegistrationResult) -> None:
    assert registered.swipe().layers == {}


def test_a_degraded_result_says_so(small_result: api.Result) -> None:
    record = small_result.record.model_copy(update={"status": "degraded"})
    worse = api.Result(record=record, folder=small_result.folder)
    assert worse.swipe().notice
    assert small_result.swipe().notice == ""


def test_the_missing_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "import changedet as cd\n"
        "try: cd.widgets\n"
        "except cd.UsageError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert 'pip install "changedet[notebook]"' in done.stdout


def page_of(widget: Any) -> str:
    def literal(value: Any) -> str:
        return json.dumps(value).replace("</", "<\\/")

    state = widget.get_state()
    plain = {name: value for name, value in state.items() if not name.startswith("_")}
    plain = {k: v for k, v in plain.items() if k not in {"layout", "tabbable", "tooltip"}}
    filled = {"STATE": literal(plain), "ESM": literal(state["_esm"]), "CSS": state["_css"]}
    text = PAGE
    for name, value in filled.items():
        text = text.replace(f"%{name}%", value, 1)
    return text


@pytest.fixture
def opened(swipe: Any, tmp_path: Path) -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium here")
    playwright = pytest.importorskip("playwright.sync_api")
    path = tmp_path / "swipe.html"
    path.write_text(page_of(swipe), "utf-8")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_context(offline=True).new_page()
        heard: list[str] = []
        tab.on("console", lambda message: heard.append(message.text))
        tab.on("pageerror", lambda error: heard.append(str(error)))
        tab.goto(path.as_uri())
        tab.wait_for_function("window.ready === true")
        yield tab
        assert heard == []
        browser.close()


@pytest.mark.browser
def test_it_is_moved_by_drag_and_by_keys(opened: Any) -> None:
    tab = opened
    slider = tab.get_by_role("slider", name="Divider between before and after")
    assert slider.get_attribute("aria-valuenow") == "50"
    box = tab.locator(".cs-stage").bounding_box()
    assert box["width"] == pytest.approx(600)
    y = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] * 0.5, y)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.2, y, steps=4)
    tab.mouse.up()
    tab.wait_for_function("sent.length && Math.abs(sent.at(-1).position - 20) < 0.5")
    assert slider.get_attribute("aria-valuenow") == "20"
    handle = slider.bounding_box()
    assert handle["x"] + handle["width"] / 2 == pytest.approx(box["x"] + box["width"] * 0.2, abs=2)
    clip = tab.locator(".cs-before").evaluate("node => node.style.clipPath")
    assert "80%" in clip

    slider.press("End")
    assert slider.get_attribute("aria-valuenow") == "100"
    slider.press("ArrowLeft")
    slider.press("Shift+ArrowLeft")
    assert slider.get_attribute("aria-valuenow") == "88"
    assert "88" in slider.get_attribute("aria-valuetext")
    slider.press("Home")
    slider.press("ArrowLeft")
    assert slider.get_attribute("aria-valuenow") == "0"
    tab.wait_for_function("sent.at(-1).position === 0")


@pytest.mark.browser
def test_layers_are_chosen_and_python_moves_it_too(opened: Any) -> None:
    tab = opened
    over = tab.locator(".cs-layer")
    assert over.is_visible()
    assert "Built area destroyed" in tab.locator(".cs-legend").inner_text()
    tab.get_by_label("Layer").select_option("structural_change")
    assert tab.evaluate("sent.at(-1).layer") == "structural_change"
    assert "shapes and edges" in over.get_attribute("alt")
    tab.get_by_label("Opacity").fill("0.3")
    assert over.evaluate("node => node.style.opacity") == "0.3"
    tab.get_by_label("Layer").select_option("")
    assert not over.is_visible()
    assert tab.get_by_label("Opacity").is_disabled()
    tab.evaluate("model.set('position', 70)")
    assert tab.get_by_role("slider", name="Divider").get_attribute("aria-valuenow") == "70"
    tab.evaluate("stop()")
    assert tab.evaluate("Object.values(heard).every((calls) => calls.length === 0)")


@pytest.mark.browser
def test_it_has_no_serious_fault_of_access(opened: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(opened, context="#here").response["violations"]
    assert [fault["id"] for fault in found if fault["impact"] in {"serious", "critical"}] == []
