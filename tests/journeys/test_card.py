"""A card lost and replaced, told from the counter to the books: the balance stays, the old card is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pypdf
import pytest
from playwright.sync_api import Browser, Page, expect

from koinon.db.checks import run_checks
from koinon.db.connections import connect
from koinon.db.transactions import transaction
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import queries as books
from koinon.outbox import messages
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import by_card, queries
from tests.web.browsing import follow, signed_in
from tests.web.town import TownSite


class Town:
    """What the journey knows besides the pages: who has money, a shop, and the books."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        with transaction(conn):
            self.facts = parties.town(conn, parties.towns(conn)[0].id)
            self.shops = [shop.party_id for shop in parties.organisations(conn, town_id=self.facts.id) if shop.active]
            rows = conn.execute(
                "SELECT p.party_id, p.household_id FROM parties_person AS p WHERE p.is_reference ORDER BY p.party_id"
            ).fetchall()
            self.person, self.household = next((row[0], row[1]) for row in rows if self.spendable(row[1]) > 10_00)
            kept = Vault(conn, Secrets.load()).get(self.person, ["identifier"])
        self.identifier = kept["identifier"]

    def let_see_people(self, username: str) -> None:
        """The officer at this counter may see who people are; others do every money task without."""
        with transaction(self.conn):
            self.conn.execute(
                "UPDATE parties_rolegrant SET sees_personal_data = TRUE"
                " WHERE user_id = (SELECT id FROM parties_user WHERE username = %s)",
                [username],
            )

    def spendable(self, household: UUID) -> int:
        now = datetime.now(UTC)
        found = queries.where_to_spend(self.conn, town_id=self.facts.id, payer=household, at=now)
        return max((place.spendable_minor for place in found), default=0)

    def balance(self) -> int:
        with transaction(self.conn):
            found = books.accounts_of(self.conn, town_id=self.facts.id, holder=self.household)
        return sum(account.balance.minor for account in found)

    def pays(self, card: str, pin: str, minor: int) -> str:
        """How a till would be answered: "paid", or the code of the refusal."""
        now = datetime.now(UTC)
        with transaction(self.conn):
            places = queries.where_to_spend(self.conn, town_id=self.facts.id, payer=self.household, at=now)
        try:
            by_card.pay(
                self.opened, town_id=self.facts.id, payment_id=new_id(), card=card, pin=pin, place="till:1",
                payee=places[0].party_id, amount=Amount(minor, self.facts.unit_code), effective_at=now,
                now=now, actor="till:1", secrets=Secrets.load(),
            )  # fmt: skip
        except KoinonError as refused:
            return refused.code
        return "paid"

    @contextmanager
    def opened(self) -> Iterator[psycopg.Connection[Any]]:
        with transaction(self.conn):
            yield self.conn


@pytest.fixture
def town(town_site: TownSite) -> Iterator[Town]:
    with connect(town_site.site.database.app_url, application_name="koinon tests") as conn:
        yield Town(conn)


def find(page: Page, site: TownSite, text: str) -> None:
    page.goto(f"{site.url}/counter/")
    page.get_by_role("textbox", name="Card or document").fill(text)
    follow(page, page.get_by_role("button", name="Find"))


def choose_pin(page: Page, pin: str, again: str = "") -> None:
    page.get_by_label("New PIN, six digits").fill(pin)
    page.get_by_label("The same once more").fill(again or pin)
    follow(page, page.get_by_role("button", name="Set the PIN"))


def test_a_card_is_lost_and_replaced(browser: Browser, town_site: TownSite, town: Town) -> None:
    town.let_see_people("demo-officer")
    reader = signed_in(browser, town_site, "officer")
    page, before = reader.page, town.balance()

    # Two cards from the printer.
    page.goto(f"{town_site.url}/counter/cards/")
    page.get_by_label("How many cards").fill("2")
    follow(page, page.get_by_role("button", name="Make", exact=True))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Ten to a sheet").click()
    sheet = pypdf.PdfReader(io.BytesIO(waiting.value.path().read_bytes()))
    first, second = re.findall(r"\d{4}\s\d{4}\s\d{4}", sheet.pages[0].extract_text())

    # One of them goes to a resident who shows a document, and who chooses a PIN; a weak one is refused.
    find(page, town_site, town.identifier)
    giving = page.locator("form[action$='/give/']").first
    giving.get_by_label("The new card").fill(first)
    follow(page, giving.get_by_role("button", name="Hand it over"))
    choose_pin(page, "123456")
    expect(page.get_by_text("The digits follow each other.")).to_be_visible()
    choose_pin(page, "471930", "471931")
    expect(page.get_by_text("The two PINs are not the same.")).to_be_visible()
    choose_pin(page, "471930")
    expect(page.get_by_text("The PIN is set.")).to_be_visible()
    assert town.pays(first, "471930", 1_00) == "paid"

    # It is lost: found by its number, blocked at once while its holder waits on the telephone, replaced at the counter.
    find(page, town_site, first)
    follow(page, page.get_by_role("button", name="Lost: block"))
    expect(page.get_by_text("The card is blocked.")).to_be_visible()
    assert town.pays(first, "471930", 1_00) == "instruments.card-blocked"
    follow(page, page.get_by_role("rowheader").get_by_role("link").first)
    page.get_by_label("The new card").fill(second.replace("\u00a0", " ")[:-1] + "x")
    follow(page, page.get_by_role("button", name="Replace", exact=True))
    expect(page.get_by_text("A digit may be wrong.")).to_be_visible()
    page.get_by_label("The new card").fill(second)
    follow(page, page.get_by_role("button", name="Replace", exact=True))
    expect(page.get_by_text("this one takes its place")).to_be_visible()
    assert town.pays(second, "471930", 1_00) == "instruments.pin-not-set"
    choose_pin(page, "820461")

    # The old one is refused for good, the new one pays, and nothing else has moved.
    assert town.pays(first, "471930", 1_00) == "instruments.card-ended"
    assert town.pays(second, "471930", 1_00) == "instruments.pin-wrong"
    assert town.pays(second, "820461", 1_00) == "paid"
    assert town.balance() == before - 2_00
    find(page, town_site, first)
    expect(page.get_by_text("This card was replaced and will not work again.")).to_be_visible()
    follow(page, page.get_by_role("link", name="The card that took its place"))
    follow(page, page.locator("a.crumb"))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Print a statement").click()
    statement = pypdf.PdfReader(io.BytesIO(waiting.value.path().read_bytes()))
    assert "Extracto" in statement.pages[0].extract_text()  # In its reader's own language.
    with transaction(town.conn):
        assert {result.name: result.failures for result in run_checks(town.conn) if not result.passed} == {}
        told = messages.of_party(town.conn, town_id=town.facts.id, party=town.household)
    assert [each.kind for each in reversed(told)] == ["card.blocked", "card.replaced"]
    assert reader.problems == []
    reader.context.close()
