"""The site without a mouse: skip link, focus that can be seen, signing in, a wallet's settings and the staff's pages by key.

What a shop does at its till is in test_keyboard_at_the_till.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from playwright.sync_api import Browser, expect

from koinon.db.connections import connect
from koinon.db.transactions import transaction
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.parties import factors
from koinon.programmes import operations, queries
from koinon.programmes.errors import CycleStopped
from koinon.treasury import operations as treasury
from tests.journeys.test_till import Town
from tests.web.browsing import PHONE, follow, reader, signed_in
from tests.web.keys import choose, focused, press, tab_to, tick, write
from tests.web.town import TownSite

PASSWORD = "a goat on the town hall roof"
MANY = 150  # Keys to get past the menu and a page's tables.


def test_the_first_key_offers_to_skip_to_the_content(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site)
    page = found.open("/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    found.context.close()


def test_focus_can_always_be_seen(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "shop", size=PHONE)
    page = found.open("/shop/payout/")
    seen = []
    for _press in range(14):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "(() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return e === document.body ? 'nothing' : s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 })()"
            )
        )
    found.context.close()
    assert seen.count(True) >= 10
    assert False not in seen


def test_the_language_is_chosen_by_key_and_stays(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site)
    page = found.open("/how/velocity/")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert focused(page) == "Ελληνικά"
    with page.expect_navigation():  # The page at hand is loaded already: only the next one is waited for.
        page.keyboard.press("Enter")
    assert page.url.endswith("/how/velocity/")
    assert page.locator("h1").inner_text() == "Ταχύτητα"
    assert found.open("/").locator("html").get_attribute("lang") == "el"
    found.context.close()


def test_signing_in_needs_no_mouse(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site)
    page = found.open("/purse/")
    page.locator("#id_login").focus()
    page.keyboard.type("demo-resident")
    page.keyboard.press("Tab")
    page.keyboard.type(town_site.passwords["resident"])
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    found.context.close()
    assert found.problems == []


def test_the_site_works_without_scripts(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site, java_script_enabled=False)
    page = found.open("/accounts/login/")
    page.fill("#id_login", "demo-resident")
    page.fill("#id_password", town_site.passwords["resident"])
    follow(page, "main form button[type=submit]")
    assert page.url.endswith("/purse/")
    follow(page, "text=Where to spend it")
    assert page.locator("details.group").count() > 0
    found.context.close()


def test_a_shop_asks_for_euros_and_takes_it_back_by_keys(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "shop", size=PHONE)
    page = found.open("/shop/payout/")
    tab_to(page, "Amount to pay out")
    page.keyboard.type("20")
    press(page, "Pay this out")
    assert "20.00" in page.locator("main").inner_text()
    found.context.close()


def test_a_target_is_proposed_and_confirmed_by_keys(browser: Browser, town_site: TownSite) -> None:
    officer, approver = signed_in(browser, town_site, "officer"), signed_in(browser, town_site, "approver")
    page = officer.open("/impact/targets/")
    choose(page, "Figure", "Recirculation")
    write(page, "What it should be", "35 %")
    write(page, "Shown from", "01012098")
    write(page, "To be reached by", "12312098")
    write(page, "The decision that says so", "Ple 12")
    press(page, "Propose it")
    said = approver.open("/impact/targets/")
    press(said, "Confirm it")
    assert "35.0%" in said.get_by_role("table", name="What holds").inner_text()
    for one in (officer, approver):
        one.context.close()
        assert one.problems == []


def test_a_drawing_wider_than_the_phone_slides_by_keys(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "officer", size=PHONE)
    page = found.open("/impact/network/")
    tab_to(page, "From residents to shops", most=MANY)
    page.evaluate(
        "() => { window.slid = new Promise(slid => document.activeElement.onscroll = e => slid(e.target.scrollLeft)) }"
    )
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => window.slid") > 0
    found.context.close()
    assert found.problems == []


@contextmanager
def books(site: TownSite) -> Iterator[Town]:
    with connect(site.site.database.app_url, application_name="koinon tests") as conn:
        yield Town(conn)


def next_month(town: Town, page_url: str) -> dict[str, Any]:
    """The month that a page shows, with euros for it; and how it is paid out piece by piece, as the timer does."""
    cycle = UUID(page_url.rstrip("/").rpartition("/")[2])
    how: dict[str, Any] = {"town_id": town.facts.id, "actor": "job:disburse"}
    with transaction(town.conn):
        found = queries.cycle(town.conn, town_id=town.facts.id, cycle_id=cycle)
        treasury.receive_budget(
            town.conn, fund=found.fund_id, amount=Amount(found.total_minor, town.facts.unit_code), at=datetime.now(UTC),
            bank_reference="NTRY/1", idempotency_key=str(new_id()), **how,
        )  # fmt: skip
    return {"cycle_id": cycle, **how}


def test_a_month_is_prepared_approved_paid_stopped_and_tried_again_by_keys(
    browser: Browser, town_site: TownSite
) -> None:
    officer, approver = signed_in(browser, town_site, "officer"), signed_in(browser, town_site, "approver")
    page = officer.open("/office/")
    tab_to(page, "Month to prepare", most=90)
    page.keyboard.press("ArrowDown")
    press(page, "Prepare the month")
    press(page, "Submit for approval")
    said = approver.open("/approvals/")
    press(said, "Look at it")
    press(said, "Approve")
    assert "approved" in said.locator("main").inner_text().lower()

    with books(town_site) as town, psycopg.connect(town_site.site.database.owner_url, autocommit=True) as owner:
        month = next_month(town, page.url)

        def pays(at_most: int) -> tuple[str, int, int]:
            with transaction(town.conn):
                done = operations.disburse_some(town.conn, now=datetime.now(UTC), at_most=at_most, **month)
            return done.state, done.paid, done.failed

        # The purse of whoever is paid last takes no more: that line fails, and the others are paid.
        full = owner.execute(
            "UPDATE ledger.account AS a SET ceiling_minor = a.credits_posted - a.debits_posted FROM ("
            " SELECT e.party_id, p.fund_id FROM programmes_entitlement AS e"
            " INNER JOIN programmes_cycle AS c ON c.id = e.cycle_id"
            " INNER JOIN programmes_programme AS p ON p.id = c.programme_id"
            " WHERE e.cycle_id = %s AND e.amount_minor > 0 ORDER BY e.party_id DESC LIMIT 1) AS last"
            " WHERE a.holder = last.party_id AND a.fund = last.fund_id AND a.kind = 'purse' RETURNING a.id",
            [month["cycle_id"]],
        ).fetchone()
        assert full is not None
        assert pays(2) == ("disbursing", 2, 0)
        page = officer.open(page.url.removeprefix(town_site.url))
        write(page, "Why it stops", "a question of the council", most=MANY)
        press(page, "Stop the payment")
        assert "The payment is stopped" in page.locator("#under-way").inner_text()
        with pytest.raises(CycleStopped):
            pays(1000)
        press(page, "Go on paying", most=MANY)
        expect(page.locator("#under-way")).to_have_text("Being paid")
        state, paid, failed = pays(1000)
        assert (state, failed) == ("disbursed", 1)
        page = officer.open(page.url.removeprefix(town_site.url))
        press(page, "Try these again", most=MANY)
        assert "0 paid, 1 still not" in page.locator("main").inner_text()
        owner.execute("UPDATE ledger.account SET ceiling_minor = NULL WHERE id = %s", full)
        press(page, "Try these again", most=MANY)
        assert "1 paid, 0 still not" in page.locator("main").inner_text()
        with transaction(town.conn):
            found = queries.cycle(town.conn, town_id=town.facts.id, cycle_id=month["cycle_id"])
        assert (found.state, found.paid, found.failed) == ("disbursed", paid + 1, 0)
        assert town.broken() == []
    for one in (officer, approver):
        one.context.close()
        assert one.problems == []


def test_the_counter_helps_with_a_card_by_keys(browser: Browser, town_site: TownSite) -> None:
    officer = signed_in(browser, town_site, "officer")
    with books(town_site) as town:
        page = officer.open("/counter/")
        expect(page.locator("main input[autofocus]")).to_be_focused()  # A scanner reads the card into it.
        page.keyboard.type(town.card.number)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        press(page, " ".join(town.card.grouped.split()))
        write(page, "New PIN, six digits", "605917")
        write(page, "The same once more", "605917")
        press(page, "Set the PIN")
        expect(page.get_by_role("status").first).to_be_visible()
        choose(page, "Why", "stolen")
        tab_to(page, "Block")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        expect(page.locator(".notice.done")).to_be_visible()
        press(page, "Let it work again")
        assert "in use" in page.locator("h1 + *").inner_text().lower()
    page = officer.open("/office/households/")
    tab_to(page, "Filters and columns", most=MANY)
    page.keyboard.press("Enter")
    before = page.locator("main thead th").count()
    tab_to(page, "Neighbourhood")
    while not page.evaluate("document.activeElement.name === 'col'"):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    press(page, "Show these")
    assert page.locator("main thead th").count() != before
    officer.context.close()
    assert officer.problems == []


def test_a_bonus_is_drawn_up_and_released_by_keys(browser: Browser, town_site: TownSite) -> None:
    officer, approver = signed_in(browser, town_site, "officer"), signed_in(browser, town_site, "approver")
    page = officer.open("/campaigns/")
    press(page, "Draw one up")
    for name, text in [
        ("Name", "Bread bonus"),
        ("Short name", "bread"),
        ("Share in per cent", "10"),
        ("Ceiling", "1,00"),
    ]:
        write(page, name, text)
    for name in ("First day", "Last day"):
        write(page, name, datetime.now(ZoneInfo("Europe/Madrid")).strftime("%m%d%Y"))  # Where the town lies.
    press(page, "Keep it as a draft")
    press(page, "Hand it in")
    said = approver.open(page.url.removeprefix(town_site.url))
    press(said, "Release the money")
    assert "The money is released." in said.locator("main").inner_text()
    page = officer.open(page.url.removeprefix(town_site.url))
    write(page, "Why it ends", "the flour is gone")
    press(page, "End it now")
    for one in (officer, approver):
        one.context.close()
        assert one.problems == []


def test_a_colleague_comes_in_by_a_letter_an_app_and_a_password_by_keys(browser: Browser, town_site: TownSite) -> None:
    officer = signed_in(browser, town_site, "officer")
    page = officer.open("/office/staff/new/")
    write(page, "User name", "iris")
    choose(page, "Works as", "Auditor")
    press(page, "Make the account")
    code = page.locator("#code").inner_text()
    officer.context.close()

    iris = reader(browser, town_site)
    page = iris.open("/invitation/")
    write(page, "The code of your letter", code)
    press(page, "Go on")
    write(page, "Password", PASSWORD)
    press(page, "Open the account")
    page = iris.open("/audit/")
    press(page, "Use an app")
    secret, now = page.locator("#authenticator_secret").inner_text(), datetime.now(UTC)
    write(page, "Code", factors.code_at(secret, now))
    press(page, "Confirm")
    expect(page.locator("h1")).to_have_text("Recovery codes")
    recovery = page.locator("main ol .code").first.inner_text()
    press(page, "Account")
    press(page, "Sign out")

    page = iris.open("/audit/")
    write(page, "User name or e-mail", "iris")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    write(page, "Code", recovery)
    press(page, "Sign in")
    page.wait_for_url("**/audit/")
    iris.context.close()
    assert iris.problems == officer.problems == []


def test_a_resident_sets_their_wallet_by_keys(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "resident", size=PHONE)
    page = found.open("/purse/settings/")
    choose(page, "Language", "Espa")
    press(page, "Save")
    assert page.locator("html").get_attribute("lang") == "es"
    choose(page, "Idioma", "English")
    press(page, "Guardar")
    tick(page, "Remember on this phone")
    expect(page.get_by_text("Kept on this phone.")).to_be_visible()
    found.context.close()
    assert found.problems == []


def test_light_and_dark_and_large_text_are_chosen_by_key_and_stay(browser: Browser, town_site: TownSite) -> None:
    found = reader(browser, town_site)
    page = found.open("/")
    page.locator(".languages summary").focus()
    page.keyboard.press("Enter")
    press(page, "Dark")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    light, large = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).fontSize]"
    )
    page.locator(".languages summary").focus()
    page.keyboard.press("Enter")
    press(page, "Large text")
    after = found.open("/check/").evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).fontSize]"
    )
    found.context.close()
    assert (light, large) == ("rgb(17, 22, 31)", "17px")
    assert after == ["rgb(17, 22, 31)", "21.25px"]
