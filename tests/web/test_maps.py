"""What stands on a page's map can be read: on the narrowest phone as on a desk, in each language."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.web.browsing import DESK, LANGUAGES, NARROW, PHONE, reader
from tests.web.town import TownSite

# The numbers of a map, how high the smallest is on the screen, and which of them lie on each other or over the edge.
NUMBERS = """
    map => {
        const told = [...map.querySelectorAll("text")], boxes = told.map(one => one.getBoundingClientRect()), met = [];
        const edge = map.querySelector("svg").getBoundingClientRect();
        boxes.forEach((a, at) => {
            if (a.left < edge.left || a.right > edge.right || a.top < edge.top || a.bottom > edge.bottom)
                met.push(`${told[at].textContent} over the edge`);
            const size = parseFloat(getComputedStyle(told[at]).fontSize) * edge.width / map.querySelector("svg").viewBox.baseVal.width;
            if (size < 12) met.push(`${told[at].textContent} is ${size} pixels high`);
            for (let there = at + 1; there < told.length; there++) {
                const b = boxes[there];
                // Of a line's height the letters of a number take the middle.
                if (a.left < b.right && b.left < a.right && Math.abs(a.top - b.top) < 0.7 * a.height)
                    met.push(`${told[at].textContent} meets ${told[there].textContent}`);
            }
        });
        return [told.map(one => one.textContent), met];
    }
"""


@pytest.mark.parametrize("size", [NARROW, PHONE, DESK], ids=["320", "390", "1280"])
def test_every_neighbourhood_has_its_number_on_the_map_and_in_the_table(
    browser: Browser, town_site: TownSite, size: dict[str, int]
) -> None:
    found = reader(browser, town_site, size=size)
    wrong = {}
    for language in LANGUAGES:
        found.speak(language)
        page = found.open("/")
        numbers, wrong[language] = page.locator("figure.zones").evaluate(NUMBERS)
        listed = page.locator("section[aria-labelledby=zones] tbody th .number").all_inner_texts()
        assert sorted(numbers) == sorted(listed)
        assert len(numbers) > 1
    found.context.close()
    assert {language: met for language, met in wrong.items() if met} == {}
