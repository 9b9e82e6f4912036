"""Euros into the reserve and back."""

from __future__ import annotations

import pytest

from koinon.kernel.identifiers import new_id
from koinon.ledger.errors import AmountNotPositive, InsufficientFunds
from koinon.treasury import operations as treasury
from koinon.treasury import queries
from koinon.treasury.errors import BankReferenceReused, FundNotFound, KeyReused
from koinon.treasury.types import Direction, Euros
from tests.treasury.place import NOON, TREASURER, Place, build


@pytest.fixture
def place(django_db) -> Place:
    return build(django_db)


def withdraw(place: Place, amount: str, reference: str = "OUT/1"):
    return treasury.withdraw(
        place.conn,
        town_id=place.town.pk,
        fund=place.fund,
        amount=place.money(amount),
        bank_reference=reference,
        idempotency_key=reference,
        at=NOON,
        actor=TREASURER,
    )


def test_euros_received_stand_in_the_reserve_of_their_fund(place):
    place.receive("42590.39")

    assert place.balance("reserve", None, place.fund) == place.money("42590.39")
    assert place.balance("issuance", None) == -place.money("42590.39")
    assert queries.euros(place.conn, town_id=place.town.pk) == Euros(42_590_39, 0, 0, 0)
    assert place.broken() == []


def test_same_key_gives_the_first_receipt_again(place):
    first = place.receive("100.00", key="k", reference="BANK/A")
    again = place.receive("100.00", key="k", reference="BANK/A")

    assert (again.id, again.transfer_id, again.replayed) == (first.id, first.transfer_id, True)
    assert place.balance("reserve", None, place.fund) == place.money("100.00")


def test_same_movement_of_the_bank_is_not_booked_twice_under_another_key(place):
    first = place.receive("100.00", key="k1", reference="BANK/A")
    again = place.receive("100.00", key="k2", reference="BANK/A")

    assert again.id == first.id
    assert len(queries.receipts(place.conn, town_id=place.town.pk, fund=place.fund)) == 1
    assert place.broken() == []


def test_key_or_bank_reference_with_other_content_is_refused(place):
    place.receive("100.00", key="k", reference="BANK/A")

    with pytest.raises(KeyReused):
        place.receive("100.01", key="k", reference="BANK/A")
    with pytest.raises(KeyReused):
        place.receive("100.00", key="k", reference="BANK/B")
    with pytest.raises(BankReferenceReused):
        place.receive("100.01", key="other", reference="BANK/A")
    assert place.balance("reserve", None, place.fund) == place.money("100.00")


def test_what_is_issued_cannot_be_withdrawn(place):
    place.receive("100.00")
    place.grant("Ana", "60.00")

    with pytest.raises(InsufficientFunds) as refused:
        withdraw(place, "40.01")
    receipt = withdraw(place, "40.00")

    assert refused.value.available == place.money("40.00")
    assert receipt.direction is Direction.WITHDRAWN
    assert queries.euros(place.conn, town_id=place.town.pk).held == 60_00
    assert place.broken() == []


def test_a_refused_receipt_leaves_no_trace(place):
    with pytest.raises(AmountNotPositive):
        place.receive("0.00")
    with pytest.raises(FundNotFound):
        treasury.receive_budget(
            place.conn,
            town_id=place.town.pk,
            fund=new_id(),
            amount=place.money("1.00"),
            bank_reference="X",
            idempotency_key="x",
            at=NOON,
            actor=TREASURER,
        )

    assert queries.receipts(place.conn, town_id=place.town.pk) == []
    assert place.broken() == []
