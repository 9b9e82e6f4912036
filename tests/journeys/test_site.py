"""Stories told at the site, in a real browser: money comes into being on two signatures, and ends as euros on two."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.web.browsing import DESK, PHONE, Reader, follow, reader, signed_in
from tests.web.town import TownSite

FAULTY = Path(__file__).resolve().parents[2] / "towns" / "besos-faulty"


@pytest.fixture(scope="module")
def people(browser: Browser, town_site: TownSite) -> Iterator[dict[str, Reader]]:
    """Everybody at a window of their own, signed in."""
    roles = {"resident": PHONE, "shop": PHONE, "officer": DESK, "approver": DESK, "treasurer": DESK, "auditor": DESK}
    found = {role: signed_in(browser, town_site, role, size=size) for role, size in roles.items()}
    yield found
    for one in found.values():
        one.context.close()


@pytest.fixture(autouse=True)
def nothing_goes_wrong_in_the_browser(people: dict[str, Reader]) -> Iterator[None]:
    yield
    assert {role: one.problems for role, one in people.items() if one.problems} == {}


def amount(page: Page, selector: str = "main .big") -> Decimal:
    """The amount that a page shows, in English."""
    text = page.locator(selector).first.inner_text()
    return Decimal(re.sub(r"[^\d.]", "", text))


def test_a_month_of_aid_reaches_a_purse_only_on_two_signatures(people: dict[str, Reader]) -> None:
    officer, approver, resident = people["officer"], people["approver"], people["resident"]
    before = amount(resident.open("/purse/"))

    page = officer.open("/office/")
    page.select_option("select[name=month]", "2026-11")
    follow(page, "text=Prepare the month")
    assert page.locator("h1").inner_text() == "November 2026"
    assert "Draft" in page.locator("main").inner_text()
    follow(page, "text=Submit for approval")
    assert "Waiting for approval" in page.locator("main").inner_text()
    assert page.locator("text=Approve this month").count() == 0
    assert page.locator("text=Pay the households").count() == 0

    page = approver.open("/approvals/")
    follow(page, "text=Look at it")
    total = page.locator(".facts dd").first.inner_text()
    assert "Since October 2026" in page.locator("main").inner_text()
    follow(page, "text=Approve this month")
    assert "November 2026 is approved." in page.locator("main").inner_text()
    assert amount(resident.open("/purse/")) == before

    page = officer.open("/office/")
    follow(page, "text=November 2026")
    assert page.locator(".facts dd").first.inner_text() == total
    follow(page, "text=Pay the households")
    assert "November 2026 is paid." in page.locator("main").inner_text()

    page = resident.open("/purse/")
    assert amount(page) > before
    assert page.locator(".moves .what").first.inner_text().startswith("Aid")
    assert people["auditor"].open("/audit/").locator(".notice.done").count() == 1


def test_a_sale_goes_back_in_part_and_the_rest_becomes_euros_on_two_signatures(people: dict[str, Reader]) -> None:
    shop, treasurer, approver = people["shop"], people["treasurer"], people["approver"]
    had = amount(shop.open("/shop/payout/"))

    page = shop.open("/shop/")
    follow(page, page.locator("main table a").first)
    follow(page, page.locator(".moves a").first)
    page.fill("#id_amount", "0,75")
    follow(page, "text=Give this amount back")
    assert "went back to the customer" in page.locator("main").inner_text()
    assert amount(shop.open("/shop/payout/")) == had - Decimal("0.75")

    page = shop.open("/shop/payout/")
    page.fill("#id_amount", "99.999,00")
    follow(page, "text=Pay this out")
    assert "There is not enough money" in page.locator("main .error").inner_text()
    page.fill("#id_amount", "20")
    follow(page, "text=Pay this out")
    assert "Waiting for the next payment run" in page.locator("main").inner_text()

    page = treasurer.open("/treasury/runs/")
    follow(page, "text=Prepare a run")
    address = page.url
    follow(page, "text=Approve this run")
    assert page.locator("h1").inner_text() == "That could not be done"
    assert "treasury.same-person" in page.locator("main").inner_text()

    page = approver.open("/approvals/")
    follow(page, "text=Look at it")
    assert amount(page, "h1") == Decimal("20.00")
    follow(page, "text=Approve this payment")
    assert "The run is approved." in page.locator("main").inner_text()

    page = treasurer.page
    page.goto(address)
    with page.expect_download() as waited:
        page.click("text=Download the bank's file")
    document = ET.fromstring(Path(waited.value.path()).read_bytes())
    sums = [element.text for element in document.iter() if element.tag.endswith("}CtrlSum")]
    assert {Decimal(text or "0") for text in sums} == {Decimal("20.00")}
    page.goto(address)
    follow(page, page.get_by_role("button", name="The bank has paid"))
    assert "on the books" in page.locator("main").inner_text()

    newest = shop.open("/shop/payout/").locator(".moves li").first.inner_text()
    assert "Paid" in newest
    assert people["auditor"].open("/audit/").locator(".notice.done").count() == 1


def test_euros_that_arrived_raise_the_reserve_once(people: dict[str, Reader]) -> None:
    page = people["treasurer"].open("/treasury/")
    before = amount(page, ".facts dd")
    page.select_option("#id_fund", index=0)
    page.fill("#id_amount", "1.500,00")
    page.fill("#id_bank_reference", "BANK/2026-11/77")
    follow(page, page.get_by_role("button", name="Put it on the books"))
    assert amount(page, ".facts dd") == before + 1500
    page.fill("#id_amount", "1.600,00")
    page.fill("#id_bank_reference", "BANK/2026-11/77")
    follow(page, page.get_by_role("button", name="Put it on the books"))
    assert "on the books already" in page.locator("main [role=alert]").inner_text()
    assert amount(page, ".facts dd") == before + 1500


def test_a_request_for_euros_can_be_taken_back(people: dict[str, Reader]) -> None:
    shop = people["shop"]
    page = shop.open("/shop/payout/")
    had = amount(page)
    page.fill("#id_amount", "20.00")
    follow(page, "text=Pay this out")
    assert amount(page) == had - 20
    follow(page, "text=Take back")
    assert amount(page) == had


def test_the_officer_sees_everything_wrong_in_a_folder_at_once(people: dict[str, Reader]) -> None:
    page = people["officer"].open("/office/folder/")
    page.set_input_files("#id_folder", [{"name": "town.zip", "mimeType": "application/zip", "buffer": zipped(FAULTY)}])
    follow(page, "text=Check the folder")
    rows = page.locator("tbody tr")
    assert rows.count() > 10
    assert "must be put right" in page.locator(".notice.care").inner_text()
    cells = rows.first.locator("td").all_inner_texts()
    assert cells[0]
    assert cells[4]


def test_the_auditor_recomputes_the_chain(people: dict[str, Reader]) -> None:
    page = people["auditor"].open("/audit/seals/")
    follow(page, "text=Compute the whole chain again")
    assert "are unbroken" in page.locator(".notice.done").inner_text()


def test_anybody_reads_the_town_page_from_figure_to_explanation(browser: Browser, town_site: TownSite) -> None:
    stranger = reader(browser, town_site)
    page = stranger.open("/")
    figure = page.locator(".figures .big").first.inner_text()
    follow(page, page.locator(".figures .how a").first)
    assert page.locator("h1").inner_text() == "Local multiplier"
    assert page.locator("p.formula").last.inner_text().startswith(figure)
    follow(page, "text=The town's page")
    follow(page, "text=How to check it")
    assert re.fullmatch(r"[0-9a-f]{64}", page.locator(".hash").first.inner_text())
    stranger.context.close()
    assert stranger.problems == []


def zipped(folder: Path) -> bytes:
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            if path.is_file():
                archive.write(path, f"besos/{path.relative_to(folder)}")
    return whole.getvalue()
