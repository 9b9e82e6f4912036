"""Invitations: a code on a letter, by which one person opens an account or binds the one they have.

A household or a shop is never bound to whoever comes along: the town hands the
code to somebody whose papers it has seen. The code works once, for some weeks,
and is kept nowhere; the database has a keyed hash of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, statement
from koinon.kernel.identifiers import id_under, new_id
from koinon.outbox import messages
from koinon.parties import crypto, operations
from koinon.parties.errors import InvitationNotFound, InvitationNotGood, PartyErased, PartyNotFound, RoleNotOfParty
from koinon.parties.passwords import new_password
from koinon.parties.secrets import Secrets

_PACKAGE = "koinon.parties"
GOOD_FOR = timedelta(days=30)
_ROLES = {"household": "resident", "person": "resident", "organisation": "shop"}


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation; ``party_id`` for residents and shops, ``user_id`` for a colleague whose account it opens."""

    id: UUID
    town_id: int
    party_id: UUID | None
    user_id: int | None
    role: str
    made_at: datetime
    good_until: datetime
    ended_at: datetime | None
    used_by: int | None


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation just made; its code is here and nowhere else."""

    id: UUID
    code: str
    good_until: datetime


@dataclass(frozen=True, slots=True)
class _Signing:
    kind: str
    erased: bool


def invite(
    conn: Connection[Any],
    *,
    town_id: int,
    party_id: UUID,
    secrets: Secrets,
    actor: str,
    at: datetime,
    good_for: timedelta = GOOD_FOR,
) -> NewInvitation:
    """Make a code by which one person opens an account for this party alone.

    Refuses with ``PartyNotFound``, ``PartyErased`` and ``RoleNotOfParty`` (nobody signs in for a public body).
    """
    found = maybe(conn, statement(_PACKAGE, "party_signing"), _Signing, town_id=town_id, party_id=party_id)
    if found is None:
        raise PartyNotFound(party_id=party_id)
    if found.erased:
        raise PartyErased(party_id=party_id)
    if found.kind not in _ROLES:
        raise RoleNotOfParty(party_id=party_id, kind=found.kind, role="resident")
    return _made(conn, town_id, party_id, None, _ROLES[found.kind], secrets, actor, at, good_for)


def invite_colleague(
    conn: Connection[Any],
    *,
    town_id: int,
    user_id: int,
    secrets: Secrets,
    actor: str,
    at: datetime,
    good_for: timedelta = GOOD_FOR,
) -> NewInvitation:
    """Make a code by which a colleague chooses the password of the account that was made for them.

    What they may do was said when the account was made, or is said afterwards; the code gives no right.
    """
    return _made(conn, town_id, None, user_id, "", secrets, actor, at, good_for)


def waiting(conn: Connection[Any], *, code: str, secrets: Secrets, at: datetime) -> Invitation:
    """The invitation of a code as people type it, or ``InvitationNotGood``."""
    sql = statement(_PACKAGE, "invitation_of_digest")
    found = maybe(conn, sql, Invitation, digest=_digest(secrets, code), at=at)
    if found is None:
        raise InvitationNotGood
    return found


def still_waiting(conn: Connection[Any], *, invitation: UUID, at: datetime) -> Invitation:
    """An invitation whose code was typed a moment ago, or ``InvitationNotGood`` where it ended since."""
    found = maybe(conn, statement(_PACKAGE, "invitation_waiting"), Invitation, id=invitation, at=at)
    if found is None:
        raise InvitationNotGood
    return found


def use(conn: Connection[Any], *, invitation: UUID, user_id: int, at: datetime) -> Invitation:
    """Use an invitation up for this account: of two who try at once, one has it. Whom it opens is told.

    Refuses with ``InvitationNotGood``, also where a colleague's invitation is used for another account.
    """
    asked = maybe(conn, statement(_PACKAGE, "invitation_waiting"), Invitation, id=invitation, at=at)
    if asked is not None and asked.party_id is not None:
        # The party before the code, as an erasure comes: it takes the sign-ins that it finds, and shall find this one.
        sql = statement(_PACKAGE, "party_signing")
        party = maybe(conn, sql, _Signing, town_id=asked.town_id, party_id=asked.party_id)
        if party is None or party.erased:
            raise InvitationNotGood
    found = maybe(conn, statement(_PACKAGE, "use_invitation"), Invitation, id=invitation, user_id=user_id, at=at)
    if found is None:
        raise InvitationNotGood
    actor = f"user:{user_id}"
    record(
        conn,
        town_id=found.town_id,
        actor=actor,
        action="parties.invitation-used",
        subject=f"party:{found.party_id}" if found.party_id else actor,
        after={"invitation": str(found.id), "role": found.role},
        at=at,
    )
    if found.party_id is not None:
        operations.grant_role(
            conn,
            town_id=found.town_id,
            user_id=user_id,
            role=found.role,
            party_id=found.party_id,
            actor=actor,
            at=at,
        )
        # Whoever did not open it shall know: the letter may have come into other hands, or never have left the town hall.
        messages.leave(
            conn, town_id=found.town_id, message_id=id_under(found.id, "opened"), party=found.party_id,
            kind="account.opened", at=at, prefer="sms",
        )  # fmt: skip
    return found


def withdraw(
    conn: Connection[Any],
    *,
    town_id: int,
    invitation: UUID,
    actor: str,
    at: datetime,
    party_id: UUID | None = None,
) -> None:
    """Make a code worthless before it is used, or ``InvitationNotFound``: also where it is of another party than ``party_id``."""
    sql = statement(_PACKAGE, "withdraw_invitation")
    found = maybe(conn, sql, Invitation, town_id=town_id, id=invitation, party_id=party_id, at=at)
    if found is None:
        raise InvitationNotFound(invitation=invitation)
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action="parties.invitation-withdrawn",
        subject=f"party:{found.party_id}" if found.party_id else f"user:{found.user_id}",
        after={"invitation": str(invitation)},
        at=at,
    )


def of_party(conn: Connection[Any], *, town_id: int, party_id: UUID) -> list[Invitation]:
    """Every invitation of a party, the newest first."""
    return many(conn, statement(_PACKAGE, "invitations_of_party"), Invitation, town_id=town_id, party_id=party_id)


def _made(
    conn: Connection[Any],
    town_id: int,
    party_id: UUID | None,
    user_id: int | None,
    role: str,
    secrets: Secrets,
    actor: str,
    at: datetime,
    good_for: timedelta,
) -> NewInvitation:
    made = NewInvitation(new_id(), new_password(), at + good_for)
    execute(
        conn,
        statement(_PACKAGE, "add_invitation"),
        id=made.id,
        town_id=town_id,
        party_id=party_id,
        user_id=user_id,
        role=role,
        digest=_digest(secrets, made.code),
        actor=actor,
        at=at,
        good_until=made.good_until,
    )
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action="parties.invited",
        subject=f"party:{party_id}" if party_id else f"user:{user_id}",
        after={"invitation": str(made.id), "role": role, "good_until": made.good_until.isoformat()},
        at=at,
    )
    return made


def plain(code: str) -> str:
    """A code without what people type around it.

    >>> plain(" K7PM 2xqd—vz9t-aaaa ")
    'k7pm2xqdvz9taaaa'
    """
    return re.sub(r"[^a-z0-9]", "", code.casefold())


def _digest(secrets: Secrets, code: str) -> bytes:
    return crypto.digest(secrets.lookup, 0, "invitation", plain(code))
