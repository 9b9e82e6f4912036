"""What a payer was shown is what is paid, whatever the number that they typed stands for by then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from koinon.db.connections import Database
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.payments.types import PaymentRequest
from tests.conftest import django_on
from tests.web.test_access import client_of

PIN = "471930"


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def test_a_number_that_is_another_requests_by_now_pays_the_one_that_was_shown(site: Database) -> None:
    from django.db import transaction
    from django.utils import timezone

    from koinon.instruments import phones
    from koinon.parties.connection import raw
    from koinon.parties.models import RoleGrant
    from koinon.parties.secrets import Secrets
    from koinon.payments import queries, requesting

    secrets, now = Secrets.load(), timezone.now()
    payer, payee = RoleGrant.objects.get(role="resident"), RoleGrant.objects.get(role="shop")
    assert payer.party_id is not None
    town = payee.town

    def asks(minor: int) -> PaymentRequest:
        assert payee.party_id is not None
        return requesting.ask(
            raw(), town_id=town.pk, payee=payee.party_id, amount=Amount(minor, town.unit_code),
            lasts=timedelta(hours=1), idempotency_key=str(new_id()), actor="user:9", at=now, secrets=secrets,
        )  # fmt: skip

    with transaction.atomic():
        phones.set_up(
            raw(), town_id=town.pk, party=payer.party_id, account=payer.user_id, pin=PIN, actor="user:9", at=now,
            secrets=secrets,
        )  # fmt: skip
        first = asks(1_00)
    resident = client_of("resident")
    page = resident.post("/purse/pay/", {"code": first.number}).content.decode()
    shown = {name: re.search(rf'name="{name}" value="([^"]*)"', page)[1] for name in ("form_id", "code", "payee")}  # type: ignore[index]
    with transaction.atomic():  # The number is over and rests, and the shop asks for more under it.
        other = asks(9_00)
        rename = "UPDATE payments.request SET number = %s WHERE town_id = %s AND id = %s"
        raw().execute(rename, [None, town.pk, first.id])
        raw().execute(rename, [first.number, town.pk, other.id])
    paid = resident.post("/purse/pay/", {**shown, "pin": PIN})
    assert paid.status_code == 302
    with transaction.atomic():
        done = queries.payment(raw(), town_id=town.pk, payment_id=UUID(paid["Location"].rstrip("/").rpartition("/")[2]))
    assert done.amount == Amount(1_00, town.unit_code)
