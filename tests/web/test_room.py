"""What stands side by side keeps apart: the town's name and the tools, a field's ring and its hint."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.web.browsing import DESK, LANGUAGES, NARROW, PHONE, signed_in
from tests.web.town import TownSite

# What of the header runs over or stands nearer than four pixels to the next thing, or on two lines on a desk.
HEADER = """
    () => {
        const told = one => { const range = document.createRange(); range.selectNodeContents(one); return range.getBoundingClientRect(); };
        const shown = ["header .brand span", "header .tools summary", "header .tools .button"]
            .flatMap(one => [...document.querySelectorAll(one)]).filter(one => one.checkVisibility());
        const boxes = shown.map(one => one.matches("span") ? told(one) : one.getBoundingClientRect()), wrong = [];
        for (const [at, a] of boxes.entries()) {
            if (a.left < 0 || a.right > innerWidth) wrong.push(`${shown[at].textContent.trim()} is cut`);
            for (const b of boxes.slice(at + 1))
                if (a.left < b.right + 4 && b.left < a.right + 4 && a.top < b.bottom && b.top < a.bottom)
                    wrong.push(`${shown[at].textContent.trim()} is met`);
        }
        const tops = new Set([...document.querySelectorAll("header .menu:not(.many) a")].map(one => one.getBoundingClientRect().top));
        if (innerWidth > 1000 && tops.size > 1) wrong.push("the menu is on two lines");
        if (innerWidth > 1000)
            for (const one of document.querySelectorAll("header .menu a"))
                if (told(one).height > 1.8 * parseFloat(getComputedStyle(one).lineHeight)) wrong.push(`${one.textContent} is broken`);
        return wrong;
    }
"""
RINGS = """
    () => [...document.querySelectorAll(".field:has(> .hint) > :is(input:not([type=hidden]), select, textarea)")]
        .filter(one => one.checkVisibility()).map(one => {
            one.focus({focusVisible: true});
            const ring = getComputedStyle(one), hint = one.parentElement.querySelector(".hint").getBoundingClientRect();
            const reach = parseFloat(ring.outlineWidth) + parseFloat(ring.outlineOffset);
            const box = one.getBoundingClientRect();
            return hint.bottom <= box.top ? box.top - hint.bottom - reach : hint.top - box.bottom - reach;
        })
"""


@pytest.mark.parametrize("size", [NARROW, PHONE, DESK], ids=["320", "390", "1280"])
@pytest.mark.parametrize("role", ["public", "resident", "shop"])
def test_the_towns_name_stands_apart_from_the_language_and_the_account(
    browser: Browser, town_site: TownSite, role: str, size: dict[str, int]
) -> None:
    found = signed_in(browser, town_site, role, size=size)
    wrong = {}
    for language in LANGUAGES:
        found.speak(language)
        wrong[language] = found.open("/check/").evaluate(HEADER)
    found.context.close()
    assert {language: met for language, met in wrong.items() if met} == {}


@pytest.mark.parametrize(
    ("role", "path"), [("officer", "/counter/"), ("shop", "/till/cashiers/"), ("shop", "/till/offline/")]
)
def test_the_ring_of_a_field_does_not_touch_its_hint(
    browser: Browser, town_site: TownSite, role: str, path: str
) -> None:
    found = signed_in(browser, town_site, role, size=NARROW)
    rooms = found.open(path).evaluate(RINGS)
    found.context.close()
    assert rooms
    assert [room for room in rooms if room < 2] == []
