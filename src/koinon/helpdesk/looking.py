"""That somebody at the counter looked at what a person has. Part of the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record


def looked(conn: Connection[Any], *, town_id: int, party: UUID, actor: str, at: datetime) -> None:
    """Keep that ``actor`` looked at a party's money, cards and letters; names are kept apart, as they are opened apart."""
    record(conn, town_id=town_id, actor=actor, action="helpdesk.looked", subject=f"party:{party}", at=at)
