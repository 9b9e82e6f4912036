"""Messages to one party about what is its own: left as rows, sent by a job, tried again.

Beside the events of ``operations``, which those hear who asked to: what is left here goes
to the party itself, by mail or telephone, whichever it has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from koinon.db.statements import execute, many, statement

_PACKAGE = "koinon.outbox"

Way = Literal["mail", "sms"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that a job has taken up."""

    town_id: int
    id: UUID
    party: UUID
    kind: str
    data: str
    prefer: Way
    at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a party was told, and what became of it."""

    id: UUID
    kind: str
    at: datetime
    state: str
    channel: str
    last_error: str
    finished_at: datetime | None


def leave(
    conn: Connection[Any],
    *,
    town_id: int,
    message_id: UUID,
    party: UUID,
    kind: str,
    at: datetime,
    data: Mapping[str, str | int] | None = None,
    prefer: Way = "mail",
) -> bool:
    """Leave a message for a party, as part of the caller's transaction; False where this id was left before.

    ``kind`` is one of those that ``koinon.jobs.messages`` has words for; ``data`` holds opaque
    ids, codes, days (ISO 8601) and whole minor units, never a word about a person.
    """
    return bool(
        execute(
            conn,
            statement(_PACKAGE, "leave_message"),
            town_id=town_id,
            id=message_id,
            party=party,
            kind=kind,
            data=Jsonb(dict(data or {})),
            prefer=prefer,
            at=at,
        )
    )


def leave_many(
    conn: Connection[Any],
    *,
    town_id: int,
    kind: str,
    at: datetime,
    told: Sequence[tuple[UUID, UUID, Mapping[str, str | int]]],
) -> int:
    """``leave`` for many parties at once: the id of each message, its party and its data; how many were left."""
    if not told:
        return 0
    return execute(
        conn,
        statement(_PACKAGE, "leave_messages"),
        town_id=town_id,
        kind=kind,
        at=at,
        ids=[message for message, _, _ in told],
        parties=[party for _, party, _ in told],
        data=[json.dumps(dict(data)) for _, _, data in told],
    )


def claim(conn: Connection[Any], *, most: int, lease_seconds: int) -> list[Message]:
    """Take due messages up for a while; whoever dies with them leaves them to the next."""
    sql = statement(_PACKAGE, "claim_messages")
    return many(conn, sql, Message, most=most, lease_seconds=lease_seconds)


def finish(conn: Connection[Any], message: Message, *, channel: str, error: str, wait_seconds: float | None) -> None:
    """Say how a try ended: sent where ``error`` is empty, given up where there is no wait for another one."""
    execute(
        conn,
        statement(_PACKAGE, "finish_message"),
        town_id=message.town_id,
        id=message.id,
        channel=channel,
        error=error,
        wait=wait_seconds,
    )


def of_party(conn: Connection[Any], *, town_id: int, party: UUID, most: int = 20) -> list[Told]:
    """What a party was told, the newest first."""
    return many(conn, statement(_PACKAGE, "messages_of_party"), Told, town_id=town_id, party=party, most=most)


def purge(conn: Connection[Any], *, before: datetime) -> int:
    """Delete what ended before ``before``; how many there were."""
    return execute(conn, statement(_PACKAGE, "purge_messages"), before=before)
