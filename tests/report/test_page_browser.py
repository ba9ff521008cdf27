"""The page in a real browser, from a file: nothing here needs a network."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

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


@pytest.fixture(params=SIZES, ids=["desktop", "phone"])
def tab(request, browser, address):
    """The page, opened from a file without a network; it must have said and asked nothing."""
    width, height, theme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        offline=True,
        has_touch=width < 500,
        accept_downloads=True,
    )
    tab = context.new_page()
    heard, asked = [], []
    tab.on("console", lambda message: heard.append(message.text))
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.on("request", lambda asks: asked.append(asks.url))
    tab.goto(address)
    yield tab
    assert heard == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [address]
    context.close()


def share_shown(tab):
    """Where AFTER is cut, as a share of the width of the map."""
    return tab.evaluate(
        """() => {
            const map = document.querySelector("[data-map]").getBoundingClientRect();
            const line = document.querySelector("[data-divider]").getBoundingClientRect();
            return (line.left + line.width / 2 - map.left) / map.width;
        }"""
    )


def test_the_divider_follows_pointer_and_keys(tab):
    stage, slider = tab.locator("[data-stage]"), tab.locator("[data-position]")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    y = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] / 2, y)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.29, y, steps=3)
    tab.mouse.up()
    assert slider.input_value() == "29"
    assert share_shown(tab) == pytest.approx(0.29, abs=0.01)
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert slider.input_value() == "30"
    assert share_shown(tab) == pytest.approx(0.30, abs=0.01)
    tab.locator("[data-to='0']").click()
    assert slider.get_attribute("aria-valuetext") == "only the image after is shown"


def test_the_divider_follows_a_finger(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    tab = context.new_page()
    tab.goto(address)
    handle = tab.locator("[data-divider] span")
    handle.scroll_into_view_if_needed()
    box, stage = handle.bounding_box(), tab.locator("[data-stage]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    finger = context.new_cdp_session(tab)

    def touch(kind, *places):
        points = [{"x": px, "y": py} for px, py in places]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x, y))
    touch("touchMove", (x + 40, y))
    touch("touchMove", (stage["x"] + stage["width"] * 0.8, y))
    touch("touchEnd")
    assert tab.locator("[data-position]").input_value() == "80"
    context.close()


def test_layers_come_and_go_with_their_legends(tab):
    names = tab.evaluate("[...document.querySelectorAll('[data-show]')].map(x => x.dataset.show)")
    assert names[0] == "buildings"
    assert tab.locator("[data-legend=buildings]").is_visible()
    pictures = ".leaflet-rasters-pane img"
    for name in names:
        tick = tab.locator(f"[data-show='{name}']")
        before = tab.locator(pictures).count()
        tick.set_checked(not tick.is_checked())
        raster = name.startswith("class-") or name in {"structural", "pixel"}
        assert tab.locator(pictures).count() == before + (1 if raster else 0)
    assert not tab.locator("[data-legend=buildings]").is_visible()
    for legend in ("evidence", "cells", "ties"):
        assert tab.locator(f"[data-legend={legend}]").is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate(
        "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
    )


def test_a_building_opens_with_its_pictures_and_its_measures(tab):
    table = tab.locator("[data-table=buildings]")
    table.locator("[data-filter]").fill("Destroyed")
    table.locator("tbody button").first.click()
    card = tab.locator(".leaflet-popup .card")
    card.wait_for()
    assert card.locator("canvas").count() == 2
    assert "Destroyed" in card.inner_text()
    tab.wait_for_function(
        """() => [...document.querySelectorAll(".card canvas")].every(one => {
            const seen = one.getContext("2d").getImageData(0, 0, one.width, one.height).data;
            return seen.some(value => value > 0);
        })"""
    )


def test_clicking_a_building_in_the_map_opens_it(tab):
    tab.locator("[data-stage]").scroll_into_view_if_needed()
    box = tab.locator("[data-map]").bounding_box()
    # The middle of the first painted roof: columns 14 to 32, rows 15 to 29 of 400 by 300.
    tab.mouse.click(box["x"] + box["width"] * 23 / 400, box["y"] + box["height"] * 22 / 300)
    assert "Building 0" in tab.locator(".leaflet-popup .card").inner_text()


def test_the_map_zooms_by_keys_and_tells_the_scale(tab):
    bar = tab.locator("[data-bar]")
    whole = bar.inner_text()
    tab.locator("[data-map]").focus()
    tab.keyboard.press("+")
    tab.keyboard.press("+")
    tab.wait_for_function(
        "text => document.querySelector('[data-bar]').innerText !== text", arg=whole
    )
    tab.locator("[data-fit]").click()
    assert bar.inner_text() == whole


def test_the_language_changes_everywhere(tab, views):
    tab.locator("[data-language=uk]").click()
    assert tab.evaluate("document.documentElement.lang") == "uk"
    assert tab.title() == "Painted town – звіт changedet"
    text = tab.locator("main").inner_text()
    assert "2,35 га із 12,4 га забудови" in text.replace("\u00a0", " ")
    assert "In short" not in text
    assert tab.locator("[data-map]").get_attribute("aria-label").startswith("Карта: знімок «до»")
    count = len(views.buildings)
    shown = tab.locator("[data-table=buildings] [data-count]").inner_text()
    assert shown == f"показано {count} із {count}"
    tab.locator("[data-language=en]").click()
    assert "In short" in tab.locator("main").inner_text()
    assert tab.locator("[data-map]").get_attribute("aria-label").startswith("Map of the image")


def test_the_table_filters_sorts_turns_pages_and_is_saved(tab, views):
    table = tab.locator("[data-table=buildings]")
    count = len(views.buildings)
    assert table.locator("[data-count]").inner_text() == f"{count} of {count} shown"
    table.locator("[data-grade]").select_option(label="Possibly damaged")
    assert table.locator("[data-count]").inner_text() == f"1 of {count} shown"
    assert table.locator("tbody tr").count() == 1
    table.locator("[data-grade]").select_option("")
    assert table.locator("tbody tr").count() == 25
    first = table.locator("tbody tr th").first
    heading = table.locator("thead th").first
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert first.inner_text() == "0"
    heading.locator("button").click()
    assert first.inner_text() == str(count - 1)
    table.locator("[data-pager] button").last.click()
    assert first.inner_text() == str(count - 26)
    table.locator("[data-filter]").fill("Possibly")
    with tab.expect_download() as saved:
        table.locator("[data-csv]").click()
    text = Path(saved.value.path()).read_text("utf-8")
    assert text.startswith("\ufeffid,grade,probability_destroyed,score,lost_share,area_m2,reason\n")
    assert text.count("\n") == 2
    assert "\n8,Possibly damaged," in text


def test_the_pictures_can_be_saved_in_equal_size(tab):
    sizes = []
    for name in ("before", "after"):
        with tab.expect_download() as saved:
            tab.locator(f"[data-take={name}]").click()
        with Image.open(saved.value.path()) as picture:
            sizes.append((picture.format, picture.size))
    assert sizes == [("JPEG", (400, 300))] * 2


def test_nothing_stands_in_the_way_of_anybody(tab):
    for language in ("en", "uk"):
        tab.locator(f"[data-language={language}]").click()
        found = Axe().run(tab).response["violations"]
        grave = [
            (one["id"], [node["html"][:120] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert grave == []


def test_foreign_text_stays_text_in_the_map_and_its_table(
    browser, views_with, record_with, drawn, tmp_path
):
    evil = "=<img src=x onerror=alert(1)>\"'" + "\u0627\u0644" * 20 + "x" * 300
    first, *others = views_with().buildings
    hit = replace(first, id=evil, reason="@" + evil, grade="Not analysed")
    town = views_with(buildings=(hit, *others))
    path = tmp_path / "report.html"
    path.write_text(page.render_page(record_with(title=evil), town, drawn), "utf-8")
    tab = browser.new_page(accept_downloads=True)
    heard = []
    tab.on("console", lambda message: heard.append(message.text))
    tab.on("dialog", lambda dialog: heard.append(dialog.message))
    tab.goto(path.as_uri())
    table = tab.locator("[data-table=buildings]")
    table.locator("[data-filter]").fill("onerror")
    table.locator("tbody button").first.click()
    assert "<img src=x onerror=alert(1)>" in tab.locator(".card h3").inner_text()
    assert "<img src=x onerror=alert(1)>" in tab.locator("h1").inner_text()
    with tab.expect_download() as saved:
        table.locator("[data-csv]").click()
    row = list(csv.reader(Path(saved.value.path()).read_text("utf-8").splitlines()))[1]
    assert row[0].startswith("'=<img")
    assert row[-1].startswith("'@=<img")
    assert tab.locator("img[src=x]").count() == 0
    assert heard == []
    tab.close()


def test_paper_shows_the_pictures_instead_of_the_map(browser, address):
    tab = browser.new_page()
    tab.goto(address)
    assert tab.locator(".atlas").is_visible()
    assert not tab.locator(".static").first.is_visible()
    tab.emulate_media(media="print")
    assert not tab.locator(".atlas").is_visible()
    assert not tab.locator(".sortable").first.is_visible()
    assert tab.locator(".static").count() == 3
    assert all(one.is_visible() for one in tab.locator(".static").all())
    tab.close()


def test_without_scripts_the_pictures_are_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address)
    assert tab.locator(".static").first.is_visible()
    assert not tab.locator(".atlas").is_visible()
    assert not tab.locator(".languages").is_visible()
    context.close()
