"""The page in a real browser, from a file: nothing here needs a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from changedet.report import page

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = [(1280, 900, "light"), (390, 844, "dark")]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here"),
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(views, record, drawn, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page.render_page(record, views, drawn), "utf-8")
    return path.as_uri()


@pytest.mark.parametrize(("width", "height", "theme"), SIZES)
def test_swipe_layers_and_silence(browser, address, width, height, theme):
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, offline=True
    )
    tab = context.new_page()
    heard, asked = [], []
    tab.on("console", lambda message: heard.append(message.text))
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(address)
    stage, slider = tab.locator("[data-stage]"), tab.locator("[data-position]")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    y = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] / 2, y)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.29, y, steps=3)
    tab.mouse.up()
    assert slider.input_value() == "29"
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert slider.input_value() == "30"
    assert "30%" in tab.locator("[data-over]").evaluate("item => item.style.clipPath")
    for name in ("classes", "structural", "pixel"):
        tab.locator(f"input[value={name}]").check()
        assert tab.locator("[data-layer]:not([hidden])").get_attribute("data-layer") == name
    tab.locator("[data-show-outlines]").check()
    assert tab.locator("[data-outlines]").is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate(
        "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
    )
    assert heard == []
    assert [url for url in asked if not url.startswith("data:")] == [address]
    context.close()


def test_paper_shows_the_pair_instead_of_the_swipe(browser, address):
    tab = browser.new_page()
    tab.goto(address)
    assert tab.locator(".swipe").is_visible()
    assert not tab.locator(".static").is_visible()
    tab.emulate_media(media="print")
    assert not tab.locator(".swipe").is_visible()
    assert tab.locator(".static").is_visible()
    tab.close()


def test_without_scripts_the_pair_is_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address)
    assert tab.locator(".static").is_visible()
    assert not tab.locator(".swipe").is_visible()
    context.close()
