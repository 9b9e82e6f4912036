"""What people look at before they approve a cycle: totals, what has changed since the last one, what stands out.

All of it is counted where the list lies, so that a page about a million lines is
as small as one about ten.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.db.statements import many, one, statement
from koinon.kernel.decisions import Ground
from koinon.programmes import queries
from koinon.programmes.steps import PACKAGE
from koinon.programmes.types import CycleView

SHOWN_OUTLIERS = 50
SHOWN_REASONS = 500


@dataclass(frozen=True, slots=True)
class ZonePart:
    """A neighbourhood's part of a cycle, under its code."""

    zone: str
    households: int
    minor: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why households get nothing or wait, and how many."""

    code: str
    fields_json: str
    households: int

    @property
    def ground(self) -> Ground:
        return Ground(self.code, json.loads(self.fields_json or "{}") or {})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why lines could not be paid: a refusal's code, and how many."""

    code: str
    households: int
    minor: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different from the cycle before: households and minor units."""

    joined: int
    joined_minor: int
    gone: int
    gone_minor: int
    more: int
    more_minor: int
    less: int
    less_minor: int

    @property
    def difference_minor(self) -> int:
        return self.joined_minor - self.gone_minor + self.more_minor - self.less_minor


@dataclass(frozen=True, slots=True)
class Outlier:
    """A line that stands out, and how; ``before_minor`` is what the household got the time before, if anything.

    ``high`` and ``low``: far from the others. ``doubled`` and ``halved``: against the time before.
    """

    party_id: UUID
    amount_minor: int
    before_minor: int | None
    high: bool
    low: bool
    doubled: bool
    halved: bool
    found: int


@dataclass(frozen=True, slots=True)
class Review:
    """A cycle as its approvers see it. ``before`` is the last one of the programme before it, with ``changes`` since."""

    cycle: CycleView
    before: CycleView | None
    changes: Changes | None
    zones: list[ZonePart]
    reasons: list[Reason]
    failures: list[Failure]
    outliers: list[Outlier]

    @property
    def outliers_found(self) -> int:
        return self.outliers[0].found if self.outliers else 0


def review(conn: Connection[Any], *, town_id: int, cycle_id: UUID) -> Review:
    """Everything there is to look at, or ``CycleNotFound``."""
    cycle = queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)
    before = before_it(conn, town_id=town_id, cycle=cycle)
    changes = None
    if before is not None:
        changes = one(conn, statement(PACKAGE, "review_changes"), Changes, cycle_id=cycle_id, before_id=before.id)
    return Review(
        cycle,
        before,
        changes,
        many(conn, statement(PACKAGE, "review_zones"), ZonePart, cycle_id=cycle_id),
        many(conn, statement(PACKAGE, "review_reasons"), Reason, cycle_id=cycle_id, size=SHOWN_REASONS),
        many(conn, statement(PACKAGE, "review_failures"), Failure, cycle_id=cycle_id),
        many(
            conn,
            statement(PACKAGE, "review_outliers"),
            Outlier,
            cycle_id=cycle_id,
            before_id=before.id if before else None,
            size=SHOWN_OUTLIERS,
        ),
    )


def before_it(conn: Connection[Any], *, town_id: int, cycle: CycleView) -> CycleView | None:
    """The programme's last cycle before this one that was not cancelled."""
    others = queries.cycles(conn, town_id=town_id, programme_id=cycle.programme_id)
    earlier = [other for other in others if other.month < cycle.month and other.state != "cancelled"]
    return max(earlier, key=lambda other: other.month, default=None)
