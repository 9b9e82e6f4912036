"""Paying for somebody else: within the day's limit and until the last day, however many cards and tills there are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koinon.db.transactions import transaction
from koinon.instruments import authorised as instruments
from koinon.instruments import operations, queries
from koinon.instruments.types import Authorisation, Card, Why
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.payments import authorised
from koinon.payments import operations as payments
from koinon.payments import queries as reading
from tests.instruments.desk import NOON, OFFICER, PIN, Desk
from tests.payments.paying_town import money

LAST_DAY = date(2026, 12, 24)


def authorise(desk: Desk, *, per_day: str = "20.00", last_day: date = LAST_DAY) -> Authorisation:
    return instruments.authorise(
        desk.conn, town_id=desk.town.id, authorisation_id=new_id(), party=desk.town.parties["ana"], person=new_id(),
        per_day_minor=money(per_day).minor, last_day=last_day, today=NOON.date(), actor=OFFICER, at=NOON,
    )  # fmt: skip


def handed(desk: Desk, held: Authorisation) -> Card:
    [card] = desk.make()
    instruments.give(desk.conn, town_id=desk.town.id, authorisation_id=held.id, card_id=card.id, actor=OFFICER, at=NOON)
    return desk.set_pin(card, PIN)


def pays(
    desk: Desk, card: Card, amount: str, *, at: datetime = NOON, payment: UUID | None = None, conn: Any = None
) -> list[str]:
    """["paid"], or every ground or the code of the refusal."""
    own = conn or desk.conn
    own.commit()
    try:
        with transaction(own):
            authorised.pay(
                own, town_id=desk.town.id, payment_id=payment or new_id(),
                card=queries.card(own, town_id=desk.town.id, card_id=card.id), payee=desk.town.parties["forn"],
                amount=money(amount), effective_at=at, actor="till:1",
            )  # fmt: skip
    except KoinonError as refused:
        return [ground.code for ground in getattr(refused, "grounds", ())] or [refused.code]
    return ["paid"]


def test_a_card_for_somebody_else_pays_up_to_its_limit_and_begins_anew_the_next_day(desk):
    card = handed(desk, authorise(desk))
    assert [pays(desk, card, amount) for amount in ("15.00", "5.01", "5.00")] == [
        ["paid"], ["authorised.day-limit"], ["paid"],
    ]  # fmt: skip
    assert pays(desk, card, "20.00", at=NOON + timedelta(days=1)) == ["paid"]
    assert desk.town.balance("ana", "aid") == "60.00"
    assert desk.town.broken() == []


def test_its_last_day_is_inclusive_and_every_ground_is_said_with_those_of_the_purses(desk):
    card = handed(desk, authorise(desk, per_day="500.00", last_day=NOON.date()))
    later = NOON + timedelta(days=1)
    assert pays(desk, card, "1.00") == ["paid"]
    assert pays(desk, card, "1.00", at=later) == ["authorised.last-day-passed"]
    grounds = pays(desk, card, "501.00", at=later)
    assert grounds[:2] == ["authorised.last-day-passed", "authorised.day-limit"]
    assert "payments.not-enough" in grounds


def test_the_same_payment_again_is_given_back_although_the_limit_is_reached(desk):
    card, payment = handed(desk, authorise(desk)), new_id()
    assert [pays(desk, card, "20.00", payment=payment) for _ in range(2)] == [["paid"], ["paid"]]
    assert desk.town.balance("ana", "aid") == "80.00"


def test_what_was_given_back_can_be_paid_again_that_day(desk):
    card, payment = handed(desk, authorise(desk)), new_id()
    pays(desk, card, "20.00", payment=payment)
    payments.refund(
        desk.conn, town_id=desk.town.id, refund_id=new_id(), payment_id=payment, amount=money("12.00"),
        effective_at=NOON, actor="till:1",
    )  # fmt: skip
    assert [pays(desk, card, amount) for amount in ("12.01", "12.00")] == [["authorised.day-limit"], ["paid"]]


def test_once_ended_its_cards_pay_nothing_and_the_holders_own_card_goes_on(desk):
    held, own = authorise(desk), desk.give("ana", pin=PIN)
    card = handed(desk, held)
    for _ in range(2):
        instruments.end(desk.conn, town_id=desk.town.id, authorisation_id=held.id, actor="user:9", at=NOON)
    assert pays(desk, card, "1.00") == ["instruments.card-ended"]
    assert pays(desk, own, "30.00") == ["paid"]
    assert desk.town.broken() == []


def test_a_card_in_its_place_stays_under_the_limit(desk):
    held = authorise(desk)
    card, [new] = handed(desk, held), desk.make()
    pays(desk, card, "15.00")
    desk.step(operations.replace, card, Why.LOST, by=new.id)
    desk.set_pin(new, PIN)
    assert [pays(desk, new, amount) for amount in ("5.01", "5.00")] == [["authorised.day-limit"], ["paid"]]
    assert desk.town.broken() == []


def test_a_limit_that_makes_no_sense_is_refused_with_every_ground(desk):
    with pytest.raises(KoinonError) as refused:
        authorise(desk, per_day="0.00", last_day=date(2020, 1, 1))
    assert [ground.code for ground in refused.value.grounds] == [
        "authorised.limit-not-positive", "authorised.last-day-past",
    ]  # fmt: skip


def test_at_most_three_may_be_authorised_and_one_that_ended_makes_room(desk):
    three = [authorise(desk) for _ in range(3)]
    with pytest.raises(KoinonError, match="3"):
        authorise(desk)
    instruments.end(desk.conn, town_id=desk.town.id, authorisation_id=three[0].id, actor=OFFICER, at=NOON)
    assert authorise(desk).is_open


def test_eight_tills_at_once_cannot_pass_the_limit(desk, database):
    held = authorise(desk)
    cards = [handed(desk, held), handed(desk, held)]
    desk.conn.commit()

    def at_till(number: int) -> list[str]:
        with psycopg.connect(database.app_url) as own:
            return pays(desk, cards[number % 2], "5.00", conn=own)

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(at_till, range(8)))
    assert outcomes == [["authorised.day-limit"]] * 4 + [["paid"]] * 4
    assert desk.town.broken() == []


def test_its_payments_are_named_as_such_before_the_holder_and_not_before_the_shop(desk):
    held, own = authorise(desk), desk.give("ana", pin=PIN)
    card = handed(desk, held)
    pays(desk, card, "3.00")
    pays(desk, own, "4.00")
    of = [moves(desk, name) for name in ("ana", "forn")]
    assert [each[:2] for each in of] == [[(-400, ""), (-300, card.number[-4:])], [(400, ""), (300, "")]]


def moves(desk: Desk, name: str) -> list[tuple[int, str]]:
    found = reading.movements(desk.conn, town_id=desk.town.id, party_id=desk.town.parties[name])
    return [(one.signed_minor, one.helper_card) for one in found]


@given(steps=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 1), st.booleans()), min_size=4, max_size=8))
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_paid_and_given_back_no_day_holds_more_than_its_limit(desk, steps):
    """Payments of whole units on one of two days; some are given back in the same step."""
    for open_one in instruments.authorisations_of(desk.conn, town_id=desk.town.id, party=desk.town.parties["ana"]):
        instruments.end(desk.conn, town_id=desk.town.id, authorisation_id=open_one.id, actor=OFFICER, at=NOON)
    card = handed(desk, authorise(desk, per_day="10.00"))
    held: dict[int, int] = {0: 0, 1: 0}
    for units, day, back in steps:
        payment, at = new_id(), NOON + timedelta(days=day)
        came = pays(desk, card, f"{units}.00", at=at, payment=payment)
        if held[day] + units > 10:
            assert came[0] == "authorised.day-limit"
            continue
        if came != ["paid"]:  # The household itself has no more.
            assert "authorised.day-limit" not in came
            continue
        held[day] += units
        if back:
            payments.refund(
                desk.conn, town_id=desk.town.id, refund_id=new_id(), payment_id=payment, amount=money(f"{units}.00"),
                effective_at=at, actor="till:1",
            )  # fmt: skip
            held[day] -= units
    assert desk.town.broken() == []
