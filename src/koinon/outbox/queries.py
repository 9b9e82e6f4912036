"""Reading the outbox: who listens, and what became of telling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import tuple_row

from koinon.db.statements import many, maybe, one, statement
from koinon.outbox.errors import EndpointNotFound, NoticeNotFound
from koinon.outbox.types import ANYBODY, Attempt, Backlog, Delivery, Endpoint, Heard, Notice

_PACKAGE = "koinon.outbox"


_MANY = 200  # So many parties are better told apart where the events are written.


def heard(conn: Connection[Any], *, town_id: int, kinds: Iterable[str]) -> Heard:
    """Which of these kinds anybody in the town listens to: one cheap statement, and an empty answer mostly.

    Whoever moves money may ask this first and make no events at all where nobody
    listens. Who begins to listen a moment later hears from then on. Where very many do, the
    answer says that anybody might.
    """
    asked = list(kinds)
    with conn.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(
            statement(_PACKAGE, "heard"), {"town_id": town_id, "kinds": asked, "most": _MANY}
        ).fetchall()
    if len(found) == _MANY:
        return dict.fromkeys(asked, frozenset([ANYBODY]))
    parties: dict[str, set[str]] = {}
    for kind, party in found:
        parties.setdefault(kind, set()).add(party)
    return {kind: frozenset(listening) for kind, listening in parties.items()}


def endpoints(conn: Connection[Any], *, town_id: int, party: UUID | None = None) -> list[Endpoint]:
    """The webhook endpoints of a town, or of a party of it, oldest first. Secrets are never read back."""
    sql = statement(_PACKAGE, "endpoints")
    return many(conn, sql, Endpoint, town_id=town_id, party=party, endpoint=None)


def endpoint(conn: Connection[Any], *, town_id: int, endpoint_id: UUID, party: UUID | None = None) -> Endpoint:
    """One of them; ``EndpointNotFound`` also where it is not this party's."""
    sql = statement(_PACKAGE, "endpoints")
    found = maybe(conn, sql, Endpoint, town_id=town_id, party=party, endpoint=endpoint_id)
    if found is None:
        raise EndpointNotFound(endpoint=endpoint_id)
    return found


def notices(conn: Connection[Any], *, town_id: int, party: UUID | None = None) -> list[Notice]:
    """Who is told by e-mail, oldest first."""
    return many(conn, statement(_PACKAGE, "notices"), Notice, town_id=town_id, party=party, notice=None)


def notice(conn: Connection[Any], *, town_id: int, notice_id: UUID, party: UUID | None = None) -> Notice:
    """One of them; ``NoticeNotFound`` also where it is not this party's."""
    found = maybe(conn, statement(_PACKAGE, "notices"), Notice, town_id=town_id, party=party, notice=notice_id)
    if found is None:
        raise NoticeNotFound(notice=notice_id)
    return found


def deliveries(
    conn: Connection[Any],
    *,
    town_id: int,
    listener: UUID,
    before: UUID | None = None,
    state: str = "",
    size: int = 50,
) -> list[Delivery]:
    """What an endpoint or notice was told and is to be told, newest first; ``before`` (an event) pages on."""
    sql = statement(_PACKAGE, "deliveries")
    return many(conn, sql, Delivery, town_id=town_id, listener=listener, before=before, state=state, size=size)


def attempts(conn: Connection[Any], *, town_id: int, listener: UUID, event: UUID) -> list[Attempt]:
    """Each try at telling a listener of an event, first one first."""
    return many(conn, statement(_PACKAGE, "attempts"), Attempt, town_id=town_id, listener=listener, event=event)


def backlog(conn: Connection[Any]) -> Backlog:
    """How much is due in all towns together, and for how long the oldest has been."""
    return one(conn, statement(_PACKAGE, "backlog"), Backlog)
