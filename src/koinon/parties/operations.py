"""Writing who may act for whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, statement

_PACKAGE = "koinon.parties"


def grant_role(
    conn: Connection[Any], *, town_id: int, user_id: int, role: str, party_id: UUID | None, actor: str, at: datetime
) -> bool:
    """Let a user act in a town; False when the user could already."""
    given = execute(
        conn, statement(_PACKAGE, "grant_role"), town_id=town_id, user_id=user_id, role=role, party_id=party_id
    )
    if given:
        _record(conn, town_id, user_id, role, party_id, "parties.role-granted", actor, at)
    return bool(given)


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
