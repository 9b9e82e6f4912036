"""A purchase at the till, from the printed card to the money given back; and the same when the network fails."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, Error, Page, Route, expect

from koinon.db.checks import run_checks
from koinon.db.connections import connect
from koinon.db.transactions import transaction
from koinon.instruments import operations, paper, pins
from koinon.instruments.types import Card, Printable
from koinon.kernel.identifiers import new_id
from koinon.ledger import queries as books
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.payments import queries
from tests.conftest import CHROMIUM_ARGUMENTS
from tests.web.browsing import PHONE, follow, reader
from tests.web.town import TownSite

PIN = "471930"
WIDE, HIGH = 640, 480


class Town:
    """What the journey knows besides the page: the shop, who pays there, their card, and the books."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        with transaction(conn):
            self.facts = parties.town(conn, parties.towns(conn)[0].id)
            [shop] = conn.execute("SELECT party_id FROM parties_rolegrant WHERE role = 'shop'").fetchone() or [None]
            self.shop: UUID = shop
            self.household, self.language = self._payer()
            self.card, self.printed = self._card()

    def _payer(self) -> tuple[UUID, str]:
        rows = self.conn.execute("SELECT party_id FROM parties_household ORDER BY party_id").fetchall()
        now = datetime.now(UTC)
        for [household] in rows:
            found = queries.where_to_spend(self.conn, town_id=self.facts.id, payer=household, at=now)
            if any(place.party_id == self.shop and place.spendable_minor > 20_00 for place in found):
                return household, ""
        raise AssertionError("nobody can pay at the shop")

    def _card(self) -> tuple[Card, Printable]:
        how: dict[str, Any] = {"town_id": self.facts.id, "actor": "user:1", "at": datetime.now(UTC)}
        secrets = Secrets.load()
        [made] = operations.make_cards(self.conn, count=1, idempotency_key=str(new_id()), secrets=secrets, **how)
        [printed] = operations.printable(self.conn, cards=[made.id], secrets=secrets, **how)
        operations.hand_over(self.conn, card_id=made.id, party=self.household, **how)
        return pins.set_pin(self.conn, card_id=made.id, pin=PIN, secrets=secrets, **how), printed

    def sold(self) -> int:
        with transaction(self.conn):
            found = books.accounts_of(self.conn, town_id=self.facts.id, holder=self.shop)
        return sum(account.balance.minor for account in found)

    def broken(self) -> list[str]:
        with transaction(self.conn):
            return [f"{one.package}.{one.name}" for one in run_checks(self.conn) if not one.passed]


@pytest.fixture
def town(town_site: TownSite) -> Iterator[Town]:
    with connect(town_site.site.database.app_url, application_name="koinon tests") as conn:
        yield Town(conn)


def filmed(town: Town, folder: Path, language: str) -> Path:
    """The printed card as a camera sees it: lying on a table, a little turned and not quite sharp."""
    [picture] = paper.seen([town.printed], town=town.facts.name, unit="unit", language=language)
    table = Image.new("RGB", (WIDE, HIGH), (96, 84, 70))
    page = Image.open(io.BytesIO(picture)).convert("RGB")
    card = page.resize((int(WIDE * 0.85), int(WIDE * 0.85 * page.height / page.width)))
    turned = card.rotate(7, expand=True, fillcolor=(96, 84, 70), resample=Image.Resampling.BICUBIC)
    table.paste(turned, ((WIDE - turned.width) // 2 - 40, (HIGH - turned.height) // 2))
    frame = io.BytesIO()
    table.filter(ImageFilter.GaussianBlur(0.6)).save(frame, "JPEG", quality=80)
    file = folder / "card.mjpeg"
    file.write_bytes(frame.getvalue() * 3)
    return file


@contextmanager
def with_camera(browser: Browser, film: Path) -> Iterator[Browser]:
    """A browser of its own, before whose camera the film runs."""
    chromium = shutil.which("chromium")
    arguments = [
        *CHROMIUM_ARGUMENTS, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]  # fmt: skip
    opened = browser.browser_type.launch(executable_path=chromium, args=arguments)
    try:
        yield opened
    finally:
        opened.close()


def at_the_till(opened: Browser, site: TownSite, language: str) -> Page:
    found = reader(opened, site, size=PHONE, permissions=["camera"])
    found.speak(language)
    page = found.open("/accounts/login/")
    page.fill("#id_login", "demo-shop")
    page.fill("#id_password", site.passwords["shop"])
    follow(page, "main form button[type=submit]")
    page = found.open("/till/")
    page.wait_for_selector("html[data-till=ready]")
    PROBLEMS[page] = found.problems
    return page


PROBLEMS: dict[Page, list[str]] = {}
# The keys of a scanner that is plugged in: as quick as a machine is, and Enter.
SCANNED = """(code) => {
    for (const key of [...code, "Enter"])
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}"""


def amount(page: Page, digits: str) -> None:
    for digit in digits:
        page.locator(f"#keys [data-digit='{digit}']").click()
    page.locator("#charge").click()


def pin(page: Page, digits: str = PIN) -> None:
    expect(page.locator("#view-payer")).to_be_visible()
    expect(page.locator("#payer-pin")).to_be_visible()
    for digit in digits:
        page.locator(f"#pin-keys [data-digit='{digit}']").click()
    page.locator("#confirm-pay").click()


@pytest.mark.parametrize("language", ["el", "ar"])
def test_a_card_is_scanned_paid_and_given_back(
    browser: Browser, town_site: TownSite, town: Town, tmp_path: Path, language: str
) -> None:
    before = town.sold()
    with with_camera(browser, filmed(town, tmp_path, language)) as opened:
        page = at_the_till(opened, town_site, language)
        amount(page, "1250")
        pin(page, "999123")
        expect(page.locator("#payer-said")).to_be_visible()  # A wrong one: said so, and asked again.
        pin(page)
        expect(page.locator("#view-done")).to_be_visible()
        assert town.sold() == before + 12_50
        assert page.locator("#view-done .payer-sheet").get_attribute("lang") == language
        assert page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
        page.locator("#receipt-show").click()
        number = page.locator("#receipt [data-slot=number]").inner_text()

        page.goto(f"{town_site.url}/till/sales/")
        page.locator(".moves a").first.click()
        expect(page.locator("h1")).to_contain_text(number)
        page.fill("[name=amount]", "4,50")
        follow(page, page.locator("form:has([name=amount]) button[type=submit]").first)
        assert town.sold() == before + 8_00
        follow(page, page.locator("button[name=whole]"))
        assert town.sold() == before
        assert PROBLEMS[page] == []
    assert town.broken() == []


def test_a_cards_digits_are_typed_or_scanned_by_keys_beside_a_working_camera(
    browser: Browser, town_site: TownSite, town: Town, tmp_path: Path
) -> None:
    Image.new("RGB", (WIDE, HIGH), (96, 84, 70)).save(tmp_path / "table.jpg")
    film = tmp_path / "table.mjpeg"
    film.write_bytes((tmp_path / "table.jpg").read_bytes() * 3)
    with with_camera(browser, film) as opened:
        page = at_the_till(opened, town_site, "en")
        amount(page, "110")
        expect(page.locator("#camera")).to_have_js_property("readyState", 4)
        expect(page.locator("#card-title")).to_be_focused()
        page.keyboard.type(town.card.number, delay=150)  # As people type: a scanner is quicker.
        expect(page.locator("#number")).to_be_focused()
        expect(page.locator("#number")).to_have_value(town.card.number)
        page.keyboard.press("Enter")
        expect(page.locator("#payer-pin")).to_be_visible()
        page.locator("#pin-keys [data-digit=cancel]").click()

        page.locator("#charge").click()
        expect(page.locator("#card-title")).to_be_focused()
        page.evaluate(SCANNED, town.printed.token)
        expect(page.locator("#payer-pin")).to_be_visible()
        assert page.locator("#number").input_value() == ""
        assert PROBLEMS[page] == []


def test_the_answer_is_lost_after_the_confirmation_and_the_sale_is_paid_exactly_once(
    browser: Browser, town_site: TownSite, town: Town
) -> None:
    before, asked, seen = town.sold(), [], []
    page = at_the_till(browser, town_site, "en")

    def lose(route: Route) -> None:
        """The server gets the question and answers; the answer never arrives, until somebody has seen that."""
        asked.append(route.request.post_data or "")
        if not seen:
            with suppress(
                Error
            ):  # The page that asked may have been left meanwhile; the server was asked all the same.
                route.fetch()
                route.abort()
        else:
            route.continue_()

    page.route("**/till/pay/", lose)
    for digit in "700":
        page.locator(f"#keys [data-digit='{digit}']").click()
    page.evaluate(SCANNED, town.printed.token)  # Its figures are no amount.
    pin(page)
    expect(page.locator("#view-unknown")).to_be_visible()
    expect(page.get_by_text("We do not know yet whether this was paid")).to_be_visible()
    seen.append(True)
    expect(page.locator("#view-done")).to_be_visible()
    assert len({re.search(r"key=([0-9a-f-]+)", one)[1] for one in asked}) == 1 < len(asked)  # type: ignore[index]
    assert town.sold() == before + 7_00

    # The same once more, and the till is loaded anew while nobody knows: it finds out, and says so.
    seen.clear()
    page.locator("#next").click()
    amount(page, "300")
    page.fill("#number", town.card.grouped)
    page.keyboard.press("Enter")
    pin(page)
    expect(page.locator("#view-unknown")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.unroute("**/till/pay/")  # Not before: the page that was there would have asked once more, and heard.
    page.locator("#pending-open").click()
    expect(page.get_by_text("It was paid")).to_be_visible()
    assert town.sold() == before + 10_00

    # And a question that never reached the server: given up for certain, and never paid.
    page.get_by_role("button", name="Seen").click()
    page.locator("#view-pending [data-go]").click()
    page.route("**/till/pay/", lambda route: route.abort())
    amount(page, "500")
    page.fill("#number", town.card.grouped)
    page.keyboard.press("Enter")
    pin(page)
    page.locator("#unknown-stop").click()
    expect(page.locator("#view-refused")).to_be_visible()
    assert town.sold() == before + 10_00
    assert town.broken() == []

    # Without a network the till opens all the same, and says how things stand.
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("#view-amount")).to_be_visible()
    expect(page.get_by_text("There is no network.")).to_be_visible()
