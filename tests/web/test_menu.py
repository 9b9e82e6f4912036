"""The menu on a phone: every place can be seen whole and touched, in each language and both directions."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.web.browsing import CUT, LANGUAGES, NARROW, PHONE, signed_in
from tests.web.town import ROLES, TownSite

# Which places of the menu are there to be touched, and what of them is outside the window or lies on another one.
PLACES = (
    """menu => {"""
    + CUT
    + """
        const shown = [...document.querySelectorAll(`${menu} :is(a, button)`)].filter(one => one.checkVisibility());
        const wrong = [], boxes = shown.map(one => one.getBoundingClientRect());
        shown.forEach((one, at) => {
            const box = boxes[at], name = one.textContent.trim();
            if (box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight) wrong.push(`outside: ${name}`);
            if (box.height < 44 || box.width < 24) wrong.push(`small: ${name}`);
            const found = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
            if (!one.contains(found)) wrong.push(`covered: ${name}`);
            const words = document.createRange();
            words.selectNodeContents(one);
            const told = words.getBoundingClientRect();
            if (told.left < box.left - 1 || told.right > box.right + 1 || told.top < box.top - 1 || told.bottom > box.bottom + 1)
                wrong.push(`runs over: ${name}`);
        });
        return {names: shown.filter(one => one.matches("a")).map(one => one.textContent.trim()), wrong: [...wrong, ...cut()]};
    }"""
)


def places(page: Page, of: str = ".menu") -> tuple[list[str], list[str]]:
    found = page.evaluate(PLACES, of)
    return found["names"], found["wrong"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("size", [NARROW, PHONE], ids=["320", "390"])
def test_no_place_of_the_menu_is_cut_on_a_phone(
    browser: Browser, town_site: TownSite, role: str, size: dict[str, int]
) -> None:
    found = signed_in(browser, town_site, role, size=size)
    wrong = {}
    for language in LANGUAGES:
        found.speak(language)
        page = found.open(HOME[role])
        every = [one.strip() for one in page.locator(".menu a").all_text_contents()]
        names, wrong[language] = places(page)
        more = page.locator(".menu > button")
        assert more.is_visible() == (len(every) > 5)
        if len(every) > 5:
            assert names == every[:3]
            more.click()
            opened, cut = places(page)
            wrong[language] += cut
            assert opened == every
            page.keyboard.press("Escape")
            assert places(page)[0] == every[:3]
        page.evaluate("document.documentElement.dataset.text = 'large'")
        wrong[language] += places(page)[1]
    found.context.close()
    assert {language: cut for language, cut in wrong.items() if cut} == {}


HOME = {
    "resident": "/purse/", "shop": "/shop/", "officer": "/office/", "approver": "/approvals/", "treasurer": "/treasury/",
    "coordinator": "/activities/", "auditor": "/audit/",
}  # fmt: skip


@pytest.mark.parametrize("size", [NARROW, PHONE], ids=["320", "390"])
def test_no_place_of_the_tills_menu_is_cut_on_a_phone(
    browser: Browser, town_site: TownSite, size: dict[str, int]
) -> None:
    found = signed_in(browser, town_site, "shop", size=size)
    wrong = {}
    for language in LANGUAGES:
        found.speak(language)
        page = found.open("/till/")
        page.locator(".till-menu summary").click()
        _, wrong[language] = places(page, of=".till-menu nav")
    found.context.close()
    assert {language: cut for language, cut in wrong.items() if cut} == {}


def test_on_a_desk_every_place_stands_in_the_menu(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "shop")
    page = found.open("/shop/")
    names, wrong = places(page)
    found.context.close()
    assert (len(names), wrong) == (8, [])
