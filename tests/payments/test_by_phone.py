"""Paying in one's own wallet: the PIN counts whatever becomes of the payment, and what was shown is what is paid."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from koinon.db.transactions import transaction
from koinon.instruments import operations, phones
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.payments import by_phone, requesting
from tests.instruments.desk import NOON, OTHER_PIN, PIN, Desk, _open
from tests.payments.paying_town import money

ACCOUNT, ACTOR = 7, "user:7"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    phones.set_up(
        desk.conn, town_id=desk.town.id, party=desk.town.parties["ana"], account=ACCOUNT, pin=PIN, actor=ACTOR, at=NOON,
        secrets=desk.secrets,
    )  # fmt: skip
    desk.conn.commit()
    return desk


def ask(desk: Desk, amount: str = "12.50") -> Any:
    with transaction(desk.conn):
        return requesting.ask(
            desk.conn, town_id=desk.town.id, payee=desk.town.parties["forn"], amount=money(amount),
            lasts=timedelta(minutes=15), idempotency_key=str(new_id()), actor="user:9", at=NOON, secrets=desk.secrets,
        )  # fmt: skip


def pays(desk: Desk, operation: Any, *, pin: str = PIN, account: int = ACCOUNT, minutes: int = 0, **what: Any) -> str:
    desk.conn.commit()
    try:
        operation(
            lambda: _open(desk.conn), town_id=desk.town.id, payer=desk.town.parties["ana"], account=account, pin=pin,
            now=NOON + timedelta(minutes=minutes), actor=f"user:{account}", secrets=desk.secrets, **what,
        )  # fmt: skip
    except KoinonError as refused:
        return refused.code
    return "paid"


def request(desk: Desk, asked: Any, **how: Any) -> str:
    return pays(desk, by_phone.pay_request, request_id=asked.id, **how)


def shop(desk: Desk, amount: str = "10.00", *, payment: Any = None, **how: Any) -> str:
    what = {"payment_id": payment or new_id(), "payee": desk.town.parties["forn"], "amount": money(amount)}
    return pays(desk, by_phone.pay, **what, **how)


def test_a_request_is_confirmed_by_the_pin_and_asked_again_needs_none(desk):
    asked = ask(desk)
    assert request(desk, asked, pin=OTHER_PIN) == "instruments.pin-wrong"
    assert [request(desk, asked), request(desk, asked, pin="")] == ["paid", "paid"]
    assert desk.town.balance("ana", "aid") == "87.50"
    assert desk.town.broken() == []


def test_a_request_that_is_over_costs_no_try(desk):
    asked = ask(desk)
    assert {request(desk, asked, pin=OTHER_PIN, minutes=16) for _ in range(6)} == {"payments.request-expired"}
    assert request(desk, asked) == "paid"


def test_a_shop_is_paid_once_for_each_form(desk):
    payment = new_id()
    assert [shop(desk, payment=payment), shop(desk, payment=payment, pin="", minutes=3)] == ["paid", "paid"]
    assert shop(desk, "10.01", payment=payment) == "payments.key-reused"
    assert shop(desk, "60.00") == "payments.not-payable"
    assert desk.town.balance("ana", "aid") == "90.00"


def test_five_wrong_pins_lock_and_a_phone_that_is_blocked_pays_nothing(desk):
    assert {shop(desk, pin=OTHER_PIN) for _ in range(5)} == {"instruments.pin-wrong"}
    assert (shop(desk), shop(desk, minutes=5)) == ("instruments.pin-locked", "paid")
    assert shop(desk, account=8) == "instruments.phone-not-set-up"
    phone = phones.of_account(desk.conn, town_id=desk.town.id, party=desk.town.parties["ana"], account=ACCOUNT)
    desk.step(operations.block, phone)
    assert shop(desk) == "instruments.card-blocked"


def test_a_preview_says_which_purses_would_pay_or_every_ground(desk):
    def preview(amount: str) -> Any:
        plan, _ = by_phone.preview(
            desk.conn, town_id=desk.town.id, payer=desk.town.parties["ana"], payee=desk.town.parties["forn"],
            amount=money(amount), at=NOON,
        )  # fmt: skip
        return [leg.amount_minor for leg in plan.legs], [ground.code for ground in plan.grounds]

    assert preview("10.00") == ([10_00], [])
    assert preview("60.00") == ([], ["payments.not-enough", "payments.day-limit"])
