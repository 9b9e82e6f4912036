"""Paying with a card, whoever carries it: the holder, or somebody whom the holder lets pay so much a day.

Wherever a card pays, it pays through ``pay`` here, whatever was asked of its bearer before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.transactions import savepoint
from koinon.instruments import authorised as instruments
from koinon.instruments.rules import usable
from koinon.instruments.types import Authorisation, Card
from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.payments import operations, queries
from koinon.payments.errors import NotPayable
from koinon.payments.types import Payment


@dataclass(frozen=True, slots=True)
class Room:
    """What an authorisation still allows on a local day, in minor units; 0 where it is over."""

    authorisation: Authorisation
    day: date
    paid_minor: int

    @property
    def left_minor(self) -> int:
        held = self.authorisation
        over = not held.is_open or self.day > held.last_day
        return 0 if over else max(0, held.per_day_minor - self.paid_minor)


class _Undone(Exception):
    """The purses would have paid."""


def take_turns(conn: Connection[Any], *, town_id: int, card: Card) -> None:
    """Lock the authorisation under which a card pays, if it has one, before anything else of that card is locked.

    For whoever counts a try or a small purchase together with ``pay``: ``instruments.authorised.end`` goes on from the
    authorisation to its cards and their tries, and who came the other way would wait for it in a ring.
    """
    if card.authorisation is not None:
        instruments.locked(conn, town_id=town_id, authorisation_id=card.authorisation)


def pay(
    conn: Connection[Any],
    *,
    town_id: int,
    payment_id: UUID,
    card: Card,
    payee: UUID,
    amount: Amount,
    effective_at: datetime,
    actor: str,
    reference: str = "",
    category: str = "",
) -> Payment:
    """Pay from the purses of a card's holder, within what its bearer is allowed on that local day.

    Part of the caller's transaction. A payment that this card made before is given back, whatever has happened to the
    authorisation since. The refusals are those of the card (``rules.usable``) and of ``operations.pay``; ``NotPayable``
    carries the grounds of the authorisation beside those of the purses.
    """
    payer = usable(card)

    def paid() -> Payment:
        return operations.pay(
            conn,
            town_id=town_id,
            payment_id=payment_id,
            payer=payer,
            payee=payee,
            amount=amount,
            effective_at=effective_at,
            actor=actor,
            reference=reference,
            category=category,
        )

    if card.authorisation is None:
        return paid()
    held = instruments.locked(conn, town_id=town_id, authorisation_id=card.authorisation)
    day = effective_at.astimezone(parties.town(conn, town_id).zone).date()
    made = instruments.paid_on(conn, town_id=town_id, authorisation_id=held.id, day=day)
    if payment_id not in made:
        room = Room(held, day, _minor(conn, town_id, made))
        if grounds := why_not(room, amount):
            _refuse(conn, paid, grounds, amount, room)
    payment = paid()
    instruments.note(conn, town_id=town_id, payment=payment.id, authorisation_id=held.id, card_id=card.id, day=day)
    return payment


def room(conn: Connection[Any], *, town_id: int, authorisation_id: UUID, at: datetime) -> Room:
    """What an authorisation still allows on the local day of ``at``: all that its bearer is told of what there is."""
    held = instruments.authorisation(conn, town_id=town_id, authorisation_id=authorisation_id)
    day = at.astimezone(parties.town(conn, town_id).zone).date()
    made = instruments.paid_on(conn, town_id=town_id, authorisation_id=held.id, day=day)
    return Room(held, day, _minor(conn, town_id, made))


def why_not(room: Room, amount: Amount) -> tuple[Ground, ...]:
    """Every ground of the authorisation against paying this much more on that day."""
    held, grounds = room.authorisation, []
    if not held.is_open:
        grounds.append(Ground("authorised.ended"))
    if room.day > held.last_day:
        grounds.append(Ground("authorised.last-day-passed", {"last_day": held.last_day.isoformat()}))
    left = max(0, held.per_day_minor - room.paid_minor)
    if amount.minor > left:
        fields = {"per_day_minor": held.per_day_minor, "left_minor": left, "unit": amount.unit}
        grounds.append(Ground("authorised.day-limit", fields))
    return tuple(grounds)


def _minor(conn: Connection[Any], town_id: int, made: list[UUID]) -> int:
    """What of these payments was not given back: a refund makes room again."""
    if not made:
        return 0
    return sum(one.left.minor for one in queries.payments(conn, town_id=town_id, payment_ids=made))


def _refuse(conn: Connection[Any], paid: Any, grounds: tuple[Ground, ...], amount: Amount, room: Room) -> None:
    """Refuse with these grounds and with those of the purses, which are found by trying."""
    try:
        with savepoint(conn):
            paid()
            raise _Undone
    except _Undone:
        raise NotPayable(asked=amount, payable=Amount(room.left_minor, amount.unit), grounds=grounds) from None
    except NotPayable as refused:
        payable = min(refused.payable.minor, room.left_minor)
        raise NotPayable(
            asked=amount, payable=Amount(payable, amount.unit), grounds=[*grounds, *refused.grounds]
        ) from None
