"""A payment run between the two people who answer for it: what both of them see, and how a yes is taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.urls import reverse
from playwright.sync_api import Browser

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.browsing import PHONE, follow, look, signed_in, window_for_axe
from tests.web.test_access import client_of
from tests.web.town import Lived, TownSite

LOOKING = {"treasurer": "treasury-run", "approver": "approve-run-look"}
WITHDRAWING = {"treasurer": "treasury-withdraw", "approver": "approve-run-withdraw"}
FINGERPRINT = re.compile(r'<bdi class="code" dir="ltr">((?:[0-9a-f]{4} ){3}[0-9a-f]{4})</bdi>')


@pytest.fixture
def site(lived: Lived) -> Iterator[Database]:
    """A town for each test, because a till pays out only once."""
    with lived.copy() as database, django_on(database):
        yield database


@pytest.fixture
def run(site: Database) -> UUID:
    """A run of 20 units to the shop, which waits for its approval."""
    form = {"form_id": str(uuid4()), "amount": "20"}
    assert client_of("shop").post("/shop/payout/", form).status_code == 302
    answer = client_of("treasurer").post("/treasury/runs/prepare/", {"form_id": str(uuid4())})
    return UUID(answer.headers["Location"].split("/")[-2])


def page(role: str, run: UUID) -> str:
    answer = client_of(role).get(reverse(LOOKING[role], args=[run]))
    assert answer.status_code == 200
    return answer.content.decode()


def approve(run: UUID) -> None:
    shown = {"payees": fingerprint("approver", run)}
    assert client_of("approver").post(reverse("approve-run", args=[run]), shown).status_code == 302


def export(run: UUID, language: str = "en") -> tuple[int, str]:
    client = client_of("treasurer")
    client.cookies["django_language"] = language
    answer = client.post(reverse("treasury-export", args=[run]))
    return answer.status_code, answer.content.decode()


def change_the_shops_name(name: str) -> None:
    from koinon.parties.connection import raw
    from koinon.parties.models import RoleGrant
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    party = RoleGrant.objects.get(role="shop").party_id
    assert party is not None
    with transaction.atomic():
        Vault(raw(), Secrets.load()).put(party, {"name": name})


def fingerprint(role: str, run: UUID) -> str:
    (found,) = FINGERPRINT.findall(page(role, run))
    return str(found)


def test_both_people_read_the_same_fingerprint_until_a_payee_changes(run: UUID) -> None:
    before = fingerprint("treasurer", run)
    assert fingerprint("approver", run) == before
    approve(run)
    assert fingerprint("approver", run) == before
    change_the_shops_name("Forn Nou")
    assert fingerprint("treasurer", run) == fingerprint("approver", run) != before


def test_a_yes_to_what_was_shown_is_no_yes_to_what_it_became(run: UUID) -> None:
    shown = fingerprint("approver", run)
    change_the_shops_name("Forn Altre")
    for sent in ({"payees": shown}, {}):
        answer = client_of("approver").post(
            reverse("approve-run", args=[run]), sent, headers={"Accept": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "treasury.other-than-shown")
    approve(run)


@pytest.mark.parametrize("role", WITHDRAWING)
def test_a_yes_is_offered_back_from_the_approval_until_the_file_is_made(run: UUID, role: str) -> None:
    withdraw = reverse(WITHDRAWING[role], args=[run])
    assert withdraw not in page(role, run)
    approve(run)
    assert f'action="{withdraw}"' in page(role, run)
    assert export(run)[0] == 200
    shown = page(role, run)
    assert withdraw not in shown
    assert FINGERPRINT.search(shown) is None  # The names of today say nothing about a file made before.
    answer = client_of(role).post(withdraw, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (409, "treasury.run-in-other-state")


@pytest.mark.parametrize("role", WITHDRAWING)
def test_a_changed_payee_is_paid_after_the_approval_was_withdrawn_and_given_anew(run: UUID, role: str) -> None:
    approve(run)
    change_the_shops_name(f"Forn {role}")
    status, shown = export(run)
    assert status == 409
    assert "Withdraw the approval, look at the run, then approve it anew." in shown
    assert "Retire la aprobación" in export(run, "es")[1]

    answer = client_of(role).post(reverse(WITHDRAWING[role], args=[run]))
    assert answer.headers["Location"] == reverse(LOOKING[role], args=[run])
    assert export(run)[0] == 409
    approve(run)

    status, file = export(run)
    assert (status, f"Forn {role}" in file) == (200, True)
    trail = client_of("auditor").get("/audit/trail/", {"action": "treasury.run-approval-withdrawn", "export": "csv"})
    assert "Approval of a run withdrawn" in trail.content.decode()


def test_a_run_and_the_list_of_runs_say_how_much_of_it_the_bank_refused(run: UUID) -> None:
    from koinon.parties.connection import raw
    from koinon.parties.models import RoleGrant
    from koinon.treasury import operations, queries

    def listed() -> str:
        return str(client_of("treasurer").get("/treasury/runs/").content.decode())

    approve(run)
    assert export(run)[0] == 200
    before = page("treasurer", run) + listed()
    with transaction.atomic():
        town = RoleGrant.objects.get(role="shop").town_id
        (payment,) = queries.payments(raw(), town_id=town, run_id=run)
        operations.reject_payment(
            raw(), town_id=town, payment_id=payment.id, reason="AC04", at=datetime.now(UTC), actor="test"
        )
    assert "Refused by the bank, or came back:" not in before
    for after in (page("treasurer", run), listed()):
        assert re.search(r"Refused by the bank, or came back:.{0,80}20[.]00", after)


def test_an_approver_finds_the_run_again_while_the_bank_does_not_have_it(run: UUID) -> None:
    def listed() -> bool:
        return reverse("approve-run-look", args=[run]) in client_of("approver").get("/approvals/").content.decode()

    approve(run)
    assert listed()
    export(run)
    assert not listed()


@pytest.mark.parametrize("role", WITHDRAWING)
def test_a_withdrawal_from_another_site_is_refused(run: UUID, role: str) -> None:
    approve(run)
    client = client_of(role)
    client.handler.enforce_csrf_checks = True
    withdraw = reverse(WITHDRAWING[role], args=[run])
    assert client.post(withdraw).status_code == 403
    assert f'action="{withdraw}"' in page(role, run)


def test_axe_finds_nothing_on_a_run_that_can_be_withdrawn(browser: Browser, town_site: TownSite) -> None:
    people = {role: signed_in(browser, town_site, role, size=PHONE) for role in ("shop", "treasurer", "approver")}
    wrong = {}
    shown = people["shop"].open("/shop/payout/")
    shown.fill("#id_amount", "20")
    follow(shown, "text=Pay this out")
    shown = people["treasurer"].open("/treasury/runs/")
    follow(shown, "text=Prepare a run")
    run = shown.url.rstrip("/").rsplit("/", 1)[-1]
    shown = people["approver"].open(reverse("approve-run-look", args=[run]))
    follow(shown, "text=Approve this payment")
    for role, path in [
        ("approver", "/approvals/"),
        *[(role, reverse(name, args=[run])) for role, name in LOOKING.items()],
    ]:
        looked = look(window_for_axe(people[role]), path)
        assert looked is not None
        if looked.findings:
            wrong[path] = looked.findings
    people["approver"].speak("en")
    shown = people["approver"].open(reverse("approve-run-look", args=[run]))
    follow(shown, "text=Withdraw the approval")
    said = shown.locator("main").inner_text()
    problems = [problem for found in people.values() for problem in found.problems]
    for found in people.values():
        found.context.close()
    assert "The approval is withdrawn." in said
    assert wrong == {}
    assert problems == []
