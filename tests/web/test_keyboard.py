"""The site without a mouse: skip link, focus that can be seen, languages and sign-in by key."""

from __future__ import annotations

from playwright.sync_api import Browser, Page

from tests.web.browsing import PHONE, reader, signed_in
from tests.web.town import TownSite


def focused(page: Page) -> str:
    return str(page.evaluate("(document.activeElement.innerText || document.activeElement.id || '').trim()"))


def test_the_first_key_offers_to_skip_to_the_content(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site)
    page = found.open("/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    found.context.close()


def test_focus_can_always_be_seen(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "shop", size=PHONE)
    page = found.open("/shop/payout/")
    seen = []
    for _press in range(14):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "(() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return e === document.body || (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) })()"
            )
        )
    found.context.close()
    assert all(seen)


def test_the_language_is_chosen_by_key_and_stays(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site)
    page = found.open("/how/velocity/")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert focused(page) == "Ελληνικά"
    with page.expect_navigation():  # The page at hand is loaded already: only the next one is waited for.
        page.keyboard.press("Enter")
    assert page.url.endswith("/how/velocity/")
    assert page.locator("h1").inner_text() == "Ταχύτητα"
    assert found.open("/").locator("html").get_attribute("lang") == "el"
    found.context.close()


def test_signing_in_needs_no_mouse(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site)
    page = found.open("/purse/")
    page.locator("#id_login").focus()
    page.keyboard.type("demo-resident")
    page.keyboard.press("Tab")
    page.keyboard.type(town_site.passwords["resident"])
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    found.context.close()
    assert found.problems == []


def test_the_site_works_without_scripts(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site, java_script_enabled=False)
    page = found.open("/accounts/login/")
    page.fill("#id_login", "demo-resident")
    page.fill("#id_password", town_site.passwords["resident"])
    page.click("main form button[type=submit]")
    assert page.url.endswith("/purse/")
    page.click("text=Where to spend it")
    assert page.locator("details.group").count() > 0
    found.context.close()
