"""The pages of co-production: who opens them, what they say, and what they do."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.urls import reverse
from pypdf import PdfReader

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.doing_things import things
from tests.web.test_access import client_of


@pytest.fixture(scope="module")
def found(town_database: Database) -> Iterator[dict[str, Any]]:
    with django_on(town_database):
        from koinon.parties.connection import raw
        from koinon.parties.models import RoleGrant

        resident = RoleGrant.objects.get(role="resident")
        with transaction.atomic():
            made = things(raw(), resident.town_id, resident.party_id)
        yield {**made, "party": resident.party_id, "town_id": resident.town_id}


def url(name: str, found: dict[str, Any], *keys: str) -> str:
    return reverse(name, args=[found[key] for key in keys])


def text(role: str, address: str, **posted: str) -> str:
    client = client_of(role)
    answer = client.post(address, posted, follow=True) if posted else client.get(address, follow=True)
    return answer.content.decode()


def test_every_page_opens_for_those_it_is_for(found: dict[str, Any]) -> None:
    pages = {
        "resident": [url("join", found, "token"), url("contributions", found), url("hours", found), url("certificate", found, "certificate")],
        "coordinator": [
            url("activities", found), url("activities-find", found), url("activities-person", found, "party"),
            url("activities-record", found, "party", "activity"), url("contribution", found, "contribution"),
            url("occasion", found, "occasion"), url("occasion-poster", found, "occasion"),
            url("activity", found, "activity"), url("time-banks", found), url("time-bank", found, "bank"),
            url("activities-contributions", found), url("time-exchange", found, "exchange"), url("certificate-check", found, "seal"),
        ],
        "officer": [
            url("activity-new", found), url("activity-change", found, "activity"), url("time-bank-new", found),
            url("time-banks", found), url("activities", found), url("activity", found, "activity"), url("contribution", found, "contribution")],
    }  # fmt: skip
    failed = {
        (role, page): status
        for role, addresses in pages.items()
        for page in addresses
        if (status := client_of(role).get(page).status_code) != 200
    }
    assert failed == {}


def test_a_certificate_is_checked_by_anybody_and_names_nobody(found: dict[str, Any]) -> None:
    page = text("auditor", url("certificate-check", found, "seal"))
    assert "Punt verd del barri" in page
    assert "2 kg" in page
    assert client_of("auditor").get(reverse("certificate-check", args=["x" * 43])).status_code == 409
    assert client_of("auditor").get(url("certificate-check", {"token": found["token"]}, "token")).status_code == 409


def test_papers_say_what_was_done_and_until_when(found: dict[str, Any]) -> None:
    def words(role: str, name: str, key: str) -> str:
        content = client_of(role).get(url(name, found, key)).content
        return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages).split())

    certificate = words("resident", "certificate", "certificate")
    assert "Certificate of participation" in certificate
    assert "Punt verd del barri · Glass 2 kg" in certificate
    poster = words("coordinator", "occasion-poster", "occasion")
    assert "Punt verd del barri" in poster
    assert "Scan to register" in poster


def test_a_coordinator_finds_somebody_by_what_they_show(found: dict[str, Any]) -> None:
    from koinon.parties.connection import raw
    from koinon.parties.models import Person
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    person = Person.objects.filter(household=found["party"], is_reference=True).values_list("pk", flat=True)[0]
    with transaction.atomic():
        kept = Vault(raw(), Secrets.load()).get(person)
    page = text("coordinator", url("activities-find", found), who=kept["identifier"])
    assert "What did they do?" in page
    assert kept["name"] not in page
    assert "Nobody is found" in text("coordinator", url("activities-find", found), who="X0000000")
    with transaction.atomic():
        looked = raw().execute(
            "SELECT after ->> 'fields' FROM audit.entry WHERE subject = %s AND reason = 'page:activities-find'",
            [f"party:{person}"],
        )
        assert [row[0] for row in looked.fetchall()] == ['["identifier"]']

    form = {"form_id": str(uuid4()), "stream": "glass", "quantity": "1,5", "day": "2026-01-01"}
    address = reverse("activities-record", args=[person, found["activity"]])
    assert "too far back" in text("coordinator", address, **form)
    assert "more than one person can do" in text(
        "coordinator", address, **{**form, "quantity": "90000", "day": today(found)}
    )
    done = text("coordinator", address, **{**form, "day": today(found)})
    assert "Verified: 0.75" in done.replace("\xa0", " ")


def test_an_officer_sets_rates_and_limits_from_a_later_day_on(found: dict[str, Any]) -> None:
    address = url("activity", found, "activity")
    rate = {"do": "rate", "rate-stream": "glass", "rate-pays": "1,00", "rate-per": "3", "rate-source": "Decret 9"}
    assert "Choose a later day" in text("officer", address, **rate, **{"rate-from_day": "2026-10-02"})
    assert "The rate is set." in text("officer", address, **rate, **{"rate-from_day": "2030-01-01"})
    assert "Decret 9" in text("coordinator", address)
    cap = {"do": "cap", "cap-period": "day", "cap-from_day": "2030-01-01"}
    assert "Write a quantity or an amount." in text("officer", address, **cap)
    assert "The limit is set." in text("officer", address, **cap, **{"cap-quantity": "2,5"})
    assert "The rate is set." not in text("coordinator", address, **rate, **{"rate-from_day": "2031-01-01"})


def test_an_officer_begins_and_changes_an_activity_and_founds_a_time_bank(found: dict[str, Any]) -> None:
    from koinon.coproduction import queries
    from koinon.parties.connection import raw

    with transaction.atomic():
        fund = queries.activity(raw(), town_id=found["town_id"], activity_id=found["activity"]).fund_id
    form = {
        "code": "roba", "name": "Roba usada", "measure": "kilogram", "pays": f"fund:{fund}", "place": "Plaça",
        "second_above": "30", "budget": "100,00",
    }  # fmt: skip
    assert "credits hours only" in text(
        "officer", url("activity-new", found), **{**form, "pays": "bank:banc-del-temps"}
    )
    page = text("officer", url("activity-new", found), **form)
    assert "The activity is set." in page
    with transaction.atomic():
        made = queries.activity_by_code(raw(), town_id=found["town_id"], code="roba")
    assert (made.fund_id, made.second_above, made.budget_minor) == (fund, 30_000, 100_00)
    change = reverse("activity-change", args=[made.id])
    assert "comes before the first" in text(
        "officer", change, name="Roba", first_day="2026-12-02", last_day="2026-12-01"
    )
    assert "The activity is set." in text("officer", change, name="Roba neta", second_above="8")
    bank = {"code": "escala", "name": "Escala", "unit": "MINUTS", "credit_limit": "2:00", "most": "5:00"}
    assert "The time bank is set." in text("officer", url("time-bank-new", found), **bank)
    assert "coproduction.time-bank-differs" not in text("officer", url("time-banks", found))


def test_time_goes_to_the_member_whose_number_is_right(found: dict[str, Any]) -> None:
    from koinon.coproduction import queries
    from koinon.parties.connection import raw

    with transaction.atomic():
        members = queries.members(raw(), town_id=found["town_id"], bank_id=found["bank"])
    other = next(member.shown_number for member in members if member.party != found["party"])
    form = {"form_id": str(uuid4()), "minutes": "1:15", "bank": str(found["bank"])}
    wrong = other[:-1] + str((int(other[-1]) + 1) % 10)
    assert "Look at every digit again" in text("resident", url("hours", found), **form, number=wrong)
    page = text("resident", url("hours", found), **form, number=other)
    assert f"1 hr 15 mins went to member {other}." in page
    again = text("resident", url("hours", found), **{**form, "minutes": "20"}, number=other)
    assert "was sent before" in again
    assert "pass the limit" in text(
        "resident", url("hours", found), form_id=str(uuid4()), minutes="12:00", number=other
    )
    undone = text("coordinator", url("time-exchange", found, "exchange"), reason="never happened")
    assert "Taken back." in undone


def test_everything_residents_did_is_filtered_and_exported_without_names(found: dict[str, Any]) -> None:
    address = url("activities-contributions", found)
    page = text("officer", address)
    assert "Punt verd del barri" in page
    file = client_of("auditor").get(f"{address}?export=csv").content.decode("utf-8-sig")
    assert "Punt verd del barri" in file
    assert str(found["party"])[-6:] in file.replace("-", "")


def test_nobody_else_opens_a_residents_certificate_or_takes_their_line_back(found: dict[str, Any]) -> None:
    address = url("contribution-withdraw", found, "contribution")
    assert client_of("resident").post(address).status_code == 404
    assert client_of("shop").get(url("certificate", found, "certificate")).status_code == 403


def today(found: dict[str, Any]) -> str:
    from koinon.coproduction import queries
    from koinon.parties.connection import raw

    with transaction.atomic():
        made = queries.contribution(raw(), town_id=found["town_id"], contribution_id=found["contribution"])
    return made.day.isoformat()
