"""Follow every town's books after they were sealed, so that the figures are never older than a minute."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import structlog
from psycopg import Connection
from psycopg import Error as DatabaseError

from koinon.db.transactions import transaction
from koinon.impact import published
from koinon.impact.town import books, compiling, following, months
from koinon.jobs import metrics
from koinon.jobs.metrics import figures
from koinon.kernel.errors import KoinonError
from koinon.parties.types import TownName

log = structlog.get_logger("koinon.jobs")

FOLLOWER = "job:impact"
LOOK_EVERY = timedelta(hours=1)

_looked: dict[tuple[str, int], tuple[str | None, datetime]] = {}
"""By database and town the mark before its accounts were last looked at, and when: what this process knows, and a new one does not."""


def follow_round(conn: Connection[Any], towns: Iterable[TownName], *, now: datetime) -> int:
    """Extend what is known of every town by what was sealed since; how many movements that were.

    Each town has transactions of its own: one that cannot be followed, or takes longer than a statement may, holds up
    no other.
    """
    _compiled()
    fresh = 0
    for town in towns:
        place = (conn.info.dsn, town.id)
        try:
            with transaction(conn):
                mark = books.mark(conn)
                known, looked_at = _looked.pop(place, (None, now))
                unchanged = mark is not None and mark == known and now - looked_at < LOOK_EVERY
                steps = following.follow(conn, town_id=town.id, at=now, actor=FOLLOWER, unchanged=unchanged)
                months.trace_months(conn, town_id=town.id, at=now, actor=FOLLOWER)
            with transaction(conn, one_snapshot=True):  # Above, whoever waits must see what was done meanwhile.
                over = published.publish_months(conn, town_id=town.id, at=now, actor=FOLLOWER)
        except (KoinonError, DatabaseError) as failed:
            if conn.closed:
                raise
            figures.add(metrics.FAILED, job="impact")
            why = failed.code if isinstance(failed, KoinonError) else type(failed).__name__
            log.error("town not followed", town=town.slug, code=why)
            continue
        _looked[place] = (mark, looked_at if unchanged else now)
        if over:
            log.info("months published", town=town.slug, months=[str(month) for month in over])
        for step in steps:
            if step.convention == following.LOTS:
                fresh += step.fresh
                log.info("books followed", town=town.slug, movements=step.fresh, from_the_first=step.begun)
    return fresh


@cache
def _compiled() -> None:
    """Have what is not compiled on this machine compiled beside the site, before the first round."""
    if compiling.compile_beside():
        log.info("kernels compiled")
