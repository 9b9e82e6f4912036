"""The pages of staff, their rights, accounts of others, and programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of
from tests.web.walking import text_of


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def user(name: str) -> Any:
    from koinon.parties.models import User

    return User.objects.get(username=name)


def shown(client: Client, page: str, **fields: str) -> str:
    """A page, or what follows when something is sent to it."""
    answer = client.post(page, fields, follow=True) if fields else client.get(page)
    return answer.content.decode()


def test_a_right_over_money_waits_for_an_approver_and_nobody_else_decides(site: Database) -> None:
    officer, approver = client_of("officer"), client_of("approver")
    auditor = user("demo-auditor")
    said = shown(officer, f"/office/staff/{auditor.pk}/change/", act="give", role="treasurer")
    assert "An approver decides" in said
    assert "Give it, or ask for it" in said
    listed = shown(approver, "/office/staff/")
    (address,) = set(re.findall(r'action="(/office/staff/rights/[^"]+)"', listed))
    assert officer.post(address, {"act": "give"}).status_code == 409
    assert "Given, from now on" in shown(approver, address, act="give")
    assert sorted(auditor.grants.values_list("role", flat=True)) == ["auditor", "treasurer"]
    shown(officer, f"/office/staff/{auditor.pk}/change/", act="end", role="treasurer")
    assert list(auditor.grants.values_list("role", flat=True)) == ["auditor"]


def test_a_right_in_no_role_is_not_asked_for(site: Database) -> None:
    officer, auditor = client_of("officer"), user("demo-auditor")
    for act in ("give", "sees"):
        said = shown(officer, f"/office/staff/{auditor.pk}/change/", act=act, role="")
        assert "Asked for" not in said
        assert officer.get("/office/staff/").status_code == 200
    assert list(auditor.grants.values_list("role", flat=True)) == ["auditor"]


def test_an_officer_gets_no_code_for_an_account_that_the_code_alone_would_open(site: Database) -> None:
    officer, treasurer = client_of("officer"), user("demo-treasurer")
    page = f"/office/staff/{treasurer.pk}/change/"
    assert 'id="code"' in shown(officer, page, act="invite")
    kept = list(treasurer.authenticator_set.all())
    treasurer.authenticator_set.all().delete()
    try:
        assert 'id="code"' not in shown(officer, page, act="invite")
    finally:
        for one in kept:
            one.save(force_insert=True)


def test_a_right_over_the_money_of_another_town_counts_too(site: Database) -> None:
    from django.db import transaction

    from koinon.parties.models import RoleGrant, Town

    officer, auditor = client_of("officer"), user("demo-auditor")
    page = f"/office/staff/{auditor.pk}/change/"
    with transaction.atomic():
        here = auditor.grants.get(role="auditor").town
        there = Town.objects.get(pk=here.pk)
        there.pk, there.slug, there.party_id = None, "another-town", None
        there.save(force_insert=True)
        RoleGrant.objects.filter(user=auditor).update(sees_personal_data=False)
        auditor.authenticator_set.all().delete()
        assert 'id="code"' in shown(officer, page, act="invite")
        RoleGrant.objects.create(user=auditor, town=there, role="treasurer")
        assert 'id="code"' not in shown(officer, page, act="invite")
        transaction.set_rollback(True)


def test_an_account_is_ended_for_a_household_and_its_name_is_not_shown(site: Database) -> None:
    from koinon.parties.models import RoleGrant, User

    grant = RoleGrant.objects.get(role="resident")
    second = User.objects.create(username="a-name-of-ones-own")
    given = RoleGrant.objects.create(user=second, town=grant.town, role="resident", party=grant.party)
    officer, page = client_of("officer"), f"/counter/people/{grant.party_id}/accounts/"
    listed = shown(officer, page)
    assert "Account 2" in listed
    assert "a-name-of-ones-own" not in listed
    shown(officer, f"{page}end/", grant=str(given.pk))
    assert not RoleGrant.objects.filter(pk=given.pk).exists()
    assert RoleGrant.objects.filter(pk=grant.pk).exists()


def test_a_letter_tells_its_code_once_and_can_be_ended(site: Database) -> None:
    from koinon.parties.models import Invitation, RoleGrant

    party = RoleGrant.objects.get(role="shop").party_id
    officer, page = client_of("officer"), f"/counter/people/{party}/accounts/"
    letter = text_of("", officer.post(f"{page}letter/").content)
    code = re.search(r"\b(?:[a-z2-9]{4}-){3}[a-z2-9]{4}\b", letter)
    assert code is not None
    assert code.group(0) not in shown(officer, page)
    made = Invitation.objects.get(party_id=party)
    shown(officer, f"{page}end/", letter=str(made.pk))
    assert "No invitation waits" in shown(Client(), "/invitation/", code=code.group(0))


@pytest.mark.parametrize(
    "sent", [{"letter": "1"}, {"letter": "\0"}, {"grant": "first"}, {"grant": "²"}, {"grant": "9" * 30}, {}]
)
def test_an_account_or_letter_that_there_is_not_is_not_found(site: Database, sent: dict[str, str]) -> None:
    from koinon.parties.models import RoleGrant

    kept = RoleGrant.objects.count()
    party = RoleGrant.objects.get(role="resident").party_id
    assert client_of("officer").post(f"/counter/people/{party}/accounts/end/", sent).status_code == 404
    assert RoleGrant.objects.count() == kept


def test_a_key_is_shown_once_and_revoked(site: Database) -> None:
    officer = client_of("officer")
    made = shown(officer, "/office/programs/keys/", name="Bakery till", scopes="payments:read")
    secret = re.search(r'id="secret">([^<]+)<', made)
    assert secret is not None
    again = shown(officer, "/office/programs/")
    assert secret.group(1) not in again
    (address,) = re.findall(r'action="(/office/programs/keys/[^"]+/revoke/)"', again)
    shown(officer, address, sure="1")
    assert "/revoke/" not in shown(officer, "/office/programs/")


def test_an_address_is_told_gets_a_new_secret_and_is_told_no_more(site: Database) -> None:
    officer = client_of("officer")
    refused = shown(officer, "/office/programs/webhooks/", url="http://10.0.0.1/", kinds="payment.posted")
    assert "begins with https" in refused
    made = shown(officer, "/office/programs/webhooks/", url="https://example.org/told", kinds="payment.posted")
    (address,) = set(re.findall(r'href="(/office/programs/webhooks/[^"]+)"', made))
    turned = re.search(r'id="secret">([^<]+)<', shown(officer, f"{address}change/", act="rotate"))
    assert turned is not None
    assert turned.group(1) not in made
    assert "https://example.org/told" in shown(officer, address)
    assert "https://example.org/told" not in shown(officer, f"{address}change/", act="remove")
