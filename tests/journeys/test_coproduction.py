"""A story told at the site: kilograms become a reward up to a cap, and a mistake is undone, down to the ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import Browser

from koinon.db.checks import run_checks
from koinon.db.connections import connect
from tests.web.browsing import DESK, PHONE, Reader, follow, signed_in
from tests.web.town import TownSite


@pytest.fixture(scope="module")
def people(browser: Browser, town_site: TownSite) -> Iterator[dict[str, Reader]]:
    roles = {"resident": PHONE, "coordinator": PHONE, "officer": DESK, "auditor": DESK}
    found = {role: signed_in(browser, town_site, role, size=size) for role, size in roles.items()}
    yield found
    for one in found.values():
        one.context.close()
    assert {role: one.problems for role, one in found.items() if one.problems} == {}


def rewards(site: TownSite) -> list[tuple[str, int]]:
    """Every reward of the books and what undid it, oldest first."""
    with psycopg.connect(site.site.database.app_url) as conn:
        return conn.execute(
            "SELECT CASE WHEN reverses IS NULL THEN 'reward' ELSE 'undone' END, amount_minor"
            " FROM ledger.transfer WHERE code = 'reward' ORDER BY seq"
        ).fetchall()


def test_kilograms_become_a_reward_up_to_the_cap_and_a_mistake_is_undone(
    people: dict[str, Reader], town_site: TownSite
) -> None:
    coordinator, resident, officer = people["coordinator"], people["resident"], people["officer"]

    # The coordinator shows the code at the collection point.
    page = coordinator.open("/activities/")
    follow(page, "text=Punt verd del barri")
    page.select_option("#id_hours", "4")
    follow(page, "text=Show the code")
    assert page.locator(".qr svg").count() == 1
    page.click("text=As an address")
    join = page.locator(".hash").inner_text().removeprefix(town_site.url)

    # A resident scans it, and brings eight kilograms of glass, then five of paper.
    codes = []
    for stream, kilograms in (("glass", "8"), ("paper", "5,0")):
        page = resident.open(join)
        page.check(f"input[value={stream}]")
        page.fill("#id_quantity", kilograms)
        follow(page, "main button[type=submit]")
        said = page.locator(".notice.done").inner_text()
        codes.append(said[-4:])
    assert "0.00" in page.locator(".big").inner_text()
    assert rewards(town_site) == []

    # Above the cap of ten kilograms a month nothing more is paid, and everybody is told why.
    page = coordinator.open("/activities/")
    for code in codes:
        page.locator("li", has_text=code).locator("input[name=pick]").check()
    follow(page, "text=Verify what is ticked")
    follow(page, "text=I saw it: verify")
    assert "2 verified" in page.locator(".notice.done").inner_text()
    assert rewards(town_site) == [("reward", 4_00), ("reward", 80)]
    page = resident.open("/contributions/")
    assert "4.80" in page.locator(".big").inner_text()
    assert "One person is rewarded for 10 kg a month at the most." in page.locator("main").inner_text()
    assert "Reward for what you did" in resident.open("/purse/movements/").locator("main").inner_text()

    # The scale was wrong: the glass was three kilograms. It is undone and written down anew.
    page = coordinator.open("/activities/")
    follow(page, "text=Punt verd del barri")
    follow(page, f"text={codes[0]}")
    page.click("text=The quantity was wrong")
    page.fill("#id_quantity", "3")
    page.fill("#id_reason", "the scale was not empty")
    follow(page, "text=Correct it")
    assert "Verified" in page.locator(".notice.done").inner_text()
    assert rewards(town_site) == [("reward", 4_00), ("reward", 80), ("undone", 4_00), ("reward", 1_50)]
    page = resident.open("/contributions/")
    assert "2.30" in page.locator(".big").inner_text()

    # A certificate says what was done, and anybody can check it.
    follow(page, "text=Make a certificate")
    with page.expect_download() as waited:
        page.locator("a", has_text=re.compile("PDF")).first.click()
    assert waited.value.path().read_bytes().startswith(b"%PDF")

    # The officer sees what was paid; the books are in order.
    page = officer.open("/activities/")
    assert "1.50" in page.locator("table").inner_text()
    with connect(town_site.site.database.app_url, application_name="koinon tests") as conn:
        assert [result.name for result in run_checks(conn) if not result.passed] == []
    assert people["auditor"].open("/audit/").locator(".notice.done").count() == 1
