# Copyright (c) 2026, the inbound.mail contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict's page as a person sees it, in a real Chromium."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))

from chromium import Chromium
from sample import write

HOSTILE = "<script>document.title = 'owned'</script><img src=http://192.0.2.1/x onerror=\"document.title = 'owned'\">"
SHOWN = "[...document.querySelectorAll('article')].filter(one => one.offsetParent).map(one => one.className)"
# The contrast of text and background as WCAG 2.2 measures it.
CONTRAST = """(selector => {
  const light = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(Number)
    .map(one => (one /= 255) <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = element => {
    const colour = getComputedStyle(element).backgroundColor;
    return colour === 'rgba(0, 0, 0, 0)' ? behind(element.parentElement) : colour;
  };
  return Math.min(...[...document.querySelectorAll(selector)].map(element => {
    const pair = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  }));
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


def test_filter_shows_one_kind_and_all_again(browser: Chromium, tmp_path: Path) -> None:
    browser.look()
    browser.open(write(tmp_path / "report.html"))
    everything = browser.evaluate(SHOWN)
    assert set(everything) == {"error", "warning", "unknown", "accepted"}
    for kind in dict.fromkeys(everything):
        browser.click(f"label[for=only-{kind}]")
        assert browser.evaluate(SHOWN) == [kind] * everything.count(kind)
        assert f"{kind} {everything.count(kind)}" in browser.evaluate("document.body.innerText")
    browser.click("label[for=only-all]")
    assert browser.evaluate(SHOWN) == everything
    assert browser.complaints() == []


def test_nothing_comes_from_elsewhere_and_nothing_runs(browser: Chromium, tmp_path: Path) -> None:
    page = write(tmp_path / "report.html", banner=HOSTILE)
    browser.open(page)
    assert HOSTILE in browser.evaluate("document.body.innerText")
    assert browser.evaluate("document.title") == "Mail for example.org"
    assert browser.requests() == [page.as_uri()]
    assert browser.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
def test_readable_in_both_colour_schemes(browser: Chromium, tmp_path: Path, dark: bool) -> None:
    browser.look(dark=dark)
    browser.open(write(tmp_path / "report.html"))
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    red = int(background.partition("(")[2].partition(",")[0])
    assert red < 60 if dark else red > 200
    # WCAG 2.2, success criterion 1.4.3.
    assert browser.evaluate(f"{CONTRAST}('p, h1, h2, h3, li, td, th, .badge, label')") >= 4.5


def test_readable_on_a_phone(browser: Chromium, tmp_path: Path) -> None:
    browser.look(width=390, height=844)
    browser.open(write(tmp_path / "report.html"))
    root = "document.documentElement"
    assert browser.evaluate(f"[{root}.scrollWidth, {root}.clientWidth]") == [390, 390]
    assert browser.evaluate("parseFloat(getComputedStyle(document.querySelector('article p')).fontSize)") >= 16
    # What the drawing shows is there in words, as wide as the screen.
    assert browser.evaluate("getComputedStyle(document.querySelector('svg')).display") == "none"
    ways = browser.evaluate("document.querySelector('.ways').innerText")
    for words in (
        "relay 203.0.113.17: open",
        "relay2 203.0.113.18: closed (refused), and must be open",
        "From insider",
    ):
        assert words in ways


def test_drawing_leads_to_what_was_found(browser: Chromium, tmp_path: Path) -> None:
    browser.look()
    browser.open(write(tmp_path / "report.html"))
    assert browser.evaluate("getComputedStyle(document.querySelector('.ways')).display") == "none"
    box = "document.querySelector('svg').getBoundingClientRect()"
    assert browser.evaluate(f"[{box}.left >= 0, {box}.right <= document.documentElement.clientWidth]") == [True, True]
    marked = browser.evaluate(
        "[...document.querySelectorAll('svg a')].map(one => one.querySelector('title').textContent)"
    )
    assert marked == ["auth-without-tls, greylisted", "port25-refused", "port25-forbidden-open", "egress25-open"]
    browser.click("svg a.mark.error")
    assert "port25-refused" in browser.evaluate("document.querySelector('article:target').innerText")
    assert browser.complaints() == []
