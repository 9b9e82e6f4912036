"""Reading the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, statement


@dataclass(frozen=True, slots=True)
class Entry:
    """One act, as it was recorded."""

    id: UUID
    at: datetime
    actor: str
    action: str
    subject: str
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def entries(conn: Connection[Any], *, town_id: int, before: UUID | None = None, size: int = 50) -> list[Entry]:
    """The newest lines of a town; ``before`` pages on."""
    return many(conn, statement("koinon.audit", "entries"), Entry, town_id=town_id, before=before, size=size)


def entries_of_subject(conn: Connection[Any], *, town_id: int, subject: str, size: int = 50) -> list[Entry]:
    """The newest lines about one thing."""
    sql = statement("koinon.audit", "entries_of_subject")
    return many(conn, sql, Entry, town_id=town_id, subject=subject, size=size)


def looks_at(conn: Connection[Any], *, town_id: int, subjects: Sequence[str], size: int = 200) -> list[Entry]:
    """Who looked at these people and complaints, the newest first."""
    sql = statement("koinon.audit", "looks_at")
    return many(conn, sql, Entry, town_id=town_id, subjects=list(subjects), size=size)
