"""A shop's day without a mouse: who stands there, a sale, money given back, a phone that pays, and no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from koinon.db.connections import connect
from tests.journeys.test_offline import kept, promise, wait_until
from tests.journeys.test_till import PIN, Town
from tests.web.browsing import PHONE, Reader, signed_in
from tests.web.keys import AS_PEOPLE_TYPE, choose, pick, press, touch, write
from tests.web.town import TownSite

PHONE_PIN = "502817"
# What the till keeps is of the day before: the till looks at the day that it wrote down beside each payment.
YESTERDAY = """async () => {
    const name = (await indexedDB.databases()).find(one => one.name.startsWith("koinon-offline-")).name;
    const asked = request => new Promise(done => { request.onsuccess = () => done(request.result); });
    const store = (await asked(indexedDB.open(name))).transaction("vouchers", "readwrite").objectStore("vouchers");
    for (const one of await asked(store.getAll())) await asked(store.put({ ...one, day: "2000-01-01" }));
}"""

SCANNED_AT_ONCE = """codes => {
    for (const key of codes.flatMap(one => [...one, "Enter"])) {
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    }
}"""


@pytest.fixture(scope="module")
def town(town_site: TownSite) -> Iterator[Town]:
    with connect(town_site.site.database.app_url, application_name="koinon tests") as conn:
        yield Town(conn)


@pytest.fixture
def shop(browser: Browser, town_site: TownSite) -> Iterator[Reader]:
    found = signed_in(browser, town_site, "shop", size=PHONE)
    yield found
    found.context.close()
    assert [one for one in found.problems if "ERR_INTERNET_DISCONNECTED" not in one] == []


def charges(page: Page, digits: str) -> None:
    """On a page that shows digits: their keys, and Enter."""
    page.keyboard.type(digits)
    page.keyboard.press("Enter")
    # Each step says what it is as soon as it is there; where no camera comes, the field for the number is next.
    expect(page.locator("#card-title:focus, #number:focus")).to_have_count(1)


def presents(page: Page, digits: str, town: Town) -> None:
    """An amount, and the code of the card by a scanner, which is a keyboard, too."""
    charges(page, digits)
    for _ in range(5):  # A scanner whose keys were held up on their way is used once more, as at any till.
        page.keyboard.type(town.printed.token)
        page.keyboard.press("Enter")
        with suppress(PlaywrightTimeout):
            page.wait_for_selector("#view-card", state="hidden", timeout=10_000)
            return
    raise AssertionError("the card was never read")


def agrees(page: Page) -> None:
    expect(page.locator("#agree")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#done-title")).to_be_focused()
    touch(page, "New sale")
    expect(page.locator("#amount-title")).to_be_focused()


def sells(page: Page, town: Town, digits: str) -> None:
    page.wait_for_selector("html[data-till=ready]")
    charges(page, digits)
    write(page, "Or type the digits of the card", town.card.number, delay=AS_PEOPLE_TYPE)
    page.keyboard.press("Enter")
    expect(page.locator("#pin")).to_be_focused()
    page.keyboard.type(PIN, delay=AS_PEOPLE_TYPE)
    touch(page, f"{int(digits) / 100:.2f}")
    expect(page.locator("#done-title")).to_be_focused()
    touch(page, "New sale")
    expect(page.locator("#amount-title")).to_be_focused()


def test_a_resident_pays_what_a_till_asks_of_a_phone(
    browser: Browser, town_site: TownSite, shop: Reader, town: Town
) -> None:
    at_till = shop.open("/till/")
    at_till.wait_for_selector("html[data-till=ready]")
    press(at_till, "The customer pays by phone")
    write(at_till, "Amount", "2.40")
    press(at_till, "Show the code")
    number = re.sub(r"\D", "", at_till.locator(".number").inner_text())

    ana = signed_in(browser, town_site, "resident", size=PHONE)
    page = ana.open("/purse/pay/")
    write(page, "Number", number)
    press(page, "Go on")
    before = town.sold()
    press(page, "Choose a PIN")
    press(page, "Show who I am")
    write(page, "Password", town_site.passwords["resident"])
    with page.expect_navigation():
        page.keyboard.press("Enter")
    write(page, "New PIN", PHONE_PIN)
    write(page, "The same once more", PHONE_PIN)
    press(page, "Keep this PIN")
    write(page, "Your PIN", PHONE_PIN)
    press(page, "Pay")
    expect(page.locator("h1")).to_have_text("Paid")
    expect(at_till.get_by_role("heading", name="Paid")).to_be_visible()
    assert town.sold() == before + 2_40
    press(at_till, "The next customer")
    write(at_till, "Amount", "9.90")  # This one goes away without paying.
    press(at_till, "Show the code")
    press(at_till, "Take the request back")
    assert "Taken back" in at_till.locator("main .moves").inner_text()

    # She shows a code of her own, asks somebody for money, and thinks better of it.
    page = ana.open("/purse/phone/")
    first = page.locator("[data-slot=number]").inner_text()
    touch(page, "code")
    expect(page.locator("[data-slot=number]")).not_to_have_text(first)
    page = ana.open("/purse/ask/")
    write(page, "How much", "4.50")
    press(page, "Make the request")
    press(page, "Take the request back")
    expect(page.get_by_role("status").first).to_contain_text("taken back")
    ana.context.close()
    assert ana.problems == []


def test_a_card_is_accepted_without_a_network_and_sent_when_it_is_back(shop: Reader, town: Town) -> None:
    promise(town)
    before = town.sold()
    page = shop.open("/till/offline/")
    page.wait_for_selector("html[data-till=ready]")
    write(page, "What you call this till", "counter")
    touch(page, "Register this till")
    expect(page.locator("#amount-title")).to_be_focused()
    wait_until(page, lambda: page.evaluate("async () => Boolean(await caches.match('/till/offline/'))"))
    shop.context.set_offline(True)
    presents(page, "1500", town)
    agrees(page)
    # On another day the same card again: both arrive on one, and the till says so before the shop agrees.
    page.evaluate(YESTERDAY)
    presents(page, "600", town)
    expect(page.locator("#risk-title")).to_be_focused()
    expect(page.locator("#risk-title")).to_have_text("The shop would lose 1.00 REC")
    touch(page, "Accept it at the shop's risk")
    agrees(page)
    # Two cards in one moment, of which the first has paid all that it may today: what counts is the one that lies there.
    other = "K1" + "A" * 32
    charges(page, "1400")
    page.keyboard.type(other)
    page.keyboard.press("Enter")
    agrees(page)
    charges(page, "1400")
    page.evaluate(SCANNED_AT_ONCE, [other, town.printed.token])
    expect(page.locator("#risk-title")).to_have_text("The shop would lose 14.00 REC")
    expect(page.locator("#risk-title")).to_be_focused()
    touch(page, "Do not accept it")
    assert kept(page)["unsent"] == 3
    shop.context.set_offline(False)
    touch(page, "Kept")
    expect(page.locator("#kept-title")).to_be_focused()
    wait_until(page, lambda: kept(page)["unsent"] == 0)
    touch(page, "Back to the amount")
    expect(page.locator("#amount-title")).to_be_focused()
    assert town.sold() == before + 20_00  # All that the terms let a card pay on a day.


def test_a_shop_lists_who_works_there_and_a_cashier_sells_and_a_manager_gives_back(
    town_site: TownSite, shop: Reader, town: Town
) -> None:
    page = shop.open("/till/cashiers/")
    for name, role, pin in [("Mina", "Manager", "7391"), ("Kos", "Cashier", "2846")]:
        write(page, "Name", name)
        choose(page, "Role", role)
        write(page, "PIN, four to six digits", pin)
        press(page, "Add")
    page = shop.open("/till/")
    page.wait_for_selector("html[data-till=ready]")
    touch(page, "Menu")
    press(page, "Somebody else at the till")
    pick(page, "Kos")
    write(page, "Your PIN", "2846")
    press(page, "Begin")

    before = town.sold()
    sells(page, town, "320")
    assert town.sold() == before + 3_20
    touch(page, "Menu")
    press(page, "Sales and refunds")
    press(page, "open this sale")
    write(page, "Amount to give back", "1.20")
    choose(page, "Manager", "Mina")
    write(page, "The manager's PIN", "7391")
    press(page, "Give this amount back")
    assert town.sold() == before + 2_00
    write(page, "The manager's PIN", "7391")
    press(page, "Give everything back")
    assert "Everything of this sale has been given back." in page.locator("main").inner_text()
    assert town.sold() == before

    press(page, "Back to the sales")
    press(page, "Back to the till")
    page.wait_for_selector("html[data-till=ready]")
    touch(page, "Menu")
    press(page, "Shift")
    press(page, "Count and close the shift")
    assert "The shift is closed." in page.locator("main").inner_text()
    # Mina has forgotten her PIN: whoever knows how the shop signs in sets another one.
    press(page, "A manager forgot the PIN")
    press(page, "Sign the shop out, and in again")
    write(page, "User name or e-mail", "demo-shop")
    page.keyboard.press("Tab")
    page.keyboard.type(town_site.passwords["shop"])
    with page.expect_navigation():
        page.keyboard.press("Enter")
    choose(page, "Manager", "Mina")
    write(page, "New PIN, four to six digits", "8264")
    write(page, "The same once more", "8264")
    press(page, "Set the PIN")
    pick(page, "Mina")
    write(page, "Your PIN", "8264")
    press(page, "Begin")
    page = shop.open("/till/cashiers/")
    touch(page, "Change · Kos")
    write(page, "New PIN, four to six digits", "5938")
    press(page, "Set the PIN")
    assert "The PIN is set." in page.locator("main").inner_text()
    touch(page, "Change · Kos")
    press(page, "Works here no more")
    assert page.locator("main .moves li").count() == 1
    assert town.broken() == []
