"""Help without a telephone: who may pay, letters, text messages and documents, from the counter's pages and the resident's own."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pypdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from koinon.client import webhooks
from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of

NAME = "Θεοδώρα Κήπου"


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        from koinon.parties.models import RoleGrant

        RoleGrant.objects.filter(role="officer").update(sees_personal_data=True)
        yield town_database


@pytest.fixture
def officer(site: Database) -> Client:
    return client_of("officer")


def household() -> UUID:
    from koinon.parties.models import RoleGrant

    return RoleGrant.objects.get(role="resident").party_id


def authorisations() -> list[Any]:
    from koinon.instruments import authorised
    from koinon.parties.connection import raw
    from koinon.parties.models import Town

    with transaction.atomic():
        return authorised.authorisations_of(raw(), town_id=Town.objects.get().pk, party=household())


def drawn(officer: Client) -> str:
    """The number of a card from the drawer."""
    from koinon.instruments import queries
    from koinon.parties.connection import raw
    from koinon.parties.models import Town

    officer.post("/counter/cards/", {"form_id": uuid4(), "count": 1})
    with transaction.atomic():
        town = Town.objects.get().pk
        [card] = queries.cards_of_batch(raw(), town_id=town, batch=queries.batches(raw(), town_id=town)[0].id)
    return card.number


def text_of(answer: Any) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages)


def test_somebody_is_let_pay_named_to_the_resident_alone_and_ended_by_them(officer):
    page, last = f"/counter/people/{household()}/", (timezone.now() + timedelta(days=200)).date().isoformat()
    form = {"form_id": uuid4(), "name": NAME, "per_day": "0", "last_day": "2020-01-01"}
    refused = officer.post(f"{page}authorise/", form)
    assert (refused.status_code, "above zero" in refused.content.decode()) == (422, True)
    refused = officer.post(f"{page}authorise/", {**form, "per_day": "20"})
    assert (refused.status_code, "This day has passed." in refused.content.decode()) == (422, True)
    for _ in range(2):
        officer.post(f"{page}authorise/", {**form, "per_day": "20", "last_day": last})
    [held] = authorisations()
    number = drawn(officer)
    wrong = officer.post(f"/counter/authorised/{held.id}/give/", {"new_card": number[:-1] + "x"})
    assert (wrong.status_code, "A digit may be wrong" in wrong.content.decode()) == (422, True)
    card = officer.post(f"/counter/authorised/{held.id}/give/", {"new_card": number})["Location"]
    assert "lets pay" in officer.get(card).content.decode()
    found = officer.post("/counter/", {"wanted": number})["Location"]
    assert found.startswith(page)
    shown = officer.get(found).content.decode()
    assert "of somebody who may pay for them" in shown
    assert NAME not in shown
    assert NAME in officer.get(f"{page}?names=1").content.decode()
    officer.post(f"/counter/authorised/{held.id}/change/", {"per_day": "15", "last_day": last})
    assert authorisations()[0].per_day_minor == 15_00

    resident = client_of("resident")
    assert NAME in resident.get("/purse/cards/").content.decode()
    assert client_of("shop").post(f"/purse/helpers/{held.id}/end/").status_code == 403
    resident.post(f"/purse/helpers/{held.id}/end/")
    assert not authorisations()[0].is_open
    assert NAME not in resident.get("/purse/cards/").content.decode()


def test_a_resident_blocks_their_own_card_and_nobody_elses(officer):
    number = drawn(officer)
    card = officer.post(f"/counter/people/{household()}/give/", {"new_card": number})["Location"].split("/")[-2]
    resident = client_of("resident")
    assert number[-4:] in resident.get("/purse/cards/").content.decode()
    resident.post(f"/purse/cards/{card}/block/")
    assert "This card pays nothing" in resident.get("/purse/cards/").content.decode()
    other = drawn(officer)
    elsewhere = officer.post("/counter/", {"wanted": other})["Location"].split("/")[-2]
    assert resident.post(f"/purse/cards/{elsewhere}/block/").status_code == 404


def test_a_resident_reads_how_they_were_looked_at(officer):
    officer.get(f"/counter/people/{household()}/")
    shown = client_of("resident").get("/purse/data/").content.decode()
    assert "Looked at at the counter" in shown
    assert "what was written on" not in shown


def test_letters_are_chosen_printed_and_printed_again(officer):
    page = f"/counter/people/{household()}/"
    officer.post(f"{page}letters/", {"language": "el", "large_print": "on", "monthly": "on"})
    officer.post("/counter/letters/", {"month": "2026-10", "chosen": "asked"})
    batch = uuid4()
    printed = officer.post(f"/counter/letters/{batch}/")
    assert printed["Content-Type"] == "application/pdf"
    said = text_of(printed)
    assert text_of(officer.post(f"/counter/letters/{batch}/", {"again": "1"})) == said
    assert officer.post(f"/counter/letters/{uuid4()}/").status_code == 409
    assert "Print again" in officer.get("/counter/letters/").content.decode()
    for large in ("", "?large=1"):
        leaflet = Client().get(f"/leaflet/{town_slug()}/ar/{large}")
        assert len(pypdf.PdfReader(io.BytesIO(leaflet.content)).pages) <= 2
    assert Client().get(f"/leaflet/{town_slug()}/xx/").status_code == 404


def test_letters_are_offered_for_no_month_before_the_town_was_founded(officer):
    from koinon.parties.models import Town

    def offered() -> list[str]:
        return re.findall(r'<option value="(\d{4}-\d\d)"', officer.get("/counter/letters/").content.decode())

    with transaction.atomic():
        founded = datetime(2026, 9, 30, 22, 30, tzinfo=UTC)  # In the town it is October already.
        Town.objects.update(created_at=founded, time_zone="Europe/Madrid")
        assert offered()[-1] == "2026-10"
        Town.objects.update(created_at=timezone.now())
        assert offered() == []
        assert "when the month is over" in officer.get("/counter/letters/").content.decode()
        transaction.set_rollback(True)


def town_slug() -> str:
    from koinon.parties.models import Town

    return Town.objects.get().slug


def test_a_document_is_kept_opened_and_destroyed(officer):
    page = f"/counter/people/{household()}/"
    form = {"form_id": uuid4(), "about": "application"}
    refused = officer.post(f"{page}documents/", {**form, "document": SimpleUploadedFile("a.pdf", b"MZ\x90\x00")})
    assert (refused.status_code, "Only PDF" in refused.content.decode()) == (422, True)
    officer.post(f"{page}documents/", {**form, "document": SimpleUploadedFile("Αίτηση.pdf", b"%PDF-1.7 form")})
    shown = officer.get(page).content.decode()
    assert "Αίτηση.pdf" in shown
    address = next(part.split('"')[0] for part in shown.split('action="') if f"{page}documents/0" in part.split('"')[0])
    opened = officer.post(address)
    assert (opened.content, opened["Content-Type"]) == (b"%PDF-1.7 form", "application/pdf")
    officer.post(address, {"remove": "1"})
    assert officer.post(address).status_code == 404


def test_a_provider_hands_in_a_signed_text_message_and_a_forged_one_is_refused(officer, monkeypatch):
    from koinon.helpdesk import letters
    from koinon.outbox import messages
    from koinon.parties.connection import raw
    from koinon.parties.models import Town

    town, page = Town.objects.get(), f"/counter/people/{household()}/"
    with transaction.atomic():
        person = letters.people_of(raw(), town_id=town.pk, party=household())[0]
    officer.post(f"{page}texts/", {"person": person, "number": "+34 600 70 80 90"})
    assert "Answer no more" in officer.get(page).content.decode()
    secret = "whsec_" + base64.b64encode(b"a secret of the provider").decode()
    message = {"town": town.slug, "from": "+34600708090", "text": "SALDO"}
    body = json.dumps(message).encode()
    address = f"/texts/{town.slug}/"
    assert send(address, secret, body) == 404, "nobody has set the secret"
    monkeypatch.setenv("KOINON_SMS_SECRET", secret)
    other = "whsec_" + base64.b64encode(b"a secret of another one").decode()
    assert [send(address, each, body) for each in (secret, other)] == [202, 400]
    elsewhere = [json.dumps({**message, "town": "elsewhere"}), json.dumps({"from": "+34600708090", "text": "SALDO"})]
    assert [send(address, secret, each.encode()) for each in elsewhere] == [400, 400], "signed for no town, or another"
    with transaction.atomic():
        told = messages.of_party(raw(), town_id=town.pk, party=person)
    assert {each.kind for each in told} & {"text.balance", "text.balance-until"}
    officer.post(f"{page}texts/end/", {"person": person})
    assert "Answer no more" not in officer.get(page).content.decode()


def send(address: str, secret: str, body: bytes) -> int:
    signed = webhooks.sign(secret, "msg-1", int(time.time()), body)
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed.items()}
    answer = Client().post(address, data=body, content_type="application/json", **headers)
    return answer.status_code
