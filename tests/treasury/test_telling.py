"""Whoever listens is told of what became of a shop's request and of a cycle, in the transaction of the money."""

from __future__ import annotations

import json
from typing import Any

import pytest

from koinon.outbox import operations as outbox
from koinon.treasury import operations as treasury
from koinon.treasury import queries
from koinon.treasury.types import BankPayment
from tests.treasury.place import APPROVER, IBANS, NOON, TREASURER, Place, build


@pytest.fixture
def place(django_db) -> Place:
    place = build(django_db)
    place.shop("bakery")
    place.shop("grocer", iban=IBANS[2])
    return place


def listen(place: Place, *kinds: str, party: str = "") -> None:
    outbox.add_endpoint(
        place.conn, town_id=place.town.pk, url="https://books.example/hook", kinds=kinds, keys=place.secrets,
        actor=TREASURER, at=NOON, party=place.parties[party] if party else None,
    )  # fmt: skip


def told(place: Place) -> list[tuple[str, Any, dict[str, Any]]]:
    rows = place.conn.execute("SELECT kind, subject, data::text FROM outbox.event ORDER BY id").fetchall()
    return [(kind, subject, json.loads(data)) for kind, subject, data in rows]


def sent_run(place: Place) -> list[BankPayment]:
    here = {"town_id": place.town.pk, "at": NOON}
    run = treasury.prepare_run(place.conn, **here, idempotency_key="k", actor=TREASURER)
    treasury.approve_run(place.conn, **here, run_id=run.id, secrets=place.secrets, actor=APPROVER)
    treasury.export_run(place.conn, **here, run_id=run.id, secrets=place.secrets, actor=TREASURER)
    return queries.payments(place.conn, town_id=place.town.pk, run_id=run.id)


def test_a_request_its_payment_and_its_return_are_told_with_ids_and_amounts_alone(place):
    listen(place, "redemption.requested", "redemption.paid", "redemption.returned")
    place.fill_till("bakery", "50.00")
    first, second = place.redeem("bakery", "30.00"), place.redeem("bakery", "20.00")
    (payment,) = sent_run(place)
    here = {"town_id": place.town.pk, "at": NOON, "actor": TREASURER}
    treasury.settle_run(place.conn, **here, run_id=payment.run_id)
    treasury.settle_run(place.conn, **here, run_id=payment.run_id)
    treasury.return_payment(place.conn, **here, payment_id=payment.id, reason="AC04")
    treasury.return_payment(place.conn, **here, payment_id=payment.id, reason="AC04")

    bakery = str(place.parties["bakery"])
    asked = [{"party": bakery, "amount_minor": minor, "unit": "REC"} for minor in (30_00, 20_00)]
    by = {"run": str(payment.run_id), "payment": str(payment.id)}
    assert told(place) == [
        ("redemption.requested", first.id, asked[0]),
        ("redemption.requested", second.id, asked[1]),
        ("redemption.paid", first.id, asked[0] | by),
        ("redemption.paid", second.id, asked[1] | by),
        ("redemption.returned", first.id, asked[0] | by | {"state": "returned", "reason": "AC04"}),
        ("redemption.returned", second.id, asked[1] | by | {"state": "returned", "reason": "AC04"}),
    ]


def test_a_shop_hears_of_its_own_requests_only(place):
    listen(place, "redemption.requested", party="grocer")
    for shop in ("bakery", "grocer"):
        place.fill_till(shop, "50.00")
        place.redeem(shop, "20.00")

    assert [data["party"] for _, _, data in told(place)] == [str(place.parties["grocer"])]


def test_a_refused_request_is_not_told(place):
    listen(place, "redemption.requested")
    with pytest.raises(Exception, match="available"):
        place.redeem("bakery", "20.00")
    assert told(place) == []


def test_a_cycle_is_told_once_when_all_of_it_is_paid(place):
    listen(place, "cycle.disbursed")
    place.fill_till("bakery", "50.00")

    ((kind, _, data),) = told(place)
    assert kind == "cycle.disbursed"
    assert (data["fund"], data["month"], data["amount_minor"], data["unit"]) == (
        str(place.fund),
        "2026-10",
        50_00,
        "REC",
    )
