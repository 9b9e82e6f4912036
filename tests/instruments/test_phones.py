"""Phones: codes that are good once, for a minute, at one till; and a PIN of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from koinon.db.transactions import transaction
from koinon.instruments import operations, phones, queries
from koinon.instruments.types import Why
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.parties.secrets import Secrets
from koinon.payments import by_card
from tests.instruments.desk import NOON, OTHER_PIN, PIN, Desk, _open
from tests.payments import paying_town
from tests.payments.paying_town import money


@pytest.fixture
def desk(database: Any, conn: Any) -> Desk:
    return Desk(paying_town.build_with_money(conn), Secrets.fresh())


def refused(call: Any, *given: Any, **how: Any) -> str:
    try:
        call(*given, **how)
    except KoinonError as refusal:
        return refusal.code
    return "done"


def set_up(desk: Desk, name: str = "ana", *, account: int = 7, pin: str = PIN) -> Any:
    with transaction(desk.conn):
        return phones.set_up(
            desk.conn, town_id=desk.town.id, party=desk.town.parties[name], account=account, pin=pin,
            actor=f"user:{account}", at=NOON, secrets=desk.secrets,
        )  # fmt: skip


def show(desk: Desk, name: str = "ana", *, account: int = 7, seconds: float = 0) -> Any:
    with transaction(desk.conn):
        return phones.show(
            desk.conn, town_id=desk.town.id, party=desk.town.parties[name], account=account,
            at=NOON + timedelta(seconds=seconds), secrets=desk.secrets,
        )  # fmt: skip


def pays(
    desk: Desk, text: str, amount: str = "10.00", *, pin: str = PIN, payment: Any = None, place: str = "till:1",
    seconds: float = 10,
) -> str:  # fmt: skip
    desk.conn.commit()
    at = NOON + timedelta(seconds=seconds)
    return refused(
        by_card.pay, lambda: _open(desk.conn), town_id=desk.town.id, payment_id=payment or new_id(), card=text, pin=pin,
        place=place, payee=desk.town.parties["forn"], amount=money(amount), effective_at=NOON, now=at, actor=place,
        secrets=desk.secrets,
    )  # fmt: skip


def test_a_code_pays_scanned_or_typed_and_only_once(desk):
    set_up(desk)
    first = show(desk)
    assert [pays(desk, first.token), pays(desk, first.token)] == ["done", "instruments.code-used"]
    assert pays(desk, show(desk).grouped) == "done"
    assert desk.town.balance("ana", "aid") == "80.00"
    assert desk.town.broken() == []


def test_the_same_payment_asked_again_after_the_network_was_cut_is_paid_once_even_when_the_code_is_over(desk):
    set_up(desk)
    code, payment = show(desk), new_id()
    assert pays(desk, code.token, payment=payment, seconds=59) == "done"
    assert pays(desk, code.token, payment=payment, seconds=3600) == "done"
    assert desk.town.balance("ana", "aid") == "90.00"


@pytest.mark.parametrize(
    ("second", "answer"),
    [(60, "done"), (61, "instruments.code-over"), (86_400, "instruments.code-over")],
)
def test_a_code_is_shown_for_a_minute(desk, second, answer):
    set_up(desk)
    assert pays(desk, show(desk).token, seconds=second) == answer


def test_a_till_that_took_a_code_in_time_has_five_minutes_for_the_pin_and_no_other_till_has_any(desk):
    set_up(desk)
    code = show(desk)
    assert pays(desk, code.token, pin=OTHER_PIN, seconds=50) == "instruments.pin-wrong"
    assert pays(desk, code.token, place="till:2", seconds=51) == "instruments.code-used"
    assert pays(desk, code.token, seconds=50 + 299) == "done"
    late = show(desk)
    assert pays(desk, late.token, pin=OTHER_PIN, seconds=1) == "instruments.pin-wrong"
    assert pays(desk, late.token, seconds=1 + 301) == "instruments.code-over"


def test_only_the_newest_code_is_good_and_none_of_a_phone_that_is_blocked(desk):
    phone = set_up(desk)
    old, new = show(desk), show(desk, seconds=1)
    assert (pays(desk, old.token), pays(desk, new.token)) == ("instruments.code-over", "done")
    code = show(desk)
    desk.step(operations.block, phone)
    assert pays(desk, code.token) == "instruments.card-blocked"
    assert refused(show, desk) == "instruments.card-blocked"
    desk.step(operations.withdraw, phone, Why.ASKED)
    desk.conn.commit()
    assert refused(show, desk) == "instruments.phone-not-set-up"
    assert set_up(desk).id != phone.id


def test_five_wrong_pins_lock_a_phone_as_they_lock_a_card_and_choosing_another_ends_it(desk):
    set_up(desk)
    code = show(desk)
    assert {pays(desk, code.token, pin=OTHER_PIN) for _ in range(5)} == {"instruments.pin-wrong"}
    assert pays(desk, code.token) == "instruments.pin-locked"
    set_up(desk, pin="820461")
    assert pays(desk, code.token, pin="820461") == "done"


def test_accounts_of_one_household_have_phones_of_their_own_and_set_one_up_once(desk):
    mine, again, other = set_up(desk), set_up(desk), set_up(desk, account=8, pin=OTHER_PIN)
    assert mine.id == again.id != other.id
    assert (pays(desk, show(desk).token), pays(desk, show(desk, account=8).token, pin=OTHER_PIN)) == ("done", "done")
    assert desk.town.broken() == []


def test_a_code_that_paid_somebody_elses_payment_is_noticed(desk, owner_conn):
    set_up(desk)
    assert pays(desk, show(desk).token) == "done"
    other = desk.town.pay_for("ana", "forn", "1.00")
    desk.conn.commit()
    assert desk.town.broken() == []
    for wrong in (new_id(), other.id):
        owner_conn.execute("UPDATE instruments.shown_code SET payment = %s", [wrong])
        noticed = [name for name, _ in desk.town.broken()]
        assert noticed == (["shown_codes_are_of_phones"] if wrong != other.id else [])


def test_the_digits_that_a_phone_stands_under_are_no_card_to_type(desk):
    phone = set_up(desk)
    assert pays(desk, phone.number) == "instruments.card-not-found"
    assert queries.stock(desk.conn, town_id=desk.town.id).active == 0


def test_a_code_is_kept_nowhere_as_it_is_shown(desk, owner_conn):
    set_up(desk)
    code = show(desk)
    kept = owner_conn.execute("SELECT to_jsonb(s)::text FROM instruments.shown_code AS s").fetchall()
    assert not any(secret in str(kept) for secret in (code.token, code.number, code.token[2:12]))
    assert code.token not in repr(code)
    assert code.number not in repr(code)
