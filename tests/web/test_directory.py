"""The officer's directory: what is listed, what can be done to many at once, and what is remembered of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.test.utils import setup_test_environment, teardown_test_environment

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    """The town's database, with what pages are drawn from (``answer.context``) kept for the tests."""
    with django_on(town_database):
        setup_test_environment()
        yield town_database
        teardown_test_environment()


@pytest.fixture
def officer(site: Database) -> Iterator[Client]:
    """The officer's browser; whatever it does is rolled back."""
    with transaction.atomic():
        yield client_of("officer")
        transaction.set_rollback(True)


def rows(client: Client, address: str, **get: str) -> list[dict[str, Any]]:
    answer = client.get(address, {**get, "export": "json"})
    assert answer.status_code == 200
    found: list[dict[str, Any]] = json.loads(answer.content)["rows"]
    return found


def the_town() -> Any:
    from koinon.parties.models import Town

    return Town.objects.get()


def trail(subject: str) -> list[Any]:
    from koinon.audit import queries
    from koinon.parties.connection import raw

    return queries.entries_of_subject(raw(), town_id=the_town().pk, subject=subject)


def test_every_household_resident_shop_and_award_is_listed(officer: Client) -> None:
    from koinon.parties.models import Household, Organisation, Person
    from koinon.programmes.models import Award

    assert len(rows(officer, "/office/households/")) == Household.objects.count()
    assert len(rows(officer, "/office/residents/")) == Person.objects.count()
    assert len(rows(officer, "/office/organisations/")) == Organisation.objects.count()
    assert len(rows(officer, "/office/awards/")) == Award.objects.count()


def test_a_household_has_what_its_purses_hold(officer: Client) -> None:
    from koinon.kernel.money import to_decimal
    from koinon.parties.models import Household
    from tests.web.test_access import balance

    town = the_town()
    listed = {row["party"]: row["balance_minor"] for row in rows(officer, "/office/households/")}
    expected = {
        party.hex[-6:]: str(to_decimal(balance(town.pk, party), town.exponent))
        for party in Household.objects.values_list("party_id", flat=True)
    }
    assert listed == expected


def test_many_shops_leave_after_a_preview_and_each_has_its_line_in_the_trail(officer: Client) -> None:
    from koinon.parties.models import Organisation

    shops = list(Organisation.objects.order_by("pk").values_list("pk", flat=True))
    Organisation.objects.filter(pk=shops[0]).update(active=False)
    asked = {"action": "organisations-leave", "pick": [str(shop) for shop in shops]}
    first = officer.post("/office/many/", asked)
    told = {"action": "organisations-leave", "ids": first.context["ids"], "reason": "Decree 7/2026"}
    shown = officer.post("/office/many/", {**told, "look": "1"})
    plan = shown.context["plan"]
    assert (len(plan.to_change), len(plan.unchanged), len(plan.refused)) == (len(shops) - 1, 1, 0)
    assert Organisation.objects.filter(active=True).count() == len(shops) - 1  # Nothing was done yet.
    confirmed = {**told, "confirm": "1", "fingerprint": plan.fingerprint}
    assert officer.post("/office/many/", confirmed).status_code == 302
    assert not Organisation.objects.filter(active=True).exists()
    entry = trail(f"party:{shops[1]}")[0]
    assert (entry.action, entry.reason) == ("organisation.left", "Decree 7/2026")
    assert (json.loads(entry.before), json.loads(entry.after)) == ({"active": True}, {"active": False})
    again = officer.post("/office/many/", confirmed)
    assert again.status_code == 409  # Sent twice, it is done once.
    left = [[one.action for one in trail(f"party:{shop}")].count("organisation.left") for shop in shops[:2]]
    assert left == [0, 1]


def test_what_changed_since_the_preview_is_not_done(officer: Client) -> None:
    from koinon.programmes.models import Award

    awards = list(Award.objects.filter(to_day=None).values_list("pk", flat=True)) or list(
        Award.objects.values_list("pk", flat=True)
    )
    Award.objects.filter(pk__in=awards).update(to_day=None)
    told = {"action": "awards-end", "ids": " ".join(map(str, awards)), "last_day": "2030-12-31", "reason": "x"}
    plan = officer.post("/office/many/", {**told, "look": "1"}).context["plan"]
    assert len(plan.to_change) == len(awards)
    Award.objects.filter(pk=awards[0]).update(to_day="2029-12-31")
    answer = officer.post("/office/many/", {**told, "confirm": "1", "fingerprint": plan.fingerprint})
    assert answer.status_code == 409
    assert Award.objects.filter(to_day="2030-12-31").count() == 0


def test_all_of_a_filtered_list_is_meant_and_nothing_else(officer: Client) -> None:
    from koinon.parties.models import Household

    zone = Household.objects.exclude(zone=None).first().zone  # type: ignore[union-attr]
    there = set(Household.objects.filter(zone=zone).values_list("pk", flat=True))
    answer = officer.post(
        "/office/many/",
        {"action": "households-move", "scope": "all", "query": f"zone={zone.name}"},  # type: ignore[union-attr]
    )
    assert {str(party) for party in there} == set(answer.context["ids"].split())


def test_a_household_moves_with_its_people(officer: Client) -> None:
    from koinon.parties.models import Household, Person, Zone

    household = Household.objects.exclude(zone=None).first()
    assert household is not None
    other = Zone.objects.exclude(pk=household.zone_id).first()
    assert other is not None
    told = {"action": "households-move", "ids": str(household.pk), "zone": other.code, "reason": "moved"}
    plan = officer.post("/office/many/", {**told, "look": "1"}).context["plan"]
    officer.post("/office/many/", {**told, "confirm": "1", "fingerprint": plan.fingerprint})
    assert Household.objects.get(pk=household.pk).zone_id == other.pk
    assert set(Person.objects.filter(household=household).values_list("zone_id", flat=True)) == {other.pk}


def test_records_of_another_town_are_nobodys_to_change(officer: Client) -> None:
    from django.utils import timezone

    from koinon.kernel.identifiers import new_id
    from koinon.parties.models import Organisation, Party, Town

    elsewhere = Town.objects.create(slug="else", name="Else", country="ES", unit_code="ELS", unit_name="e", created_at=timezone.now())  # fmt: skip
    party = Party.objects.create(id=new_id(), town=elsewhere, kind="organisation", created_at=timezone.now())
    Organisation.objects.create(party=party)
    told = {"action": "organisations-leave", "ids": str(party.pk), "reason": "x", "look": "1"}
    assert officer.post("/office/many/", told).context["plan"].changes == []
    assert officer.get(f"/office/organisations/{party.pk}/").status_code == 404


def test_a_filter_is_saved_for_its_owner_and_shared_when_told_so(officer: Client) -> None:
    kept = {"table": "households", "query": "members.from=2&sort=-members", "next": "/office/households/"}
    assert officer.post("/filters/save/", {**kept, "name": "Large"}).headers["Location"].endswith(kept["query"])
    officer.post("/filters/save/", {**kept, "name": "Ours", "shared": "1"})
    shown = officer.get("/office/households/").context["listing"].saved
    assert [(one.name, one.shared, one.own) for one in shown] == [("Large", False, True), ("Ours", True, True)]
    from koinon.office import queries
    from koinon.parties.connection import raw

    seen = queries.filters(raw(), town_id=the_town().pk, user_id=0, table_name="households")
    assert [(one.name, one.own) for one in seen] == [("Ours", False)]
    assert officer.post(f"/filters/{shown[0].id}/forget/", {"next": "/office/households/"}).status_code == 302
    assert [one.name for one in officer.get("/office/households/").context["listing"].saved] == ["Ours"]


def test_a_saved_filter_leads_nowhere_else(officer: Client) -> None:
    kept = {"table": "households", "query": "", "name": "n", "next": "https://elsewhere.example/"}
    assert officer.post("/filters/save/", kept).headers["Location"] == "/home/"


def test_the_treasurer_lists_shops_and_changes_none(site: Database) -> None:
    treasurer = client_of("treasurer")
    shown = treasurer.get("/office/organisations/")
    assert shown.status_code == 200
    assert b'name="pick"' not in shown.content
    assert treasurer.post("/office/many/", {"action": "organisations-leave"}).status_code == 403


def test_a_list_is_looked_at_and_taken_in_from_the_page(officer: Client) -> None:
    """Sent, its columns named, wrong in one place, put right, taken in; the next one is understood at once."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from koinon.parties.connection import raw
    from koinon.parties.models import Party
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault
    from koinon.programmes.models import Award

    award = Award.objects.order_by("pk").first()
    assert award is not None
    number = Vault(raw(), Secrets.load()).get(award.household_id, ["identifier"])["identifier"]

    def sent(text: str) -> str:
        file = SimpleUploadedFile("Lista de octubre.csv", text.encode("cp1252"))
        answer = officer.post("/office/lists/", {"kind": "awards", "file": file})
        return str(answer.headers["Location"])

    address = sent(f"Nº exp.;Cuánto;Desde\nX-404;1;{award.from_day}\n{number};777,00;{award.from_day}\n")
    told = {
        "programme": str(award.programme_id), "column.household": "Nº exp.", "column.monthly": "Cuánto",
        "column.from_day": "Desde",
    }  # fmt: skip
    looked = officer.post(address, {**told, "column.from_day": "", "look": "1"})
    assert [(one.column, one.remedy) for one in looked.context["findings"]] == [("First day", "choose a column")]
    looked = officer.post(address, {**told, "look": "1"})
    assert [(one.row, one.column, one.code) for one in looked.context["findings"]] == [
        (2, "Nº exp.", "town.household-unknown")
    ]
    assert number not in looked.content.decode()
    refused = officer.post(address, {**told, "confirm": "1", "fingerprint": "x"})
    assert refused.status_code == 422

    address = sent(f"Nº exp.;Cuánto;Desde\n{number};777,00;{award.from_day}\n")
    looked = officer.post(address, {**told, "look": "1"})
    assert (looked.context["errors"], dict(looked.context["counts"])["Changed"]) == (0, 1)
    assert Award.objects.get(pk=award.pk).monthly_minor != 777_00
    fingerprint = looked.context["looked"].fingerprint
    assert officer.post(address, {**told, "confirm": "1", "fingerprint": fingerprint}).status_code == 302
    assert Award.objects.get(pk=award.pk).monthly_minor == 777_00
    assert officer.get(address).status_code == 404  # What was taken in is kept no longer.
    again = officer.get(sent(f"Nº exp.;Cuánto;Desde\n{number};778,00;{award.from_day}\n"))
    assert again.context["form"].fields["column.monthly"].initial == "Cuánto"
    assert Party.objects.filter(pk=award.household_id).exists()


def test_a_word_of_a_list_is_asked_for_on_the_page_before_rows_are_found_wrong_for_it(officer: Client) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from koinon.parties.models import Household, Zone

    zone, household = Zone.objects.order_by("pk").first(), Household.objects.order_by("pk").first()
    assert zone is not None
    assert household is not None
    lines = ["file;neighbourhood;members;income;joined", f"X-1;Somewhere else;2;{household.income_band};2026-10-01"]
    file = SimpleUploadedFile("list.csv", "\n".join(lines).encode())
    sent = officer.post("/office/lists/", {"kind": "households", "file": file})
    address = str(sent.headers["Location"])
    columns = {
        "household": "file",
        "zone": "neighbourhood",
        "members": "members",
        "income_band": "income",
        "joined_on": "joined",
    }
    told = {f"column.{name}": heading for name, heading in columns.items()}
    word = {"word.zone.0": "", "text.zone.0": "Somewhere else"}

    shown = officer.get(address)
    asked = officer.post(address, {**told, "look": "1"})
    unsaid = officer.post(address, {**told, **word, "look": "1"})
    said = officer.post(address, {**told, **word, "word.zone.0": zone.name, "look": "1"})

    assert "word.zone.0" in shown.context["form"].fields
    assert "looked" not in asked.context
    assert [(one.code, one.remedy) for one in unsaid.context["findings"] if one.code != "town.household-people"] == [
        ("town.zone-unknown", "Say above what it means, or put the list right.")
    ]
    assert said.context["errors"] == 0


def test_the_neighbourhood_that_was_probably_meant_is_chosen_until_somebody_says_that_it_is_not(
    officer: Client,
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from koinon.parties.models import Zone

    zone = max(Zone.objects.all(), key=lambda one: len(one.name))
    misspelt = zone.name[:-2] + zone.name[-1] + zone.name[-2]
    file = SimpleUploadedFile("list.csv", f"file;neighbourhood;members\nX-1;{misspelt};2\nX-2;Elsewhere;2".encode())
    sent = officer.post("/office/lists/", {"kind": "households", "file": file})
    address = str(sent.headers["Location"])
    said = {"column.household": "file", "column.zone": "neighbourhood", "column.members": "members", "look": "1"}
    left_open = {f"word.zone.{n}": "" for n in (0, 1)} | {"text.zone.0": misspelt, "text.zone.1": "Elsewhere"}

    def chosen(answer: Any) -> dict[str, str]:
        form = answer.context["form"]
        return {word: form.fields[key].initial for key, (_name, word) in form.words.items()}

    shown = officer.get(address)

    assert chosen(shown) == {misspelt: zone.name, "Elsewhere": ""}
    assert f"Did you mean &quot;{zone.name}&quot;?" in shown.content.decode().replace('"', "&quot;")
    assert chosen(officer.post(address, said | left_open)) == {misspelt: "", "Elsewhere": ""}


def test_every_state_of_a_households_month_has_its_word(site: Database) -> None:
    from koinon.programmes.models import EntitlementState
    from koinon.web.views.directory import ENTITLEMENTS

    (state,) = [column for column in ENTITLEMENTS.columns if column.name == "state"]
    assert state.words is not None
    assert set(state.words) == set(EntitlementState)
