"""What happens to a request that cannot be done: its status, its audit line, and never a page of our own failing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of, ids

JSON = {"headers": {"Accept": "application/json"}}


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def refused_lines() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT actor, subject, reason, after::text FROM audit.entry WHERE action = 'request.refused' ORDER BY id"
        )
        return list(cursor.fetchall())


def actor_of(role: str) -> str:
    from koinon.parties.models import User

    return User.objects.get(username=f"demo-{role}").actor


def till_of_the_shop() -> int:
    from koinon.parties.models import RoleGrant

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM ledger.account WHERE kind = 'till' AND holder = %s",
            [RoleGrant.objects.get(role="shop").party_id],
        )
        return int(cursor.fetchone()[0])


def test_a_refused_redemption_leaves_its_audit_line_and_nothing_else(site: Database) -> None:
    before = refused_lines()
    answer = client_of("shop").post("/shop/payout/", {"form_id": str(uuid4()), "amount": "99999"})
    assert answer.status_code == 200
    ((actor, subject, reason, after),) = refused_lines()[len(before) :]
    assert (actor, subject, reason) == (actor_of("shop"), "view:shop-payout", "ledger.insufficient-funds")
    assert f'"account_id": {till_of_the_shop()}' in after
    assert '"asked": "99999.00 REC"' in after


def test_a_refused_refund_leaves_its_audit_line_and_nothing_else(site: Database) -> None:
    sale, before = ids()["payment"], refused_lines()
    form = {"form_id": str(uuid4()), "amount": "99999"}
    assert client_of("shop").post(reverse("shop-sale", args=[sale]), form).status_code == 200
    ((actor, subject, reason, after),) = refused_lines()[len(before) :]
    assert (actor, subject, reason) == (actor_of("shop"), "view:shop-sale", "payments.refund-too-large")
    assert "99999.00 REC" in after


def test_a_refusal_that_ends_the_request_is_in_the_trail_after_its_rollback(site: Database) -> None:
    run, before = uuid4(), refused_lines()
    answer = client_of("treasurer").post(reverse("treasury-approve", args=[run]))
    assert answer.status_code == 404
    ((actor, subject, reason, after),) = refused_lines()[len(before) :]
    assert (actor, subject, reason) == (actor_of("treasurer"), "view:treasury-approve", "treasury.run-not-found")
    assert str(run) in after


def test_looking_at_what_is_not_there_leaves_no_line(site: Database) -> None:
    before = refused_lines()
    assert client_of("treasurer").get(reverse("treasury-run", args=[uuid4()])).status_code == 404
    assert refused_lines() == before


def test_a_refusal_has_one_status_for_people_and_for_programs(site: Database) -> None:
    client, url = client_of("treasurer"), reverse("treasury-run", args=[uuid4()])
    assert client.get(url).status_code == 404
    answer = client.get(url, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (404, "treasury.run-not-found")


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-13-01", "", "\x00"])
def test_a_day_on_which_nothing_can_have_been_sold_shows_today(site: Database, day: str) -> None:
    assert client_of("shop").get("/shop/", {"day": day}).status_code == 200


@pytest.mark.parametrize("form", [{}, {"form_id": ""}, {"form_id": "\x00"}, {"form_id": "20261101"}])
def test_a_run_is_prepared_only_by_a_form_with_its_own_number(site: Database, form: dict[str, str]) -> None:
    client = client_of("treasurer")
    assert client.post("/treasury/runs/prepare/", form).status_code == 302
    assert "open for too long" in client.get("/treasury/runs/").content.decode()


@pytest.mark.parametrize(("length", "taken"), [(64, True), (65, False), (80, False)])
def test_a_bank_reference_is_as_long_as_the_books_take_it(site: Database, length: int, taken: bool) -> None:
    from koinon.programmes.models import Fund

    fund = Fund.objects.first()
    assert fund is not None
    form = {"form_id": str(uuid4()), "fund": str(fund.pk), "amount": "1", "bank_reference": "R" * length}
    assert client_of("treasurer").post("/treasury/", form).status_code == (302 if taken else 200)


def test_a_zip_file_of_impossible_names_is_told_so(site: Database) -> None:
    from tests.web.test_uploads import archive

    sent = archive({"town.toml": b"x", "n" * 300 + ".csv": b"y"})
    answer = client_of("officer").post("/office/folder/", {"folder": sent})
    assert answer.status_code == 200
    assert "too long" in answer.content.decode()
