"""Paying by card: the PIN counts whatever becomes of the payment, and a card that is blocked pays nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from koinon.db.transactions import transaction
from koinon.instruments import operations, queries
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.payments import by_card
from tests.instruments.desk import NOON, PIN, Desk
from tests.payments.paying_town import money

WRONG = "903817"


def pays(
    desk: Desk, card: Any, amount: str, *, pin: str = PIN, payment: UUID | None = None, typed: bool = False,
    before: Any = None, at: datetime = NOON,
) -> str:  # fmt: skip
    """ "paid", or the code of the refusal; ``before`` happens between the PIN and the payment."""
    desk.conn.commit()
    opened = 0

    @contextmanager
    def one() -> Iterator[psycopg.Connection[Any]]:
        nonlocal opened
        opened += 1
        if before is not None and opened == 4:
            with transaction(desk.conn):
                before()
        with transaction(desk.conn):
            yield desk.conn

    try:
        by_card.pay(
            one, town_id=desk.town.id, payment_id=payment or new_id(), card=card.grouped if typed else desk.tokens[card.id],
            pin=pin, place="till:1", payee=desk.town.parties["forn"], amount=money(amount), effective_at=at,
            now=NOON, actor="till:1", secrets=desk.secrets,
        )  # fmt: skip
    except KoinonError as refused:
        return refused.code
    return "paid"


def counted(desk: Desk, card: Any) -> dict[str, int]:
    return {tries.way: tries.counted for tries in queries.tries(desk.conn, town_id=desk.town.id, card_id=card.id)}


def test_a_card_pays_from_its_holders_purses_scanned_or_typed(desk):
    card = desk.give("ana", pin=PIN)
    assert (pays(desk, card, "10.00"), pays(desk, card, "5.00", typed=True)) == ("paid", "paid")
    assert desk.town.balance("ana", "aid") == "85.00"
    assert desk.town.broken() == []


def test_the_same_payment_sent_twice_is_paid_once(desk):
    card, payment = desk.give("ana", pin=PIN), new_id()
    assert [pays(desk, card, "10.00", payment=payment) for _ in range(2)] == ["paid", "paid"]
    assert desk.town.balance("ana", "aid") == "90.00"


def test_a_wrong_pin_counts_and_a_payment_that_is_refused_takes_no_count_back(desk):
    card = desk.give("ana", pin=PIN)
    assert pays(desk, card, "10.00", pin=WRONG) == "instruments.pin-wrong"
    assert counted(desk, card) == {"scanned": 1}
    assert pays(desk, card, "500.00") == "payments.not-payable"
    assert counted(desk, card) == {"scanned": 0}
    assert desk.town.balance("ana", "aid") == "100.00"


def test_no_till_ends_or_begins_a_wait_by_saying_that_it_is_another_day(desk):
    card = desk.give("ana", pin=PIN)
    for day in range(5):
        assert pays(desk, card, "1.00", pin=WRONG, at=NOON + timedelta(days=2 * day)) == "instruments.pin-wrong"
    assert pays(desk, card, "1.00", pin=WRONG, at=NOON + timedelta(days=20)) == "instruments.pin-locked"
    [tries] = queries.tries(desk.conn, town_id=desk.town.id, card_id=card.id)
    assert tries.locked_until == NOON + timedelta(minutes=5)


def test_a_card_that_is_blocked_while_its_pin_is_looked_at_pays_nothing(desk):
    card = desk.give("ana", pin=PIN)
    assert pays(desk, card, "10.00", before=lambda: desk.step(operations.block, card)) == "instruments.card-blocked"
    assert desk.town.balance("ana", "aid") == "100.00"


def test_two_cards_of_one_household_pay_from_the_same_purses(desk):
    first, second = desk.give("ana", pin=PIN), desk.give("ana", pin=WRONG)
    assert (pays(desk, first, "30.00"), pays(desk, second, "20.00", pin=WRONG)) == ("paid", "paid")
    assert pays(desk, first, "1.00") == "payments.not-payable"  # The purse's limit by the day is one for both.
    assert pays(desk, first, "1.00", pin=WRONG) == "instruments.pin-wrong"
