"""Eight tills at once."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from threading import Barrier

import pytest
from psycopg.errors import LockNotAvailable

from koinon.kernel.errors import KoinonError
from koinon.ledger import operations as ledger
from koinon.payments import operations, queries
from koinon.payments.types import Payment
from tests.payments.paying_town import NOON, PayingTown, build

TILLS = 8


@pytest.fixture
def town(database, conn):
    town = build(conn)
    town.fund("aid", rule={"per_day_minor": 25_00})
    town.household("ana")
    town.shop("forn")
    conn.commit()
    return town


def at_once(town: PayingTown, connect_again, work) -> list[str]:
    """Run ``work(conn, number)`` on eight connections at the same moment, each in its own transaction."""
    ready = Barrier(TILLS)

    def one(number: int) -> str:
        conn = connect_again()
        conn.execute("SELECT 1")
        ready.wait()
        try:
            work(conn, number)
        except KoinonError as refused:
            conn.rollback()
            return refused.code
        conn.commit()
        return "posted"

    with ThreadPoolExecutor(TILLS) as tills:
        return sorted(tills.map(one, range(TILLS)))


def test_eight_tills_cannot_spend_the_last_note_twice(town, connect_again):
    town.give("ana", "aid", "10.00")
    town.conn.commit()
    outcomes = at_once(town, connect_again, lambda conn, _: town.pay_for("ana", "forn", "10.00", conn=conn))
    assert outcomes == ["payments.not-payable"] * 7 + ["posted"]
    assert (town.balance("ana", "aid"), town.balance("forn")) == ("0.00", "10.00")
    assert town.broken() == []


def test_eight_tills_cannot_together_cross_the_limit_of_the_day(town, connect_again):
    town.give("ana", "aid", "100.00")
    town.conn.commit()
    outcomes = at_once(town, connect_again, lambda conn, _: town.pay_for("ana", "forn", "10.00", conn=conn))
    assert Counter(outcomes) == {"posted": 2, "payments.not-payable": 6}


def test_eight_tries_under_one_key_pay_once(town, connect_again):
    town.give("ana", "aid", "20.00")
    town.conn.commit()
    outcomes = at_once(
        town, connect_again, lambda conn, _: town.pay_for("ana", "forn", "5.00", key="till-1-1", conn=conn)
    )
    assert outcomes == ["posted"] * 8
    assert town.balance("forn") == "5.00"


def test_eight_payers_with_one_key_pay_once_and_seven_are_told(town, connect_again):
    for number in range(TILLS):
        town.household(f"buyer {number}")
        town.give(f"buyer {number}", "aid", "5.00")
    town.conn.commit()
    outcomes = at_once(
        town, connect_again, lambda conn, n: town.pay_for(f"buyer {n}", "forn", "5.00", key="till-1-1", conn=conn)
    )
    assert outcomes == ["payments.key-reused"] * 7 + ["posted"]
    assert town.balance("forn") == "5.00"
    assert town.broken() == []


def test_eight_refunds_at_once_never_exceed_the_payment(town, connect_again):
    town.give("ana", "aid", "20.00")
    payment = town.pay_for("ana", "forn", "10.00")
    town.fill_till("forn", "50.00")
    town.conn.commit()
    outcomes = at_once(town, connect_again, lambda conn, _: town.give_back(payment, "3.00", conn=conn))
    assert Counter(outcomes) == {"posted": 3, "payments.refund-too-large": 5}
    assert queries.payment(town.conn, town_id=town.id, payment_id=payment.id).left.minor == 100
    assert town.broken() == []


def test_payments_crossing_in_both_directions_with_retries_neither_lose_nor_double(town, connect_again):
    for name in ("a", "b"):
        town.shop(name)
        town.fill_till(name, "100.00")
    town.conn.commit()

    def work(conn, number):
        rolls = random.Random(number)
        for turn in range(12):
            way = ("a", "b") if rolls.random() < 0.5 else ("b", "a")
            key = f"{number}-{turn}-{way[0]}"
            for _ in range(rolls.choice([1, 1, 2])):
                town.pay_for(*way, "1.00", key=key, conn=conn)
                conn.commit()

    assert at_once(town, connect_again, work) == ["posted"] * TILLS
    assert Decimal(town.balance("a")) + Decimal(town.balance("b")) == Decimal("200.00")
    assert town.broken() == []


def test_eight_holds_and_payments_cannot_together_cross_the_limit_of_the_day(town, connect_again):
    town.give("ana", "aid", "100.00")
    town.conn.commit()

    def work(conn, number):
        if number % 2:
            town.hold_for("ana", "forn", "10.00", conn=conn)
        else:
            town.pay_for("ana", "forn", "10.00", conn=conn)

    assert Counter(at_once(town, connect_again, work)) == {"posted": 2, "payments.not-payable": 6}
    assert town.broken() == []


def test_a_hold_is_captured_or_released_by_one_of_eight(town, connect_again):
    town.give("ana", "aid", "20.00")
    hold = town.hold_for("ana", "forn", "20.00")
    town.conn.commit()
    outcomes = at_once(
        town,
        connect_again,
        lambda conn, n: town.capture(hold, "12.00", conn=conn) if n % 2 else town.let_go(hold, conn=conn),
    )
    assert Counter(outcomes) == {"posted": 1, "payments.hold-not-open": 7}
    assert town.balance("forn") in ("12.00", "0.00")
    assert town.broken() == []


def pay_all(town, conn, asked):
    """One batch, of which nothing is refused, committed."""
    commands = [town.asks(payer, payee, amount) for payer, payee, amount in asked]
    outcomes = operations.perform(conn, town_id=town.id, commands=commands)
    assert all(isinstance(outcome, Payment) for outcome in outcomes)
    conn.commit()


def test_batches_that_cross_wait_for_each_other_and_never_in_a_ring(town, connect_again):
    names = [f"shop {number}" for number in range(6)]
    for name in names:
        town.shop(name)
        town.fill_till(name, "50.00")
    town.conn.commit()

    def work(conn, number):
        rolls = random.Random(number)
        for _ in range(6):
            pay_all(town, conn, [(*rolls.sample(names, 2), "1.00") for _ in range(10)])

    assert at_once(town, connect_again, work) == ["posted"] * TILLS
    assert sum(Decimal(town.balance(name)) for name in names) == Decimal("300.00")
    assert town.broken() == []


def test_batches_that_take_their_tills_late_never_wait_in_a_ring_with_those_that_take_all_at_once(town, connect_again):
    households, shops = [f"household {number}" for number in range(4)], [f"shop {number}" for number in range(4)]
    for name in households:
        town.household(name)
        town.give(name, "aid", "25.00")
    for name in shops:
        town.shop(name)
        town.fill_till(name, "50.00")
    town.conn.commit()

    def work(conn, number):
        rolls = random.Random(number)
        for turn in range(8):
            payers = households if turn % 2 else households + shops
            asked = [(rolls.choice(payers), rolls.choice(shops)) for _ in range(10)]
            pay_all(town, conn, [(payer, payee, "0.10") for payer, payee in asked if payer != payee])

    assert at_once(town, connect_again, work) == ["posted"] * TILLS
    assert sum(Decimal(town.balance(name)) for name in shops) + sum(
        Decimal(town.balance(name, "aid")) for name in households
    ) == Decimal("300.00")
    assert town.broken() == []


def test_the_first_payments_of_a_new_actor_never_wait_in_a_ring(town, connect_again):
    """Batches and single payments in one new name, which the books write down with the first of them."""
    for name in ("mill", "market"):
        town.shop(name)
        town.fill_till(name, "50.00")
    town.give("ana", "aid", "25.00")
    town.conn.commit()
    turns = Barrier(TILLS)

    def work(conn, number):
        asked = [("mill", "market")] if number % 2 else [("ana", "forn"), ("ana", "mill")]
        for turn in range(12):
            commands = [replace(town.asks(*pair, "0.10"), actor=f"till:new-{turn}") for pair in asked]
            conn.rollback()
            turns.wait(60)
            operations.attempt(conn, town_id=town.id, commands=commands)
            conn.commit()

    assert at_once(town, connect_again, work) == ["posted"] * TILLS
    assert town.broken() == []


def test_only_tills_that_pay_are_waited_for_before_a_plan(town, connect_again):
    town.household("pere")
    town.shop("mill")
    for name in ("ana", "pere"):
        town.give(name, "aid", "10.00")
    for name in ("forn", "mill"):
        town.fill_till(name, "5.00")
    town.conn.commit()
    town.pay_for("ana", "forn", "1.00")  # Not committed yet, so the till is locked.
    other = connect_again()
    other.execute("SET lock_timeout = '100ms'")
    other.commit()
    planned = operations._planned(other, town.id, [town.asks("pere", "forn", "1.00")])
    assert len(planned.requests) == 1
    other.rollback()
    for asked in (town.asks("forn", "mill", "1.00"), town.asks("mill", "forn", "1.00")):
        with pytest.raises(LockNotAvailable):
            operations._planned(other, town.id, [asked])
        other.rollback()


def test_a_till_that_is_closed_after_a_plan_has_seen_it_is_paid_nothing(town, connect_again, monkeypatch):
    town.shop("mill")
    town.give("ana", "aid", "10.00")
    for name in ("forn", "mill"):
        town.pay_for("ana", name, "1.00")  # Opens it.
    town.pay_for("forn", "mill", "1.00")
    town.conn.commit()
    till, post, closed = town.account("till", town.parties["forn"]), ledger.post, []

    def closing(conn, **asked):
        if not closed:
            closed.append(till)
            other = connect_again()
            ledger.close_account(other, town_id=town.id, account=till, at=NOON, actor="test")
            other.commit()
        return post(conn, **asked)

    monkeypatch.setattr(ledger, "post", closing)
    commands = [town.asks("ana", "forn", "1.00"), town.asks("ana", "mill", "2.00")]
    refused, paid = operations.perform(town.conn, town_id=town.id, commands=commands)
    assert isinstance(refused, KoinonError)
    assert refused.code == "ledger.account-not-open"
    assert isinstance(paid, Payment)
    assert (town.balance("forn"), town.balance("mill")) == ("0.00", "4.00")
    assert town.broken() == []
