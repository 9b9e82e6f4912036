"""Seeing money and seeing people are two rights: staff without the second do all their work and meet no name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils.html import escape

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.signing import in_browser
from tests.web.test_access import ids
from tests.web.walking import Walk

MARK = "Zyxwvutqua"  # In the name of everybody in this town, and nowhere else.
STAFF = ("officer", "approver", "treasurer", "auditor", "coordinator")


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        with transaction.atomic():
            call_everybody_unmistakably()
        yield town_database


def call_everybody_unmistakably() -> None:
    from koinon.parties.connection import raw
    from koinon.parties.models import Organisation, Party
    from koinon.parties.naming import OWN_NAME_FORMS
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    vault = Vault(raw(), Secrets.load())
    everybody = list(Party.objects.exclude(kind="public_body").values_list("id", flat=True))
    vault.put_many({party: {"name": f"{MARK} {number}"} for number, party in enumerate(everybody)})
    first = Organisation.objects.order_by("pk").first()
    assert first is not None
    Organisation.objects.filter(pk=first.pk).update(legal_form="self-employed")
    for shop in Organisation.objects.filter(legal_form__in=OWN_NAME_FORMS):
        Organisation.objects.filter(pk=shop.pk).update(trade_name=f"{MARK} & daughters")


def identifying() -> list[str]:
    """The mark of every name, and every number by which somebody could be known."""
    from koinon.parties.connection import raw
    from koinon.parties.models import Party
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    with transaction.atomic():
        of_people = Party.objects.exclude(kind="public_body").values_list("id", flat=True)
        kept = Vault(raw(), Secrets.load()).get_many(of_people)
    numbers = {
        row[name] for row in kept.values() for name in ("identifier", "phone", "iban", "tax_id") if row.get(name)
    }
    return [MARK, *sorted(number for number in numbers if len(number) > 7)]


def staff(role: str, *, sees_personal_data: bool) -> Client:
    from koinon.parties.models import RoleGrant, Town, User

    user, _ = User.objects.get_or_create(username=f"{role}-{'with' if sees_personal_data else 'without'}-the-right")
    RoleGrant.objects.get_or_create(
        user=user, town=Town.objects.get(), role=role, defaults={"sees_personal_data": sees_personal_data}
    )
    return in_browser(user)


def looks() -> int:
    from koinon.parties.connection import raw

    with transaction.atomic():
        row = raw().execute("SELECT count(*) FROM audit.entry WHERE action = 'parties.revealed'").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("role", STAFF)
def test_staff_without_the_right_see_nobody_on_any_page_or_in_any_file(site: Database, role: str) -> None:
    before, forbidden = looks(), identifying()
    client = staff(role, sees_personal_data=False)
    walk = Walk(client, role).everything(ids("officer-without-the-right" if role == "officer" else "demo-officer"))
    shown = {}
    for asked, text in walk.seen.items():
        searched = f"{text}\n{text.replace(' ', '')}"  # A number may be written in groups.
        shown[asked] = [word for word in forbidden if word in searched]
    assert {asked: words for asked, words in shown.items() if words} == {}
    assert looks() == before
    assert walk.missed == [], "no link leads there: name one of its kind in tests/web/test_access.py, ids()"
    if role in ("officer", "treasurer"):
        assert len(walk.files) > 6


def test_the_walk_would_find_a_name(site: Database) -> None:
    """The same pages name people to those who may see them: the test above looks where names would be."""
    walk = Walk(staff("officer", sees_personal_data=True), "officer")
    for listed in ("residents", "households", "organisations", "awards"):
        walk.look(f"/office/{listed}/")
    naming = {asked.split("?")[0] for asked, text in walk.seen.items() if MARK in text}
    assert {
        "GET /office/residents/",
        "GET /office/households/",
        "GET /office/organisations/",
        "GET /office/awards/",
    } <= naming
    files = {asked.split("export=")[1][:4] for asked in walk.files if "export=" in asked and MARK in walk.seen[asked]}
    assert {"csv&", "xlsx", "json"} <= files


def test_every_name_shown_is_one_look_on_record(site: Database) -> None:
    from koinon.parties.models import Person

    client, before = staff("officer", sees_personal_data=True), looks()
    assert MARK not in client.get("/office/residents/").content.decode()  # Opening a list is not looking at people.
    assert looks() == before
    named = json.loads(
        client.get("/office/residents/", {"names": "1", "export": "json", "is_reference": "yes"}).content
    )
    wanted = Person.objects.filter(is_reference=True).count()
    assert sum(MARK in row["party"] for row in named["rows"]) == wanted
    assert looks() == before + wanted


def test_a_company_is_called_by_its_sign_and_a_sole_trader_by_a_number(site: Database) -> None:
    from koinon.parties.models import Organisation

    Organisation.objects.filter(legal_form="limited-company").update(trade_name="Corner & Co")
    asked = {"export": "json"}
    rows = json.loads(staff("treasurer", sees_personal_data=False).get("/office/organisations/", asked).content)["rows"]
    called: dict[str, set[Any]] = {"own": set(), "company": set()}
    for row in rows:
        called["own" if row["legal_form"] in ("self-employed", "other form", "civil partnership") else "company"].add(
            row["party"]
        )
    assert {len(name) for name in called["own"]} == {6}
    assert called["company"]
    assert [name for name in called["company"] if len(name) == 6] == []


def test_the_bank_file_is_made_by_those_who_may_see_accounts(site: Database) -> None:
    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.treasury import queries as treasury

    with transaction.atomic():
        run = treasury.runs(raw(), town_id=Town.objects.get().pk)[0].id
    refused = staff("treasurer", sees_personal_data=False).post(f"/treasury/runs/{run}/export/")
    assert refused.status_code == 403
    assert b"parties.personal-data-not-allowed" in refused.content


def test_nobody_is_found_by_a_document_without_the_right(site: Database) -> None:
    answer = staff("officer", sees_personal_data=False).post("/office/find/", {"kind": "identifier", "value": "1"})
    assert answer.status_code == 403


def test_a_list_without_names_says_why_some_of_it_stands_by_its_sign(site: Database) -> None:
    """A company's sign is on its door; nobody's own name is in the list, and the list says which is which."""
    from koinon.parties.models import Organisation
    from koinon.parties.naming import OWN_NAME_FORMS

    why = "A company or co-operative stands here by its sign, whoever trades in their own name by a number."
    signs = Organisation.objects.exclude(legal_form__in=OWN_NAME_FORMS).values_list("trade_name", flat=True)
    shown = staff("officer", sees_personal_data=False).get("/office/organisations/").content.decode()
    assert (why in shown, MARK in shown) == (True, False)
    assert any(escape(sign) in shown for sign in signs)
    residents = staff("officer", sees_personal_data=False).get("/office/residents/").content.decode()
    assert (why in residents, MARK in residents) == (False, False)
    named = staff("officer", sees_personal_data=True).get("/office/organisations/?names=1").content.decode()
    assert (why in named, MARK in named) == (False, True)
