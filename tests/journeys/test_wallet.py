"""A resident's wallet on a phone: a receipt proved by the phone itself, the map by keys, and the truth without a network."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from tests.db.processes import until
from tests.web.browsing import PHONE, Reader, follow, signed_in
from tests.web.town import TownSite

Spoil = Callable[[dict[str, Any]], None]


def proved(page: Page) -> str:
    """What the phone says after it computed, as a resident reads it."""
    page.locator("[data-check]").click()
    said = page.locator("[data-result] .notice")
    expect(said).to_be_visible()
    return said.inner_text()


def answering(page: Page, spoil: Spoil) -> None:
    """From now on the town's computer answers the proof with something spoilt."""

    def answer(route: Route) -> None:
        content = route.fetch().json()
        spoil(content)
        route.fulfill(json=content)

    page.unroute("**/proof/*")
    page.route("**/proof/*", answer)


def test_a_receipt_is_proved_by_the_phone_and_no_lie_of_the_towns_computer_passes(
    browser: Browser, town_site: TownSite
) -> None:
    found = signed_in(browser, town_site, "resident", size=PHONE)
    found.open("/purse/")  # Keeps today's number, which says nothing of earlier days.
    page = found.open("/purse/movements/")
    follow(page, page.locator("main .moves a.what").first)
    town = page.evaluate("JSON.parse(document.getElementById('sealed').textContent).town")
    assert "Yes." in proved(page)
    assert "has kept the number from now on" in page.locator("[data-result]").inner_text()
    assert "has kept the number of block" not in page.locator("[data-result]").inner_text()

    def raise_the_amount(content: dict[str, Any]) -> None:
        row = bytearray.fromhex(content["proofs"][0]["canonical"])
        row[72] ^= 1  # The amount's last byte: a cent more or less.
        content["proofs"][0]["canonical"] = row.hex()

    def change_who_paid(content: dict[str, Any]) -> None:
        row = bytearray.fromhex(content["proofs"][0]["canonical"])
        row[52] ^= 1  # The paying account's last byte.
        content["proofs"][0]["canonical"] = row.hex()

    def change_the_chain(content: dict[str, Any]) -> None:
        links = bytearray(base64.b64decode(content["links"]))
        links[-60 if len(links) > 56 else 20] ^= 1
        content["links"] = base64.b64encode(links).decode()

    def leave_a_line_out(content: dict[str, Any]) -> None:
        content["proofs"] = []

    for spoil, says in [
        (raise_the_amount, "says something else"),
        (change_who_paid, "is not in the block"),
        (change_the_chain, "The chain does not lead"),
        (leave_a_line_out, "says something else"),
    ]:
        answering(page, spoil)
        assert says in proved(page), spoil.__name__
    page.unroute("**/proof/*")
    assert "Yes." in proved(page)

    # A phone that kept another number on an earlier day sees that the books were written anew.
    newest = page.evaluate(f"Math.max(...Object.keys(JSON.parse(localStorage['koinon-heads-{town}'])).map(Number))")
    kept = {str(newest): {"hash": "00" * 32, "day": "2026-01-01"}}
    page.evaluate("([town, kept]) => localStorage.setItem(`koinon-heads-${town}`, kept)", [town, json.dumps(kept)])
    assert "a number that this device has kept" in proved(page)
    page.route("**/check/head.json*", lambda route: route.abort())
    assert "Nothing is said about the receipt" in proved(page)
    found.context.close()
    assert [one for one in found.problems if "ERR_FAILED" not in one] == []


def test_shops_are_found_on_the_map_by_keys_alone(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "resident", size=PHONE)
    page = found.open("/purse/where/")
    listed = page.locator("[data-on-map]").count()
    page.locator("[data-view=map]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-shown-as=list]")).to_be_hidden()
    marked = page.locator(".shop").evaluate_all(
        "found => found.reduce((sum, one) => sum + Number(one.dataset.count ?? 1), 0)"
    )
    assert marked == listed > 0
    several = page.locator(".shop.many").first
    before = several.get_attribute("data-count")
    several.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.querySelector('.shop.many')?.dataset.count !== before", arg=before)
    page.keyboard.press("Tab")
    page.locator("[data-view=list]").focus()
    page.keyboard.press("Enter")
    shop = page.locator("[data-on-map]:visible").first
    name = page.locator("li:has([data-on-map]:visible) .what bdi").first.inner_text()
    shop.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".leaflet-popup strong")).to_have_text(name)
    page.keyboard.press("Enter")  # The button that closes has the focus; the shop gets it back.
    expect(page.locator(".leaflet-popup")).to_have_count(0)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(name)
    found.context.close()
    assert found.problems == []


def shell_is_kept(page: Page) -> None:
    """Wait for the worker of the page's own language; the one of the language before may still be at work."""
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function(
        """async () => {
            const kept = (await caches.keys()).filter(name => name.startsWith("koinon-wallet-"));
            const shell = await caches.match("/purse/offline/");
            const worker = await navigator.serviceWorker.getRegistration();
            return kept.length === 1 && worker?.active?.state === "activated" && !worker.installing && !!shell
                && shell.headers.get("Content-Language") === document.documentElement.lang;
        }"""
    )


def without_network(found: Reader) -> Page:
    found.context.set_offline(True)
    page = found.page
    page.goto(found.site.url + "/purse/")
    return page


def test_language_chosen_while_the_phone_keeps_the_shell_is_the_one_it_speaks_without_a_network(
    browser: Browser, town_site: TownSite
) -> None:
    found = signed_in(browser, town_site, "resident", size=PHONE)
    found.open("/account/").evaluate(
        "navigator.serviceWorker.getRegistrations().then(all => Promise.all(all.map(one => one.unregister())))"
    )
    asked: list[str] = []

    def in_greek(route: Route) -> None:  # What the server says to the worker once Greek has been chosen.
        asked.append(route.request.url)
        route.fulfill(response=found.context.request.get(route.request.url, headers={"Cookie": "django_language=el"}))

    found.context.route("**/purse/offline/", in_greek)
    page = found.open("/purse/")
    assert page.locator("html").get_attribute("lang") == "en"
    until(
        lambda: page.evaluate("async () => !await navigator.serviceWorker.getRegistration()") and bool(asked),
        seconds=30,
    )
    found.context.unroute("**/purse/offline/")

    found.speak("el")
    shell_is_kept(found.open("/purse/"))
    without_network(found)
    expect(page.locator("h1")).to_have_text("Δεν υπάρχει δίκτυο")
    found.context.close()


def test_settings_hold_and_without_a_network_the_phone_says_what_it_last_saw(
    browser: Browser, town_site: TownSite
) -> None:
    found = signed_in(browser, town_site, "resident", size=PHONE)
    page = found.open("/purse/settings/")
    page.select_option("#id_language", "el")
    page.select_option("#id_theme", "dark")
    page.select_option("#id_text", "large")
    follow(page, page.locator("form:has(#id_theme) button"))
    shown = page.locator("html")
    assert [shown.get_attribute(name) for name in ("lang", "data-theme", "data-text")] == ["el", "dark", "large"]
    found.speak("en")
    page = found.open("/purse/settings/")
    page.select_option("#id_payment", "mail")
    page.select_option("#id_money", "none")
    follow(page, page.locator("form:has(#id_payment) button"))
    assert [page.locator(f"#id_{topic}").input_value() for topic in ("payment", "money")] == ["mail", "none"]
    assert page.locator("#id_card option[value=none]").count() == 0

    total = found.open("/purse/").locator("[data-total]").inner_text()
    shell_is_kept(page)
    without_network(found)
    expect(page.locator("h1")).to_have_text("There is no network")
    expect(page.locator("[data-remembered]")).to_be_hidden()
    assert total not in page.content()  # Nobody asked this phone to remember.

    found.context.set_offline(False)
    found.open("/purse/settings/").locator("#remember").check()
    found.open("/purse/")
    without_network(found)
    expect(page.locator("[data-remembered] .big")).to_have_text(total)
    expect(page.locator("[data-remembered]")).to_contain_text("It may have changed since")

    found.context.set_offline(False)
    follow(found.open("/account/"), page.locator("form[data-leaves] button"))
    without_network(found)
    expect(page.locator("[data-remembered]")).to_be_hidden()
    found.context.close()


def test_a_resident_takes_their_data_along_and_asks_for_its_erasure(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "resident", size=PHONE)
    found.speak("en")
    page = found.open("/purse/data/")
    page.locator("a[href='/purse/data/export/']").click()
    page.fill("#id_password", town_site.passwords["resident"])  # Once more: is it still you?
    with page.expect_download() as taken:
        page.locator("main form button[type=submit]").first.click()
    document = json.loads(taken.value.path().read_text())
    assert document["movements"]
    assert document["register"]["kind"] == "household"
    names = [fields["name"] for fields in document["personal"].values() if "name" in fields]
    page = found.open("/purse/data/")
    expect(page.get_by_text(names[0])).to_be_visible()
    page.locator("a[href='/purse/data/erase/']").click()
    expect(page.locator(".notice.care")).to_contain_text("Spend it first")
    page.fill("#id_words", "Everything, when the money is spent.")
    page.locator("main form button[type=submit]").click()
    expect(page.locator(".notice.soon")).to_contain_text("You asked for your data to be erased")
    found.context.close()
    assert found.problems == []
