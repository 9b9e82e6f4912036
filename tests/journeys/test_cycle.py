"""A month of aid by registered facts: from the town's lists to purses, with a duplicate, an exception and a refused line."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Browser, Page

from koinon.db.checks import run_checks
from koinon.db.connections import Database, connect
from koinon.db.transactions import transaction
from koinon.kernel.money import Amount
from koinon.ledger import queries as books
from koinon.ledger.types import Kind
from koinon.parties import operations as parties
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.pilots import townfolder
from koinon.pilots.apply import apply
from koinon.programmes import queries
from koinon.treasury import operations as treasury
from tests.conftest import Databases, LiveSite, serving
from tests.pilots import small_families
from tests.web.browsing import DESK, Reader, follow
from tests.web.signing import session_cookie

PASSWORD = "a rather long password"
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


@dataclass
class Story:
    """The town, its staff at their windows, and its books."""

    database: Database
    site: LiveSite
    folder: Path
    conn: Any
    town_id: int

    @property
    def parties(self) -> dict[str, UUID]:
        """The households by their file numbers, once the folder was taken in."""
        numbers = [household.key for household in townfolder.read(self.folder).households]
        return Vault(self.conn, Secrets.load()).find_many(self.town_id, "identifier", numbers)

    def balance(self, file_number: str) -> str:
        fund = queries.fund_by_code(self.conn, town_id=self.town_id, code="oikogeneies").id
        found = books.account(
            self.conn, town_id=self.town_id, kind=Kind.PURSE, holder=self.parties[file_number], fund=fund
        )
        return str(found.balance) if found else "no purse"


def zipped(folder: Path) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            if path.is_file():
                archive.write(path, f"town/{path.relative_to(folder)}")
    return whole.getvalue()


@pytest.fixture(scope="module")
def story(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A town with its fund and euros in the reserve; whom it knows and its programme come with the folder."""
    folder = small_families.write(tmp_path_factory.mktemp("town"))
    with databases.clone() as database, connect(database.app_url, application_name="journey") as conn:
        with transaction(conn):
            secrets = Secrets.load()
            plan = townfolder.read(folder)
            empty = replace(plan, households=(), people=(), awards=(), programmes=())
            town_id = apply(conn, empty, at=NOW, actor="cli:setup", accept_warnings=True, secrets=secrets).town_id
            assert town_id is not None
            for role in ("officer", "approver"):
                parties_user = parties.add_user(
                    conn, username=role, email=f"{role}@paggaio.test", password_hash=make_password(PASSWORD), at=NOW
                )
                parties.grant_role(
                    conn, town_id=town_id, user_id=parties_user.id, role=role, party_id=None, actor="cli:setup", at=NOW
                )
            fund = queries.fund_by_code(conn, town_id=town_id, code="oikogeneies").id
            treasury.receive_budget(
                conn, town_id=town_id, fund=fund, amount=Amount(1000_00, "PAG"), bank_reference="B1",
                idempotency_key="B1", at=NOW, actor="cli:setup",
            )  # fmt: skip
        with serving(database) as site:
            yield Story(database, site, folder, conn, town_id)


def window(browser: Browser, story: Story, name: str) -> Reader:
    context = browser.new_context(viewport={"width": DESK["width"], "height": DESK["height"]})
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    context.add_cookies([session_cookie(story.database, name, story.site.url)])  # type: ignore[list-item]
    return Reader(context, page, story.site, problems)  # type: ignore[arg-type]


def ending(story: Story, number: str) -> str:
    return story.parties[number].hex[-6:]


def check_folder(page: Page, folder: Path) -> None:
    page.set_input_files("#id_folder", [{"name": "t.zip", "mimeType": "application/zip", "buffer": zipped(folder)}])
    follow(page, "text=Check the folder")


def test_a_cycle_from_import_to_disbursement_with_a_refused_line(
    browser: Browser, story: Story, tmp_path: Path
) -> None:
    officer, approver = window(browser, story, "officer"), window(browser, story, "approver")

    # The folder is checked: what cannot be meant is found at its place, then nothing is wrong.
    wrong = small_families.PROGRAMME.replace('statuses = ["monogoneiki"]', 'statuses = ["monogonia"]').replace(
        'pays = "100,00"', 'pays = "1.00,0"'
    )
    page = officer.open("/office/folder/")
    check_folder(page, small_families.write(tmp_path / "wrong", programme=wrong))
    found = [row.locator("td").all_inner_texts()[:3] for row in page.locator("tbody tr").all()]
    lines = wrong.splitlines()
    assert [(lines[int(row) - 1].strip(), column) for _, row, column in found] == [
        ('{ statuses = ["monogonia"] },', "programmes.eligibility.any[2].statuses"),
        ('{ children = { younger_than = 18, at_least = 1 }, pays = "1.00,0" },', "programmes.amounts.table[2].pays"),
    ]
    page = officer.open("/office/folder/")
    check_folder(page, story.folder)
    assert "must be put right" not in page.locator("main").inner_text()
    follow(page, "text=Take the folder in")
    assert "The folder is taken in." in page.locator("main").inner_text()

    # One person stands in two files: the officer finds it, and decides.
    page = officer.open("/office/duplicates/")
    follow(page, "text=Look for duplicates now")
    assert "The same day of birth and the same or a similar name." in page.locator("main").inner_text()
    page.fill("input[name=reason]", "one person with two files")
    follow(page, page.get_by_role("button", name="The same household"))
    assert "The decision is kept." in page.locator("main").inner_text()

    # Somebody moved here too lately for the rules: an exception takes a second person.
    page = officer.open(f"/office/exceptions/?household={ending(story, 'Φ22026')}")
    page.fill("#id_reason", "Moved after the flood; the council decided on 5 October.")
    follow(page, "text=Ask a second person")
    assert page.get_by_role("button", name="Approve").count() == 0
    page = approver.open("/office/exceptions/")
    assert "Moved after the flood" in page.locator("main").inner_text()
    follow(page, page.get_by_role("button", name="Approve"))
    assert "in force for months prepared from now on" in page.locator("main").inner_text()

    # What the rules would decide, then the month itself.
    page = officer.open("/office/")
    follow(page, "text=Who gets what")
    assert "Has lived here for at least 12 full months." in page.locator("main").inner_text()
    follow(page, "text=Show what the rules would decide")
    assert [row.inner_text() for row in page.locator(".facts.card dd").all()] == ["175.00\u00a0PAG", "3", "0", "2"]
    page = officer.open("/office/")
    follow(page, "text=Prepare the month")
    address = page.url
    page.click("summary:has-text('Every household of the list')")
    follow(page, f"text={ending(story, 'Φ42026')}")
    told = page.locator("main").inner_text()
    assert "Gets nothing" in told
    assert "None of these holds:" in told
    assert "Its income band is χαμηλό; the programme is for χωρίς." in told
    assert "Not on record: monogoneiki." in told
    page.goto(address)
    page.click("summary:has-text('Every household of the list')")
    follow(page, f"text={ending(story, 'Φ22026')}")
    assert "Two people decided to pay it although:" in page.locator("main").inner_text()
    page.goto(address)
    follow(page, "text=What has changed since it was prepared")
    assert "today the list would be the same" in page.locator("main").inner_text()

    # Two signatures, then purses.
    page.goto(address)
    follow(page, "text=Submit for approval")
    page = approver.open("/approvals/")
    follow(page, "text=Look at it")
    assert "It stands in the register twice and is paid once." in page.locator("main").inner_text()
    follow(page, "text=Approve this month")
    assert story.balance("Φ12026") == "no purse"
    officer.page.goto(address)
    follow(officer.page, "text=Pay the households")
    assert "is paid" in officer.page.locator("main").inner_text()

    assert {number: story.balance(number) for number in ("Φ12026", "Φ22026", "Φ32026", "Φ42026", "Φ52026")} == {
        "Φ12026": "100.00 PAG",
        "Φ22026": "25.00 PAG",
        "Φ32026": "50.00 PAG",
        "Φ42026": "no purse",
        "Φ52026": "no purse",
    }
    assert [(result.name, result.failures) for result in run_checks(story.conn) if result.failures] == []
    assert (officer.problems, approver.problems) == ([], [])
    officer.context.close()
    approver.context.close()
