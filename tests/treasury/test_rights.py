"""What the application's role may not do behind the operations' back."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import transaction
from psycopg import errors

from koinon.parties.connection import raw
from koinon.treasury import operations as treasury
from koinon.treasury import queries
from koinon.treasury.errors import NothingToPay
from tests.treasury.place import APPROVER, NOON, TREASURER, Place, build

NOVEMBER = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM treasury.receipt",
        "UPDATE treasury.receipt SET amount_minor = 1",
        "DELETE FROM treasury.redemption",
        "UPDATE treasury.redemption SET amount_minor = 1",
        "UPDATE treasury.redemption SET party = gen_random_uuid()",
        "UPDATE treasury.run SET total_minor = 1",
        "UPDATE treasury.run SET prepared_by = 'user:3'",
        "UPDATE treasury.payment SET amount_minor = 1",
        "UPDATE treasury.payment SET party = gen_random_uuid()",
        "DELETE FROM treasury.payment_redemption",
        "TRUNCATE treasury.run CASCADE",
    ],
)
def test_application_cannot_rewrite_what_was_booked(conn, statement):
    with pytest.raises(errors.InsufficientPrivilege):
        conn.execute(statement)


def test_one_person_cannot_approve_their_own_run_even_in_sql(django_db):
    place = build(django_db)
    place.shop("Shop")
    place.fill_till("Shop", "5.00")
    place.redeem("Shop", "5.00")
    run = treasury.prepare_run(django_db, town_id=place.town.pk, idempotency_key="k", at=NOON, actor=TREASURER)

    with pytest.raises(errors.CheckViolation), django_db.transaction():
        django_db.execute(
            "UPDATE treasury.run SET state = 'approved', approved_by = prepared_by, approved_at = now() WHERE id = %s",
            [run.id],
        )


def committed_place(redeemed: str) -> Place:
    with transaction.atomic():
        place = build(raw())
        place.shop("Shop")
        place.fill_till("Shop", "50.00")
        place.redeem("Shop", redeemed)
    return place


def at_once(connections: list[psycopg.Connection], action) -> list[str]:
    """What each connection got, all begun at the same moment."""
    outcomes: list[str] = []
    gate = threading.Barrier(len(connections))

    def one(conn: psycopg.Connection) -> None:
        gate.wait()
        try:
            outcomes.append(action(conn))
            conn.commit()
        except NothingToPay as refused:
            conn.rollback()
            outcomes.append(refused.code)

    threads = [threading.Thread(target=one, args=[conn]) for conn in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_two_treasurers_at_once_cannot_put_one_request_into_two_runs(django_fresh, connect_again):
    place = committed_place("20.00")
    keys = iter(["a", "b", "c", "d"])

    def prepare(conn: psycopg.Connection) -> str:
        run = treasury.prepare_run(
            conn, town_id=place.town.pk, idempotency_key=next(keys), at=NOVEMBER, actor=TREASURER
        )
        return str(run.total)

    outcomes = at_once([connect_again() for _ in range(4)], prepare)

    assert outcomes == ["20.00 REC", *["treasury.nothing-to-pay"] * 3]


def test_a_retry_at_the_same_moment_gets_the_same_run(django_fresh, connect_again):
    place = committed_place("20.00")

    def prepare(conn: psycopg.Connection) -> str:
        run = treasury.prepare_run(conn, town_id=place.town.pk, idempotency_key="k", at=NOVEMBER, actor=TREASURER)
        return str(run.id)

    assert len(set(at_once([connect_again() for _ in range(4)], prepare))) == 1


def test_a_redemption_asked_twice_at_the_same_moment_takes_the_units_once(django_fresh, connect_again):
    place = committed_place("20.00")

    def redeem(conn: psycopg.Connection) -> str:
        redemption = treasury.request_redemption(
            conn, town_id=place.town.pk, party=place.parties["Shop"], amount=place.money("10.00"),
            idempotency_key="again", at=NOVEMBER, actor="user:9",
        )  # fmt: skip
        return str(redemption.id)

    outcomes = at_once([connect_again() for _ in range(4)], redeem)

    assert len(set(outcomes)) == 1
    conn = connect_again()
    assert sum(one.amount.minor for one in queries.open_redemptions(conn, town_id=place.town.pk)) == 30_00


def test_a_bank_movement_booked_by_two_at_the_same_moment_counts_once(django_fresh, connect_again):
    place = committed_place("20.00")
    keys = iter(["a", "b", "c", "d"])

    def receive(conn: psycopg.Connection) -> str:
        receipt = treasury.receive_budget(
            conn, town_id=place.town.pk, fund=place.fund, amount=place.money("10.00"), bank_reference="BANK/SAME",
            idempotency_key=next(keys), at=NOVEMBER, actor=TREASURER,
        )  # fmt: skip
        return str(receipt.id)

    assert len(set(at_once([connect_again() for _ in range(4)], receive))) == 1
    assert queries.euros(connect_again(), town_id=place.town.pk).received == 60_00


def test_a_run_settled_twice_at_the_same_moment_pays_once(django_fresh, connect_again):
    place = committed_place("20.00")
    conn = connect_again()
    run = treasury.prepare_run(conn, town_id=place.town.pk, idempotency_key="k", at=NOVEMBER, actor=TREASURER)
    treasury.approve_run(conn, town_id=place.town.pk, run_id=run.id, secrets=place.secrets, at=NOVEMBER, actor=APPROVER)
    treasury.export_run(conn, town_id=place.town.pk, run_id=run.id, secrets=place.secrets, at=NOVEMBER, actor=TREASURER)
    conn.commit()

    def settle(conn: psycopg.Connection) -> str:
        return treasury.settle_run(conn, town_id=place.town.pk, run_id=run.id, at=NOVEMBER, actor=TREASURER).state.value

    assert at_once([connect_again() for _ in range(4)], settle) == ["settled"] * 4
    place.conn = connect_again()
    assert queries.euros(place.conn, town_id=place.town.pk).paid_out == 20_00
    assert place.broken() == []
