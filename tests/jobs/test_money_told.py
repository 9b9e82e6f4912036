"""Every kind of event is told by the very operation it is named after, in its transaction."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from koinon.kernel.identifiers import new_id
from koinon.outbox import operations as outbox
from koinon.outbox import types
from koinon.outbox.types import KINDS
from koinon.parties.secrets import Secrets
from koinon.payments import operations as payments
from koinon.treasury import operations as treasury
from koinon.treasury import queries as euros
from tests.treasury.place import APPROVER, NOON, TREASURER, Place, build

LATER = NOON + timedelta(days=1)


@pytest.fixture
def place(django_db) -> Place:
    place = build(django_db)
    place.shop("Forn Núñez")
    outbox.add_endpoint(
        place.conn,
        town_id=place.town.pk,
        url="https://books.example/",
        kinds=list(KINDS),
        keys=Secrets.fresh(),
        actor="user:1",
        at=NOON,
    )
    return place


def told(place: Place, kind: str) -> list[dict[str, Any]]:
    rows = place.conn.execute(
        "SELECT subject, data::text FROM outbox.event WHERE town_id = %s AND kind = %s ORDER BY id",
        [place.town.pk, kind],
    ).fetchall()
    return [{"subject": subject, **json.loads(data)} for subject, data in rows]


def test_every_kind_is_told_by_what_does_it(place):
    shop = place.parties["Forn Núñez"]
    town = place.town.pk
    place.receive("100.00")
    place.grant("Ana", "100.00")
    ana = place.parties["Ana"]
    who: Any = {"town_id": town, "effective_at": NOON, "actor": "till:1"}
    both: Any = {"payer": ana, "payee": shop}
    sides = {"payer": str(ana), "payee": str(shop), "unit": "REC"}

    paid = payments.pay(place.conn, payment_id=new_id(), amount=place.money("60.00"), **both, **who)
    back = payments.refund(place.conn, refund_id=new_id(), payment_id=paid.id, amount=place.money("10.00"), **who)

    def hold() -> Any:
        return payments.place_hold(
            place.conn, hold_id=new_id(), amount=place.money("5.00"), lapses_at=NOON + timedelta(hours=1), **both, **who
        )

    captured, released, lapsed = hold(), hold(), hold()
    payments.capture_hold(place.conn, payment_id=new_id(), hold_id=captured.id, amount=place.money("4.00"), **who)
    payments.release_hold(place.conn, release_id=new_id(), hold_id=released.id, **who)
    payments.lapse_holds(place.conn, town_id=town, now=LATER)

    asked = place.redeem("Forn Núñez", "50.00")
    run = treasury.prepare_run(place.conn, town_id=town, idempotency_key="run", at=LATER, actor=TREASURER)
    step: Any = {"town_id": town, "run_id": run.id, "at": LATER}
    treasury.approve_run(place.conn, **step, secrets=place.secrets, actor=APPROVER)
    treasury.export_run(place.conn, **step, secrets=place.secrets, actor=TREASURER)
    treasury.settle_run(place.conn, **step, actor=TREASURER)
    (made,) = euros.payments(place.conn, town_id=town, run_id=run.id)
    treasury.return_payment(place.conn, town_id=town, payment_id=made.id, reason="AC04", at=LATER, actor=TREASURER)

    (cycle,) = told(place, "cycle.disbursed")
    assert (cycle["amount_minor"], cycle["fund"], cycle["month"]) == (100_00, str(place.fund), "2026-10")
    posted = told(place, "payment.posted")
    assert [(one["amount_minor"], one.get("hold")) for one in posted] == [(60_00, None), (4_00, str(captured.id))]
    assert posted[0] == {"subject": paid.id, "amount_minor": 60_00, "reference": "", **sides}
    assert told(place, "payment.refunded") == [
        {"subject": back.id, "amount_minor": 10_00, "payment": str(paid.id), **sides}
    ]
    assert [one["subject"] for one in told(place, "hold.placed")] == [captured.id, released.id, lapsed.id]
    assert [one["subject"] for one in told(place, "hold.captured")] == [captured.id]
    assert len(told(place, "hold.released")) == 1
    assert [one["subject"] for one in told(place, "hold.lapsed")] == [lapsed.id]
    for kind in ("redemption.requested", "redemption.paid", "redemption.returned"):
        (one,) = told(place, kind)
        assert (one["subject"], one["party"], one["amount_minor"]) == (asked.id, str(shop), 50_00)
    heard = {row[0] for row in place.conn.execute("SELECT DISTINCT kind FROM outbox.event").fetchall()}
    assert heard == {kind for kind in KINDS if kind.startswith(("payment.", "hold.", "cycle.", "redemption."))}
    assert place.broken("outbox") == []


def test_every_kind_that_can_be_listened_to_is_told_by_some_operation():
    source = Path(types.__file__).parents[1]
    written = "".join(
        file.read_text(encoding="utf-8") for file in source.rglob("*.py") if file.parent.name not in ("jobs", "outbox")
    )
    assert [kind for kind in KINDS if f'"{kind}"' not in written] == []


def test_what_is_done_twice_is_told_once(place):
    place.receive("100.00")
    place.grant("Ana", "100.00")
    again: Any = {
        "town_id": place.town.pk,
        "payment_id": new_id(),
        "payer": place.parties["Ana"],
        "payee": place.parties["Forn Núñez"],
        "amount": place.money("60.00"),
        "effective_at": datetime(2026, 10, 2, tzinfo=UTC),
        "actor": "till:1",
    }
    payments.pay(place.conn, **again)
    payments.pay(place.conn, **again)
    place.redeem("Forn Núñez", "10.00", key="once")
    place.redeem("Forn Núñez", "10.00", key="once")
    assert (len(told(place, "payment.posted")), len(told(place, "redemption.requested"))) == (1, 1)
