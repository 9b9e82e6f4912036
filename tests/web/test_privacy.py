"""Money and people apart: who checks or pays sees no names, a shop sees no purses, nobody sees an account number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of, ids
from tests.web.walking import text_of


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def pages(role: str) -> dict[str, str]:
    """Every page a role may open, by address."""
    from koinon.web import urls

    client, found, shown = client_of(role), ids(), {}
    for pattern in urls.urlpatterns:
        if role in getattr(pattern.callback, "seen_by", ()):
            url = reverse(pattern.name, kwargs={name: found[name] for name in pattern.pattern.converters})
            answer = client.get(url)
            if answer.status_code == 200:
                shown[url] = text_of(answer.headers["Content-Type"], answer.content)
    return shown


def secrets_of_people() -> dict[str, list[str]]:
    """Names and account numbers of the whole town, and the signs of those who trade in their own name."""
    from django.db import transaction

    from koinon.parties.connection import raw
    from koinon.parties.models import Organisation, Party
    from koinon.parties.naming import OWN_NAME_FORMS
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    with transaction.atomic():
        # The town's own name and account are public: residents transfer to it.
        people = Party.objects.exclude(kind="public_body").values_list("id", flat=True)
        kept = Vault(raw(), Secrets.load()).get_many(people)
    fields = [(name, value) for row in kept.values() for name, value in row.items()]
    companies = Organisation.objects.exclude(legal_form__in=OWN_NAME_FORMS).values_list("party_id", flat=True)
    of_people = [row for party, row in kept.items() if party not in set(companies)]
    return {
        "names": [row["name"] for row in of_people if len(row.get("name", "")) > 7],
        "accounts": [value for name, value in fields if name == "iban"],
        "identifiers": [value for name, value in fields if name == "identifier"],
        "signs": list(
            Organisation.objects.filter(legal_form__in=OWN_NAME_FORMS)
            .exclude(trade_name="")
            .values_list("trade_name", flat=True)
        ),
    }


@pytest.mark.parametrize("role", ["auditor", "treasurer", "approver", "officer"])
def test_staff_pages_name_nobody(site: Database, role: str) -> None:
    known = secrets_of_people()
    assert all(known.values())
    shown = pages(role)
    assert len(shown) >= 2
    wrong = {
        (url, kind): value
        for url, text in shown.items()
        for kind, values in known.items()
        for value in values
        if value in text
    }
    assert wrong == {}


@pytest.mark.parametrize("role", ["resident", "shop"])
def test_no_page_shows_an_account_number_or_an_identifier(site: Database, role: str) -> None:
    known, shown = secrets_of_people(), pages(role)
    assert all(known.values())
    assert len(shown) >= 2
    text = "".join(shown.values()).replace(" ", "")
    assert [value for value in known["accounts"] + known["identifiers"] if value in text] == []


def test_a_shop_does_not_see_which_purse_a_customer_paid_from(site: Database) -> None:
    from koinon.programmes.models import Fund

    # The till says to everybody alike what may be used here; it knows nobody when it says so.
    shown = {url: text for url, text in pages("shop").items() if url != "/till/"}
    funds = set(Fund.objects.values_list("name", flat=True))
    assert funds
    assert len(shown) >= 2
    assert [(url, name) for url, text in shown.items() for name in funds if name in text] == []


def test_the_public_page_names_no_shop(site: Database) -> None:
    from koinon.parties.models import Organisation

    answer = Client().get("/")
    signs = [sign for sign in Organisation.objects.values_list("trade_name", flat=True) if len(sign) > 7]
    assert answer.status_code == 200
    assert signs
    assert [sign for sign in signs if sign in answer.content.decode()] == []


def test_answers_to_signed_in_people_are_kept_by_no_cache(site: Database) -> None:
    assert client_of("resident").get("/purse/").headers["Cache-Control"] == "no-store"
