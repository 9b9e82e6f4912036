"""Who gets what on the officer's and the approver's pages: rules in words, lines with their facts, exceptions, duplicates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


@pytest.fixture
def desk(site: Database) -> Iterator[dict[str, Client]]:
    """The officer's and the approver's browser; whatever they do is rolled back."""
    with transaction.atomic():
        yield {role: client_of(role) for role in ("officer", "approver")}
        transaction.set_rollback(True)


def programme() -> Any:
    from koinon.programmes.models import Cycle

    return Cycle.objects.get(month="2026-10").programme


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def with_rules() -> Any:
    found = programme()
    found.rule = {"not": {"zones": ["50"]}, "any": [{"members": {"at_least": 2}}, {"statuses": ["disability"]}]}
    found.amounts = {
        "formula": {
            "base": 10000, "each_child": [{"younger_than": 3, "pays": 4000}], "at_most": 50000,
            "supplements": [{"income_bands": ["none"], "pays": 1550}], "share_of_award": "1/2",
        }
    }  # fmt: skip
    found.waiting = {"monthly_budget": 30000, "score": [{"points": 3, "each": "member", "income_bands": ["none"]}]}
    found.save()
    return found


def test_rules_stand_in_words_and_can_be_tried_out(desk: dict[str, Client]) -> None:
    from koinon.programmes.models import Cycle

    found = with_rules()
    cycles = Cycle.objects.count()
    for role in desk:
        page = text(desk[role].get(f"/office/programmes/{found.pk}/rules/?try=1&month=2026-12"))
        for said in (
            "One of these at least:", "Members: at least 2.", "On record: disability.", "Not:",
            "100.00", "for each child younger than 3", "of the award", "3 points for each member", "300.00",
            "Its income band is Sense ingressos.",
        ):  # fmt: skip
            assert said in page, said
    listed = desk["officer"].get(f"/office/programmes/{found.pk}/rules/?try=1&month=2026-12&export=json")
    rows = json.loads(listed.content)["rows"]
    assert len(rows) == found.awards.values("household").distinct().count()
    assert Cycle.objects.count() == cycles
    assert 'href="/office/households/' not in text(desk["approver"].get(f"/office/programmes/{found.pk}/rules/?try=1"))


def test_a_line_shows_the_facts_and_every_ground(desk: dict[str, Client]) -> None:
    from koinon.programmes.models import Entitlement

    with_rules()
    desk["officer"].post(f"/office/programmes/{programme().pk}/prepare/", {"month": "2026-12"})
    lines = Entitlement.objects.filter(cycle__month="2026-12")
    assert {"due", "waiting"} <= set(lines.values_list("decision", flat=True))
    due = lines.get(snapshot__place=1)
    page = text(desk["approver"].get(f"/office/lines/{due.pk}/"))
    for said in (
        "Gets it",
        "By the formula:",
        "1 × ",
        "for every household",
        "Place 1 of",
        "What would keep it out is not true:",
    ):
        assert said in page, said
    waits = text(desk["officer"].get(f"/office/lines/{lines.filter(decision='waiting')[0].pk}/"))
    assert "the budget ends before its" in waits
    assert desk["officer"].get("/office/lines/00000000-0000-0000-0000-000000000001/").status_code == 404


def test_a_recheck_lists_what_would_be_decided_otherwise(desk: dict[str, Client]) -> None:
    from koinon.programmes.models import Cycle

    desk["officer"].post(f"/office/programmes/{programme().pk}/prepare/", {"month": "2026-12"})
    cycle = Cycle.objects.get(month="2026-12")
    address = f"/office/months/{cycle.pk}/recheck/"
    assert "today the list would be the same" in text(desk["approver"].get(address))
    found = programme()
    found.rule = {"zones": ["nowhere"]}
    found.save()
    page = text(desk["approver"].get(address))
    assert f"{cycle.entitlements.count()} lines would be decided otherwise today." in page
    assert "outside the programme&#x27;s neighbourhoods" in page


def asked(client: Client, household: str, **more: str) -> Any:
    page = client.get("/office/exceptions/")
    form_id = page.content.decode().split('name="form_id" value="')[1].split('"')[0]
    filled = {
        "form_id": form_id, "programme": str(programme().pk), "household": household, "kind": "pay",
        "first_month": "2026-12", "reason": "agreed by the council", **more,
    }  # fmt: skip
    return client.post("/office/exceptions/", filled)


def test_an_exception_is_asked_for_by_one_and_decided_by_another(desk: dict[str, Client]) -> None:
    from koinon.parties.models import Household
    from koinon.programmes.models import AidException

    ending = Household.objects.all()[0].pk.hex[-6:]
    wrong = {"household": "zzzzzz", "last_month": "2026-11", "kind": "refuse", "aid": "12,5", "reason": ""}
    page = text(asked(desk["officer"], **wrong))
    for said in ("comes before the first", "belongs only to an exception that pays", "This field is required"):
        assert said in page, said
    assert "no household with this number" in text(asked(desk["officer"], "zzzzzz"))
    assert asked(desk["officer"], ending, aid="1.234,50").status_code == 302
    made = AidException.objects.get()
    assert (made.aid_minor, made.state) == (123450, "proposed")
    assert desk["officer"].post(f"/office/exceptions/{made.pk}/decide/", {"answer": "yes"}).status_code == 403
    assert "agreed by the council" in text(desk["approver"].get("/office/exceptions/"))
    assert desk["approver"].post(f"/office/exceptions/{made.pk}/decide/", {"answer": "yes"}).status_code == 302
    made.refresh_from_db()
    assert made.state == "approved"
    assert desk["officer"].post(f"/office/exceptions/{made.pk}/withdraw/").status_code == 302
    assert "Withdrawn" in text(desk["officer"].get("/office/exceptions/"))


def test_duplicates_are_looked_for_and_decided_with_a_reason(desk: dict[str, Client]) -> None:
    from koinon.parties.connection import raw
    from koinon.parties.models import Person
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault
    from koinon.programmes.models import DuplicatePair

    vault = Vault(raw(), Secrets.load())
    two = list(Person.objects.filter(is_reference=True).order_by("pk")[:2])
    for one in two:
        vault.put(one.pk, {"name": "Ana Vila Roca", "born_on": "1971-02-03"})
    assert desk["officer"].post("/office/duplicates/look/").status_code == 302
    pair = DuplicatePair.objects.get(kept__in=[one.household_id for one in two], other__in=[one.household_id for one in two])  # fmt: skip
    page = text(desk["officer"].get("/office/duplicates/"))
    assert "a similar name" in page
    assert "Vila" not in page
    address = f"/office/duplicates/{pair.pk}/decide/"
    assert desk["officer"].post(address, {"answer": "same", "reason": " "}).status_code == 302
    pair.refresh_from_db()
    assert pair.state == "open"
    desk["officer"].post(address, {"answer": "different", "reason": "mother and daughter"})
    pair.refresh_from_db()
    assert (pair.state, pair.reason) == ("different", "mother and daughter")
    assert desk["approver"].post(address, {"answer": "same", "reason": "x"}).status_code == 403
    assert "mother and daughter" in text(desk["approver"].get("/office/duplicates/"))
