"""What a town promises about redemption: a fee to its own till, a time to think again, and days on which it pays."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.ledger.errors import InsufficientFunds
from koinon.treasury import operations as treasury
from koinon.treasury import queries, rules
from koinon.treasury.errors import BelowMinimum, KeyReused, NothingToPay, TermsNotPossible
from koinon.treasury.types import FileFormat, Run, Terms
from tests.treasury.place import APPROVER, NOON, TREASURER, Place, build

DAY = timedelta(days=1)


def promise(place: Place, **more: Any) -> None:
    said = {
        "town_id": place.town.pk, "from_day": NOON.date(), "minimum": place.money("10.00"), "at": NOON,
        "file_format": FileFormat.PAIN_001_09, "execution_days": 1, "source": "Regulation 7", "actor": TREASURER,
    }  # fmt: skip
    treasury.set_terms(place.conn, **{**said, **more})


@pytest.fixture
def place(django_db) -> Place:
    place = build(django_db)
    place.shop("bakery")
    place.fill_till("bakery", "100.00")
    return place


def run_on(place: Place, days: int) -> Run:
    return treasury.prepare_run(
        place.conn, town_id=place.town.pk, idempotency_key=f"day {days}", at=NOON + days * DAY, actor=TREASURER
    )


def test_the_fee_goes_to_the_towns_own_till_and_the_rest_is_paid_out(place):
    promise(place, fee_minor=50, fee_bps=150)
    asked = place.redeem("bakery", "80.05", key="k")

    assert (str(asked.amount), asked.fee_minor, place.redeem("bakery", "80.05", key="k").replayed) == (
        "78.35 REC",
        1_70,
        True,
    )
    with pytest.raises(KeyReused):
        place.redeem("bakery", "78.35", key="k")
    assert place.balance("till", place.parties["bakery"]) == place.money("19.95")
    assert place.balance("till", None) == place.money("1.70")
    assert run_on(place, 0).total == place.money("78.35")
    assert place.broken() == []


def test_a_request_taken_back_brings_its_fee_back_as_long_as_the_town_has_it(place):
    promise(place, fee_minor=50)
    first, second = place.redeem("bakery", "20.00"), place.redeem("bakery", "30.00")
    step = {"town_id": place.town.pk, "at": NOON, "actor": "user:9"}
    treasury.undo_redemption(place.conn, **step, redemption_id=first.id)

    assert place.balance("till", place.parties["bakery"]) == place.money("70.00")
    place.move(
        "pay", ("till", place.town.party_id, None), ("till", place.parties["bakery"], None), place.money("0.50"), NOON
    )
    with pytest.raises(InsufficientFunds):
        treasury.undo_redemption(place.conn, **step, redemption_id=second.id)
    assert place.broken("treasury") == []


def test_the_fee_of_a_payment_that_came_back_stays(place):
    promise(place, fee_bps=1000)
    place.redeem("bakery", "50.00")
    run, step = run_on(place, 0), {"town_id": place.town.pk, "at": NOON}
    treasury.approve_run(place.conn, **step, run_id=run.id, secrets=place.secrets, actor=APPROVER)
    treasury.export_run(place.conn, **step, run_id=run.id, secrets=place.secrets, actor=TREASURER)
    treasury.settle_run(place.conn, **step, run_id=run.id, actor=TREASURER)
    (payment,) = queries.payments(place.conn, town_id=place.town.pk, run_id=run.id)
    treasury.return_payment(place.conn, **step, payment_id=payment.id, reason="AC04", actor=TREASURER)

    assert place.balance("till", place.parties["bakery"]) == place.money("95.00")
    assert place.balance("till", None) == place.money("5.00")
    assert place.broken() == []


def test_a_request_cools_before_a_run_takes_it(place):
    promise(place, cooling_days=3)
    place.redeem("bakery", "50.00")

    with pytest.raises(NothingToPay):
        run_on(place, 2)
    assert run_on(place, 3).total == place.money("50.00")


def test_terms_hold_from_their_day_on_and_never_change_what_was_promised(place):
    promise(place, from_day=NOON.date() + DAY, fee_minor=5_00)
    assert place.redeem("bakery", "10.00").fee_minor == 0
    with pytest.raises(BelowMinimum):
        place.redeem("bakery", "9.99", at=NOON + DAY)
    with pytest.raises(TermsNotPossible) as refused:
        promise(
            place, from_day=NOON.date() - DAY, fee_bps=3000, cooling_days=61, schedule="monthly:31", execution_days=31
        )
    assert [ground.code for ground in refused.value.grounds] == [
        "terms.in-the-past", "terms.fee-too-high", "terms.cooling-too-long", "terms.execution-too-late",
        "terms.schedule-unknown",
    ]  # fmt: skip


@given(
    st.integers(1, 10**9), st.integers(0, 10**6), st.integers(0, 2000),
    st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.sampled_from(["", "weekly:1,5", "monthly:1,15", "monthly:28"]),
)  # fmt: skip
def test_a_fee_is_never_negative_and_a_run_day_never_before_the_day(asked, fixed, share, day, schedule):
    terms = Terms(day, 1, FileFormat.PAIN_001_09, 1, "", fixed, share, 0, schedule)
    assert 0 <= rules.fee_minor(asked, terms) <= fixed + asked // 5
    run = rules.next_run_day(day, terms)
    assert day <= run <= day + timedelta(days=31)
    assert rules.payout_day(day, terms) > run
