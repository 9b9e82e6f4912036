"""A card is made, handed over, lost and replaced; what its holder has stays where it is."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.db.checks import run_checks
from koinon.instruments import authorised, operations, queries, rules
from koinon.instruments.errors import (
    CardBlocked,
    CardEnded,
    CardInOtherState,
    CardNotFound,
    CardNotHandedOver,
    CardNotPrintable,
    CardPromised,
    InstrumentsError,
    KeyReused,
    NotACard,
    TooManyCards,
)
from koinon.instruments.types import CardState, Way, Why
from koinon.kernel.identifiers import new_id
from koinon.parties.errors import PartyErased, PartyNotFound
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from tests.instruments.desk import NOON, OFFICER, PIN, Desk
from tests.programmes import small_town


@pytest.fixture
def desk(conn: Any) -> Desk:
    town = small_town.build(conn)
    town.fund("aid")
    town.household("ana")
    town.household("bea")
    return Desk(town, Secrets.fresh())


def broken(desk: Desk) -> dict[str, Any]:
    return {result.name: result.failures for result in run_checks(desk.conn) if not result.passed}


def test_a_lost_card_is_dead_at_once_and_its_holder_keeps_the_balance(desk):
    desk.town.give("ana", "aid", "50.00")
    old = desk.give("ana", pin=PIN)
    assert rules.usable(desk.scan(old).card) == desk.town.parties["ana"]

    [fresh] = desk.make()
    desk.step(operations.block, old)
    with pytest.raises(CardBlocked):
        rules.usable(desk.scan(old).card)
    new = desk.step(operations.replace, old, by=fresh.id)

    with pytest.raises(CardEnded):
        rules.usable(desk.scan(old).card)
    assert rules.usable(desk.scan(new).card) == desk.town.parties["ana"]
    assert (new.replaces, new.has_pin, desk.scan(old).card.has_pin) == (old.id, False, False)
    assert desk.town.balance("ana", "aid") == "50.00"
    assert desk.trail_of(old) == [
        "instruments.card-handed-over", "instruments.pin-set", "instruments.card-blocked", "instruments.card-replaced",
    ]  # fmt: skip
    assert broken(desk) == {}


def test_replacing_twice_by_the_same_card_answers_as_the_first_time(desk):
    old = desk.give("ana")
    [fresh] = desk.make()
    first = desk.step(operations.replace, old, by=fresh.id)
    assert desk.step(operations.replace, old, by=fresh.id) == first
    [another] = desk.make()
    with pytest.raises(CardInOtherState):
        desk.step(operations.replace, old, by=another.id)


def test_a_card_is_found_by_its_code_and_by_its_number_however_it_is_typed(desk):
    card = desk.give("ana")
    assert (desk.scan(card).card.id, desk.scan(card).way) == (card.id, Way.SCANNED)
    assert (desk.type(card).card.id, desk.type(card).way) == (card.id, Way.TYPED)
    for nothing in ("", "K1", "1234", "K1" + "A" * 32, "x" * 5000):
        with pytest.raises((NotACard, CardNotFound)):
            queries.presented(desk.conn, town_id=desk.town.id, text=nothing, secrets=desk.secrets)


def test_the_database_keeps_no_code_of_a_card_that_somebody_holds(desk):
    card = desk.give("ana")
    with pytest.raises(CardNotPrintable):
        operations.printable(
            desk.conn, town_id=desk.town.id, cards=[card.id], actor=OFFICER, at=NOON, secrets=desk.secrets
        )
    [row] = desk.conn.execute("SELECT to_jsonb(c)::text FROM instruments.card AS c WHERE id = %s", [card.id]).fetchall()
    assert desk.tokens[card.id] not in row[0]
    assert '"sealed_token": null' in row[0]


def test_cards_in_the_drawer_can_be_printed_after_the_keys_were_turned(desk):
    made = desk.make(3)
    desk.secrets = desk.secrets.with_next().turned(at=NOON)
    assert [operations.rewrap(desk.conn, desk.secrets, limit=2) for _ in range(3)] == [2, 1, 0]
    old = next(key for key in desk.secrets.keys if key != desk.secrets.current)
    printed = operations.printable(
        desk.conn, town_id=desk.town.id, cards=[card.id for card in made], actor=OFFICER, at=NOON,
        secrets=desk.secrets.without(old),
    )  # fmt: skip
    assert {each.card.id: each.token for each in printed} == desk.tokens


def test_the_same_key_makes_cards_once(desk):
    def make(count: int, key: str) -> list[Any]:
        return operations.make_cards(
            desk.conn, town_id=desk.town.id, count=count, idempotency_key=key, actor=OFFICER, at=NOON,
            secrets=desk.secrets,
        )  # fmt: skip

    first = make(12, "a")
    assert [card.id for card in make(12, "a")] == [card.id for card in first]
    assert len({card.number for card in first}) == 12
    with pytest.raises(KeyReused):
        make(13, "a")
    for count in (0, rules.MOST_MADE_AT_ONCE + 1):
        with pytest.raises(TooManyCards):
            make(count, "b")
    assert queries.stock(desk.conn, town_id=desk.town.id).made == 12


def test_a_card_made_for_somebody_goes_to_nobody_else(desk):
    [card] = desk.make(party=desk.town.parties["ana"])
    with pytest.raises(CardPromised):
        operations.hand_over(
            desk.conn, town_id=desk.town.id, card_id=card.id, party=desk.town.parties["bea"], actor=OFFICER, at=NOON
        )
    with pytest.raises(CardNotHandedOver):
        rules.usable(desk.scan(card).card)


def test_a_blocked_card_that_is_found_again_works_again_and_a_withdrawn_one_never(desk):
    card = desk.give("ana", pin=PIN)
    desk.step(operations.block, card)
    assert desk.step(operations.unblock, card, Why.FOUND).state is CardState.ACTIVE
    assert desk.scan(card).card.has_pin
    desk.step(operations.withdraw, card, Why.ASKED)
    for operation in (operations.block, operations.unblock):
        with pytest.raises(CardInOtherState):
            desk.step(operation, card)
    assert broken(desk) == {}


def test_nobody_holds_more_cards_than_the_most_and_a_replacement_always_fits(desk):
    cards = [desk.give("ana") for _ in range(rules.MOST_CARDS_OF_A_PARTY)]
    with pytest.raises(TooManyCards):
        desk.give("ana")
    [fresh] = desk.make()
    desk.step(operations.replace, cards[0], by=fresh.id)
    assert broken(desk) == {}


def test_an_erased_holder_gets_no_card_and_the_one_they_had_ends(desk):
    [card] = desk.make()
    party = desk.town.parties["ana"]
    held = desk.give("ana", pin=PIN)
    Vault(desk.conn, desk.secrets).erase(party, actor=OFFICER, reason="asked", at=NOON)
    with pytest.raises(CardEnded):
        rules.usable(desk.scan(held).card)
    with pytest.raises(PartyErased):
        operations.hand_over(desk.conn, town_id=desk.town.id, card_id=card.id, party=party, actor=OFFICER, at=NOON)


def test_no_card_pays_out_of_the_towns_own_till(desk):
    [card] = desk.make()
    with pytest.raises(PartyNotFound):
        operations.hand_over(
            desk.conn, town_id=desk.town.id, card_id=card.id, party=desk.town.party, actor=OFFICER, at=NOON
        )
    with pytest.raises(PartyNotFound):
        desk.make(party=desk.town.party)
    with pytest.raises(PartyNotFound):
        authorised.authorise(
            desk.conn, town_id=desk.town.id, authorisation_id=new_id(), party=desk.town.party, person=new_id(),
            per_day_minor=1_00, last_day=NOON.date(), today=NOON.date(), actor=OFFICER, at=NOON,
        )  # fmt: skip


def test_a_card_of_another_town_is_no_card_here(desk):
    card = desk.give("ana")
    with pytest.raises(CardNotFound):
        queries.presented(desk.conn, town_id=desk.town.id + 1, text=desk.tokens[card.id], secrets=desk.secrets)
    with pytest.raises(CardNotFound):
        queries.card(desk.conn, town_id=desk.town.id, card_id=new_id())


def test_eight_officers_who_replace_one_card_at_once_give_one_card(database, conn, connect_again):
    town = small_town.build(conn)
    town.household("ana")
    desk = Desk(town, Secrets.fresh())
    old = desk.give("ana", pin=PIN)
    fresh = desk.make(8)
    conn.commit()
    outcomes: list[str] = []

    def replace(by: Any) -> None:
        own = connect_again()
        try:
            with own.transaction():
                operations.replace(own, town_id=town.id, card_id=old.id, by=by, why=Why.STOLEN, actor=OFFICER, at=NOON)
            outcomes.append("replaced")
        except InstrumentsError as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=replace, args=[card.id]) for card in fresh]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["instruments.card-in-other-state"] * 7 + ["replaced"]
    assert queries.stock(conn, town_id=town.id).active == 1
    assert broken(desk) == {}


@given(st.integers(0, 10**10 - 1), st.integers(0, 11), st.integers(1, 9))
def test_any_single_wrong_digit_of_a_number_is_noticed(figures, place, shift):
    number = rules.number_of(figures)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    with pytest.raises(NotACard):
        rules.read(wrong)


@given(st.integers(0, 10**10 - 1), st.integers(0, 10))
def test_any_two_neighbours_that_changed_places_are_noticed(figures, place):
    number = rules.number_of(figures)
    turned = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    if turned != number:
        with pytest.raises(NotACard):
            rules.read(turned)


@given(st.text(max_size=120))
def test_whatever_is_typed_is_a_card_or_refused(text):
    try:
        way, what = rules.read(text)
    except NotACard:
        return
    assert len(what) == {Way.SCANNED: 34, Way.TYPED: 12}[way]
