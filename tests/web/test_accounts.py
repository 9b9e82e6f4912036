"""The pages of the town's accounts, and the files they hand out."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from pypdf import PdfReader

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of
from tests.web.walking import in_one_transaction

OCTOBER = "first=2026-10-01&last=2026-10-31"


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def shop_id() -> UUID:
    from koinon.parties.models import RoleGrant

    party: UUID = RoleGrant.objects.get(role="shop").party_id
    return party


def words_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)


def test_a_shop_reads_the_same_statement_on_its_page_as_csv_and_as_pdf(site: Database) -> None:
    client = client_of("shop")
    rows = list(csv.DictReader(io.StringIO(client.get(f"/shop/statement/?{OCTOBER}&file=csv").content.decode())))
    balances = [int(row["balance_minor_units"]) for row in rows]
    assert balances == list(itertools.accumulate(int(row["minor_units"]) for row in rows))
    paper = client.get(f"/shop/statement/?{OCTOBER}&file=pdf", headers={"accept-language": "el"})
    assert paper["Content-Type"] == "application/pdf"
    closing = f"{balances[-1] / 100:,.2f}".translate(str.maketrans(",.", ".,"))  # As Greek writes it.
    page = client.get(f"/shop/statement/?{OCTOBER}", headers={"accept-language": "el"}).content.decode()
    for shown in (words_of(paper.content), page):
        assert closing in shown
    sales = len({row["number"] for row in rows if row["what"] == "sold"})
    page = client.get(f"/shop/statement/?{OCTOBER}").content.decode()
    assert re.findall(r'<dt>Sales</dt><dd><bdi class="number">(.*?)</bdi></dd>', page) == [str(sales)]
    assert re.findall(r"Sales\s+(\d+)", words_of(client.get(f"/shop/statement/?{OCTOBER}&file=pdf").content)) == [
        str(sales)
    ]


def test_the_journal_files_balance_and_the_year_adds_up_on_paper(site: Database) -> None:
    client = client_of("treasurer")
    for file in ("days", "each", "balance"):
        answer = client.get(f"/bookkeeping/journal/?{OCTOBER}&file={file}")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert rows
        sides = [sum(round(float(row[side] or 0) * 100) for row in rows) for side in ("debit", "credit")]
        assert sides[0] == sides[1] > 0
    figures = csv.DictReader(io.StringIO(client.get("/bookkeeping/year/?year=2026&file=csv").content.decode()))
    moved = {row["figure"]: int(row["minor_units"]) for row in figures if not row["fund"]}
    left = f"{(moved['issued'] - moved['redeemed'] - moved['expired']) / 100:,.2f}"
    assert left in client.get("/bookkeeping/year/?year=2026").content.decode()
    assert client.get("/bookkeeping/year/?year=2026&file=pdf").content.startswith(b"%PDF-")


def test_a_payment_that_comes_while_a_year_is_read_is_wholly_on_its_page_or_not_at_all(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop pays the town 1.00 on another connection, right after what moved in the year was read."""
    from django.utils import timezone

    from koinon.accounting import queries
    from koinon.db.connections import connect
    from koinon.db.transactions import transaction
    from koinon.kernel.identifiers import new_id
    from koinon.kernel.money import Amount
    from koinon.parties.models import Town
    from koinon.payments import operations as payments
    from koinon.web.views import accounts

    town, shop, journal, year, read = Town.objects.get(), shop_id(), queries.journal, accounts.yearly.year, []
    assert town.party_id is not None

    def and_a_payment_comes(*asked: Any, **named: Any) -> Iterator[Any]:
        yield from journal(*asked, **named)
        with connect(site.app_url) as conn, transaction(conn):
            payments.pay(
                conn, town_id=town.pk, payment_id=new_id(), payer=shop, payee=town.party_id,
                amount=Amount(1_00, town.unit_code), effective_at=timezone.now(), actor="till:1", reference="fee-8",
            )  # fmt: skip

    def noted(*asked: Any, **named: Any) -> Any:
        read.append(year(*asked, **named))
        return read[-1]

    asked = f"/bookkeeping/year/?year={timezone.localdate(timezone=ZoneInfo(town.time_zone)).year}"
    monkeypatch.setattr(accounts.yearly, "year", noted)
    for meanwhile in (journal, and_a_payment_comes, journal):
        monkeypatch.setattr(queries, "journal", meanwhile)
        assert client_of("treasurer").get(asked).status_code == 200

    before, during, after = read
    assert during == before
    assert after.took_part.payments == before.took_part.payments + 1
    assert after.moved["paid"] == before.moved["paid"] + 1_00


def test_a_period_that_ends_before_it_begins_is_said_to_be_wrong(site: Database) -> None:
    page = client_of("treasurer").get("/bookkeeping/journal/?first=2026-10-31&last=2026-10-01&file=days")
    assert page.status_code == 200
    assert "The last day comes before the first one" in page.content.decode()


def test_the_treasurer_pays_out_of_the_towns_till_with_a_second_person(site: Database) -> None:
    from django.db import transaction
    from django.utils import timezone

    from koinon.accounting import queries
    from koinon.db.checks import run_checks
    from koinon.kernel.identifiers import new_id
    from koinon.kernel.money import Amount
    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.payments import operations as payments

    town = Town.objects.get()
    shop = shop_id()
    assert town.party_id is not None
    with transaction.atomic():
        payments.pay(
            raw(), town_id=town.pk, payment_id=new_id(), payer=shop, payee=town.party_id,
            amount=Amount(5_00, town.unit_code), effective_at=timezone.now(), actor="till:1", reference="fee-7",
        )  # fmt: skip
    treasurer, approver = client_of("treasurer"), client_of("approver")
    asked = {
        "form_id": str(uuid4()), "payee": str(shop), "amount": "3.00", "purpose": "SUPP", "reference": "contract-7",
    }  # fmt: skip
    for _twice in range(2):
        assert treasurer.post("/bookkeeping/till/", asked).status_code == 302
    with transaction.atomic():
        (payment,) = queries.town_payments(raw(), town_id=town.pk)
    assert payment.state == "prepared"
    assert 'href="/bookkeeping/till/">Look at it' in approver.get("/approvals/").content.decode()
    assert treasurer.post(f"/bookkeeping/till/{payment.id}/approve/").status_code == 403
    assert approver.post(f"/bookkeeping/till/{payment.id}/approve/").status_code == 302
    with transaction.atomic():
        assert queries.town_payment(raw(), town_id=town.pk, payment_id=payment.id).state == "paid"
        assert [result.name for result in run_checks(raw()) if not result.passed] == []


def test_an_empty_till_says_that_there_is_not_enough_money(site: Database) -> None:
    from django.db import transaction

    from koinon.accounting import queries
    from koinon.parties.connection import raw
    from koinon.parties.models import Town

    asked = {
        "form_id": str(uuid4()), "payee": str(shop_id()), "amount": "99999.00", "purpose": "SUPP", "reference": "c-8",
    }  # fmt: skip
    assert client_of("treasurer").post("/bookkeeping/till/", asked).status_code == 302
    with transaction.atomic():
        (payment,) = [
            one for one in queries.town_payments(raw(), town_id=Town.objects.get().pk) if one.reference == "c-8"
        ]
    told = client_of("approver").post(f"/bookkeeping/till/{payment.id}/approve/")
    assert (told.status_code, "There is not enough money for this." in told.content.decode()) == (409, True)


def test_the_network_is_told_by_month(site: Database) -> None:
    page = client_of("treasurer").get("/bookkeeping/network/").content.decode()
    assert re.search(r'<th scope="row">[A-Z][a-z]+ \d{4}</th>', page)


def test_what_is_put_on_record_is_shown_and_neither_wrong_days_nor_both_payees_are_taken(site: Database) -> None:
    treasurer = client_of("treasurer")
    shop = str(shop_id())
    signed = {"what": "agreement", "party": shop, "signed_on": "2026-09-01", "reference": "AG-1"}
    assert treasurer.post("/bookkeeping/network/", signed).status_code == 302
    assert "AG-1" in treasurer.get("/bookkeeping/network/?q=AG-1").content.decode()
    assert "AG-1" in treasurer.get("/bookkeeping/network/?export=csv").content.decode()
    over = {"what": "wording", "language": "es", "from_day": "2020-01-01", "body": "IVA"}
    assert "That day is over." in treasurer.post("/bookkeeping/journal/", over).content.decode()
    both = {
        "form_id": str(uuid4()), "payee": shop, "person": str(UUID(int=1)), "amount": "3.00", "purpose": "SUPP",
        "reference": "x",
    }  # fmt: skip
    said = treasurer.post("/bookkeeping/till/", both).content.decode()
    assert "Choose an enterprise, or give the number of a person." in said
    later = signed | {"signed_on": "2026-09-02", "reference": "AG-2"}
    assert "AG-2" not in client_of("auditor").post("/bookkeeping/network/", later).content.decode()
    assert "AG-2" not in treasurer.get("/bookkeeping/network/?export=csv").content.decode()


def test_agreements_say_why_some_shops_stand_there_by_a_number(site: Database) -> None:
    from koinon.parties.models import Organisation

    def hint() -> bool:
        page = client_of("treasurer").get("/bookkeeping/network/?size=200").content.decode()
        return "whoever trades in their own name by a number" in page

    with in_one_transaction():
        Organisation.objects.update(legal_form="sl")
        only_companies = hint()
        Organisation.objects.filter(pk=shop_id()).update(legal_form="self-employed")
        both = hint()
        transaction.set_rollback(True)

    assert (only_companies, both) == (False, True)


def test_the_page_says_the_default_names_of_accounts_in_its_language_and_files_keep_the_charts(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.utils.translation import override

    from koinon.accounting.rules import CHART
    from koinon.web import words

    with override("en"):
        assert {place.value: found.name for place, found in CHART.items()} == {
            place: str(name) for place, name in words.ACCOUNTS.items()
        }
    for place in ("purse", "clearing"):
        monkeypatch.setitem(words.ACCOUNTS, place, f"{place} en otra lengua")
    treasurer = client_of("treasurer")
    renamed = {"what": "account", "place": "clearing", "number": "4195", "name": "Compensació"}
    assert treasurer.post("/bookkeeping/journal/", renamed).status_code == 302
    page = treasurer.get("/bookkeeping/journal/").content.decode()
    assert ("purse en otra lengua" in page, "clearing en otra lengua" in page, "Compensació" in page) == (
        True, False, True,
    )  # fmt: skip
    file = treasurer.get(f"/bookkeeping/journal/?{OCTOBER}&file=each").content.decode()
    assert "Units with residents" in file
    assert "en otra lengua" not in file


def test_what_a_page_does_is_a_command_too(site: Database, capsys: pytest.CaptureFixture[str]) -> None:
    from koinon.cli.main import run

    def told(*arguments: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert run([*arguments, "--json", "--database", site.app_url]) == status
        return json.loads(capsys.readouterr().out)

    shop = str(shop_id())
    treasurer, approver = ("--as", "demo-treasurer"), ("--as", "demo-approver")
    fund = told("budget", "show")["funds"][0]["code"]
    assert told("account", "agreement", "--party", shop, "--on", "2026-08-01", "--reference", "AG-0", *treasurer)[
        "recorded"
    ]
    said = ("--fund", fund, "--convertible-by", "shops", "--limited-to", "the town", "--source", "Act 1")
    assert told("account", "fund", *said, "--from", "2026-10-01", *treasurer)["recorded"]
    other = [word if word != "shops" else "nobody" for word in said]
    refused = told("account", "fund", *other, "--from", "2026-10-01", *treasurer, status=1)
    assert refused["refused"]["code"] == "accounting.already-said"
    changed = told("account", "chart", "--place", "till", "--number", "41", "--name", "Shops", *treasurer)
    assert changed["chart"]["till"] == {"number": "41", "name": "Shops"}
    words = ("--language", "es", "--text", "IVA incluido.", "--from", "2100-01-01")
    assert told("account", "wording", *words, *treasurer)["changed"]
    notified = ("--authority", "Bank", "--reference", "N-1", "--on", "2026-11-01")
    assert told("account", "notified", *notified, *treasurer)["recorded"]
    asked = ("--to", shop, "--amount", "1,00", "--purpose", "SUPP", "--reference", "c-8", "--key", "k-8")
    (first, again) = (told("account", "pay", *asked, *treasurer)["id"] for _ in range(2))
    assert first == again
    assert told("account", "pay-approve", first, *approver)["state"] == "paid"
    other = told("account", "pay", *asked[:-1], "k-9", *treasurer)["id"]
    assert told("account", "pay-cancel", other, *treasurer)["state"] == "cancelled"
    states = {one["id"]: one["state"] for one in told("account", "payments")["payments"]}
    assert (states[first], states[other]) == ("paid", "cancelled")
