"""Drawing a programme up from the office: said in words, looked at, written down as it was shown, and found again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.db import transaction

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of

FORM = {
    "compose": "1", "name": "Ajut d'hivern", "for_whom": "households", "children_below": "6", "amounts": "formula",
    "base": "50,00", "each_child": "20,00", "at_most": "120,00", "share": "50", "second_from": "5000,00", "fund": "new",
    "fund_name": "Fons d'hivern «2026»", "source": 'Partida "2026/48"', "budget": "12.000,00", "spend_from": "2026-12-01",
    "last_day": "2027-03-31",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def text_of(page: str) -> str:
    found = re.search(r'<textarea id="text"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert found
    return unescape(found[1]).lstrip("\n")


def shown(page: str) -> str:
    found = re.search(r'name="shown" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def test_a_form_becomes_rules_that_are_written_down_as_they_were_shown(site: Database) -> None:
    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.programmes import funds, queries

    officer = client_of("officer")
    page = officer.post("/office/programmes/new/", FORM).content.decode()
    assert "younger than 6" in page
    text, fingerprint = text_of(page), shown(page)
    assert (
        officer.post("/office/programmes/new/", {"confirm": "1", "text": text, "shown": fingerprint}).status_code == 302
    )

    with transaction.atomic():
        town = Town.objects.get().pk
        [programme] = [one for one in queries.programmes(raw(), town_id=town) if one.name == FORM["name"]]
        fund = queries.fund(raw(), town_id=town, fund_id=programme.fund_id)
        totals = funds.totals(raw(), town_id=town, fund_id=fund.id)
    assert (fund.name, fund.budget_minor) == (FORM["fund_name"], 12_000_00)
    assert totals.issued_minor == 0
    assert (programme.terms.share.denominator, programme.terms.for_whom) == (2, "households")

    # What was written down is there now: the same text changes nothing, and the shown list is not taken in twice.
    again = officer.post("/office/programmes/new/", {"look": "1", "text": text}).content.decode()
    assert "All of it is recorded already." in again
    refused = officer.post("/office/programmes/new/", {"confirm": "1", "text": text, "shown": fingerprint})
    assert refused.status_code == 409


def test_every_mistake_of_a_text_is_shown_with_its_row(site: Database) -> None:
    text = '[[programmes]]\ncode = "x"\nname = "X"\nfund = "nobody"\nshare = "3/2"\n'
    page = client_of("officer").post("/office/programmes/new/", {"look": "1", "text": text}).content.decode()
    assert "town.fund-unknown" in page
    assert 'name="shown"' not in page


def test_a_form_without_what_a_new_fund_needs_is_asked_again(site: Database) -> None:
    answer = client_of("officer").post("/office/programmes/new/", {**FORM, "budget": "", "base": ""})
    assert answer.status_code == 422
    assert "A new fund needs this." in answer.content.decode()
