"""Something of each kind that co-production's addresses name; the same things each time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from koinon.coproduction import activities, certificates, codes, contributions, queries, timebank
from koinon.kernel.identifiers import id_from
from koinon.parties.secrets import Secrets


def things(conn: Any, town_id: int, resident: UUID) -> dict[str, Any]:
    """An occasion, a verified contribution, a certificate, two members of a time bank and what they exchanged."""
    now = timezone.now()
    how: dict[str, Any] = {"town_id": town_id, "actor": "user:1", "at": now}
    point = queries.activity_by_code(conn, town_id=town_id, code="punt-verd")
    bank = queries.time_bank_by_code(conn, town_id=town_id, code="banc-del-temps")
    occasion = activities.open_occasion(
        conn, occasion_id=id_from("ids", "occasion"), activity_id=point.id, place="", opens_at=now,
        closes_at=now + timedelta(hours=2), **how,
    )  # fmt: skip
    known = queries.find_contribution(conn, town_id=town_id, contribution_id=id_from("ids", "contribution"))
    found = known or contributions.record_for(
        conn, contribution_id=id_from("ids", "contribution"), activity_id=point.id, party=resident, stream="glass",
        quantity=2_000, day=now.date(), **how,
    )  # fmt: skip
    certificate = certificates.issue(
        conn,
        certificate_id=id_from("ids", "certificate"),
        party=resident,
        first_day=found.day,
        last_day=found.day,
        **how,
    )
    neighbour = conn.execute(
        "SELECT party_id FROM parties_household WHERE party_id <> %s ORDER BY party_id LIMIT 1", [resident]
    ).fetchone()[0]
    for party in (resident, neighbour):
        timebank.join(conn, bank_id=bank.id, party=party, **how)
    exchange = timebank.exchange(
        conn,
        exchange_id=id_from("ids", "exchange"),
        bank_id=bank.id,
        payer=resident,
        payee=neighbour,
        minutes=30,
        **how,
    )
    secrets = Secrets.load()
    return {
        "activity": point.id,
        "bank": bank.id,
        "occasion": occasion.id,
        "contribution": found.id,
        "certificate": certificate.id,
        "exchange": exchange.id,
        "token": codes.token(secrets, codes.OCCASION, occasion.id),
        "seal": codes.token(secrets, codes.CERTIFICATE, certificate.id),
    }
