"""Giving back: aid becomes aid again, and never more than was paid."""

from __future__ import annotations

import pytest

from koinon.kernel.money import Amount
from koinon.payments import queries
from koinon.payments.errors import (
    AmountNotPositive,
    KeyReused,
    PaymentNotFound,
    RefundNotCovered,
    RefundTooLarge,
)
from koinon.payments.types import Payment
from tests.payments.paying_town import build


@pytest.fixture
def town(conn):
    town = build(conn)
    town.fund("aid", rule={"sectors": ["food"]})
    town.fund("bonus")
    town.household("ana")
    town.shop("forn")
    town.shop("farina")
    return town


@pytest.fixture
def payment(town) -> Payment:
    """10.00 from two purses: 6.00 and 4.00."""
    town.give("ana", "aid", "6.00")
    town.give("ana", "bonus", "20.00")
    return town.pay_for("ana", "forn", "10.00")


def test_a_refund_goes_back_to_each_purse_in_proportion_to_what_it_paid(town, payment):
    refund = town.give_back(payment, "5.01")
    assert refund.amount == Amount(501, "REC")
    assert (town.balance("ana", "aid"), town.balance("ana", "bonus"), town.balance("forn")) == ("3.01", "18.00", "4.99")
    assert town.broken() == []


def test_several_refunds_give_back_exactly_what_was_paid(town, payment):
    for amount in ("0.01", "3.33", "0.02", None):
        town.give_back(payment, amount)
    assert (town.balance("ana", "aid"), town.balance("ana", "bonus"), town.balance("forn")) == ("6.00", "20.00", "0.00")
    assert queries.payment(town.conn, town_id=town.id, payment_id=payment.id).refunded == Amount(1000, "REC")
    assert town.broken() == []


def test_refunds_together_never_exceed_the_payment(town, payment):
    town.give_back(payment, "6.00")
    with pytest.raises(RefundTooLarge) as refused:
        town.give_back(payment, "4.01")
    assert refused.value.left == Amount(400, "REC")
    town.give_back(payment, None)
    with pytest.raises(RefundTooLarge):
        town.give_back(payment, None)


def test_the_same_key_gives_the_first_refund_back(town, payment):
    first = town.give_back(payment, "2.50", key="back-1")
    assert town.give_back(payment, "2.50", key="back-1") == first
    assert town.balance("forn") == "7.50"
    with pytest.raises(KeyReused):
        town.give_back(payment, "2.51", key="back-1")


def test_a_shop_that_spent_the_money_cannot_give_it_back_and_nothing_moves(town, payment):
    town.pay("forn", "farina", "8.00")
    with pytest.raises(RefundNotCovered):
        town.give_back(payment, "5.00")
    assert (town.balance("ana", "aid"), town.balance("forn")) == ("0.00", "2.00")
    town.give_back(payment, "2.00")
    assert town.broken() == []


def test_what_makes_no_sense_is_refused_by_its_own_name(town, payment):
    with pytest.raises(AmountNotPositive):
        town.give_back(payment, "0.00")
    missing = Payment(**{**{name: getattr(payment, name) for name in payment.__slots__}, "id": town.party})
    with pytest.raises(PaymentNotFound):
        town.give_back(missing, "1.00")


def test_all_that_is_left_and_a_sum_that_happens_to_be_that_are_two_things_to_ask(town, payment):
    town.give_back(payment, None, key="back-1")
    with pytest.raises(KeyReused):
        town.give_back(payment, "10.00", key="back-1")
    assert town.give_back(payment, None, key="back-1").amount == Amount(1000, "REC")


def test_refunds_of_a_payment_are_listed_oldest_first(town, payment):
    refunds = [town.give_back(payment, amount) for amount in ("5.00", "0.01", None)]
    assert queries.refunds_of(town.conn, town_id=town.id, payment_id=payment.id) == refunds
    assert queries.refund(town.conn, town_id=town.id, refund_id=refunds[1].id) == refunds[1]
    assert queries.refund(town.conn, town_id=town.id, refund_id=payment.id) is None


def test_a_refund_or_a_hold_is_no_payment_that_could_be_refunded(town, payment):
    for other in (town.give_back(payment, "1.00"), town.hold_for("ana", "forn", "1.00")):
        with pytest.raises(PaymentNotFound):
            town.give_back(other, "0.50")
