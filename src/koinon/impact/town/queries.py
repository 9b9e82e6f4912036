"""What was followed of a town's books, read back. Needs neither numpy nor a compiler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from koinon.db.statements import many, scalar, statement
from koinon.impact.town import results
from koinon.impact.town.types import Followed

_PACKAGE = "koinon.impact"


@dataclass(frozen=True, slots=True)
class _Row:
    town_id: int
    convention: str
    seq_to: int
    rows: int
    digest: str
    began_at: datetime
    followed_at: datetime
    result: str


def followed(conn: Connection[Any], *, town_id: int) -> dict[str, Followed]:
    """By convention how far the books were followed and what they say; empty where they never were.

    What another version has kept is left out: the next minute computes it again.
    """
    found = {}
    for row in many(conn, statement(_PACKAGE, "followed"), _Row, town_id=town_id):
        kept = json.loads(row.result)
        if kept["version"] != results.VERSION:
            continue
        found[row.convention] = Followed(
            town_id=row.town_id,
            convention=row.convention,
            seq_to=row.seq_to,
            rows=row.rows,
            digest=row.digest,
            began_at=row.began_at,
            followed_at=row.followed_at,
            total=results.cohort(kept["total"]),
            cohorts=tuple(map(results.cohort, kept["cohorts"])),
            unknown_origin=results.cohort(kept["unknown_origin"]),
            flows={name: results.flows(matrix) for name, matrix in kept["flows"].items()},
            paths={name: tuple(paths) for name, paths in kept["paths"].items()},
        )
    return found


def unfollowed(conn: Connection[Any], *, town_id: int, seq_to: int) -> int:
    """How many movements were posted since."""
    return int(scalar(conn, statement(_PACKAGE, "unfollowed"), town_id=town_id, seq_to=seq_to))
