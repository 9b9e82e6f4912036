"""Adding to the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from koinon.db.statements import execute, statement
from koinon.kernel.identifiers import new_id


def record(
    conn: Connection[Any],
    *,
    town_id: int,
    actor: str,
    action: str,
    subject: str,
    at: datetime,
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> UUID:
    """Say who did what to what, and why; part of the caller's transaction.

    ``actor`` and ``subject`` are opaque (``user:17``, ``cycle:<id>``); ``before``
    and ``after`` hold the facts that changed, never anything about a person.
    """
    entry_id = new_id()
    execute(
        conn,
        statement("koinon.audit", "record"),
        town_id=town_id,
        id=entry_id,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        reason=reason,
        before=None if before is None else Jsonb(before),
        after=None if after is None else Jsonb(after),
    )
    return entry_id
