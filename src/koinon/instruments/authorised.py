"""People whom somebody lets pay: a card of their own, with its own PIN, so much a day and until a last day.

Such a card pays from the purses of who gave the authorisation and opens nothing else. It is ended at once by them or
at the counter; whatever it paid is named as paid by it. Who carries the card is an opaque id here. Every function is
part of its caller's transaction.

Locks are taken the holder first, then the authorisation, then cards: as ``operations`` does, so that nobody waits in a ring.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, statement
from koinon.db.transactions import savepoint
from koinon.instruments import operations, rules
from koinon.instruments.errors import (
    AuthorisationNotFound,
    AuthorisationNotSound,
    AuthorisationOver,
    KeyReused,
    TooManyAuthorised,
)
from koinon.instruments.types import Authorisation, Card, Why
from koinon.kernel.identifiers import id_under
from koinon.outbox import messages
from koinon.parties.errors import PartyErased

_PACKAGE = "koinon.instruments"


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


@dataclass(frozen=True, slots=True)
class _Paid:
    payment: UUID


def authorise(
    conn: Connection[Any],
    *,
    town_id: int,
    authorisation_id: UUID,
    party: UUID,
    person: UUID,
    per_day_minor: int,
    last_day: date,
    today: date,
    actor: str,
    at: datetime,
) -> Authorisation:
    """Let ``person`` pay for ``party`` up to ``per_day_minor`` a day, ``last_day`` included. A card is given next.

    The same id with the same figures gives the first answer again. Refuses with ``AuthorisationNotSound`` (every
    ground at once), ``TooManyAuthorised``, ``KeyReused``, ``PartyNotFound`` and ``PartyErased``.
    """
    _sound(per_day_minor, last_day, today)
    with savepoint(conn):
        operations.lock_holder(conn, town_id, party)
        before = _found(conn, town_id, authorisation_id)
        if before is not None:
            same = (before.party, before.person, before.per_day_minor, before.last_day)
            if same != (party, person, per_day_minor, last_day):
                raise KeyReused(key=str(authorisation_id))
            return before
        if sum(one.is_open for one in authorisations_of(conn, town_id=town_id, party=party)) >= (
            rules.MOST_AUTHORISED_BY_A_PARTY
        ):
            raise TooManyAuthorised(most=rules.MOST_AUTHORISED_BY_A_PARTY)
        execute(
            conn,
            statement(_PACKAGE, "add_authorisation"),
            town_id=town_id,
            id=authorisation_id,
            party=party,
            person=person,
            per_day_minor=per_day_minor,
            last_day=last_day,
            at=at,
            actor=actor,
        )
        after: dict[str, str | int] = {
            "party": str(party), "per_day_minor": per_day_minor, "last_day": last_day.isoformat(),
        }  # fmt: skip
        _record(conn, town_id, authorisation_id, "instruments.authorised", actor, at, after)
        data: dict[str, str | int] = {"amount_minor": per_day_minor, "last_day": last_day.isoformat()}
        _tell(conn, town_id, authorisation_id, party, "helper.authorised", at, data)
    return authorisation(conn, town_id=town_id, authorisation_id=authorisation_id)


def give(
    conn: Connection[Any], *, town_id: int, authorisation_id: UUID, card_id: UUID, actor: str, at: datetime
) -> Card:
    """Hand a card that was made to who is authorised: it works from now on, with the PIN that they choose next.

    Refuses with ``AuthorisationNotFound``, ``AuthorisationOver`` and as ``operations.hand_over``.
    """
    with savepoint(conn):
        held = authorisation(conn, town_id=town_id, authorisation_id=authorisation_id)
        operations.lock_holder(conn, town_id, held.party)
        held = _open(conn, town_id, authorisation_id)
        return operations.hand_over(
            conn,
            town_id=town_id,
            card_id=card_id,
            party=held.party,
            authorisation=held.id,
            actor=actor,
            at=at,
        )


def change(
    conn: Connection[Any],
    *,
    town_id: int,
    authorisation_id: UUID,
    per_day_minor: int,
    last_day: date,
    today: date,
    actor: str,
    at: datetime,
) -> Authorisation:
    """Set another limit or last day; it holds from the next payment on.

    Refuses with ``AuthorisationNotSound``, ``AuthorisationNotFound`` and ``AuthorisationOver``.
    """
    _sound(per_day_minor, last_day, today)
    with savepoint(conn):
        held = _open(conn, town_id, authorisation_id)
        if (held.per_day_minor, held.last_day) != (per_day_minor, last_day):
            execute(
                conn,
                statement(_PACKAGE, "change_authorisation"),
                town_id=town_id,
                authorisation=authorisation_id,
                per_day_minor=per_day_minor,
                last_day=last_day,
            )
            after: dict[str, str | int] = {"per_day_minor": per_day_minor, "last_day": last_day.isoformat()}
            _record(conn, town_id, authorisation_id, "instruments.authorisation-changed", actor, at, after)
    return authorisation(conn, town_id=town_id, authorisation_id=authorisation_id)


def end(conn: Connection[Any], *, town_id: int, authorisation_id: UUID, actor: str, at: datetime) -> Authorisation:
    """End an authorisation and withdraw its cards: the next payment by any of them is refused.

    Repeated, it does nothing more. Refuses with ``AuthorisationNotFound``.
    """
    with savepoint(conn):
        held = authorisation(conn, town_id=town_id, authorisation_id=authorisation_id)
        # The holder first, so that no card is replaced in between and lives on; an erased one is locked all the same.
        with suppress(PartyErased):
            operations.lock_holder(conn, town_id, held.party)
        held = locked(conn, town_id=town_id, authorisation_id=authorisation_id)
        if held.ended_at is None:
            sql = statement(_PACKAGE, "end_authorisation")
            execute(conn, sql, town_id=town_id, authorisation=authorisation_id, at=at, actor=actor)
            for card in cards_of(conn, town_id=town_id, authorisation_id=authorisation_id):
                operations.withdraw(conn, town_id=town_id, card_id=card, why=Why.ASKED, actor=actor, at=at)
            _record(conn, town_id, authorisation_id, "instruments.authorisation-ended", actor, at, None)
            _tell(conn, town_id, authorisation_id, held.party, "helper.ended", at, {})
    return authorisation(conn, town_id=town_id, authorisation_id=authorisation_id)


def note(
    conn: Connection[Any], *, town_id: int, payment: UUID, authorisation_id: UUID, card_id: UUID, day: date
) -> None:
    """Keep that a payment was made by this card; in the transaction that posts it."""
    execute(
        conn,
        statement(_PACKAGE, "note_authorised_payment"),
        town_id=town_id,
        payment=payment,
        authorisation=authorisation_id,
        card=card_id,
        day=day,
    )


def locked(conn: Connection[Any], *, town_id: int, authorisation_id: UUID) -> Authorisation:
    """An authorisation, nobody else's to pay by or change until the transaction ends, or ``AuthorisationNotFound``."""
    sql = statement(_PACKAGE, "lock_authorisation")
    found = maybe(conn, sql, Authorisation, town_id=town_id, authorisation=authorisation_id)
    if found is None:
        raise AuthorisationNotFound(authorisation=authorisation_id)
    return found


def authorisation(conn: Connection[Any], *, town_id: int, authorisation_id: UUID) -> Authorisation:
    """An authorisation by its id, or ``AuthorisationNotFound``."""
    found = _found(conn, town_id, authorisation_id)
    if found is None:
        raise AuthorisationNotFound(authorisation=authorisation_id)
    return found


def authorisations_of(conn: Connection[Any], *, town_id: int, party: UUID) -> list[Authorisation]:
    """Whom a party lets, or has let, pay for it; the newest first."""
    return many(conn, statement(_PACKAGE, "authorisations_of_party"), Authorisation, town_id=town_id, party=party)


def cards_of(conn: Connection[Any], *, town_id: int, authorisation_id: UUID) -> list[UUID]:
    """The cards of an authorisation that work or may work again."""
    sql = statement(_PACKAGE, "cards_of_authorisation")
    return [found.id for found in many(conn, sql, _Id, town_id=town_id, authorisation=authorisation_id)]


def paid_on(conn: Connection[Any], *, town_id: int, authorisation_id: UUID, day: date) -> list[UUID]:
    """The ids of what was paid under an authorisation on a local day."""
    sql = statement(_PACKAGE, "authorised_payments")
    return [found.payment for found in many(conn, sql, _Paid, town_id=town_id, authorisation=authorisation_id, day=day)]


def long_over(conn: Connection[Any], *, town_id: int, before: datetime, most: int = 100) -> list[Authorisation]:
    """Authorisations that ended before ``before``, or whose holder was erased, and whose person is still known by name."""
    sql = statement(_PACKAGE, "authorisations_over")
    return many(conn, sql, Authorisation, town_id=town_id, before=before, size=most)


def _found(conn: Connection[Any], town_id: int, authorisation_id: UUID) -> Authorisation | None:
    sql = statement(_PACKAGE, "authorisation")
    return maybe(conn, sql, Authorisation, town_id=town_id, authorisation=authorisation_id)


def _open(conn: Connection[Any], town_id: int, authorisation_id: UUID) -> Authorisation:
    held = locked(conn, town_id=town_id, authorisation_id=authorisation_id)
    if not held.is_open:
        raise AuthorisationOver(authorisation=authorisation_id)
    return held


def _sound(per_day_minor: int, last_day: date, today: date) -> None:
    grounds = rules.why_not_authorised(per_day_minor=per_day_minor, last_day=last_day, today=today)
    if grounds:
        raise AuthorisationNotSound(grounds=grounds)


def _tell(
    conn: Connection[Any],
    town_id: int,
    authorisation_id: UUID,
    party: UUID,
    kind: str,
    at: datetime,
    data: dict[str, str | int],
) -> None:
    """Leave word for whose money it is: whoever did not ask for it shall know."""
    message = id_under(authorisation_id, kind)
    messages.leave(conn, town_id=town_id, message_id=message, party=party, kind=kind, at=at, data=data, prefer="sms")


def _record(
    conn: Connection[Any],
    town_id: int,
    authorisation_id: UUID,
    action: str,
    actor: str,
    at: datetime,
    after: dict[str, str | int] | None,
) -> None:
    subject = f"authorisation:{authorisation_id}"
    record(conn, town_id=town_id, actor=actor, action=action, subject=subject, after=after, at=at)
