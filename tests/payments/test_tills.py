"""Charging at a till: once for each key whatever happens on the way, and without a PIN only as the town allows."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from koinon.db.transactions import transaction
from koinon.instruments import operations, phones, pins, small
from koinon.instruments.types import Way
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.payments import by_card, by_phone, shifts, tills
from koinon.payments.shifts import Duty
from tests.instruments.desk import NOON, PIN, Desk
from tests.payments.paying_town import money

HASHER = shifts._HASHER  # Before any test makes it quicker.
WRONG = "903817"
TODAY = NOON.date()


def opened_on(conn: psycopg.Connection[Any]) -> Callable[[], Any]:
    conn.commit()

    @contextmanager
    def opened() -> Any:
        with transaction(conn):
            yield conn

    return opened


def charges(
    desk: Desk, card: Any, amount: str = "10.00", *, key: UUID | None = None, pin: str | None = PIN, typed: bool = False,
    at: datetime = NOON, conn: Any = None, shift: UUID | None = None,
) -> str:  # fmt: skip
    """ "paid", or the grounds or the code of the refusal."""
    try:
        tills.charge(
            opened_on(conn or desk.conn), town_id=desk.town.id, payee=desk.town.parties["forn"], key=key or uuid4(),
            card=card.grouped if typed else desk.tokens[card.id], pin=pin, amount=money(amount), shift=shift, now=at,
            actor="till:1", secrets=desk.secrets,
        )  # fmt: skip
    except KoinonError as refused:
        grounds = getattr(refused, "grounds", ()) if refused.code == "instruments.pin-needed" else ()
        return " ".join(ground.code for ground in grounds) or refused.code
    return "paid"


def gives_up(desk: Desk, key: UUID, conn: Any = None) -> str:
    own = conn or desk.conn
    own.commit()
    with transaction(own):
        found = tills.give_up(
            own, town_id=desk.town.id, payee=desk.town.parties["forn"], key=key, amount=money("10.00"), shift=None,
            now=NOON,
        )  # fmt: skip
    return "paid" if found else "given up"


def allow(desk: Desk, most: int = 10_00, per_day: int = 25_00, *, from_day: date = TODAY) -> None:
    small.set_terms(
        desk.conn, town_id=desk.town.id, from_day=from_day, most_minor=most, per_day_minor=per_day, today=TODAY,
        at=NOON, actor="user:1",
    )  # fmt: skip


def test_a_charge_is_paid_once_however_often_it_is_asked_for(desk):
    card, key = desk.give("ana", pin=PIN), uuid4()
    assert [charges(desk, card, key=key) for _ in range(3)] == ["paid"] * 3
    assert charges(desk, card, key=key, pin=WRONG) == "paid"  # What was paid is told without another look at a PIN.
    assert charges(desk, card, "11.00", key=key) == "payments.key-reused"
    assert desk.town.balance("ana", "aid") == "90.00"
    assert desk.town.broken() == []


def test_what_was_given_up_is_never_paid_and_what_was_paid_cannot_be_given_up(desk):
    card, first, second = desk.give("ana", pin=PIN), uuid4(), uuid4()
    assert (gives_up(desk, first), charges(desk, card, key=first)) == ("given up", "payments.charge-given-up")
    assert (charges(desk, card, key=second), gives_up(desk, second), gives_up(desk, second)) == ("paid",) * 3
    assert desk.town.balance("ana", "aid") == "90.00"


def test_a_refused_charge_leaves_its_key_free_and_the_pins_count_as_it_is(desk):
    card, key = desk.give("ana", pin=PIN), uuid4()
    assert [charges(desk, card, "500.00", key=key), charges(desk, card, "10.00", key=key)] == [
        "payments.not-payable", "paid",
    ]  # fmt: skip
    assert [charges(desk, card, pin=WRONG) for _ in range(6)] == ["instruments.pin-wrong"] * 5 + [
        "instruments.pin-locked"
    ]


def test_sixteen_tills_that_ask_and_give_up_at_once_agree_on_one_answer(desk, connect_again):
    card, key = desk.give("ana", pin=PIN), uuid4()
    desk.conn.commit()
    outcomes: list[str] = []

    def one(number: int, conn: Any) -> None:
        outcomes.append(charges(desk, card, key=key, conn=conn) if number % 4 else gives_up(desk, key, conn))

    threads = [threading.Thread(target=one, args=[number, connect_again()]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paid = desk.town.balance("ana", "aid") == "90.00"
    # A PIN that is being looked at counts as a try, so some may be told to wait; none is told something else.
    told = set(outcomes) - {"instruments.pin-locked"}
    assert told == ({"paid"} if paid else {"given up", "payments.charge-given-up"}) or told == {"given up"}
    assert desk.town.broken() == []


def test_without_terms_every_purchase_takes_the_pin(desk):
    card = desk.give("ana", pin=PIN)
    assert charges(desk, card, "0.01", pin=None) == "small.off"


def test_small_purchases_take_no_pin_up_to_an_amount_and_so_much_a_day(desk):
    allow(desk)
    card = desk.give("ana", pin=PIN)
    said = [charges(desk, card, amount, pin=None) for amount in ("10.00", "10.01", "10.00", "5.01", "5.00", "0.01")]
    assert said == ["paid", "small.too-large", "paid", "small.day-limit", "paid", "small.day-limit"]
    assert charges(desk, card, "20.00") == "paid"  # With the PIN as before, and not counted.
    assert charges(desk, card, "10.00", pin=None, at=NOON + timedelta(days=1)) == "paid"
    assert desk.town.broken() == []


def test_a_typed_number_wrong_pins_and_a_card_without_pin_are_every_one_a_ground(desk):
    allow(desk)
    card, fresh = desk.give("ana", pin=PIN), desk.give("ana")
    charges(desk, card, pin=WRONG)
    assert charges(desk, card, "11.00", pin=None, typed=True) == "small.typed small.wrong-pins small.too-large"
    assert charges(desk, fresh, pin=None) == "small.no-pin-chosen"
    assert (charges(desk, card), charges(desk, card, pin=None)) == ("paid", "paid")


def test_tills_that_ask_at_once_share_one_day(desk, connect_again):
    allow(desk)
    card = desk.give("ana", pin=PIN)
    desk.conn.commit()
    outcomes: list[str] = []
    threads = [
        threading.Thread(target=lambda own: outcomes.append(charges(desk, card, pin=None, conn=own)), args=[one])
        for one in [connect_again() for _ in range(8)]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["paid"] * 2 + ["small.day-limit"] * 6
    assert desk.town.broken() == []


def test_terms_hold_from_a_day_on_and_every_ground_against_them_is_said(desk):
    allow(desk)
    with pytest.raises(KoinonError) as refused:
        allow(desk, 10_00, 5_00, from_day=TODAY - timedelta(days=1))
    assert [ground.code for ground in refused.value.grounds] == ["small-terms.past", "small-terms.day-below-purchase"]  # type: ignore[attr-defined]
    allow(desk, 0, 0, from_day=TODAY + timedelta(days=1))
    card = desk.give("ana", pin=PIN)
    assert charges(desk, card, pin=None) == "paid"
    assert charges(desk, card, pin=None, at=NOON + timedelta(days=1)) == "small.off"


def test_a_blocked_card_pays_nothing_and_tells_nobody_anything(desk):
    allow(desk)
    card = desk.give("ana", pin=PIN)
    desk.step(operations.block, card)
    assert {charges(desk, card), charges(desk, card, pin=None)} == {"instruments.card-blocked"}


# Who works at the till


def cashier(desk: Desk, name: str, role: Duty, pin: str = "4719") -> shifts.Cashier:
    return shifts.add_cashier(
        desk.conn, town_id=desk.town.id, payee=desk.town.parties["forn"], name=name, role=role, pin=pin, key=name,
        actor="user:1", at=NOON, secrets=desk.secrets,
    )  # fmt: skip


def says(desk: Desk, who: shifts.Cashier, pin: str, *, at: datetime = NOON, payee: str = "forn") -> str:
    try:
        shifts.ask(
            opened_on(desk.conn), town_id=desk.town.id, payee=desk.town.parties[payee], cashier_id=who.id, pin=pin, at=at,
            secrets=desk.secrets,
        )  # fmt: skip
    except KoinonError as refused:
        return refused.code
    return "right"


def test_the_first_cashier_is_a_manager_and_the_last_manager_leaves_last(desk):
    with pytest.raises(KoinonError, match="manager"):
        cashier(desk, "Eleni", Duty.CASHIER)
    manager = cashier(desk, "Anna", Duty.MANAGER)
    eleni = cashier(desk, "Eleni", Duty.CASHIER)
    assert cashier(desk, "Eleni", Duty.CASHIER) == eleni  # The same key: once.
    how: dict[str, Any] = {"town_id": desk.town.id, "payee": desk.town.parties["forn"], "actor": "user:1", "at": NOON}
    with pytest.raises(KoinonError, match="manager"):
        shifts.end_cashier(desk.conn, cashier_id=manager.id, **how)
    shifts.end_cashier(desk.conn, cashier_id=eleni.id, **how)
    shifts.end_cashier(desk.conn, cashier_id=manager.id, **how)
    assert not shifts.has_cashiers(desk.conn, town_id=desk.town.id, payee=desk.town.parties["forn"])


def test_a_cashiers_pin_is_asked_like_a_cards_and_works_in_its_own_shop_only(desk):
    who = cashier(desk, "Anna", Duty.MANAGER)
    assert says(desk, who, "4719") == "right"
    assert says(desk, who, "4719", payee="ana") == "payments.cashier-not-found"
    assert [says(desk, who, "1234") for _ in range(6)] == ["payments.cashier-pin-wrong"] * 5 + [
        "payments.cashier-must-wait"
    ]
    assert says(desk, who, "4719", at=NOON + timedelta(minutes=5)) == "right"


def test_a_shift_counts_what_was_charged_and_given_back_in_it(desk):
    who, card = cashier(desk, "Anna", Duty.MANAGER), desk.give("ana", pin=PIN)
    how: dict[str, Any] = {"town_id": desk.town.id, "payee": desk.town.parties["forn"], "actor": "user:1"}
    shift = shifts.open_shift(desk.conn, cashier_id=who.id, at=NOON, **how)
    assert shifts.open_shift(desk.conn, cashier_id=who.id, at=NOON, **how) == shift
    key, back = uuid4(), uuid4()
    assert [charges(desk, card, "10.00", key=key, shift=shift), charges(desk, card, "2.50", shift=shift)] == [
        "paid"
    ] * 2
    charge = tills.charge_of(desk.conn, town_id=desk.town.id, payee=desk.town.parties["forn"], key=key)
    for _ in range(2):
        tills.give_back(
            desk.conn, payment_id=charge.payment, key=back, amount=money("4.00"), shift=shift, cashier=who.id, now=NOON,
            **how,
        )  # fmt: skip
    closed = shifts.close_shift(desk.conn, shift_id=shift, at=NOON + timedelta(hours=8), **how)
    assert (closed.sales, closed.sold_minor, closed.refunds, closed.refunded_minor, closed.taken_minor) == (
        2, 12_50, 1, 4_00, 8_50,
    )  # fmt: skip
    assert shifts.open_shift(desk.conn, cashier_id=who.id, at=NOON + timedelta(hours=9), **how) != shift
    assert desk.town.broken() == []


def test_a_sale_of_another_shop_cannot_be_given_back_here(desk):
    card, key = desk.give("ana", pin=PIN), uuid4()
    charges(desk, card, key=key)
    charge = tills.charge_of(desk.conn, town_id=desk.town.id, payee=desk.town.parties["forn"], key=key)
    with pytest.raises(KoinonError, match="no payment"):
        tills.give_back(
            desk.conn, town_id=desk.town.id, payee=desk.town.parties["ana"], payment_id=charge.payment, key=uuid4(),
            amount=None, shift=None, cashier=None, now=NOON, actor="user:1",
        )  # fmt: skip


def test_the_balance_is_shown_to_whoever_knows_the_pin(desk):
    card = desk.give("ana", pin=PIN)
    held = tills.balance(
        opened_on(desk.conn), town_id=desk.town.id, payee=desk.town.parties["forn"], card=desk.tokens[card.id], pin=PIN,
        now=NOON, secrets=desk.secrets,
    )  # fmt: skip
    assert [(purse.fund_name != "", purse.available_minor) for purse in held.purses][:1] == [(True, 100_00)]
    with pytest.raises(KoinonError, match="wrong PIN"):
        tills.balance(
            opened_on(desk.conn), town_id=desk.town.id, payee=desk.town.parties["forn"], card=desk.tokens[card.id],
            pin=WRONG, now=NOON, secrets=desk.secrets,
        )  # fmt: skip


# Guessing


def test_fifty_wrong_pins_at_once_over_shops_the_api_and_the_wallet_get_five_looks_each_way(
    desk, connect_again, monkeypatch, caplog
):
    card = desk.give("ana", pin=PIN)
    ana = desk.town.parties["ana"]
    how: dict[str, Any] = {"town_id": desk.town.id, "secrets": desk.secrets}
    phone = phones.set_up(desk.conn, party=ana, account=7, pin=PIN, actor="user:7", at=NOON, **how)
    desk.conn.commit()
    looks: Counter[tuple[UUID, Way]] = Counter()
    look = pins.is_right

    def counting(counted: Any, **asked: Any) -> bool:
        looks[counted.card.id, counted.way] += 1
        return look(counted, **asked)

    monkeypatch.setattr(pins, "is_right", counting)
    pay: dict[str, Any] = {"payee": desk.town.parties["forn"], "amount": money("1.00"), **how}

    def at_a_shop(opened: Any, pin: str, now: datetime, shop: str) -> Any:
        return tills.charge(
            opened, key=uuid4(), card=desk.tokens[card.id], pin=pin, shift=None, now=now, actor="till:1",
            **(pay | {"payee": desk.town.parties[shop]}),
        )  # fmt: skip

    def by_number(opened: Any, pin: str, now: datetime) -> Any:
        return by_card.pay(
            opened, payment_id=new_id(), card=card.grouped, pin=pin, place="till:api", effective_at=now, now=now,
            actor="till:1", **pay,
        )  # fmt: skip

    def in_the_wallet(opened: Any, pin: str, now: datetime) -> Any:
        return by_phone.pay(
            opened, payment_id=new_id(), payer=ana, account=7, pin=pin, now=now, actor="user:7", **pay
        )  # fmt: skip

    def at_forn(opened: Any, pin: str, now: datetime) -> Any:
        return at_a_shop(opened, pin, now, "forn")

    def at_farina(opened: Any, pin: str, now: datetime) -> Any:
        return at_a_shop(opened, pin, now, "farina")

    ways = (at_forn, by_number, at_farina, in_the_wallet, at_forn)

    def said(way: Any, opened: Any, pin: str, now: datetime = NOON) -> str:
        try:
            way(opened, pin, now)
        except KoinonError as refused:
            return refused.code
        return "paid"

    def guesses(worker: int) -> list[str]:
        opened = opened_on(connect_again())
        return [said(ways[(worker + turn) % len(ways)], opened, WRONG) for turn in range(5)]

    with capture_logs() as logged, ThreadPoolExecutor(10) as pool:
        outcomes = Counter(one for some in pool.map(guesses, range(10)) for one in some)

    assert looks == {(card.id, Way.SCANNED): 5, (card.id, Way.TYPED): 5, (phone.id, Way.SCANNED): 5}
    assert outcomes == {"instruments.pin-wrong": 15, "instruments.pin-locked": 35}
    opened = opened_on(desk.conn)
    assert [said(way, opened, PIN) for way in ways] == ["instruments.pin-locked"] * 5
    assert [said(way, opened, PIN, NOON + timedelta(minutes=5)) for way in ways] == ["paid"] * 5
    assert desk.town.balance("ana", "aid") == "95.00"
    locked = desk.conn.execute(
        r"SELECT count(*) FILTER (WHERE e.action = 'instruments.pin-locked'), bool_or(e::text ~ '\y(903817|471930)\y')"
        " FROM audit.entry AS e"
    ).fetchone()
    assert locked == (3, False)
    assert not any(pin in text for pin in (PIN, WRONG) for text in (str(logged), caplog.text))


def test_looking_at_a_cashiers_pin_is_slow_on_purpose():
    assert (HASHER.type.name, HASHER.memory_cost, HASHER.time_cost) == ("ID", 19_456, 2)
