"""A story told at the site, in a real browser: a payout comes back from the shop's bank, and is in its till again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page

from tests.banking.statements import Line, camt
from tests.web.browsing import DESK, PHONE, Reader, axe_findings, follow, signed_in
from tests.web.town import TownSite


def today() -> date:
    """Where the town lies; elsewhere it may be another day, and another one than when the run began."""
    return datetime.now(ZoneInfo("Europe/Madrid")).date()


@pytest.fixture(scope="module")
def people(browser: Browser, town_site: TownSite) -> Iterator[dict[str, Reader]]:
    sizes = {"shop": PHONE, "treasurer": DESK, "approver": DESK}
    found = {role: signed_in(browser, town_site, role, size=size) for role, size in sizes.items()}
    yield found
    problems = {role: one.problems for role, one in found.items() if one.problems}
    for one in found.values():
        one.context.close()
    assert problems == {}


def amount(page: Page) -> Decimal:
    return Decimal(re.sub(r"[^\d.]", "", page.locator("main .big").first.inner_text()))


def send(page: Page, content: bytes, name: str = "statement.xml") -> None:
    page.set_input_files("#id_file", {"name": name, "mimeType": "application/xml", "buffer": content})
    follow(page, "text=Look at the file")


def test_a_payout_that_comes_back_is_in_the_till_again_once(people: dict[str, Reader]) -> None:
    shop, treasurer, approver = people["shop"], people["treasurer"], people["approver"]
    had = amount(shop.open("/shop/payout/"))
    page = shop.page
    page.fill("#id_amount", "20")
    follow(page, "text=Pay this out")
    follow(treasurer.open("/treasury/runs/"), "text=Prepare a run")
    run = treasurer.page.url.rstrip("/").rsplit("/", 1)[-1]
    follow(approver.open(f"/approvals/runs/{run}/"), "text=Approve this payment")
    page = treasurer.open(f"/treasury/runs/{run}/")
    with page.expect_download() as download:
        page.click("text=Download the bank's file")
    file = download.value.path().read_text(encoding="utf-8")
    (payment,) = re.findall(r"<EndToEndId>([0-9a-f]{32})</EndToEndId>", file)
    account = re.findall(r"<DbtrAcct>.*?<IBAN>([A-Z0-9]+)</IBAN>", file, re.DOTALL)[0]

    statement = camt(
        Line("-20.00", "B1", payment, day=today()),
        Line("20.00", "B2", payment, returned="AC04", day=today()),
        Line("12.34", "B3", text="para Ana", name="Ana Garcia", day=today()),
        account=account,
    )
    page = treasurer.open("/treasury/bank/")
    send(page, statement.replace(b">12.34<", b">-12.34<"))
    assert "Nothing was changed." in page.locator("main [role=alert]").inner_text()
    send(page, statement)
    shown = page.locator("main").inner_text()
    assert "Nothing has been imported yet." in shown
    assert ("A payout to a shop" in shown, "A payout that came back" in shown) == (True, True)
    assert amount(shop.open("/shop/payout/")) == had - 20
    follow(page, "text=Import it")
    assert "The file is imported." in page.locator("main").inner_text()

    page = treasurer.open("/treasury/bank/")
    send(page, statement)
    assert "Imported" in page.locator("main").inner_text()
    page = shop.open("/shop/payout/")
    assert amount(page) == had
    assert "The bank sent it back" in page.locator("main").inner_text()

    page = treasurer.open("/treasury/bank/")
    assert axe_findings(page) == []
    follow(page, page.locator("main tr", has_text="To be looked at").last.locator("a"))
    assert "Nothing in it names" in page.locator("main").inner_text()
    assert "Ana" not in page.content()
    assert axe_findings(page) == []
    page.select_option("#id_kind", "other")
    page.fill("#id_reason", "Sent by mistake, goes back on Monday")
    follow(page, "text=Match it")
    assert "The entry is matched." in page.locator("main").inner_text()
    page = treasurer.open("/treasury/bank/")
    assert "Nothing of the currency's" in page.locator("main").inner_text()
    unexplained = page.locator("tr", has_text="Not explained").locator("td").last.inner_text()
    assert re.sub(r"[^\d]", "", unexplained) == "000"
