"""Reserving money for a payee, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.payments import operations, queries
from koinon.payments.errors import (
    AmountNotPositive,
    CaptureTooLarge,
    HoldNotFound,
    HoldNotOpen,
    KeyReused,
    LapsesTooSoon,
    NotPayable,
    RefundTooLarge,
)
from tests.payments.paying_town import NOON, PayingTown, build


@pytest.fixture
def town(conn) -> PayingTown:
    """Ana has 6.00 of aid and 20.00 of bonus; aid ends sooner."""
    town = build(conn)
    town.fund("aid", rule={"sectors": ["food"], "per_day_minor": 10_00}, last_day=NOON.date())
    town.fund("bonus")
    town.household("ana")
    town.shop("forn")
    town.shop("farina")
    town.give("ana", "aid", "6.00")
    town.give("ana", "bonus", "20.00")
    return town


def available(town: PayingTown) -> dict[str, int]:
    found = queries.purses(town.conn, town_id=town.id, payer=town.parties["ana"], at=NOON)
    return {purse.fund_code: purse.available_minor for purse in found}


def code(work) -> str:
    try:
        work()
    except KoinonError as refused:
        return refused.code
    return "done"


def test_a_hold_reserves_what_a_payment_would_take(town):
    hold = town.hold_for("ana", "forn", "10.00", reference="T7")
    assert (hold.amount, hold.state, hold.reference) == (Amount(1000, "REC"), "open", "T7")
    assert available(town) == {"aid": 0, "bonus": 1600}
    assert town.balance("forn") == "0.00"
    assert queries.hold(town.conn, town_id=town.id, hold_id=hold.id) == hold
    with pytest.raises(NotPayable) as refused:
        town.pay_for("ana", "forn", "16.01")
    assert refused.value.payable == Amount(1600, "REC")
    assert town.broken() == []


def test_a_hold_is_captured_whole_and_becomes_a_payment_that_can_be_given_back(town):
    hold = town.hold_for("ana", "forn", "10.00")
    payment = town.capture(hold, None)
    assert (payment.amount, payment.hold, payment.payer) == (hold.amount, hold.id, town.parties["ana"])
    assert queries.payment(town.conn, town_id=town.id, payment_id=payment.id) == payment
    assert queries.hold(town.conn, town_id=town.id, hold_id=hold.id).state == "captured"
    refund = town.give_back(payment, "5.01")
    assert (town.balance("ana", "aid"), town.balance("ana", "bonus"), town.balance("forn")) == ("3.01", "18.00", "4.99")
    assert queries.refunds_of(town.conn, town_id=town.id, payment_id=payment.id) == [refund]
    with pytest.raises(RefundTooLarge):
        town.give_back(payment, "5.00")
    assert town.broken() == []


def test_a_part_is_captured_in_proportion_and_the_rest_is_free_again(town):
    hold = town.hold_for("ana", "forn", "10.00")
    payment = town.capture(hold, "5.01")
    legs = queries.legs_of(town.conn, town_id=town.id, payment_id=payment.id)
    assert [(leg.fund_name, leg.amount_minor) for leg in legs] == [("Aid", 301), ("Bonus", 200)]
    assert available(town) == {"aid": 299, "bonus": 1800}
    after = queries.hold(town.conn, town_id=town.id, hold_id=hold.id)
    assert (after.state, after.captured_minor) == ("captured", 501)
    assert town.broken() == []


def test_a_part_so_small_that_one_purse_gives_nothing_leaves_that_purse_alone(town):
    hold = town.hold_for("ana", "forn", "25.99")  # 6.00 and 19.99.
    payment = town.capture(hold, "0.01")
    legs = queries.legs_of(town.conn, town_id=town.id, payment_id=payment.id)
    assert [(leg.fund_name, leg.amount_minor) for leg in legs] == [("Bonus", 1)]
    assert (legs[0].transfer_id, payment.hold) == (payment.id, hold.id)
    assert queries.payment(town.conn, town_id=town.id, payment_id=payment.id) == payment
    assert queries.hold(town.conn, town_id=town.id, hold_id=hold.id).captured_minor == 1
    assert available(town) == {"aid": 600, "bonus": 1999}
    assert town.give_back(payment, None).amount_minor == 1
    assert town.broken() == []


def test_a_released_hold_gives_everything_back(town):
    hold = town.hold_for("ana", "forn", "10.00")
    released = town.let_go(hold)
    assert (released.id, released.state, released.captured_minor) == (hold.id, "released", 0)
    assert available(town) == {"aid": 600, "bonus": 2000}
    assert town.broken() == []


def test_a_hold_ends_once(town):
    captured, released = town.hold_for("ana", "forn", "1.00"), town.hold_for("ana", "forn", "1.00")
    town.capture(captured, "0.50")
    town.let_go(released)
    for hold in (captured, released):
        for again in (lambda hold=hold: town.capture(hold, None), lambda hold=hold: town.let_go(hold)):
            with pytest.raises(HoldNotOpen):
                again()
    assert town.broken() == []


def test_a_hold_lapses_at_its_time_and_cannot_be_captured_from_then_on(town):
    hold = town.hold_for("ana", "forn", "10.00", until=NOON + timedelta(hours=1))
    assert operations.lapse_holds(town.conn, town_id=town.id, now=NOON + timedelta(minutes=59)) == 0
    with pytest.raises(HoldNotOpen) as refused:
        town.capture(hold, None, at=NOON + timedelta(hours=1))
    assert refused.value.state == "lapsed"
    assert operations.lapse_holds(town.conn, town_id=town.id, now=NOON + timedelta(hours=1)) == 1
    assert queries.hold(town.conn, town_id=town.id, hold_id=hold.id).state == "lapsed"
    assert available(town) == {"aid": 600, "bonus": 2000}
    assert town.broken() == []


def test_holds_count_on_the_limit_of_the_day_they_were_placed_on(town):
    town.give("ana", "aid", "50.00")
    hold = town.hold_for("ana", "forn", "8.00", until=NOON + timedelta(days=3))
    aid_only = {"aid": 5600 - 800, "bonus": 2000}
    assert available(town) == aid_only
    purse = queries.purses(town.conn, town_id=town.id, payer=town.parties["ana"], at=NOON)[0]
    assert purse.spent_today_minor == 800
    payment = town.capture(hold, "5.00", at=NOON + timedelta(days=1))
    purse = queries.purses(town.conn, town_id=town.id, payer=town.parties["ana"], at=NOON)[0]
    assert purse.spent_today_minor == 500
    purse = queries.purses(town.conn, town_id=town.id, payer=town.parties["ana"], at=NOON + timedelta(days=1))[0]
    assert purse.spent_today_minor == 0
    town.give_back(payment, "1.00", at=NOON + timedelta(days=1))
    purse = queries.purses(town.conn, town_id=town.id, payer=town.parties["ana"], at=NOON)[0]
    assert purse.spent_today_minor == 400


def test_the_same_id_gives_the_same_hold_capture_and_release_again(town):
    first = town.hold_for("ana", "forn", "10.00", key="a")
    assert town.hold_for("ana", "forn", "10.00", key="a", until=NOON + timedelta(hours=9)) == first
    payment = town.capture(first, "4.00", key="c")
    assert town.capture(first, "4.00", key="c") == payment
    assert town.hold_for("ana", "forn", "10.00", key="a").state == "captured"
    second = town.hold_for("ana", "forn", "2.00", key="b")
    assert town.let_go(second, key="r") == town.let_go(second, key="r")
    with pytest.raises(KeyReused):
        town.hold_for("ana", "forn", "9.99", key="a")
    with pytest.raises(KeyReused):
        town.capture(first, "4.01", key="c")
    with pytest.raises(KeyReused):
        town.capture(first, None, key="c")
    with pytest.raises(KeyReused):
        town.let_go(first, key="r")
    assert town.broken() == []


def test_what_makes_no_sense_is_refused_by_its_own_name(town):
    with pytest.raises(AmountNotPositive):
        town.hold_for("ana", "forn", "0.00")
    with pytest.raises(LapsesTooSoon):
        town.hold_for("ana", "forn", "1.00", until=NOON)
    assert code(lambda: town.hold_for("ana", "ana", "1.00")) == "payments.same-party"
    assert code(lambda: town.hold_for("ana", "forn", "99.00")) == "payments.not-payable"
    hold = town.hold_for("ana", "forn", "1.00")
    with pytest.raises(AmountNotPositive):
        town.capture(hold, "0.00")
    with pytest.raises(CaptureTooLarge):
        town.capture(hold, "1.01")
    paid = town.pay_for("ana", "forn", "1.00")
    with pytest.raises(HoldNotFound):
        town.capture(paid, None)
    with pytest.raises(HoldNotFound):
        town.let_go(paid)
    with pytest.raises(HoldNotFound):
        queries.hold(town.conn, town_id=town.id, hold_id=paid.id)


def test_a_captured_payment_is_a_sale_and_a_movement(town):
    payment = town.capture(town.hold_for("ana", "forn", "10.00"), "7.00")
    seen = queries.movements(town.conn, town_id=town.id, party_id=town.parties["forn"])
    assert [(row.id, row.signed_minor) for row in seen] == [(payment.id, 700)]
    assert queries.sales_of_day(town.conn, town_id=town.id, payee=town.parties["forn"], day=NOON.date()) == [payment]
