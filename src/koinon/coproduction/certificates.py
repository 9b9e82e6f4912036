"""Certificates of participation: what somebody verifiably did between two days. Part of the caller's transaction."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.coproduction import queries
from koinon.coproduction.errors import NothingToCertify
from koinon.coproduction.types import Certificate
from koinon.db.statements import execute, statement

_PACKAGE = "koinon.coproduction"


def issue(
    conn: Connection[Any],
    *,
    town_id: int,
    certificate_id: UUID,
    party: UUID,
    first_day: date,
    last_day: date,
    actor: str,
    at: datetime,
) -> Certificate:
    """Keep what was verified of somebody between two days, as a certificate says it from now on.

    The same id gives the first certificate again. Refuses with ``NotForThem`` and
    ``NothingToCertify``.
    """
    queries.payee(conn, town_id=town_id, party=party)
    totals = queries.totals(conn, town_id=town_id, first_day=first_day, last_day=last_day, party=party)
    if not totals:
        raise NothingToCertify(first_day=first_day, last_day=last_day)
    content = [
        {
            "activity": each.activity_name,
            "measure": each.measure,
            "stream": each.stream,
            "times": each.times,
            "quantity": each.quantity,
        }
        for each in totals
    ]
    added = execute(
        conn,
        statement(_PACKAGE, "add_certificate"),
        town_id=town_id,
        id=certificate_id,
        party=party,
        first_day=first_day,
        last_day=last_day,
        totals=json.dumps(content),
        issued_by=actor,
        issued_at=at,
    )
    if added:
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="coproduction.certificate-issued",
            subject=f"certificate:{certificate_id}",
            after={"first_day": first_day.isoformat(), "last_day": last_day.isoformat(), "lines": len(content)},
            at=at,
        )
    return queries.certificate(conn, town_id=town_id, certificate_id=certificate_id)
