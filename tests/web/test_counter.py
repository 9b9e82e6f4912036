"""The counter's pages: what they hand out is right, and who may not see people helps without seeing them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pypdf
import pytest
import zxingcpp
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.browsing import PHONE, follow, look, signed_in, window_for_axe
from tests.web.test_access import client_of
from tests.web.town import TownSite

PIN = "471930"


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


@pytest.fixture
def officer(site: Database) -> Client:
    return client_of("officer")


@pytest.fixture
def sees_people(site: Database) -> Iterator[None]:
    from koinon.parties.models import RoleGrant

    grants = RoleGrant.objects.filter(role="officer")
    grants.update(sees_personal_data=True)
    yield
    grants.update(sees_personal_data=False)


def household() -> UUID:
    from koinon.parties.models import Person

    return Person.objects.filter(is_reference=True, household__isnull=False).order_by("pk")[0].household_id


def made(officer: Client, count: int = 1) -> list[Any]:
    from koinon.instruments import queries
    from koinon.kernel.identifiers import id_for_key
    from koinon.parties.connection import raw
    from koinon.parties.models import Town

    form = uuid4()
    officer.post("/counter/cards/", {"form_id": form, "count": count})
    town = Town.objects.get().pk
    with transaction.atomic():
        batch = id_for_key(f"koinon.instruments.cards:{town}", f"web:{form}")
        return queries.cards_of_batch(raw(), town_id=town, batch=batch)


def given(officer: Client) -> Any:
    [card] = made(officer)
    officer.post(f"/counter/people/{household()}/give/", {"new_card": card.number})
    officer.post(f"/counter/cards/{card.id}/pin/", {"pin": PIN, "again": PIN})
    return card


def text_of(answer: Any) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages)


def test_what_is_printed_on_a_card_is_the_code_of_that_card(officer):
    from koinon.documents import rendering
    from koinon.instruments import operations, paper, queries
    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.parties.secrets import Secrets

    cards = made(officer, 2)
    town, secrets = Town.objects.get(), Secrets.load()
    with transaction.atomic():
        printed = operations.printable(
            raw(),
            town_id=town.pk,
            cards=[card.id for card in cards],
            actor="user:1",
            at=town.created_at,
            secrets=secrets,
        )
        how = {"town": town.name, "unit": town.unit_name, "sheet": True, "language": "el"}
        pdf = paper.cards(printed, **how)
        drawn: list[bytes] = []

        def draw(template: str, data: Any, language: str) -> bytes:
            drawn.extend(rendering.pictures(template, data, language, ppi=110))
            return b""

        kept, paper.render = paper.render, draw
        try:
            paper.cards(printed, **how)
        finally:
            paper.render = kept
        codes = [code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(drawn[0])))]
        found = {queries.presented(raw(), town_id=town.pk, text=code, secrets=secrets).card.id for code in codes}
    assert found == {card.id for card in cards}
    assert all(
        card.grouped.replace("\u00a0", " ") in text_of(type("A", (), {"content": pdf})).replace("\u00a0", " ")
        for card in cards
    )


def test_an_officer_without_the_right_helps_at_the_counter_and_sees_no_name(officer):
    from koinon.parties.connection import raw
    from koinon.parties.models import Person
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    party = household()
    people = list(Person.objects.filter(household_id=party).values_list("pk", flat=True))
    with transaction.atomic():
        kept = Vault(raw(), Secrets.load()).get_many(people)
    secrets = [value for row in kept.values() for name, value in row.items() if name in ("name", "identifier", "email")]
    card = given(officer)
    officer.post(
        "/counter/complaints/new/", {"form_id": uuid4(), "party": party, "about": "card", "words": "Secret words"}
    )
    shown = [
        officer.get(f"/counter/people/{party}/?names=1").content.decode(),
        officer.get(f"/counter/cards/{card.id}/?names=1").content.decode(),
        officer.get("/counter/complaints/?names=1").content.decode(),
        text_of(
            officer.post(
                f"/counter/people/{party}/statement/",
                {"first_day": "2026-10-01", "last_day": "2026-10-31", "names": "1"},
            )
        ),
        text_of(officer.post(f"/counter/cards/{card.id}/pin-letter/", {"names": "1"})),
    ]
    assert secrets
    assert not [value for value in [*secrets, "Secret words"] for page in shown if value in page]
    found = officer.post("/counter/", {"wanted": kept[people[0]]["identifier"]})
    assert found.status_code == 200


def test_a_pin_letter_tells_a_pin_that_is_the_cards_and_no_weak_one(officer):
    from koinon.instruments import rules

    card = given(officer)
    said = text_of(officer.post(f"/counter/cards/{card.id}/pin-letter/"))
    pins = [word for word in said.split() if len(word) == 6 and word.isdigit()]
    assert len(pins) == 1
    assert rules.why_weak(pins[0], known=[card.number]) == ()


def reads(officer: Client, language: str) -> None:
    officer.post(f"/counter/people/{household()}/letters/", {"language": language})


def test_a_statement_lists_what_moved_and_what_is_left_in_its_readers_language(officer, sees_people):
    reads(officer, "el")
    period = {"first_day": "2026-10-01", "last_day": "2026-12-31"}
    assert "Αντίγραφο κινήσεων" in text_of(officer.post(f"/counter/people/{household()}/statement/", period))
    reads(officer, "en")
    answer = officer.post(
        f"/counter/people/{household()}/statement/", {"first_day": "2026-10-01", "last_day": "2026-12-31", "names": "1"}
    )
    said = text_of(answer)
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Cache-Control"] == "no-store"
    assert "Aid" in said
    assert officer.post(f"/counter/people/{household()}/statement/", {"first_day": "x"}).status_code == 302


def test_a_complaint_is_taken_in_with_a_document_and_answered(officer, sees_people):
    reads(officer, "en")
    form = {"form_id": uuid4(), "party": household(), "about": "shop", "words": "They asked for more."}
    taken = [officer.post("/counter/complaints/new/", form)["Location"] for _ in range(2)]
    assert taken[0] == taken[1]
    page = taken[0]
    refused = officer.post(
        f"{page}attach/", {"form_id": uuid4(), "document": SimpleUploadedFile("a.pdf", b"MZ\x90\x00 not a pdf")}
    )
    assert (refused.status_code, "Only PDF, JPEG, PNG" in refused.content.decode()) == (422, True)
    officer.post(f"{page}attach/", {"form_id": uuid4(), "document": SimpleUploadedFile("a.pdf", b"%PDF-1.7 bill")})
    assert "You will be answered by" in text_of(officer.post(f"{page}letter/"))
    officer.post(f"{page}step/", {"step": "take"})
    officer.post(f"{page}note/", {"words": "Called the shop."})
    officer.post(f"{page}answer/", {"outcome": "upheld", "words": "You get it back."})
    shown = officer.get(f"{page}?names=1").content.decode()
    for words in ("They asked for more.", "Called the shop.", "You get it back.", "They are right", "a.pdf"):
        assert words in shown
    address = next(part.split('"')[0] for part in shown.split('action="') if "/documents/" in part.split('"')[0])
    document = officer.post(address)
    assert (document.content, document["Content-Type"]) == (b"%PDF-1.7 bill", "application/pdf")
    assert document["Content-Disposition"].startswith("attachment")
    said = text_of(officer.post(f"{page}letter/"))
    assert "You get it back." in said
    assert "They are right" in said
    assert officer.post(f"{page}answer/", {"outcome": "upheld", "words": "Again."}).status_code == 409


def test_who_answers_a_complaint_stands_on_it_though_nobody_took_it_on(officer):
    form = {"form_id": uuid4(), "about": "shop", "words": "The till was closed"}
    address = officer.post("/counter/complaints/new/", form)["Location"]
    assert "nobody yet" in officer.get(address).content.decode()
    officer.post(f"{address}answer/", {"outcome": "upheld", "words": "It is open now"})
    assert "nobody yet" not in officer.get(address).content.decode()


def test_the_counter_on_a_phone_in_arabic(browser: Browser, town_site: TownSite) -> None:
    with django_on(town_site.site.database):
        party = household()
    reader = signed_in(browser, town_site, "officer", size=PHONE)
    reader.speak("ar")
    wrong = {}
    page = reader.open("/counter/cards/")
    follow(page, page.locator("main form .button").first)
    page = reader.open(f"/counter/people/{party}/")
    follow(page, page.locator(f"form[action='/counter/people/{party}/make/'] button"))
    follow(page, page.locator("form[action$='/give/'] button"))
    card = page.url.removeprefix(town_site.url)
    page = reader.open("/counter/complaints/new/")
    page.fill("#id_words", "شكوى")
    follow(page, "main form button[type=submit]")
    window = window_for_axe(reader)
    for path in ("/counter/", f"/counter/people/{party}/", card, page.url.removeprefix(town_site.url)):
        looked = look(window, path, ("ar",))
        assert looked is not None
        if looked.findings:
            wrong[path] = looked.findings
    reader.context.close()
    assert wrong == {}
    assert reader.problems == []
