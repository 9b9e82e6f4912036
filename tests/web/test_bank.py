"""The bank's pages: nobody without the right to names finds one, an auditor changes nothing, and terms are promised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from koinon.db.connections import Database
from tests.banking.statements import Line, camt
from tests.conftest import django_on
from tests.web.test_access import client_of
from tests.web.town import Lived


def today() -> date:
    """Where the town lies; elsewhere it may be another day, and another one than when the run began."""
    return datetime.now(ZoneInfo("Europe/Madrid")).date()


@pytest.fixture(scope="module")
def site(lived: Lived) -> Iterator[Database]:
    with lived.copy() as database, django_on(database):
        yield database


def account() -> str:
    from django.db import transaction

    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    with transaction.atomic():
        return Vault(raw(), Secrets.load()).get(Town.objects.get().party_id, ["iban"])["iban"]


def imported(*lines: Line, ident: str) -> str:
    """The page of a file that was looked at and imported."""
    client = client_of("treasurer")
    content = camt(*lines, account=account().replace(" ", ""), ident=ident)
    sent = client.post(reverse("bank-upload"), {"file": SimpleUploadedFile("s.xml", content), "account": ""})
    assert sent.status_code == 302, sent.content.decode()[:2000]
    (fingerprint,) = re.findall(r'name="fingerprint" value="([^"]+)"', client.get(sent["Location"]).content.decode())
    file = sent["Location"].rstrip("/").rsplit("/", 1)[-1]
    assert client.post(reverse("bank-import", args=[file]), {"fingerprint": fingerprint}).status_code == 302
    return client.get(sent["Location"]).content.decode()


def test_names_are_shown_by_right_alone_and_forgotten_with_the_match(site: Database) -> None:
    from koinon.parties.models import RoleGrant

    shown = imported(Line("12.34", "B1", text="for Xanthippe", name="Xanthippe Zorba", day=today()), ident="a")
    entry = re.findall(r"/treasury/bank/entries/([0-9a-f-]{36})/", shown)[0]
    page, details = reverse("bank-entry", args=[entry]), reverse("bank-details", args=[entry])

    RoleGrant.objects.filter(role="treasurer").update(sees_personal_data=False)
    client = client_of("treasurer")
    for answer in (
        client.get(page),
        client.get(reverse("bank")),
        client.get(reverse("bank") + "?export=csv"),
        client.post(details),
    ):
        assert "Xanthippe" not in answer.content.decode()
    assert client.post(details).status_code in (403, 409)
    RoleGrant.objects.filter(role="treasurer").update(sees_personal_data=True)
    assert "Xanthippe" not in client_of("treasurer").get(page).content.decode()
    seen = client_of("treasurer").post(details)
    assert "Xanthippe Zorba" in seen.content.decode()
    assert seen["Cache-Control"] == "no-store"

    assert client.post(reverse("bank-match", args=[entry]), {"kind": "receipt", "reason": "x"}).status_code == 422
    assert client.post(reverse("bank-match", args=[entry]), {"kind": "other", "reason": "goes back"}).status_code == 302
    assert "Xanthippe" not in client_of("treasurer").post(details).content.decode()
    assert client.post(reverse("bank-undo", args=[entry]), {"reason": "no"}).status_code == 302


def test_an_auditor_looks_and_changes_nothing(site: Database) -> None:
    shown = imported(Line("1.00", "C1", day=today()), ident="b")
    entry = re.findall(r"/treasury/bank/entries/([0-9a-f-]{36})/", shown)[0]
    auditor = client_of("auditor")
    looked = (
        auditor.get(reverse("bank")).content.decode()
        + auditor.get(reverse("bank-entry", args=[entry])).content.decode()
    )

    assert 'method="post" action="/treasury' not in looked
    for name in ("bank-upload", "bank-try"):
        assert auditor.post(reverse(name)).status_code == 403
    assert auditor.post(reverse("bank-match", args=[entry]), {"kind": "other", "reason": "x"}).status_code == 403


def test_the_same_file_again_is_said_to_be_known_with_its_day_and_importer_and_changes_nothing(site: Database) -> None:
    from django.db import connection

    from koinon.documents import formats

    line = Line("2.00", "D1", day=today())
    first = imported(line, ident="d")
    content = camt(line, account=account().replace(" ", ""), ident="d")
    client = client_of("treasurer")
    file = re.findall(r"entries/[0-9a-f-]{36}/", first)

    def kept() -> list[tuple[int]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM banking.file UNION ALL SELECT count(*) FROM banking.entry")
            return list(cursor.fetchall())

    before = kept()
    sent = client.post(reverse("bank-upload"), {"file": SimpleUploadedFile("s.xml", content), "account": ""})
    told = f"This file was imported on {formats.day(today())} by demo-treasurer; nothing changed."

    assert told in client.get(sent["Location"]).content.decode()
    ident = sent["Location"].rstrip("/").rsplit("/", 1)[-1]
    pressed_again = client.post(reverse("bank-import", args=[ident]), {"fingerprint": ""}, follow=True)
    assert told in pressed_again.content.decode()
    assert "The file is imported." not in pressed_again.content.decode()
    assert (kept(), re.findall(r"entries/[0-9a-f-]{36}/", pressed_again.content.decode())) == (before, file)


def test_an_entry_that_pays_many_shops_says_how_many() -> None:
    from koinon.banking.types import MatchKind
    from koinon.web import bank_words

    assert bank_words.kinds([MatchKind.PAYOUT, MatchKind.RETURN, MatchKind.PAYOUT]) == [
        "A payout to a shop × 2",
        "A payout that came back",
    ]


def test_a_file_of_known_movements_says_so_and_not_that_nothing_was_ever_imported(site: Database) -> None:
    line = Line("3.00", "G1", day=today())
    imported(line, ident="g")
    again = imported(line, ident="g-overlaps")
    assert "Every movement of this file was known before; none counts twice." in again
    assert "No statement has been imported yet." not in again


@pytest.mark.parametrize("sent", [None, b"no statement"], ids=["opened", "a file was refused"])
def test_bank_and_books_are_compared_as_of_one_moment(
    site: Database, monkeypatch: pytest.MonkeyPatch, sent: bytes | None
) -> None:
    """Euros for a fund are put on the books on another connection, between the two sides of the comparison."""
    from koinon.banking import queries
    from koinon.db.connections import connect
    from koinon.db.transactions import transaction
    from koinon.kernel.money import Amount
    from koinon.parties.models import Town
    from koinon.programmes.models import Fund
    from koinon.treasury import operations as treasury

    town, fund, totals = Town.objects.get(), Fund.objects.values_list("pk", flat=True)[0], queries.books.totals
    reserve, read, name = queries.reserve, [], "E1" if sent is None else "E2"

    def page() -> int:
        if sent is None:
            return int(client_of("treasurer").get(reverse("bank")).status_code)
        upload = {"file": SimpleUploadedFile("s.xml", sent), "account": ""}
        return int(client_of("treasurer").post(reverse("bank-upload"), upload).status_code)

    def and_euros_come(*asked: Any, **named: Any) -> Any:
        with connect(site.app_url) as conn, transaction(conn):
            treasury.receive_budget(
                conn, town_id=town.pk, fund=fund, amount=Amount(5_00, town.unit_code), bank_reference=name,
                idempotency_key=name, at=timezone.now(), actor="user:1",
            )  # fmt: skip
        return totals(*asked, **named)

    def noted(*asked: Any, **named: Any) -> Any:
        read.append(reserve(*asked, **named))
        return read[-1]

    monkeypatch.setattr(queries, "reserve", noted)
    for meanwhile in (totals, and_euros_come, totals):
        monkeypatch.setattr(queries.books, "totals", meanwhile)
        assert page() == (200 if sent is None else 422)

    before, during, after = read
    assert during == before
    assert (after.books_minor - before.books_minor, after.unexplained_minor) == (5_00, 0)


def test_terms_are_promised_from_a_day_on_and_never_backwards(site: Database) -> None:
    client = client_of("treasurer")
    said = {
        "from_day": today().isoformat(), "minimum": "10", "fee": "0,50", "fee_share": "1.5", "cooling_days": "2",
        "schedule": "weekly:5", "execution_days": "1", "file_format": "pain.001.001.09", "source": "Regulation 7",
    }  # fmt: skip
    wrong = client.post(reverse("treasury-terms"), {**said, "from_day": "2026-01-01"})
    assert (wrong.status_code, "from today or a later day" in wrong.content.decode()) == (422, True)
    assert client.post(reverse("treasury-terms"), said).status_code == 302

    assert "Every Friday" in client.get(reverse("treasury-terms")).content.decode()
    shop = client_of("shop").get("/shop/payout/").content.decode()
    assert "For 2 days you can take it back." in shop
    assert "The town keeps" in shop

    later = {**said, "from_day": (today() + timedelta(days=9)).isoformat(), "schedule": "weekly:2"}
    assert client.post(reverse("treasury-terms"), later).status_code == 302
    page = client.get(reverse("treasury-terms")).content.decode()
    assert re.search(r"<caption>Announced</caption>.*Every Tuesday</td>", page, re.DOTALL)


def test_the_treasurer_sees_when_the_next_run_is_made_and_what_still_cools(site: Database) -> None:
    from uuid import uuid4

    asked = client_of("shop").post("/shop/payout/", {"form_id": str(uuid4()), "amount": "12"})
    assert asked.status_code == 302
    shown = client_of("treasurer").get("/treasury/runs/").content.decode()
    assert "Asked for, and not to be paid yet:" in shown
    assert ("The next run is made on" in shown) != ("Today is a day on which runs are made." in shown)
