"""Letting somebody else pay, with a name: the party is made here, the rest is that of ``koinon.instruments.authorised``.

The name stands in the vault under the key of a party of its own, so that it ends apart from the household's. Every
function is part of its caller's transaction.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import execute, statement
from koinon.db.transactions import savepoint
from koinon.helpdesk.errors import NameMissing
from koinon.instruments import authorised, rules
from koinon.instruments.types import Authorisation
from koinon.kernel.identifiers import id_under
from koinon.parties.vault import Vault

_PACKAGE = "koinon.helpdesk"
MOST_LETTERS = 120
ERASER = "job:forget"


def authorise(
    conn: Connection[Any],
    *,
    town_id: int,
    authorisation_id: UUID,
    party: UUID,
    name: str,
    per_day_minor: int,
    last_day: date,
    today: date,
    actor: str,
    at: datetime,
    vault: Vault,
) -> Authorisation:
    """Let somebody of this name pay for ``party``; ``authorised.give`` hands them a card.

    The same id with the same figures gives the first answer again. Refuses with ``NameMissing`` and as
    ``authorised.authorise``.
    """
    called = " ".join(name.split())
    if not 1 <= len(called) <= MOST_LETTERS:
        raise NameMissing
    person = id_under(authorisation_id, "person")
    with savepoint(conn):
        execute(conn, statement(_PACKAGE, "add_authorised_person"), town_id=town_id, id=person, at=at)
        held = authorised.authorise(
            conn,
            town_id=town_id,
            authorisation_id=authorisation_id,
            party=party,
            person=person,
            per_day_minor=per_day_minor,
            last_day=last_day,
            today=today,
            actor=actor,
            at=at,
        )
        vault.put(person, {"name": called})
    return held


def forget_long_over(conn: Connection[Any], *, town_id: int, now: datetime, vault: Vault) -> int:
    """Erase the names of those whose authorisation ended thirteen months ago and more, or whose holder was erased; how many."""
    over = authorised.long_over(conn, town_id=town_id, before=now - rules.AUTHORISED_KEPT)
    for held in over:
        authorised.end(conn, town_id=town_id, authorisation_id=held.id, actor=ERASER, at=now)
        vault.erase(held.person, actor=ERASER, reason="authorisation long over", at=now)
    return len(over)
