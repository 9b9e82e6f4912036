"""What is computed of a town's period, and what may be shown of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg import Connection

from koinon.db.statements import many, statement
from koinon.impact import aims, disclosure
from koinon.impact.disclosure import Shown
from koinon.impact.figures import Figure, Period, figures
from koinon.impact.indicators.catalogue import CATALOGUE
from koinon.impact.measures import Contributors, Traced
from koinon.impact.publication import PublicReport
from koinon.impact.town.months import MonthTrace, month_trace
from koinon.impact.types import MonthReport, MonthTraded

_PACKAGE = "koinon.impact"
PUBLIC = tuple(entry.key for entry in CATALOGUE if entry.public)


def period_figures(
    conn: Connection[Any], *, town_id: int, period: Period, keys: Collection[str] | None = None
) -> tuple[Figure, ...]:
    """Every figure of a period; those of the trace as they stood when its last month ended, else undefined."""
    return _figures(conn, town_id, period, month_trace(conn, town_id=town_id, month=period.last), keys)


def _figures(
    conn: Connection[Any],
    town_id: int,
    period: Period,
    kept: Mapping[str, MonthTrace],
    keys: Collection[str] | None,
    exact: MonthReport | None = None,
) -> tuple[Figure, ...]:
    cohorts: dict[str, Sequence[Traced]] = {convention: one.cohorts for convention, one in kept.items()}
    return figures(conn, town_id, period, keys=keys, cohorts=cohorts, month=exact)


def public_figures(
    conn: Connection[Any],
    *,
    town_id: int,
    period: Period,
    months: Sequence[PublicReport],
    exact: MonthReport | None = None,
) -> tuple[Shown, ...]:
    """Every public figure of a period as anybody may see it; ``months`` are all of its months, as published.

    ``exact`` is the report of a period of one month where somebody has read it already.
    """
    kept = month_trace(conn, town_id=town_id, month=period.last)
    found = _figures(conn, town_id, period, kept, PUBLIC, exact)
    ends = (kept["fifo"].ends or ()) if "fifo" in kept and period.first == period.last else ()
    days = {"first_day": period.first_day, "last_day": period.last_day}
    people = many(conn, statement(_PACKAGE, "contributors"), Contributors, town_id=town_id, **days)
    purses = many(
        conn, statement(_PACKAGE, "months_spent"), MonthTraded,
        town_id=town_id, until=period.until, time_zone=str(period.time_zone),
    )  # fmt: skip
    residents = aims.residents_on(aims.zone_residents(conn, town_id), period.last_day)
    return disclosure.disclosed(found, months, people, purses, residents, ends)
