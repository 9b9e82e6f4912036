"""The network is gone: two tills accept one card beyond its cap, and what comes of it when they are back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from koinon.db.connections import connect
from koinon.db.transactions import transaction
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import queries as books
from koinon.offline import operations, queries
from koinon.offline.types import Bearer, Terms
from koinon.programmes import queries as programmes
from koinon.treasury import operations as treasury
from tests.journeys.test_till import Town
from tests.web.browsing import PHONE, Reader, signed_in
from tests.web.town import TownSite

KEPT = """async () => {
    const name = (await indexedDB.databases()).find(one => one.name.startsWith("koinon-offline-")).name;
    const db = await new Promise(done => { const asked = indexedDB.open(name); asked.onsuccess = () => done(asked.result); });
    const all = store => new Promise(done => {
        const asked = db.transaction(store).objectStore(store).getAll(); asked.onsuccess = () => done(asked.result);
    });
    const [facts, vouchers] = [await all("facts"), await all("vouchers")];
    const till = facts.find(one => one.pair);
    return {
        said: JSON.stringify([facts, vouchers]), unsent: vouchers.filter(one => !one.outcome).length,
        readable: [till.pair.privateKey, till.tags].map(key => key.extractable), algorithm: till.pair.algorithm,
    };
}"""
SCANNER = "keys => keys.forEach(key => document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true})))"
SHELL_IS_KEPT = """async () => {
  const kept = await caches.match('/till/offline/');
  const worker = await navigator.serviceWorker.getRegistration();
  return Boolean(kept) && worker?.active?.state === 'activated';
}"""


@pytest.fixture
def town(town_site: TownSite) -> Iterator[Town]:
    with connect(town_site.site.database.app_url, application_name="koinon tests") as conn:
        yield Town(conn)


def promise(town: Town) -> None:
    """Twenty a day for a card; the town bears losses out of a fund that has the money."""
    now = datetime.now(UTC)
    how: dict[str, Any] = {"town_id": town.facts.id, "at": now, "actor": "user:1"}
    with transaction(town.conn):
        fund = programmes.funds(town.conn, town_id=town.facts.id)[-1]
        reference = f"bank/{new_id()}"
        treasury.receive_budget(
            town.conn, fund=fund.id, amount=Amount(50_00, town.facts.unit_code), bank_reference=reference,
            idempotency_key=reference, **how,
        )  # fmt: skip
        day = now.astimezone(town.facts.zone).date()
        terms = Terms(day, 15_00, 20_00, 60_00, 3, 3, Bearer.TOWN, fund.id, 100_00, "council 12/2026")
        operations.set_terms(town.conn, terms=terms, **how)
        operations.switch_on(town.conn, party=town.shop, **how)


def till(browser: Browser, site: TownSite, language: str, label: str) -> Reader:
    """A telephone that is registered as a till, and whose network then goes."""
    found = signed_in(browser, site, "shop", size=PHONE)
    found.speak(language)
    page = found.open("/till/offline/")
    page.wait_for_selector("html[data-till=ready]")
    page.fill("#label", label)
    page.locator("#register button").click()
    expect(page.locator("#view-amount")).to_be_visible()
    wait_until(page, lambda: page.evaluate(SHELL_IS_KEPT))
    found.context.set_offline(True)
    page.reload()  # Whoever opens the till now still has one.
    page.wait_for_selector("html[data-till=ready]")
    expect(page.locator("#view-amount")).to_be_visible()
    return found


def accepts(page: Page, digits: str, code: str) -> str:
    """What the payer is told the payment is called; empty where it was refused."""
    for digit in digits:
        page.locator(f"#keys [data-digit='{digit}']").click()
    page.locator("#charge").click()
    expect(page.locator("#view-card")).to_be_visible()
    page.evaluate(SCANNER, [*code, "Enter"])
    expect(page.locator("#view-payer")).to_be_visible()
    page.locator("#agree").click()
    expect(page.locator("#view-done, #view-refused").locator("visible=true")).to_be_visible()
    if page.locator("#view-refused").is_visible():
        return ""
    return page.locator("#view-done [data-slot=number]").inner_text()


def wait_until(page: Page, is_so: Callable[[], Any]) -> None:
    for _ in range(1500):  # What could not be sent at once is sent a minute later.
        if is_so():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come about")


def kept(page: Page) -> dict[str, Any]:
    return dict(page.evaluate(KEPT))


def test_two_tills_accept_a_card_beyond_its_cap_and_the_loss_is_the_towns(
    browser: Browser, town_site: TownSite, town: Town
) -> None:
    promise(town)
    sold = town.sold()
    first, second = till(browser, town_site, "el", "Πάγκος"), till(browser, town_site, "ar", "Market")
    assert accepts(first.page, "1500", town.printed.token) == "1-1"
    first.page.locator("#view-done [data-stop]").click()
    assert accepts(first.page, "600", town.printed.token) == ""  # Over its cap, which this till knows.
    assert accepts(second.page, "1200", town.printed.token) == "2-1"  # Which that one cannot.
    assert second.page.locator("html").get_attribute("dir") == "rtl"
    for one in (first, second):
        found = kept(one.page)
        assert (found["unsent"], found["readable"]) == (1, [False, False])
        assert town.printed.token not in found["said"]
        assert town.printed.token[2:] not in found["said"]
    assert town.sold() == sold

    for one in (second, first):  # The second comes first, and is served first.
        one.context.set_offline(False)
        wait_until(one.page, lambda page=one.page: kept(page)["unsent"] == 0)
    with transaction(town.conn):
        ours, theirs = queries.vouchers(town.conn, town_id=town.facts.id)
        report = queries.report(
            town.conn, town_id=town.facts.id, first_day=ours.received_at.date() - timedelta(days=1),
            last_day=ours.received_at.date() + timedelta(days=1),
        )  # fmt: skip
        till_account = books.accounts_of(town.conn, town_id=town.facts.id, holder=town.shop)
    assert (theirs.name, theirs.paid_minor, theirs.loss_minor) == ("2-1", 12_00, 0)
    assert (ours.name, ours.paid_minor, ours.covered_minor, ours.borne_minor) == ("1-1", 8_00, 7_00, 0)
    assert sum(account.balance.minor for account in till_account) == sold + 27_00
    assert [(loss.name, [other.name for other in others]) for loss, others in report.lossy] == [("1-1", ["2-1"])]
    assert town.broken() == []

    first.page.locator("#kept-open").click()
    expect(first.page.locator("#kept-list")).to_contain_text("1-1")
    treasurer = signed_in(browser, town_site, "treasurer")
    page = treasurer.open("/treasury/offline/")
    line = page.locator("tr", has=page.locator("th", has_text="1-1")).inner_text()
    assert "2-1" in line
    for reader in (first, second, treasurer):
        assert [problem for problem in reader.problems if "ERR_INTERNET_DISCONNECTED" not in problem] == []
        reader.context.close()
