"""The page of many towns in a real browser, from a file."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from changedet.report import pictures
from changedet.report.index import TownEntry, render_index
from changedet.result import Record

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
MANY = 1000
EVIL = "=<img src=x onerror=alert(1)>\"'" + "\u0627\u0644" * 20 + "x" * 300

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


def town(record: Record, number: int, rng: np.random.Generator, **changes: Any) -> TownEntry:
    """Return a town of its own: figures, place, picture."""
    share = float(rng.random() ** 3)
    built = record.built.model_copy(
        update={
            "destroyed_ha": round(share * 12.4, 4),
            "destroyed_share": share,
            "low_ha": share * 10,
            "high_ha": share * 14,
            "low_share": share * 0.8,
            "high_share": min(1.0, share * 1.2),
            "separable": number % 9 != 4,
        }
    )
    made = record.model_copy(update={"built": built, "not_observable_share": float(rng.random())})
    west, south = 22 + 18 * rng.random(), 45 + 7 * rng.random()
    corners = (
        (west, south),
        (west + 0.03, south),
        (west + 0.03, south + 0.02),
        (west, south + 0.02),
    )
    filled: dict[str, Any] = {
        "name": f"Town {number}",
        "folder": f"town {number}",
        "status": "degraded" if number % 7 == 3 else "ok",
        "record": made,
        "outline": corners,
    }
    return TownEntry(**{**filled, **changes})


def towns_of(record: Record, refused: Record, count: int, picture: bytes) -> list[TownEntry]:
    rng = np.random.default_rng(11)
    found = [town(record, k, rng, thumbs=picture) for k in range(count - 2)]
    found.append(TownEntry(name="Snow", folder="snow", status="refused", record=refused))
    found.append(TownEntry(name="Gone", folder="gone", status="failed", reason="no such file"))
    return found


@pytest.fixture(scope="module")
def address(record, refused, tmp_path_factory):
    """Twelve towns: on one page of the table."""
    path = tmp_path_factory.mktemp("few") / "index.html"
    picture = pictures.encode_jpeg(np.full((60, 80, 3), 120, np.uint8))
    towns = towns_of(record, refused, 12, picture)
    path.write_text(render_index(towns, title="East", lang="en"), "utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def many(record, refused, tmp_path_factory):
    """A thousand towns, each with a picture as large as there may be."""
    noise = np.random.default_rng(1).integers(0, 255, (220, 220, 3), np.uint8)
    picture = pictures.encode_jpeg(noise, quality=12)
    picture += b"\0" * (7000 - len(picture))
    path = tmp_path_factory.mktemp("many") / "index.html"
    started = time.process_time()
    html = render_index(towns_of(record, refused, MANY, picture), title="All", lang="en")
    assert time.process_time() - started < 30
    path.write_text(html, "utf-8")
    return path


@pytest.fixture(params=SIZES, ids=["desktop", "phone"])
def tab(request, browser, address):
    """The page, opened from a file without a network; it must have said and asked nothing."""
    width, height, theme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        offline=True,
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


def names(tab: Any, place: str = ".towns tbody th") -> list[str]:
    return [text.strip() for text in tab.locator(place).all_inner_texts()]


def test_sorting_takes_table_plot_and_pictures_along(tab):
    assert names(tab)[-2:] == ["Gone", "Snow"]
    tab.locator("[data-order]").select_option(label="Town")
    sorted_names = ["Gone", "Snow", *(f"Town {k}" for k in range(10))]
    assert names(tab) == sorted_names
    assert names(tab, ".plot li .town") == sorted_names[2:]
    assert names(tab, ".gallery li") == sorted_names[2:]
    tab.locator("[data-down]").check()
    assert names(tab) == sorted_names[::-1]
    tab.locator("[data-order]").select_option(label="Not judged")
    shown = tab.locator(".towns tbody tr:not(.none) td:nth-child(9)").all_inner_texts()
    shares = [float(text.split()[0]) for text in shown]
    assert shares == sorted(shares, reverse=True)
    assert set(names(tab)[-2:]) == {"Gone", "Snow"}


def test_a_loss_that_is_not_claimed_comes_after_every_figure(tab):
    first = [text for text in names(tab) if text.startswith("Town")]
    assert first[-1] == "Town 4"
    areas = tab.locator(".towns td:nth-child(4) .figure").all_inner_texts()
    values = [float(text.split()[0]) for text in areas]
    assert values == sorted(values, reverse=True)


def test_filters_by_text_and_status(tab):
    count = tab.locator("[data-count]")
    assert count.inner_text() == "12 of 12 towns"
    tab.locator("[data-filter]").fill("no such")
    assert names(tab) == ["Gone"]
    assert count.inner_text() == "1 of 12 towns"
    tab.locator("[data-filter]").fill("")
    tab.locator("[data-kind]").select_option(label="Use with care")
    assert names(tab) == ["Town 3"]
    tab.locator("[data-filter]").fill("zzz")
    assert names(tab) == []
    assert count.inner_text() == "No town fits the filter."


def test_the_heading_sorts_and_says_so(browser, address):
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(address)
    head = tab.locator(".towns thead th").nth(8)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert tab.locator(".towns thead [aria-sort]").count() == 1
    tab.close()


def test_the_csv_holds_what_is_shown(tab):
    tab.locator("[data-kind]").select_option(label="Use with care")
    with tab.expect_download() as saved:
        tab.locator("[data-csv]").click()
    text = Path(saved.value.path()).read_text("utf-8")
    assert text.startswith("\ufeffname,status,")
    (row,) = csv.DictReader(text.removeprefix("\ufeff").splitlines())
    assert (row["name"], row["status"], row["forced"]) == ("Town 3", "degraded", "false")
    assert float(row["built_destroyed_ha"]) >= 0


def test_the_language_changes_everywhere(tab):
    tab.locator("[data-language=uk]").click()
    assert tab.title() == "East – багато міст, changedet"
    text = tab.locator("body").inner_text()
    assert "2 міста з 12 не мають показників" in text
    for english in ("Town by town", "In short", "Compared", "Where the towns lie", " ha"):
        assert english not in text
    assert "пн. ш." in text
    assert tab.locator("[data-count]").inner_text() == "12 із 12 міст"
    picture = tab.locator(".gallery img").first
    assert picture.get_attribute("alt").endswith("втрати поверх знімка «після»")


def test_nothing_stands_in_the_way_of_anybody(tab):
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    for language in ("en", "uk"):
        tab.locator(f"[data-language={language}]").click()
        found = Axe().run(tab).response["violations"]
        grave = [
            (one["id"], [node["html"][:120] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert grave == []


def test_a_thousand_towns_open_and_sort_at_once(browser, many):
    assert many.stat().st_size < 15_000_000
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    heard = []
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.goto(many.as_uri())
    assert names(tab, "[data-count]") == ["1,000 of 1,000 towns"]
    assert tab.locator(".towns tbody tr").count() == 50
    took = tab.evaluate(
        """() => [...document.querySelectorAll("[data-sort]")].map(button => {
            const script = [], all = [];
            for (let k = 0; k < 6; k += 1) {
                const started = performance.now();
                button.click();
                script.push(performance.now() - started);
                document.body.offsetHeight;
                all.push(performance.now() - started);
            }
            return [Math.min(...script), Math.min(...all)];
        })"""
    )
    # The clock also runs while other programs have the processor: the best of six tells, and the
    # layout, which takes longer and so is disturbed more often, by its best column.
    assert max(script for script, _ in took) < 100
    assert min(whole for _, whole in took) < 100
    tab.locator("[data-pager] button").last.click()
    assert "Page 2 of 20" in tab.locator("[data-pager]").inner_text()
    tab.locator("[data-filter]").fill("town 77")
    assert names(tab, "[data-count]") == ["11 of 1,000 towns"]
    assert heard == []
    tab.close()


def test_without_scripts_all_towns_are_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address)
    assert tab.locator(".towns tbody tr").count() == 12
    assert not tab.locator(".filters").is_visible()
    assert not tab.locator(".languages").is_visible()
    context.close()


def test_paper_shows_all_that_was_found(browser, many):
    tab = browser.new_page()
    tab.goto(many.as_uri())
    tab.locator("[data-filter]").fill("town 7")
    found = int(tab.locator("[data-count]").inner_text().split()[0])
    assert found > 100
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.locator(".towns tbody tr").count() == found
    tab.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert tab.locator(".towns tbody tr").count() == 50
    tab.close()


def test_foreign_text_stays_text(browser, record, tmp_path):
    rng = np.random.default_rng(2)
    towns = [
        town(record, 0, rng, name=EVIL),
        TownEntry(name=EVIL, folder="b", status="failed", reason=EVIL),
    ]
    path = tmp_path / "index.html"
    path.write_text(render_index(towns, title=EVIL, lang="en"), "utf-8")
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    heard = []
    tab.on("console", lambda message: heard.append(message.text))
    tab.on("dialog", lambda dialog: heard.append(dialog.message))
    tab.goto(path.as_uri())
    tab.locator("[data-filter]").fill("onerror")
    assert tab.locator(".towns tbody tr").count() == 2
    assert "<img src=x onerror=alert(1)>" in tab.locator("h1").inner_text()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with tab.expect_download() as saved:
        tab.locator("[data-csv]").click()
    rows = list(csv.reader(Path(saved.value.path()).read_text("utf-8").splitlines()))
    assert all(row[0].startswith("'=<img") for row in rows[1:])
    assert tab.locator("img[src=x]").count() == 0
    assert heard == []
    tab.close()
