"""Charging at a till: once for each key, whatever the network does, and told for certain whether it was paid.

A till makes a key for each charge and keeps asking with it. What became of the charge is written together with the
payment, under that key; a charge that the till gives up is written down as given up, so that nothing that is still on its
way can pay it afterwards. docs/algorithms/charging.md has the table of who sees what when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, maybe, statement
from koinon.db.transactions import savepoint
from koinon.instruments import phones, pins, rules, small
from koinon.instruments import queries as instruments
from koinon.instruments.errors import PinNeeded, PinWrong
from koinon.instruments.pins import Opened
from koinon.instruments.types import Presented
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_for_key, new_id
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.payments import authorised, operations, queries
from koinon.payments.authorised import Room
from koinon.payments.errors import AmountNotPositive, ChargeGivenUp, KeyReused, PaymentNotFound
from koinon.payments.types import Payment, PurseView, Refund

_PACKAGE = "koinon.payments"


@dataclass(frozen=True, slots=True)
class Charge:
    """What became of a charge; ``payment`` None: it was given up, and will never be paid."""

    key: UUID
    payment: UUID | None
    amount_minor: int
    unit: str
    shift: UUID | None
    without_pin: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What a till is told of a card before the payer confirms: nothing of what they have."""

    pin: bool
    holder: UUID


@dataclass(frozen=True, slots=True)
class Held:
    """What a card's bearer is shown of what there is: the holder all purses, somebody else what they may still pay."""

    holder: UUID
    purses: Sequence[PurseView]
    room: Room | None


def place_of(payee: UUID) -> str:
    """How PINs and codes name the tills of a shop."""
    return f"till:{payee}"


def look(
    conn: Connection[Any], *, town_id: int, payee: UUID, card: str, amount: Amount, now: datetime, secrets: Secrets
) -> Asked:
    """Whether what lies on the till may pay at all, and whether this amount takes its PIN. Pays nothing, counts nothing.

    Part of the caller's transaction, which commits it: a code that a phone shows belongs to this till from now on.
    Refuses like ``phones.present`` and ``rules.usable``.
    """
    presented = phones.present(conn, town_id=town_id, text=card, place=place_of(payee), at=now, secrets=secrets)
    holder = rules.usable(presented.card)
    day = now.astimezone(parties.town(conn, town_id).zone).date()
    grounds = small.grounds(conn, town_id=town_id, presented=presented, amount_minor=amount.minor, day=day)
    return Asked(bool(grounds), holder)


def charge(
    opened: Opened,
    *,
    town_id: int,
    payee: UUID,
    key: UUID,
    card: str,
    pin: str | None,
    amount: Amount,
    shift: UUID | None,
    now: datetime,
    actor: str,
    secrets: Secrets,
    category: str = "",
) -> Payment:
    """Have a card or a phone pay the shop, once for each ``key``; without a ``pin`` where the town lets small sums go.

    ``opened`` opens a transaction and commits it at the end of its block, and nothing of the caller's is open around it:
    it is used once to count the try, and once to say how it ended and to pay. A key that was paid gives its payment back,
    whatever card lies on the till by then, and asks for no PIN.

    Refuses with ``AmountNotPositive``, ``ChargeGivenUp``, ``KeyReused`` for another amount under the key, ``PinNeeded``,
    and like ``phones.present``, ``pins.ask`` and ``authorised.pay``.
    """
    if amount.minor <= 0:
        raise AmountNotPositive(amount=amount)
    place = place_of(payee)
    with opened() as conn:
        if (before := charge_of(conn, town_id=town_id, payee=payee, key=key)) is not None:
            return _again(conn, town_id, before, amount)
        presented = phones.present(conn, town_id=town_id, text=card, place=place, at=now, secrets=secrets)
        counted = (
            pins.count(conn, town_id=town_id, presented=presented, place=place, at=now, secrets=secrets)
            if pin
            else None
        )
        if counted is None:
            _needs_no_pin(conn, town_id, presented, amount, now)
    right = counted is None or pins.is_right(counted, town_id=town_id, pin=pin or "", secrets=secrets)
    refused: KoinonError | None = None
    with opened() as conn:
        authorised.take_turns(conn, town_id=town_id, card=presented.card)
        if counted is not None:
            pins.settle(conn, counted, town_id=town_id, right=right, at=now)
            if not right:
                refused = PinWrong(card=counted.card.id, tries_left=counted.tries_left)
        if refused is None:
            try:
                with savepoint(conn):
                    return _pay(
                        conn, town_id, payee, key, presented, counted is None, amount, shift, now, actor, category
                    )
            except KoinonError as found:  # The PIN was right all the same, and that is committed.
                refused = found
    raise refused


def _needs_no_pin(conn: Connection[Any], town_id: int, presented: Presented, amount: Amount, now: datetime) -> None:
    day = now.astimezone(parties.town(conn, town_id).zone).date()
    grounds = small.grounds(conn, town_id=town_id, presented=presented, amount_minor=amount.minor, day=day)
    if grounds:
        raise PinNeeded(card=presented.card.id, grounds=grounds)


def _pay(
    conn: Connection[Any],
    town_id: int,
    payee: UUID,
    key: UUID,
    presented: Presented,
    without_pin: bool,
    amount: Amount,
    shift: UUID | None,
    now: datetime,
    actor: str,
    category: str,
) -> Payment:
    payment_id = new_id()  # Ours, and not the till's: its clock may be wrong.
    written = execute(
        conn,
        statement(_PACKAGE, "add_charge"),
        town_id=town_id,
        payee=payee,
        key=key,
        payment=payment_id,
        amount_minor=amount.minor,
        unit=amount.unit,
        shift=shift,
        without_pin=without_pin,
        at=now,
    )
    if not written:  # The same charge, asked for twice at once: the other was first.
        before = charge_of(conn, town_id=town_id, payee=payee, key=key)
        assert before is not None
        return _again(conn, town_id, before, amount)
    if without_pin:
        day = now.astimezone(parties.town(conn, town_id).zone).date()
        small.count(conn, town_id=town_id, presented=presented, payment=payment_id, amount_minor=amount.minor, day=day)
    held = instruments.card(conn, town_id=town_id, card_id=presented.card.id)
    rules.usable(held)
    phones.spend(conn, presented, town_id=town_id, payment=payment_id)
    return authorised.pay(
        conn,
        town_id=town_id,
        payment_id=payment_id,
        card=held,
        payee=payee,
        amount=amount,
        effective_at=now,
        actor=actor,
        category=category,
    )


def _again(conn: Connection[Any], town_id: int, before: Charge, amount: Amount) -> Payment:
    if before.payment is None:
        raise ChargeGivenUp(key=before.key)
    if Amount(before.amount_minor, before.unit) != amount:
        raise KeyReused(key=str(before.key))
    return queries.payment(conn, town_id=town_id, payment_id=before.payment)


def charge_of(conn: Connection[Any], *, town_id: int, payee: UUID, key: UUID) -> Charge | None:
    """What became of a charge so far; None where it was neither paid nor given up, and may still be on its way."""
    return maybe(conn, statement(_PACKAGE, "charge"), Charge, town_id=town_id, payee=payee, key=key)


def give_up(
    conn: Connection[Any],
    *,
    town_id: int,
    payee: UUID,
    key: UUID,
    amount: Amount,
    shift: UUID | None,
    now: datetime,
) -> Payment | None:
    """Give a charge up for good; the payment where it had been paid already, else None: it never will be.

    Part of the caller's transaction. Waits for one that is being paid at this moment.
    """
    execute(
        conn,
        statement(_PACKAGE, "add_charge"),
        town_id=town_id,
        payee=payee,
        key=key,
        payment=None,
        amount_minor=amount.minor,
        unit=amount.unit,
        shift=shift,
        without_pin=False,
        at=now,
    )
    found = charge_of(conn, town_id=town_id, payee=payee, key=key)
    assert found is not None
    return None if found.payment is None else queries.payment(conn, town_id=town_id, payment_id=found.payment)


def note_payment(conn: Connection[Any], *, town_id: int, payment: Payment, key: UUID, shift: UUID | None) -> bool:
    """Count a payment that came another way, such as from a payer's phone, in a shift; once, in its transaction."""
    return bool(
        execute(
            conn,
            statement(_PACKAGE, "add_charge"),
            town_id=town_id,
            payee=payment.payee,
            key=key,
            payment=payment.id,
            amount_minor=payment.amount_minor,
            unit=payment.unit,
            shift=shift,
            without_pin=False,
            at=payment.effective_at,
        )
    )


def give_back(
    conn: Connection[Any],
    *,
    town_id: int,
    payee: UUID,
    payment_id: UUID,
    key: UUID,
    amount: Amount | None,
    shift: UUID | None,
    cashier: UUID | None,
    now: datetime,
    actor: str,
) -> Refund:
    """Give a sale of this shop back, in part or (``amount`` None) all that is left, once for each ``key``.

    Part of the caller's transaction. Refuses with ``PaymentNotFound`` for another shop's sale, and like
    ``operations.refund``.
    """
    if queries.payment(conn, town_id=town_id, payment_id=payment_id).payee != payee:
        raise PaymentNotFound(payment_id=payment_id)
    done = operations.refund(
        conn,
        town_id=town_id,
        refund_id=id_for_key(f"till:refund:{payment_id}", str(key)),
        payment_id=payment_id,
        amount=amount,
        effective_at=now,
        actor=actor,
    )
    execute(
        conn,
        statement(_PACKAGE, "add_given_back"),
        town_id=town_id,
        refund=done.id,
        payment=payment_id,
        amount_minor=done.amount_minor,
        shift=shift,
        cashier=cashier,
        at=now,
    )
    return done


def balance(opened: Opened, *, town_id: int, payee: UUID, card: str, pin: str, now: datetime, secrets: Secrets) -> Held:
    """What there is to spend, for whoever carries the card and knows its PIN; at the tills of ``payee``.

    ``opened`` is as in ``charge``. Refuses like ``phones.present`` and ``pins.ask``.
    """
    place = place_of(payee)
    with opened() as conn:
        presented = phones.present(conn, town_id=town_id, text=card, place=place, at=now, secrets=secrets)
    asked = pins.ask(opened, town_id=town_id, presented=presented, pin=pin, place=place, at=now, secrets=secrets)
    with opened() as conn:
        holder = rules.usable(asked)
        if asked.authorisation is not None:
            room = authorised.room(conn, town_id=town_id, authorisation_id=asked.authorisation, at=now)
            return Held(holder, (), room)
        found = queries.purses(conn, town_id=town_id, payer=holder, at=now)
        return Held(holder, [purse for purse in found if purse.fund is not None or purse.available_minor], None)
