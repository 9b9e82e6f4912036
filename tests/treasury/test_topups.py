"""Units that residents and shops buy: once for the same euros, whoever says first that they have come."""

from __future__ import annotations

import threading

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as some
from psycopg import Connection
from stdnum import iso11649

from koinon.kernel.errors import KoinonError
from koinon.parties.connection import raw
from koinon.parties.errors import PartyErased
from koinon.parties.vault import Vault
from koinon.treasury import operations as treasury
from koinon.treasury import queries, topups
from koinon.treasury.errors import (
    BankReferenceReused,
    KeyReused,
    TopUpAlreadyReceived,
    TopUpAmountDiffers,
    TopUpNotFound,
    TopUpNotOpen,
)
from koinon.treasury.references import creditor_reference, in_groups, read_reference
from koinon.treasury.types import TopUp, TopUpState, Way
from tests.treasury.place import NOON, TREASURER, Place, build


@pytest.fixture
def place(django_db) -> Place:
    place = build(django_db)
    place.household("Ana")
    return place


def ask(place: Place, who: str, amount: str, *, way: Way = Way.BANK, key: str = "") -> TopUp:
    return topups.request(
        place.conn, town_id=place.town.pk, party=place.parties[who], amount=place.money(amount), way=way,
        idempotency_key=key or f"topup-{next(place.keys)}", at=NOON, actor="user:9",
    )  # fmt: skip


def came(
    place: Place, asked: TopUp, amount: str, *, way: Way = Way.BANK, source: str = "NTRY/1", conn: Connection | None = None,
    other_amount: bool = False, reference: str = "",
) -> TopUp:  # fmt: skip
    return topups.confirm(
        conn or place.conn, town_id=place.town.pk, reference=reference or in_groups(asked.reference),
        amount=place.money(amount), way=way, source_reference=source, at=NOON, actor=TREASURER, other_amount=other_amount,
    )  # fmt: skip


@given(some.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=21))
@settings(max_examples=200)
def test_references_are_those_of_iso_11649(body):
    reference = creditor_reference(body)

    assert iso11649.validate(reference) == reference
    assert read_reference(in_groups(reference).lower()) == reference


def test_one_wrong_figure_is_seen():
    reference = creditor_reference("4711000815")
    wrong = [
        reference[:place] + figure + reference[place + 1 :]
        for place in range(4, len(reference))
        for figure in "0123456789"
        if figure != reference[place]
    ]

    assert [read_reference(one) for one in wrong] == [None] * len(wrong)


def test_nothing_moves_until_the_euros_are_there(place):
    asked = ask(place, "Ana", "50.00")

    assert (asked.state, asked.received) == (TopUpState.PENDING, None)
    assert place.balance("purse", place.parties["Ana"]) == place.money("0")

    received = came(place, asked, "50.00")

    assert (received.state, received.received, received.bank_reference) == (
        TopUpState.RECEIVED, place.money("50.00"), "NTRY/1",
    )  # fmt: skip
    assert place.balance("purse", place.parties["Ana"]) == place.money("50.00")
    assert queries.euros(place.conn, town_id=place.town.pk).held == 50_00
    assert place.broken() == []


def test_a_shop_tops_up_its_till(place):
    place.shop("Forn")
    came(place, ask(place, "Forn", "120.00"), "120.00")

    assert place.balance("till", place.parties["Forn"]) == place.money("120.00")
    assert place.broken() == []


@pytest.mark.parametrize("order", [(Way.CARD, Way.BANK), (Way.BANK, Way.CARD)], ids=["card-first", "bank-first"])
def test_card_provider_and_bank_say_the_same_euros_in_either_order(place, order):
    asked = ask(place, "Ana", "50.00", way=Way.CARD)
    sources = {Way.CARD: "card:pay_1", Way.BANK: "NTRY/1"}
    first = came(place, asked, "50.00", way=order[0], source=sources[order[0]])
    second = came(place, asked, "50.00", way=order[1], source=sources[order[1]])
    again = came(place, asked, "50.00", way=order[0], source=sources[order[0]])

    assert [one.replayed for one in (first, second, again)] == [False, True, True]
    assert (second.card_reference, second.bank_reference) == ("card:pay_1", "NTRY/1")
    assert second.received_way is order[0]
    assert place.balance("purse", place.parties["Ana"]) == place.money("50.00")
    assert place.broken() == []


def test_a_second_entry_of_the_same_source_is_more_money_and_no_repetition(place):
    asked = ask(place, "Ana", "50.00")
    came(place, asked, "50.00", source="NTRY/1")

    with pytest.raises(TopUpAlreadyReceived):
        came(place, asked, "50.00", source="NTRY/2")
    assert place.balance("purse", place.parties["Ana"]) == place.money("50.00")


def test_another_amount_waits_until_somebody_has_looked(place):
    asked = ask(place, "Ana", "50.00")

    with pytest.raises(TopUpAmountDiffers) as refused:
        came(place, asked, "45.00")
    assert (refused.value.asked, refused.value.came) == (place.money("50.00"), place.money("45.00"))

    looked = came(place, asked, "45.00", other_amount=True)
    assert looked.received == place.money("45.00")
    assert place.balance("purse", place.parties["Ana"]) == place.money("45.00")
    assert place.broken() == []


def test_unknown_or_broken_references_find_nothing(place):
    ask(place, "Ana", "50.00")
    for reference in ("invoice 12", creditor_reference("99")):
        with pytest.raises(TopUpNotFound):
            came(place, ask(place, "Ana", "1.00"), "50.00", reference=reference)


def test_an_entry_is_used_once(place):
    first, second = ask(place, "Ana", "50.00"), ask(place, "Ana", "50.00")
    came(place, first, "50.00", source="NTRY/1")
    place.receive("50.00", reference="NTRY/9")

    for source in ("NTRY/1", "NTRY/9"):
        with pytest.raises(BankReferenceReused):
            came(place, second, "50.00", source=source)
    assert topups.topup(place.conn, town_id=place.town.pk, topup_id=second.id).state is TopUpState.PENDING
    assert place.broken() == []


def test_what_was_given_up_can_still_be_paid(place):
    asked = ask(place, "Ana", "50.00")
    topups.cancel(place.conn, town_id=place.town.pk, topup_id=asked.id, at=NOON, actor="user:9")
    with pytest.raises(TopUpNotOpen):
        topups.cancel(place.conn, town_id=place.town.pk, topup_id=asked.id, at=NOON, actor="user:9")

    assert came(place, asked, "50.00").state is TopUpState.RECEIVED
    assert place.balance("purse", place.parties["Ana"]) == place.money("50.00")


def test_euros_of_somebody_whose_data_were_erased_make_no_units_that_nobody_could_spend(place):
    asked = ask(place, "Ana", "50.00")
    Vault(place.conn, place.secrets).erase(place.parties["Ana"], actor=TREASURER, reason="asked", at=NOON)

    for way in (Way.BANK, Way.CARD):
        with pytest.raises(PartyErased):
            came(place, asked, "50.00", way=way)
    with pytest.raises(PartyErased):
        ask(place, "Ana", "1.00")
    assert topups.topup(place.conn, town_id=place.town.pk, topup_id=asked.id).state is TopUpState.PENDING
    assert (place.balance("purse", place.parties["Ana"]), place.broken()) == (place.money("0"), [])


def test_the_same_form_sent_twice_asks_once(place):
    first, again = ask(place, "Ana", "50.00", key="k"), ask(place, "Ana", "50.00", key="k")

    assert (again.id, again.reference, again.replayed) == (first.id, first.reference, True)
    with pytest.raises(KeyReused):
        ask(place, "Ana", "50.01", key="k")


def test_top_ups_cannot_be_taken_back_to_the_budget(place):
    came(place, ask(place, "Ana", "50.00"), "50.00")

    with pytest.raises(KoinonError):
        treasury.withdraw(
            place.conn, town_id=place.town.pk, fund=place.fund, amount=place.money("1.00"), bank_reference="OUT/1",
            idempotency_key="out", at=NOON, actor=TREASURER,
        )  # fmt: skip


def test_both_say_so_at_the_same_moment_and_the_units_are_made_once(django_fresh, connect_again):
    with transaction.atomic():
        place = build(raw())
        place.household("Ana")
        asked = ask(place, "Ana", "50.00", way=Way.CARD)
    said: list[bool] = []
    gate = threading.Barrier(8)

    def say(conn: Connection, way: Way) -> None:
        gate.wait()
        found = came(place, asked, "50.00", way=way, source=f"{way}/1", conn=conn)
        conn.commit()
        said.append(found.replayed)

    threads = [threading.Thread(target=say, args=(connect_again(), way)) for way in (Way.BANK, Way.CARD) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(said) == [False, *[True] * 7]
    with transaction.atomic():
        assert place.balance("purse", place.parties["Ana"]) == place.money("50.00")
        assert place.broken() == []
