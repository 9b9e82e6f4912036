"""A fund's rule changes, a purchase is paid half with aid and half with own money, and what is left expires: from the
officer's page to the books.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from koinon.db.checks import run_checks
from koinon.db.connections import connect
from koinon.db.transactions import transaction
from koinon.jobs.timer import sweep_round
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.payments import operations, queries
from koinon.payments.types import Payment
from koinon.programmes import funds
from koinon.programmes import queries as programmes
from tests.web.browsing import PHONE, follow, signed_in
from tests.web.town import TownSite


class Town:
    """What the journey knows besides the pages: who pays whom, and the books."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        with transaction(conn):
            self.facts = parties.town(conn, parties.towns(conn)[0].id)
            rows = conn.execute("SELECT role, party_id FROM parties_rolegrant WHERE party_id IS NOT NULL").fetchall()
            party = dict(rows)
            self.resident, self.shop = party["resident"], party["shop"]
            of = queries.purses(conn, town_id=self.facts.id, payer=self.resident, at=datetime.now(UTC))
            self.fund = next(purse.fund for purse in of if purse.fund is not None)
            self.code = next(one.code for one in programmes.funds(conn, town_id=self.facts.id) if one.id == self.fund)

    def noon(self, day: date) -> datetime:
        return datetime.combine(day, time(12), self.facts.zone)

    def pays(self, payer: UUID, payee: UUID, minor: int, at: datetime) -> Payment | list[str]:
        """The payment, or every ground why it is none."""
        try:
            with transaction(self.conn):
                return operations.pay(
                    self.conn, town_id=self.facts.id, payment_id=new_id(), payer=payer, payee=payee,
                    amount=Amount(minor, self.facts.unit_code), effective_at=at, actor="till:1",
                )  # fmt: skip
        except KoinonError as refused:
            return [ground["code"] for ground in refused.fields["grounds"]]

    def totals(self) -> funds.FundTotals:
        with transaction(self.conn):
            return funds.totals(self.conn, town_id=self.facts.id, fund_id=self.fund)

    def broken(self) -> list[str]:
        with transaction(self.conn):
            return [result.name for result in run_checks(self.conn) if result.failures]


@pytest.fixture
def town(town_site: TownSite) -> Iterator[Town]:
    with connect(town_site.site.database.app_url, application_name="koinon tests") as conn:
        yield Town(conn)


def test_half_aid_half_own_money_and_a_sweep_of_what_expired(browser: Browser, town_site: TownSite, town: Town) -> None:
    reader = signed_in(browser, town_site, "officer")
    page = reader.page
    today = datetime.now(UTC).astimezone(town.facts.zone).date()
    first, last = today + timedelta(days=20), today + timedelta(days=40)

    # The council has voted: half of a price from a later day on, and an earlier last day. The officer announces it.
    page.goto(f"{town_site.url}/office/funds/{town.fund}/change/")
    page.get_by_label("From this day on").fill(today.isoformat())
    page.get_by_label("Last day on which it can be spent").fill(last.isoformat())
    page.get_by_label("Share of a price it may pay").fill("50 %")
    page.get_by_label("Why, as everybody is told").fill("Plenary of 26 November")
    follow(page, page.get_by_role("button", name="Show what changes"))
    expect(page.get_by_text("Whoever has this money is told before")).to_be_visible()
    page.get_by_label("From this day on").fill(first.isoformat())
    follow(page, page.get_by_role("button", name="Show what changes"))
    expect(page.get_by_text("It pays at most 50%", exact=False)).to_be_visible()
    follow(page, page.get_by_role("button", name="Announce it"))
    expect(page.get_by_text("Plenary of 26 November").first).to_be_visible()

    # The resident sees it coming.
    resident = signed_in(browser, town_site, "resident", size=PHONE)
    resident.open("/purse/")
    expect(resident.page.get_by_text("It pays at most 50%", exact=False)).to_be_visible()

    # Before its day aid pays alone; from its day on it pays half, and own money the rest.
    alone = town.pays(town.resident, town.shop, 4_00, town.noon(first - timedelta(days=1)))
    assert isinstance(alone, Payment)
    at = town.noon(first)
    assert town.pays(town.resident, town.shop, 3_00, at) == ["payments.not-enough", "payments.share-of-price"]
    assert isinstance(town.pays(town.shop, town.resident, 1_50, at), Payment)
    half = town.pays(town.resident, town.shop, 3_00, at)
    assert isinstance(half, Payment)
    with transaction(town.conn):
        legs = queries.legs_of(town.conn, town_id=town.facts.id, payment_id=half.id)
    assert [(leg.fund, leg.amount_minor) for leg in legs] == [(town.fund, 1_50), (None, 1_50)]

    # Near the last day whoever has some is told; after it what is left goes back, and the books say where all of it is.
    before = town.totals()
    assert sweep_round(town.conn, now=town.noon(last)) == 0
    swept = sweep_round(town.conn, now=town.noon(last + timedelta(days=1)))
    after = town.totals()
    assert swept == after.swept_minor - before.swept_minor == before.left_minor > 0
    assert (after.left_minor, after.issued_minor, after.spent_minor) == (0, before.issued_minor, before.spent_minor)
    assert (
        after.swept_minor + after.spent_minor + after.held_minor + after.left_minor + after.waiting_minor
        == after.issued_minor
    )
    assert town.broken() == []
    page.goto(f"{town_site.url}/office/funds/{town.fund}/")
    expect(page.get_by_text("its last day:")).to_be_visible()
    returned = page.get_by_role("row", name="Returned to the budget line").get_by_role("cell")
    assert returned.inner_text().replace(",", "").replace("\u00a0", " ") == f"{after.swept_minor / 100:.2f} REC"
    assert reader.problems == resident.problems == []
    reader.context.close()
    resident.context.close()
