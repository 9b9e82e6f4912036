"""Every page in every language, in light and in dark: axe finds nothing, and nothing runs over a phone's edge."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.web.browsing import PAGES, PHONE, axe_findings, path_of, signed_in, thin
from tests.web.town import TownSite

LANGUAGES = ("en", "el", "es", "ar")


@pytest.mark.parametrize("role", PAGES)
def test_axe_finds_nothing_on_any_page(browser: Browser, town_site: TownSite, role: str) -> None:
    found = signed_in(browser, town_site, role, size=PHONE)
    wrong: dict[str, list[str]] = {}
    for path in [path_of(found, name) for name in PAGES[role]]:
        for language in LANGUAGES:
            found.speak(language)
            page = found.open(path)
            assert page.locator("html").get_attribute("lang") == language
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            thin(page)
            page.emulate_media(color_scheme="light")
            findings = axe_findings(page)
            page.emulate_media(color_scheme="dark")
            findings += axe_findings(page, "color-contrast")
            if wide > 0:
                findings.append(f"{wide} pixels run over the edge of a phone")
            if findings:
                wrong[f"{path} {language}"] = findings
    found.context.close()
    assert wrong == {}
    assert found.problems == []


@pytest.mark.parametrize("role", ["resident", "officer"])
def test_every_target_is_large_enough(browser: Browser, town_site: TownSite, role: str) -> None:
    """Buttons, fields and menu entries are 44 pixels high at least."""
    found = signed_in(browser, town_site, role, size=PHONE)
    small = {}
    for path in [path_of(found, name) for name in PAGES[role]]:
        page = found.open(path)
        sizes = page.eval_on_selector_all(
            "button:not([disabled]), .button, .menu a, summary, select, main input:not([type=hidden])",
            "found => found.filter(e => e.getClientRects().length"
            " && (e.matches('summary') || !e.closest('details:not([open])')))"
            # A box is touched with the line that it stands in.
            ".map(e => [e, (/checkbox|radio/.test(e.type) && e.closest('.check, label')) || e])"
            ".map(([e, touched]) => [e.outerHTML.slice(0, 80), Math.round(touched.getBoundingClientRect().height)])",
        )
        small |= {html: height for html, height in sizes if height < 44}
    found.context.close()
    assert small == {}
