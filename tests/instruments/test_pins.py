"""A PIN can be asked a few times and no more, and nobody can keep somebody else's card shut for long."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from argon2 import PasswordHasher

from koinon.instruments import operations, pins, queries, rules
from koinon.instruments.errors import CardNotHandedOver, PinWeak
from koinon.parties.errors import KeyMissing
from koinon.parties.secrets import Secrets
from tests.db.processes import until
from tests.instruments.desk import NOON, OTHER_PIN, PIN, Desk
from tests.programmes import small_town

WRONG = "903817"
HASHER = pins._HASHER  # Before any test makes it quicker.
LOCKED = "instruments.pin-locked"
IS_WRONG = "instruments.pin-wrong"


@pytest.fixture(autouse=True)
def quick(monkeypatch: Any) -> None:
    """Argon2id with less memory: how long a look takes is not what these tests are about."""
    monkeypatch.setattr(pins, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def desk(database: Any, conn: Any) -> Desk:
    town = small_town.build(conn)
    town.household("ana")
    return Desk(town, Secrets.fresh())


def test_five_wrong_pins_lock_and_the_right_one_is_not_even_looked_at(desk):
    card = desk.give("ana", pin=PIN)
    said = [desk.ask(desk.scan(card), WRONG) for _ in range(5)] + [desk.ask(desk.scan(card), PIN)]
    assert said == [IS_WRONG] * 5 + [LOCKED]
    assert desk.ask(desk.scan(card), PIN, minutes=5) == "right"
    assert desk.trail_of(card)[-1] == "instruments.pin-locked"


def test_each_wait_is_longer_than_the_one_before_up_to_an_hour(desk):
    card = desk.give("ana", pin=PIN)
    for _ in range(5):
        desk.ask(desk.scan(card), WRONG)
    minute = 0
    for wait in (5, 15, 30, 60, 60):
        assert desk.ask(desk.scan(card), WRONG, minutes=minute + wait - 1) == LOCKED
        minute += wait
        assert desk.ask(desk.scan(card), WRONG, minutes=minute) == IS_WRONG
    assert desk.ask(desk.scan(card), PIN, minutes=minute + 60) == "right"


def test_a_right_pin_and_a_day_each_begin_the_tries_anew(desk):
    card = desk.give("ana", pin=PIN)
    for _ in range(3):
        assert [desk.ask(desk.scan(card), WRONG) for _ in range(4)] == [IS_WRONG] * 4
        assert desk.ask(desk.scan(card), PIN) == "right"
    for _ in range(4):
        desk.ask(desk.scan(card), WRONG)
    assert [desk.ask(desk.scan(card), WRONG, minutes=24 * 60) for _ in range(5)] == [IS_WRONG] * 5


def test_whoever_knows_the_number_only_cannot_lock_the_card_in_its_holders_hand(desk):
    card = desk.give("ana", pin=PIN)
    assert [desk.ask(desk.type(card), WRONG) for _ in range(6)] == [IS_WRONG] * 5 + [LOCKED]
    assert desk.ask(desk.scan(card), PIN) == "right"


def test_a_new_pin_at_the_counter_ends_the_wait(desk):
    card = desk.give("ana", pin=PIN)
    for _ in range(6):
        desk.ask(desk.scan(card), WRONG)
    desk.set_pin(card, OTHER_PIN)
    assert desk.ask(desk.scan(card), PIN) == IS_WRONG
    assert desk.ask(desk.scan(card), OTHER_PIN) == "right"
    assert desk.trail_of(card)[-1] == "instruments.pin-reset"


def test_a_till_that_tries_pins_on_many_cards_must_wait_and_others_need_not(desk):
    for number in range(10):
        desk.town.household(f"house {number}")
    cards = [desk.give(f"house {number}", pin=PIN) for number in range(10)]
    said = [desk.ask(desk.scan(card), WRONG, place="till:bad") for _ in range(4) for card in cards]
    assert said == [IS_WRONG] * 30 + ["instruments.place-must-wait"] * 10
    assert desk.ask(desk.scan(cards[0]), PIN, place="till:good") == "right"
    assert desk.ask(desk.scan(cards[0]), PIN, place="till:bad", minutes=60) == "right"


def test_a_busy_till_whose_customers_know_their_pins_never_waits(desk):
    card = desk.give("ana", pin=PIN)
    assert {desk.ask(desk.scan(card), PIN, place="till:busy") for _ in range(rules.MOST_WRONG_AT_A_PLACE + 3)} == {
        "right"
    }


def test_sixteen_who_try_at_once_get_five_looks(desk, connect_again):
    card = desk.give("ana", pin=PIN)
    presented = desk.scan(card)
    desk.conn.commit()
    outcomes: list[str] = []
    threads = [
        threading.Thread(
            target=lambda own: outcomes.append(desk.ask(presented, WRONG, conn=own)), args=[connect_again()]
        )
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [LOCKED] * 11 + [IS_WRONG] * 5


def test_a_pin_that_is_chosen_while_the_old_one_is_tried_is_the_one_that_counts(desk, connect_again):
    card = desk.give("ana", pin=PIN)
    presented = desk.scan(card)
    assert desk.ask(presented, WRONG) == IS_WRONG
    desk.set_pin(card, OTHER_PIN)  # Not committed yet.
    till, looking, outcomes = connect_again(), connect_again(), []
    looking.autocommit = True
    trying = threading.Thread(target=lambda: outcomes.append(desk.ask(presented, PIN, conn=till)))
    trying.start()
    waits = "SELECT cardinality(pg_blocking_pids(%s))"
    until(lambda: looking.execute(waits, [till.info.backend_pid]).fetchone() == (1,), seconds=60)
    desk.conn.commit()
    trying.join()
    assert outcomes == [IS_WRONG]
    assert desk.ask(presented, OTHER_PIN) == "right"


def test_what_the_caller_undoes_afterwards_does_not_take_the_count_back(desk):
    card = desk.give("ana", pin=PIN)
    desk.ask(desk.scan(card), WRONG)
    desk.conn.rollback()
    [tries] = queries.tries(desk.conn, town_id=desk.town.id, card_id=card.id)
    assert tries.counted == 1


@pytest.mark.parametrize(
    "weak", ["000000", "123456", "987654", "121212", "123123", "112233", "147258", "198484", "123321"]
)
def test_a_pin_that_a_thief_would_try_is_refused(desk, weak):
    card = desk.give("ana")
    with pytest.raises(PinWeak):
        desk.set_pin(card, weak)


def test_part_of_the_cards_own_number_is_refused_and_a_drawn_pin_never_is(desk):
    card = desk.give("ana")
    with pytest.raises(PinWeak):
        desk.set_pin(card, card.number[3:9])
    for _ in range(200):
        assert rules.why_weak(pins.drawn_pin(known=card.number), known=[card.number]) == ()


def test_few_pins_are_refused_so_that_a_thief_learns_little(desk):
    refused = sum(bool(rules.why_weak(f"{number:06d}")) for number in range(0, 10**6, 17))
    assert refused < 10_000 / 17


def test_a_card_without_a_pin_says_so_and_one_in_the_drawer_gets_none(desk):
    card = desk.give("ana")
    assert desk.ask(desk.scan(card), PIN) == "instruments.pin-not-set"
    [drawer] = desk.make()
    with pytest.raises(CardNotHandedOver):
        desk.set_pin(drawer, PIN)


def test_a_copy_of_the_hash_is_nothing_without_the_key_outside_the_database_or_on_another_card(desk):
    card = desk.give("ana", pin=PIN)
    other = desk.give("ana", pin=OTHER_PIN)
    presented = desk.scan(card)
    desk.conn.commit()
    stolen = pins.count(
        desk.conn, town_id=desk.town.id, presented=presented, place="till:1", at=NOON, secrets=desk.secrets
    )
    assert pins.is_right(stolen, town_id=desk.town.id, pin=PIN, secrets=desk.secrets)
    other_key = Secrets(desk.secrets.current, {desk.secrets.current: b"x" * 32}, desk.secrets.lookup)
    other_pepper = Secrets(desk.secrets.current, desk.secrets.keys, b"y" * 32)
    for stranger in (other_key, other_pepper):
        assert not pins.is_right(stolen, town_id=desk.town.id, pin=PIN, secrets=stranger)
    with pytest.raises(KeyMissing):
        pins.is_right(stolen, town_id=desk.town.id, pin=PIN, secrets=Secrets.fresh())
    desk.conn.execute("UPDATE instruments.pin SET hash = %s WHERE instrument = %s", [stolen.hash, other.id])
    assert desk.ask(desk.scan(other), PIN) == IS_WRONG


def test_a_blocked_card_is_refused_before_its_pin_is_counted(desk):
    card = desk.give("ana", pin=PIN)
    desk.step(operations.block, card)
    assert {desk.ask(desk.scan(card), WRONG) for _ in range(7)} == {"instruments.card-blocked"}
    assert queries.tries(desk.conn, town_id=desk.town.id, card_id=card.id) == []


def test_looking_at_a_pin_is_slow_on_purpose():
    assert (HASHER.type.name, HASHER.memory_cost, HASHER.time_cost) == ("ID", 19_456, 2)
