"""A resident pays by phone: a till's request by its number and by its link, a shop's own code, and a code shown at a till."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_till import with_camera
from tests.web.browsing import DESK, PHONE, Reader, axe_findings, follow, signed_in
from tests.web.town import TownSite

PIN = "471930"
PICTURES = os.environ.get("KOINON_PICTURES", "")


@pytest.fixture(scope="module")
def resident(browser: Browser, town_site: TownSite) -> Iterator[Reader]:
    found = signed_in(browser, town_site, "resident", size=PHONE)
    yield found
    assert found.problems == []
    found.context.close()


@pytest.fixture(scope="module")
def shop(browser: Browser, town_site: TownSite) -> Iterator[Reader]:
    found = signed_in(browser, town_site, "shop", size=DESK)
    yield found
    assert found.problems == []
    found.context.close()


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def looked_at(page: Page, name: str) -> None:
    picture(page, name)
    assert axe_findings(page) == []


def asks(shop: Reader, amount: str) -> Page:
    page = shop.open("/till/")
    page.get_by_role("button", name="The customer pays by phone").click()  # Nothing typed: the next page asks.
    page.wait_for_url("**/till/request/")
    page.get_by_label("Amount").fill(amount)
    page.get_by_role("button", name="Show the code").click()
    page.wait_for_url(re.compile(r"/till/request/[0-9a-f-]{36}/$"))
    return page


def digits(page: Page) -> str:
    return re.sub(r"\D", "", page.locator(".number").inner_text())


def confirms(page: Page, payee: str, amount: str, pin: str = PIN) -> None:
    """What is signed is what is seen: payee and amount stand above the PIN."""
    expect(page.locator(".payee")).to_contain_text(payee)
    expect(page.locator("main .big")).to_contain_text(amount)
    page.get_by_label("Your PIN").fill(pin)
    page.get_by_role("button", name="Pay").click()


def test_a_till_asks_the_customer_reads_and_pays_and_the_till_says_so_by_itself(resident, shop):
    at_till = asks(shop, "3,20")
    looked_at(at_till, "till-requested")
    sign = resident_sees(resident, digits(at_till))
    looked_at(resident.page, "pay-no-pin")
    chooses_pin(resident.page, resident.site.passwords["resident"])
    looked_at(resident.page, "pay-confirm")
    confirms(resident.page, sign, "3.20", pin="820461")
    expect(resident.page.get_by_role("alert")).to_contain_text("The PIN is wrong.")
    confirms(resident.page, sign, "3.20")
    resident.page.wait_for_url("**/purse/paid/**")
    looked_at(resident.page, "paid")
    expect(at_till.get_by_role("heading", name="Paid")).to_be_visible()
    looked_at(at_till, "till-paid")
    assert PIN not in resident.page.url
    again = resident_sees(resident, digits_of(at_till, shop))
    assert again == sign
    expect(resident.page.get_by_role("alert")).to_contain_text("paid already")


def resident_sees(resident: Reader, number: str) -> str:
    page = resident.open("/purse/pay/")
    page.get_by_label("Number").fill(number)
    page.get_by_role("button", name="Go on").click()
    return page.locator(".payee").inner_text()


def chooses_pin(page: Page, password: str) -> None:
    page.get_by_role("link", name="Choose a PIN").click()
    page.get_by_role("link", name="Show who I am").click()
    page.locator("input[type=password]").fill(password)  # Who finds a telephone cannot choose a PIN.
    page.locator("main form button[type=submit]").first.click()
    page.get_by_label("New PIN").fill("123456")
    page.get_by_label("The same once more").fill("123456")
    page.get_by_role("button", name="Keep this PIN").click()
    expect(page.locator(".error").first).to_be_visible()
    looked_at(page, "pin")
    page.get_by_label("New PIN").fill(PIN)
    page.get_by_label("The same once more").fill(PIN)
    page.get_by_role("button", name="Keep this PIN").click()
    page.wait_for_url("**/purse/pay/")


def digits_of(at_till: Page, shop: Reader) -> str:
    """The number of the last request: its page shows it no more, once it is paid."""
    import psycopg

    with psycopg.connect(shop.site.site.database.app_url) as conn:
        row = conn.execute("SELECT number FROM payments.request ORDER BY made_at DESC LIMIT 1").fetchone()
    assert row is not None
    return str(row[0])


def test_a_code_that_a_telephones_own_camera_opens_leads_to_the_same_screen_and_stands_in_no_address(resident, shop):
    at_till = shop.open("/till/")
    for digit in "105":
        at_till.locator(f'#keys [data-digit="{digit}"]').click()
    at_till.get_by_role("button", name="The customer pays by phone").click()
    at_till.wait_for_url(re.compile(r"/till/request/[0-9a-f-]{36}/$"))
    token = token_of_last(shop)
    page = resident.page
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.goto(f"{resident.site.url}/pay/#{token}")
    page.wait_for_url("**/purse/pay/")
    expect(page.locator("main .big")).to_contain_text("1.05")
    assert not any(token in address for address in (*seen, page.url))
    confirms(page, page.locator(".payee").inner_text(), "1.05")
    page.wait_for_url("**/purse/paid/**")
    expect(at_till.get_by_role("heading", name="Paid")).to_be_visible()


def test_the_code_on_a_tills_screen_is_scanned_with_the_camera(browser, town_site, shop, tmp_path):
    at_till = asks(shop, "1,10")
    with with_camera(browser, filmed(at_till.locator(".qr").screenshot(), tmp_path / "till.mjpeg")) as opened:
        found = signed_in(opened, town_site, "resident", size=PHONE)
        found.context.grant_permissions(["camera"], origin=town_site.url)
        page = found.open("/purse/pay/")
        page.get_by_role("button", name="Scan").click()
        expect(page.get_by_role("heading", name="You pay")).to_be_visible()
        expect(page.locator("main .big")).to_contain_text("1.10")
        assert found.problems == []
        found.context.close()


def filmed(picture: bytes, file: Path) -> Path:
    """A film of a table on which a screen shows this picture, in a hand that is not quite still."""
    frames = []
    with Image.open(io.BytesIO(picture)) as shown:
        for number in range(24):
            size = 400 + 40 * (number % 6)
            code = shown.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
            turned = code.rotate(
                (0, 2, -3, 5)[number % 4], expand=True, fillcolor="#ffffff", resample=Image.Resampling.BICUBIC
            )
            table = Image.new("RGB", (1280, 720), "#8a8478")
            table.paste(turned, ((1280 - turned.width) // 2, (720 - turned.height) // 2))
            frame = io.BytesIO()
            table.save(frame, "JPEG", quality=90)
            frames.append(frame.getvalue())
    file.write_bytes(b"".join(frames))
    return file


def token_of_last(shop: Reader) -> str:
    import psycopg
    from psycopg.rows import class_row

    from koinon.parties.secrets import Secrets
    from koinon.payments import requesting, signing
    from koinon.payments.types import PaymentRequest

    columns = ", ".join(PaymentRequest.__dataclass_fields__)
    with psycopg.connect(shop.site.site.database.app_url) as conn, conn.cursor(row_factory=class_row(PaymentRequest)) as cursor:  # fmt: skip
        found = cursor.execute(f"SELECT {columns} FROM payments.request ORDER BY made_at DESC LIMIT 1").fetchone()
        town = conn.execute("SELECT town_id FROM payments.request LIMIT 1").fetchone()
    assert found is not None
    assert town is not None
    signed = requesting.signed(found, town_id=town[0])
    signing.verify(Secrets.load(), signed)
    return signing.token(signed)


def test_a_shops_own_code_is_printed_paid_and_replaced(resident, shop):
    page = shop.open("/shop/code/")
    follow(page, page.get_by_role("button", name="Make your code"))
    looked_at(page, "shop-code")
    number = digits(page)
    pdf = shop.context.request.get(f"{shop.site.url}/shop/code/poster/")
    assert (pdf.status, pdf.body()[:5]) == (200, b"%PDF-")
    if PICTURES:
        with open(f"{PICTURES}/poster.pdf", "wb") as file:
            file.write(pdf.body())

    sign = resident_sees(resident, number)
    looked_at(resident.page, "pay-amount")
    resident.page.get_by_label("Amount").fill("2,00")
    resident.page.get_by_role("button", name="Go on").click()
    confirms(resident.page, sign, "2.00")
    resident.page.wait_for_url("**/purse/paid/**")

    page.get_by_text("Replace this code").click()
    page.get_by_role("button", name="Make a new code").click()
    expect(page.get_by_role("status").first).to_contain_text("new code")
    payer = resident.open("/purse/pay/")
    payer.get_by_label("Number").fill(number)
    payer.get_by_role("button", name="Go on").click()
    expect(payer.locator(".error")).to_contain_text("replaced")


def test_too_much_is_refused_with_every_ground_before_any_pin_is_asked(resident, shop):
    at_till = asks(shop, "90000")
    resident_sees(resident, digits(at_till))
    expect(resident.page.get_by_role("alert")).to_contain_text("cannot be paid")
    assert resident.page.get_by_label("Your PIN").count() == 0
    looked_at(resident.page, "pay-too-much")
    follow(at_till, at_till.get_by_role("button", name="Take the request back"))
    resident_sees(resident, digits_of(at_till, shop))
    expect(resident.page.get_by_role("alert")).to_contain_text("taken back")


def test_a_phone_shows_a_code_that_a_till_takes_once(resident, shop):
    page = resident.open("/purse/phone/")
    code = page.locator("[data-slot=number]")
    expect(code).to_have_text(re.compile(r"\d"))
    looked_at(page, "phone")
    number = re.sub(r"\D", "", code.inner_text())
    page.get_by_role("button").filter(has_text="code").first.click()
    expect(code).not_to_have_text(re.compile(number[:2] + r"\s" + number[2:4]))
    assert len(number) == 10


def test_a_resident_asks_for_money_and_takes_it_back(resident):
    page = resident.open("/purse/ask/")
    looked_at(page, "ask")
    page.get_by_label("How much").fill("4,50")
    page.get_by_role("button", name="Make the request").click()
    page.wait_for_url(re.compile(r"/purse/ask/[0-9a-f-]{36}/$"))
    looked_at(page, "asked")
    link = page.get_by_label("Or send this link").input_value()
    page.goto(link)
    page.wait_for_url("**/purse/pay/")
    expect(page.get_by_role("alert")).to_contain_text("your own")
    page.go_back()
    page = resident.open("/purse/ask/")
    page.locator(".moves a").first.click()
    page.get_by_role("button", name="Take the request back").click()
    expect(page.get_by_role("status").first).to_contain_text("taken back")


def test_arabic_reads_from_the_right(resident: Any, shop: Any) -> None:
    at_till = asks(shop, "3,20")
    number = digits(at_till)
    resident.speak("ar")
    page = resident.open("/purse/pay/")
    page.locator("input[name=code]").fill(number)
    follow(page, page.locator("[data-code] button"))
    looked_at(page, "pay-confirm-ar")
    assert page.locator("html").get_attribute("dir") == "rtl"
    resident.speak("en")
