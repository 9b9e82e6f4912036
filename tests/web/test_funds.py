"""The officer's pages of funds: a change is looked at in plain words, announced, and taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from psycopg import Connection

from koinon.db.connections import Database
from koinon.programmes.sweeping import Unbound
from koinon.programmes.types import Swept
from koinon.web.views import funds as views
from tests.conftest import django_on
from tests.web.test_access import client_of, ids


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def words(client: Client, url: str) -> str:
    page = client.get(url)
    assert page.status_code == 200, url
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def test_a_change_is_shown_in_plain_words_before_it_is_announced_and_can_be_taken_back(site: Database) -> None:
    officer, fund = client_of("officer"), ids()["fund"]
    first = timezone.now().date() + timedelta(days=20)
    given = {
        "from_day": first.isoformat(), "last_day": (first + timedelta(days=400)).isoformat(), "share_of_price": "50 %",
        "per_day": "20,00", "hours": "mon-fri 08:00-20:00", "categories": "Food, hygiene", "sectors": ["food"],
        "chain": "on", "reason": "voted on 1 October",
    }  # fmt: skip
    url = reverse("office-fund-change", kwargs={"fund": fund})
    assert words(officer, reverse("office-funds"))
    wrong = officer.post(url, given | {"from_day": timezone.now().date().isoformat(), "hours": "always"})
    assert wrong.status_code == 422
    assert "mon-fri 08:00-20:00, one a line" in wrong.content.decode()
    soon = officer.post(url, given | {"from_day": timezone.now().date().isoformat()})
    assert soon.status_code == 422
    look = officer.post(url, given)
    text = look.content.decode()
    assert look.status_code == 200
    for sentence in (
        "It pays at most 50",
        "20.00",
        "What a shop is paid with it stays bound",
        "Only for these trades: Food",
    ):
        assert sentence in text
    seal = re.search(r'name="seen" value="(\w+)"', text)
    assert seal is not None
    # What was changed after looking is shown once more before anything is announced.
    assert officer.post(url, given | {"seen": seal[1], "per_day": "30,00"}).status_code == 200
    assert officer.post(url, given | {"seen": seal[1]}).status_code == 302
    page = officer.get(reverse("office-fund", kwargs={"fund": fund})).content.decode()
    assert "voted on 1 October" in page
    assert "Announced" in page
    withdraw = re.search(r'action="([^"]+/withdraw/)"', page)
    assert withdraw is not None
    assert officer.post(withdraw[1], {"reason": "not yet"}).status_code == 302
    assert "Taken back" in words(officer, reverse("office-fund", kwargs={"fund": fund}))


def test_a_sweep_and_each_piece_that_becomes_free_are_transactions_of_their_own(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one of them all, tills would be waited for by whoever holds a fund's purses and other tills."""
    transactions: list[str] = []

    def note(conn: Connection[Any]) -> None:
        row = conn.execute("SELECT pg_current_xact_id()::text").fetchone()
        assert row is not None
        transactions.append(row[0])

    def sweep(conn: Connection[Any], **_: Any) -> Swept:
        note(conn)
        return Swept(0, 0)

    def unbind(conn: Connection[Any], **_: Any) -> Unbound:
        note(conn)
        return Unbound(0, 0, more=len(transactions) < 3)

    monkeypatch.setattr(views.operations, "sweep_fund", sweep)
    monkeypatch.setattr(views.sweeping, "unbind", unbind)
    url = reverse("office-fund-sweep", kwargs={"fund": ids()["fund"]})

    assert client_of("officer").post(url).status_code == 302

    assert len(transactions) == len(set(transactions)) == 3


def test_others_may_look_at_a_fund_and_not_change_it(site: Database) -> None:
    fund = ids()["fund"]
    for role in ("approver", "treasurer", "auditor"):
        client = client_of(role)
        assert "Announce a change" not in words(client, reverse("office-fund", kwargs={"fund": fund}))
        assert client.get(reverse("office-fund-change", kwargs={"fund": fund})).status_code == 403
    assert client_of("resident").get(reverse("office-funds")).status_code == 403
