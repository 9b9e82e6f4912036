"""Writing who may act for whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, maybe, statement
from koinon.parties import queries
from koinon.parties.errors import NotStaff, PartyErased, PartyNotFound, RoleNotOfParty, SignInTaken
from koinon.parties.types import UserFacts

_PACKAGE = "koinon.parties"
_KINDS = {"resident": ("household", "person"), "shop": ("organisation",)}


@dataclass(frozen=True, slots=True)
class _UserId:
    id: int


@dataclass(frozen=True, slots=True)
class _Signing:
    kind: str
    erased: bool


def add_user(conn: Connection[Any], *, username: str, email: str, password_hash: str, at: datetime) -> UserFacts:
    """Make somebody who signs in, and may do nothing yet: that begins with ``grant_role``, which is recorded.

    Refuses with ``SignInTaken`` where the user name or address is somebody's, in whatever case.
    """
    others = queries.users_called(conn, [username, email])
    if others:
        names = {name.casefold() for other in others for name in (other.username, other.email)}
        raise SignInTaken(name=username if username.casefold() in names else email)
    sql = statement(_PACKAGE, "add_user")
    made = maybe(conn, sql, _UserId, username=username, email=email, password=password_hash, at=at)
    if made is None:
        raise SignInTaken(name=username)
    return UserFacts(made.id, username, email)


def add_user_of_party(
    conn: Connection[Any],
    *,
    town_id: int,
    party_id: UUID,
    role: str,
    username: str,
    email: str,
    password_hash: str,
    actor: str,
    at: datetime,
) -> UserFacts:
    """Make somebody who signs in as a resident or a shop, for this party alone.

    Refuses with ``PartyNotFound``, ``PartyErased``, ``RoleNotOfParty`` and
    ``SignInTaken``: a sign-in that is there belongs to whoever uses it.
    """
    found = maybe(conn, statement(_PACKAGE, "party_signing"), _Signing, town_id=town_id, party_id=party_id)
    if found is None:
        raise PartyNotFound(party_id=party_id)
    if found.erased:
        raise PartyErased(party_id=party_id)
    if found.kind not in _KINDS[role]:
        raise RoleNotOfParty(party_id=party_id, kind=found.kind, role=role)
    made = add_user(conn, username=username, email=email, password_hash=password_hash, at=at)
    grant_role(conn, town_id=town_id, user_id=made.id, role=role, party_id=party_id, actor=actor, at=at)
    return made


def forget_ended_sessions(conn: Connection[Any], *, at: datetime) -> int:
    """Forget sessions that are over, and the browsers they were in; how many browsers."""
    return execute(conn, statement(_PACKAGE, "forget_ended_sessions"), at=at)


def dismiss(
    conn: Connection[Any], *, town_id: int, username: str, role: str, actor: str, at: datetime
) -> tuple[str, ...]:
    """Take a role of the town's staff away from a user, or with an empty ``role`` all of them; which they were.

    The user stays, with what was done under the name. Refuses with ``NotStaff``.
    """
    called = [one for one in queries.staff(conn, town_id=town_id) if one.username.casefold() == username.casefold()]
    taken = [(one, had) for one in called for had in one.roles if role in ("", had)]
    if not taken:
        raise NotStaff(name=username, role=role)
    for one, had in taken:
        revoke_role(conn, town_id=town_id, user_id=one.id, role=had, party_id=None, actor=actor, at=at)
    return tuple(had for _, had in taken)


def grant_role(
    conn: Connection[Any],
    *,
    town_id: int,
    user_id: int,
    role: str,
    party_id: UUID | None,
    actor: str,
    at: datetime,
    sees_personal_data: bool = False,
) -> bool:
    """Let a user act in a town; False when the user could already.

    With ``sees_personal_data`` the role also has the right to see who people are,
    whether it is new or was there.
    """
    given = execute(
        conn, statement(_PACKAGE, "grant_role"), town_id=town_id, user_id=user_id, role=role, party_id=party_id
    )
    if given:
        _record(conn, town_id, user_id, role, party_id, "parties.role-granted", actor, at)
    if sees_personal_data:
        set_personal_data_right(conn, town_id=town_id, user_id=user_id, role=role, sees=True, actor=actor, at=at)
    return bool(given)


def let_see_people(
    conn: Connection[Any], *, town_id: int, username: str, role: str, sees: bool, actor: str, at: datetime
) -> bool:
    """Give somebody of the town's staff the right to see who people are, in one role, or take it.

    False when nothing had to change. Refuses with ``NotStaff``.
    """
    for one in queries.staff(conn, town_id=town_id):
        if one.username.casefold() == username.casefold() and role in one.roles:
            return set_personal_data_right(
                conn, town_id=town_id, user_id=one.id, role=role, sees=sees, actor=actor, at=at
            )
    raise NotStaff(name=username, role=role)


def set_personal_data_right(
    conn: Connection[Any], *, town_id: int, user_id: int, role: str, sees: bool, actor: str, at: datetime
) -> bool:
    """Give a role of the staff the right to see who people are, or take it; False when nothing had to change."""
    changed = execute(
        conn,
        statement(_PACKAGE, "set_personal_data_right"),
        town_id=town_id,
        user_id=user_id,
        role=role,
        sees=sees,
    )
    if changed:
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="parties.personal-data-allowed" if sees else "parties.personal-data-disallowed",
            subject=f"user:{user_id}",
            before={"role": role, "sees_personal_data": not sees},
            after={"role": role, "sees_personal_data": sees},
            at=at,
        )
    return bool(changed)


def revoke_role(
    conn: Connection[Any], *, town_id: int, user_id: int, role: str, party_id: UUID | None, actor: str, at: datetime
) -> bool:
    """Stop a user acting in a town; False when the user could not."""
    taken = execute(
        conn, statement(_PACKAGE, "revoke_role"), town_id=town_id, user_id=user_id, role=role, party_id=party_id
    )
    if taken:
        _record(conn, town_id, user_id, role, party_id, "parties.role-revoked", actor, at)
    return bool(taken)


def _record(
    conn: Connection[Any],
    town_id: int,
    user_id: int,
    role: str,
    party_id: UUID | None,
    action: str,
    actor: str,
    at: datetime,
) -> None:
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action=action,
        subject=f"user:{user_id}",
        after={"role": role, "party": str(party_id) if party_id else None},
        at=at,
    )
