"""Paying by card and PIN: what a till asks when a card lies on it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from koinon.instruments import phones, pins, queries, rules
from koinon.instruments.pins import Opened
from koinon.kernel.money import Amount
from koinon.parties.secrets import Secrets
from koinon.payments import authorised
from koinon.payments.types import Payment


def pay(
    opened: Opened,
    *,
    town_id: int,
    payment_id: UUID,
    card: str,
    pin: str,
    place: str,
    payee: UUID,
    amount: Amount,
    effective_at: datetime,
    now: datetime,
    actor: str,
    secrets: Secrets,
    reference: str = "",
) -> Payment:
    """Pay from the purses of a card's holder, with the card's code as scanned or its number as typed.

    ``opened`` opens a transaction and commits it at the end of its block. It is used
    for the PIN first (``pins.ask``), and once more for the payment: a payment that is refused leaves the
    PIN's count as it is. The card is looked at again together with the payment, so that one
    blocked in between pays nothing. The same id gives the first payment back.

    A card of somebody whom the holder lets pay keeps to its limit by the day and its last day (``authorised``).

    ``now`` is the server's own time, by which waits for wrong PINs run; what a till says of when it was
    (``effective_at``) neither ends one nor begins one.

    A code that a phone shows is taken for a card, once: ``koinon.instruments.phones``.

    Refuses like ``phones.present``, ``pins.ask`` and ``operations.pay``.
    """
    with opened() as conn:
        presented = phones.present(conn, town_id=town_id, text=card, place=place, at=now, secrets=secrets)
    asked = pins.ask(opened, town_id=town_id, presented=presented, pin=pin, place=place, at=now, secrets=secrets)
    with opened() as conn:
        held = queries.card(conn, town_id=town_id, card_id=asked.id)
        rules.usable(held)
        phones.spend(conn, presented, town_id=town_id, payment=payment_id)
        return authorised.pay(
            conn,
            town_id=town_id,
            payment_id=payment_id,
            card=held,
            payee=payee,
            amount=amount,
            effective_at=effective_at,
            actor=actor,
            reference=reference,
        )
