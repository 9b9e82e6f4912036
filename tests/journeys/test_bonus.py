"""A bonus that ends on its ceiling and is undone by a refund, told at the site in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg
import pytest
from playwright.sync_api import Browser, Page

from koinon.db.checks import run_checks
from koinon.db.connections import connect
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.payments import operations as payments
from koinon.payments.types import Payment
from tests.conftest import serving
from tests.web.browsing import DESK, PHONE, Reader, follow, signed_in
from tests.web.town import Lived, TownSite


class Town:
    """The books beneath the site: what tills do meanwhile, and what is true in the end."""

    def __init__(self, conn: psycopg.Connection, app: str) -> None:
        self.owner, self.app = conn, app
        self.id = self._one("SELECT id FROM parties_town")
        self.unit = self._one("SELECT unit_code FROM parties_town")
        self.resident = self._one("SELECT party_id FROM parties_rolegrant WHERE role = 'resident'")
        self.shop = self._one("SELECT party_id FROM parties_rolegrant WHERE role = 'shop'")

    def _one(self, sql: str, *values: object) -> object:
        row = self.owner.execute(sql, values).fetchone()
        assert row is not None
        return row[0]

    def fund(self, code: str) -> None:
        self.owner.execute(
            "INSERT INTO programmes_fund (id, town_id, code, name, source, rule)"
            " VALUES (%s, %s, %s, %s, '', '{\"peers_allowed\": true}')",
            [new_id(), self.id, code, code.title()],
        )

    def pay(self, amount: str) -> Payment:
        with connect(self.app, application_name="koinon tests") as conn:
            return payments.pay(
                conn, town_id=self.id, payment_id=new_id(), payer=self.resident, payee=self.shop,
                amount=Amount(int(Decimal(amount) * 100), self.unit), effective_at=datetime.now(UTC), actor="till:1",
            )  # fmt: skip

    def aid(self) -> Decimal:
        minor = self._one(
            "SELECT coalesce(sum(credits_posted - debits_posted), 0) FROM ledger.account"
            " WHERE holder = %s AND kind = 'purse' AND fund IS NOT NULL",
            self.resident,
        )
        return Decimal(str(minor)) / 100

    def bonus_money(self) -> Decimal:
        minor = self._one(
            "SELECT coalesce(sum(a.credits_posted - a.debits_posted), 0) FROM ledger.account AS a"
            " INNER JOIN programmes_fund AS f ON f.id = a.fund AND f.code = 'gift' WHERE a.holder = %s AND a.kind = 'purse'",
            self.resident,
        )
        return Decimal(str(minor)) / 100


@pytest.fixture(scope="module")
def place(browser: Browser, lived: Lived) -> Iterator[tuple[Town, dict[str, Reader]]]:
    with (
        lived.copy() as database,
        serving(database) as site,
        psycopg.connect(database.owner_url, autocommit=True) as conn,
    ):
        roles = {"resident": PHONE, "shop": PHONE, "officer": DESK, "approver": DESK, "treasurer": DESK}
        town_site = TownSite(site, lived.passwords)
        people = {role: signed_in(browser, town_site, role, size=size) for role, size in roles.items()}
        yield Town(conn, database.app_url), people
        assert {role: one.problems for role, one in people.items() if one.problems} == {}
        for one in people.values():
            one.context.close()


def figure(page: Page, name: str) -> Decimal:
    """The amount beneath a name among a page's facts."""
    text = page.locator(f".facts div:has(dt:text-is('{name}')) dd").first.inner_text()
    return Decimal(re.sub(r"[^\d.]", "", text))


def test_a_bonus_ends_on_its_ceiling_and_is_undone_by_a_refund(place: tuple[Town, dict[str, Reader]]) -> None:
    town, people = place
    town.fund("gift")
    today = datetime.now(ZoneInfo("Europe/Madrid")).date()

    # A resident tops up: by a card that the sandbox calls good.
    page = people["resident"].open("/top-up/")
    page.fill("#id_amount", "150")
    page.select_option("#id_way", "card")
    follow(page, "text=Go on")
    reference = page.locator(".facts strong").inner_text()
    assert re.fullmatch(r"RF\d\d [\d ]+", reference)
    follow(page, "text=To the card provider")
    follow(page, "text=The card is good")
    assert "You have topped up" in page.locator("main").inner_text()

    # The treasurer sees the same euros on the bank's statement some days later: nothing is added.
    page = people["treasurer"].open("/treasury/top-ups/")
    assert reference.replace(" ", "") in page.locator("main table").first.inner_text().replace(" ", "")
    page.fill("#id_reference", reference)
    page.fill("#id_amount", "150,00")
    page.fill("#id_bank_reference", "NTRY/77")
    follow(page, page.get_by_role("button", name="Credit the top-up"))
    assert "credited before; nothing was added" in page.locator("main").inner_text()

    town.pay(str(town.aid() + 10))  # Before the campaign; it takes all that was left of the month's aid.

    # Euros come for the campaign; an officer draws it up, and only somebody else releases its money.
    page = people["treasurer"].open("/treasury/")
    page.select_option("#id_fund", label="Gift")
    page.fill("#id_amount", "50")
    page.fill("#id_bank_reference", "BANK/GIFT/1")
    follow(page, page.get_by_role("button", name="Put it on the books"))
    page = people["officer"].open("/campaigns/")
    follow(page, "text=Draw one up")
    for field, value in {
        "name": "Autumn bonus", "code": "autumn", "share": "20", "ceiling": "10,00",
        "first_day": (today - timedelta(days=1)).isoformat(), "last_day": (today + timedelta(days=20)).isoformat(),
    }.items():  # fmt: skip
        page.fill(f"#id_{field}", value)
    page.select_option("#id_fund", label="Gift")
    follow(page, page.get_by_role("button", name="Keep it as a draft"))
    address = page.url
    follow(page, page.get_by_role("button", name="Hand it in"))
    assert "The campaign is handed in." in page.locator("main").inner_text()
    assert page.get_by_role("button", name="Release the money").count() == 0
    page = people["approver"].page
    page.goto(address)
    follow(page, page.get_by_role("button", name="Release the money"))
    assert "The money is released." in page.locator("main").inner_text()

    assert (
        "20% of what you pay in shops back as a bonus"
        in people["resident"].open("/purse/").locator("main").inner_text()
    )

    # Two purchases: the second gets what is left, and the town is warned.
    first = town.pay("30.00")
    assert town.bonus_money() == Decimal("6.00")
    town.pay("30.00")
    assert town.bonus_money() == Decimal("4.00")  # The second purchase spent the 6.00 and earned the last 4.00.
    page = people["officer"].open(address.removeprefix(people["officer"].site.url))
    assert (figure(page, "Granted"), figure(page, "Left")) == (Decimal("10.00"), Decimal("0.00"))
    assert "All of the ceiling is granted." in page.locator("main").inner_text()
    assert "Gift" in people["resident"].open("/purse/").locator("main").inner_text()
    assert "back as a bonus" not in people["resident"].page.locator("main").inner_text()  # Nothing is left to earn.

    # The shop gives the first sale back: the bonus goes with it, as far as it is still there.
    page = people["shop"].open(f"/shop/sales/{first.id}/")
    follow(page, page.get_by_role("button", name="Give everything back"))
    assert town.bonus_money() == Decimal("0.00")
    page = people["officer"].open(address.removeprefix(people["officer"].site.url))
    assert figure(page, "Granted") == Decimal("6.00")
    assert figure(page, "Undone by refunds, but spent before") == Decimal("2.00")
    assert people["resident"].open("/purse/movements/").locator("text=Bonus taken back").count() == 1

    # It ends early, and what is left goes back.
    page = people["officer"].open(address.removeprefix(people["officer"].site.url))
    page.fill("#id_reason", "The fair is over")
    follow(page, page.get_by_role("button", name="End it now"))
    assert "went back to its fund's reserve" in page.locator("main").inner_text()
    with connect(town.app, application_name="koinon tests") as conn:
        assert [(found.name, found.failures) for found in run_checks(conn) if found.failures] == []
