"""Reading campaigns and the bonuses they granted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.campaigns.errors import CampaignNotFound
from koinon.campaigns.types import Bonus, Campaign, CampaignRow
from koinon.db.statements import many, maybe, statement

_PACKAGE = "koinon.campaigns"


def campaigns(conn: Connection[Any], *, town_id: int) -> list[Campaign]:
    """Every campaign of a town, the newest first."""
    rows = many(conn, statement(_PACKAGE, "campaigns"), CampaignRow, town_id=town_id, campaign=None, code=None)
    return [row.campaign() for row in rows]


def campaign(conn: Connection[Any], *, town_id: int, campaign_id: UUID) -> Campaign:
    """One campaign, or ``CampaignNotFound``."""
    sql = statement(_PACKAGE, "campaigns")
    row = maybe(conn, sql, CampaignRow, town_id=town_id, campaign=campaign_id, code=None)
    if row is None:
        raise CampaignNotFound(campaign=str(campaign_id))
    return row.campaign()


def campaign_by_code(conn: Connection[Any], *, town_id: int, code: str) -> Campaign:
    """One campaign by its short name, or ``CampaignNotFound``."""
    row = maybe(conn, statement(_PACKAGE, "campaigns"), CampaignRow, town_id=town_id, campaign=None, code=code)
    if row is None:
        raise CampaignNotFound(campaign=code)
    return row.campaign()


def bonuses(
    conn: Connection[Any],
    *,
    town_id: int,
    campaign_id: UUID | None = None,
    party: UUID | None = None,
    source: UUID | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> list[Bonus]:
    """Bonuses, newest first; ``before`` (the last one shown) pages on."""
    return many(
        conn, statement(_PACKAGE, "bonuses"), Bonus,
        town_id=town_id, campaign=campaign_id, party=party, source=source, before=before, size=limit,
    )  # fmt: skip
