"""A phone as an instrument: an account of the site that pays by codes, each good once and for a minute.

The phone itself keeps nothing: whoever is signed in asks for a code and shows it at a till, where the PIN is typed as for a
card. A code that was photographed is over before it can be used, and used where it was meant to be.
docs/algorithms/paying-by-phone.md has the table of what each code may do.
"""

from __future__ import annotations

import base64
import os
import secrets as chance
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, maybe, statement
from koinon.db.transactions import savepoint
from koinon.instruments import pins, queries, rules
from koinon.instruments.errors import CodeOver, CodeUsed, PhoneNotSetUp
from koinon.instruments.operations import lock_holder, tell
from koinon.instruments.types import Card, Presented, ShownCode, Way
from koinon.kernel.identifiers import new_id
from koinon.parties import crypto
from koinon.parties.secrets import Secrets

_PACKAGE = "koinon.instruments"


@dataclass(frozen=True, slots=True)
class _Shown:
    digest: bytes
    instrument: UUID
    shown_until: datetime
    place: str | None
    taken_at: datetime | None
    payment: UUID | None


def set_up(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID,
    account: int,
    pin: str,
    actor: str,
    at: datetime,
    secrets: Secrets,
) -> Card:
    """Let an account pay by phone for a party it acts for, with a PIN of its own; or give the phone it has another PIN.

    Who asks has just shown who they are: to forget a PIN is no way around it. The party is told. Refuses with
    ``PinWeak``, ``CardBlocked``, ``PartyNotFound`` and ``PartyErased``.
    """
    with savepoint(conn):
        lock_holder(conn, town_id, party)
        found = queries.phone_of(conn, town_id=town_id, party=party, account=account)
        if found is None:
            made = new_id()
            _add(conn, town_id, made, party, account, actor, at, secrets)
            record(
                conn,
                town_id=town_id,
                actor=actor,
                action="instruments.card-handed-over",
                subject=f"card:{made}",
                after={"state": "active", "kind": "phone", "party": str(party)},
                at=at,
            )
            tell(conn, town_id, queries.card(conn, town_id=town_id, card_id=made), "phone.added", at)
        else:
            made = found.id
        return pins.set_pin(conn, town_id=town_id, card_id=made, pin=pin, actor=actor, at=at, secrets=secrets)


def show(
    conn: Connection[Any], *, town_id: int, party: UUID, account: int, at: datetime, secrets: Secrets
) -> ShownCode:
    """A new code for a phone to show; the one before is over. The code is in this answer and nowhere else.

    Refuses with ``PhoneNotSetUp`` and, for a phone that does not work, ``CardBlocked`` or ``CardEnded``.
    """
    phone = of_account(conn, town_id=town_id, party=party, account=account)
    execute(conn, statement(_PACKAGE, "drop_shown_codes"), town_id=town_id, phone=phone.id)
    execute(conn, statement(_PACKAGE, "sweep_shown_codes"), before=at - rules.KEPT_FOR)
    until = at + rules.SHOWN_FOR
    while True:
        token = rules.SHOWN_MARK + base64.b32encode(os.urandom(rules.TOKEN_BYTES)).decode()
        number = rules.shown_number(chance.randbelow(10**8))
        if execute(
            conn,
            statement(_PACKAGE, "add_shown_code"),
            town_id=town_id,
            digest=_digest(secrets, town_id, token),
            number_digest=_digest(secrets, town_id, number),
            phone=phone.id,
            at=at,
            shown_until=until,
        ):
            return ShownCode(token, number, until)


def of_account(conn: Connection[Any], *, town_id: int, party: UUID, account: int) -> Card:
    """The phone of an account, if it works: ``PhoneNotSetUp``, ``PinNotSet``, ``CardBlocked`` or ``CardEnded`` otherwise."""
    phone = queries.phone_of(conn, town_id=town_id, party=party, account=account)
    if phone is None:
        raise PhoneNotSetUp
    rules.usable(phone)
    return phone


def present(conn: Connection[Any], *, town_id: int, text: str, place: str, at: datetime, secrets: Secrets) -> Presented:
    """What lies on a till: a card as ``queries.presented`` finds it, or the phone whose code it is.

    A phone's code is taken by the till that presents it first, within the minute in which it is shown; this till
    may then go on with it for five minutes, and ask again what became of its payment for as long as the code is kept.
    Part of the caller's transaction, which commits it. Refuses with ``NotACard``, ``CardNotFound``, ``CodeOver`` and
    ``CodeUsed``.
    """
    read = rules.read_shown(text)
    if read is None:
        return queries.presented(conn, town_id=town_id, text=text, secrets=secrets)
    way, what = read
    digest = _digest(secrets, town_id, what)
    shown = maybe(
        conn,
        statement(_PACKAGE, "lock_shown_code"),
        _Shown,
        town_id=town_id,
        digest=digest if way is Way.SCANNED else None,
        number_digest=digest if way is Way.TYPED else None,
    )
    if shown is None:
        raise CodeOver
    if shown.taken_at is None:
        if at > shown.shown_until:
            raise CodeOver
        execute(
            conn,
            statement(_PACKAGE, "take_shown_code"),
            town_id=town_id,
            digest=shown.digest,
            place=place,
            at=at,
        )
    elif shown.place != place:
        raise CodeUsed
    elif shown.payment is None and at > shown.taken_at + rules.TAKEN_FOR:
        raise CodeOver
    phone = queries.card(conn, town_id=town_id, card_id=shown.instrument)
    return Presented(phone, Way.SCANNED, bytes(shown.digest))


def spend(conn: Connection[Any], presented: Presented, *, town_id: int, payment: UUID) -> None:
    """Say, with the payment and in its transaction, that a phone's code has paid; ``CodeUsed`` where it paid another one.

    For a card there is nothing to say.
    """
    if presented.code is None:
        return
    shown = maybe(
        conn,
        statement(_PACKAGE, "lock_shown_code"),
        _Shown,
        town_id=town_id,
        digest=presented.code,
        number_digest=None,
    )
    if shown is None:
        raise CodeOver
    if shown.payment not in (None, payment):
        raise CodeUsed
    execute(conn, statement(_PACKAGE, "spend_shown_code"), town_id=town_id, digest=presented.code, payment=payment)


def _add(
    conn: Connection[Any],
    town_id: int,
    phone: UUID,
    party: UUID,
    account: int,
    actor: str,
    at: datetime,
    secrets: Secrets,
) -> None:
    added = 0
    while not added:  # Until no card has these twelve digits, which nobody is ever shown.
        added = execute(
            conn,
            statement(_PACKAGE, "add_phone"),
            town_id=town_id,
            id=phone,
            number=rules.number_of(chance.randbelow(10**10)),
            digest=_digest(secrets, town_id, base64.b32encode(os.urandom(rules.TOKEN_BYTES)).decode()),
            party=party,
            account=account,
            at=at,
            actor=actor,
        )


def _digest(secrets: Secrets, town_id: int, text: str) -> bytes:
    return crypto.digest(secrets.lookup, town_id, "shown-code", text)
