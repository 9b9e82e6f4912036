"""The site without a mouse: skip link, focus that can be seen, languages and sign-in by key."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from koinon.db.connections import connect
from tests.journeys.test_till import PIN, Town
from tests.web.browsing import PHONE, reader, signed_in
from tests.web.town import TownSite

AS_PEOPLE_TYPE = 150  # Milliseconds from key to key: what comes quicker is taken for a scanner.


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


def tab_to(page: Page, name: str, *, most: int = 60) -> None:
    """Press Tab until what is called so has the focus; fails where no number of keys leads there."""
    passed = []
    for _press in range(most):
        page.keyboard.press("Tab")
        said = page.evaluate(
            "(() => { const e = document.activeElement, label = e.labels && e.labels[0];"
            " return (e.getAttribute('aria-label') || (label || e).innerText || e.value || '').trim() })()"
        )
        if name in said:
            return
        passed.append(said)
    raise AssertionError(f"Tab never reached {name!r}: {passed}")


def press(page: Page, name: str) -> None:
    """Go to a button or link by Tab and press it with Enter; the next page has come when this returns."""
    tab_to(page, name)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_sale_is_charged_and_paid_by_keys(browser: Browser, town_site: TownSite) -> None:
    with connect(town_site.site.database.app_url, application_name="koinon tests") as conn:
        town = Town(conn)
        before = town.sold()
        found = signed_in(browser, town_site, "shop", size=PHONE)
        page = found.open("/till/")
        page.wait_for_selector("html[data-till=ready]")
        page.keyboard.type("320", delay=AS_PEOPLE_TYPE)
        page.keyboard.press("Enter")
        expect(page.locator("#card-title")).to_be_focused()  # Each step says what it is as soon as it is there.
        tab_to(page, "Or type the digits of the card")
        page.keyboard.type(town.card.number, delay=AS_PEOPLE_TYPE)
        page.keyboard.press("Enter")
        expect(page.locator("#pin")).to_be_focused(timeout=15_000)
        page.keyboard.type(PIN, delay=AS_PEOPLE_TYPE)
        tab_to(page, "3.20")
        page.keyboard.press("Enter")
        expect(page.locator("#done-title")).to_be_focused(timeout=15_000)
        tab_to(page, "New sale")
        page.keyboard.press("Enter")
        expect(page.locator("#amount-title")).to_be_focused()
        found.context.close()
        assert town.sold() == before + 3_20
    assert found.problems == []


def test_a_shop_asks_for_euros_and_takes_it_back_by_keys(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "shop", size=PHONE)
    page = found.open("/shop/payout/")
    tab_to(page, "Amount to pay out")
    page.keyboard.type("20")
    press(page, "Pay this out")
    assert "20.00" in page.locator("main").inner_text()
    found.context.close()


def test_a_month_is_prepared_submitted_and_approved_by_keys(browser: Browser, town_site: TownSite) -> None:
    officer, approver = signed_in(browser, town_site, "officer"), signed_in(browser, town_site, "approver")
    page = officer.open("/office/")
    tab_to(page, "Month to prepare", most=90)
    page.keyboard.press("ArrowDown")
    press(page, "Prepare the month")
    press(page, "Submit for approval")
    page = approver.open("/approvals/")
    press(page, "Look at it")
    press(page, "Approve")
    assert "approved" in page.locator("main").inner_text().lower()
    for one in (officer, approver):
        one.context.close()
        assert one.problems == []


def test_light_and_dark_and_large_text_are_chosen_by_key_and_stay(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site)
    page = found.open("/")
    page.locator(".languages summary").focus()
    page.keyboard.press("Enter")
    press(page, "Dark")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    light, large = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).fontSize]"
    )
    page.locator(".languages summary").focus()
    page.keyboard.press("Enter")
    press(page, "Large text")
    after = found.open("/check/").evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).fontSize]"
    )
    found.context.close()
    assert (light, large) == ("rgb(17, 22, 31)", "17px")
    assert after == ["rgb(17, 22, 31)", "21.25px"]
