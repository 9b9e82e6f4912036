"""A town's report from its books: the figures, what may leave the house of them, the targets, and the words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from psycopg import Connection

from koinon.db.statements import many, statement
from koinon.impact import aims, disclosure, flow, publication, queries
from koinon.impact.aims import Target
from koinon.impact.disclosure import Shown
from koinon.impact.figures import Figure, Period, figures
from koinon.impact.indicators.catalogue import CATALOGUE
from koinon.impact.measures import Contributors, Traced
from koinon.impact.publication import PublicReport
from koinon.impact.reports.compose import About, Money, compose
from koinon.impact.reports.errors import MonthNotOver
from koinon.impact.reports.types import Audience, Report
from koinon.impact.town.months import month_trace
from koinon.kernel.periods import Month
from koinon.ledger import queries as ledger
from koinon.parties import queries as parties
from koinon.programmes import queries as programmes

_PACKAGE = "koinon.impact"
PUBLIC = tuple(entry.key for entry in CATALOGUE if entry.public)


def build(
    conn: Connection[Any],
    *,
    town_id: int,
    first: Month,
    last: Month,
    audience: Audience,
    language: str,
    last_over: Month,
    today: date,
) -> Report:
    """The report of whole months of a town, ``first`` to ``last``, in the language that is active.

    For the council and for funders only months that are over (``last_over`` is the newest one that is): else
    ``MonthNotOver``. What the trace says is as it stood when the last month ended.
    """
    town = parties.town(conn, town_id)
    period = Period.of(first, last, town.zone)
    if audience is not Audience.HOUSE and last > last_over:
        raise MonthNotOver(month=str(last))
    exact = [queries.month(conn, town_id, month, town.zone) for month in _months(first, last)]
    public = [publication.publish(one) for one in exact]
    flows = [flow.publish(flow.month_flow(conn, one), shown) for one, shown in zip(exact, public, strict=True)]
    found = period_figures(conn, town_id=town_id, period=period)
    if audience is Audience.HOUSE:
        shown = tuple(Shown(figure, hidden=False) for figure in found)
    else:
        shown = disclosure.disclosed(found, public, contributors(conn, town_id=town_id, period=period))
    about = About(
        town=town.name,
        slug=town.slug,
        country=town.country,
        money=Money(town.unit_code, town.exponent, town.unit_symbol, town.national_currency),
        audience=audience,
        period=period,
        language=language,
        flows=flows,
        funds={fund.id: fund.name for fund in programmes.funds(conn, town_id=town_id)},
        head=ledger.head(conn, town_id=town_id),
        made_on=today,
    )
    return compose(about, shown, aims.targets(conn, town_id))


def public_month(
    conn: Connection[Any], *, town_id: int, month: Month, public: PublicReport
) -> tuple[tuple[Shown, ...], tuple[Target, ...]]:
    """Every figure of a month that is over as anybody may see it, and the town's targets."""
    period = Period.of(month, month, parties.town(conn, town_id).zone)
    found = period_figures(conn, town_id=town_id, period=period, keys=PUBLIC)
    shown = disclosure.disclosed(found, [public], contributors(conn, town_id=town_id, period=period))
    return shown, aims.targets(conn, town_id)


def period_figures(
    conn: Connection[Any], *, town_id: int, period: Period, keys: Collection[str] | None = None
) -> tuple[Figure, ...]:
    """Every figure of a period; those of the trace as they stood when its last month ended, else undefined."""
    kept = month_trace(conn, town_id=town_id, month=period.last)
    cohorts: dict[str, Sequence[Traced]] = {convention: one.cohorts for convention, one in kept.items()}
    return figures(conn, town_id, period, keys=keys, cohorts=cohorts)


def contributors(conn: Connection[Any], *, town_id: int, period: Period) -> list[Contributors]:
    """Of how many people the contributions of the period were made."""
    days = {"first_day": period.first_day, "last_day": period.last_day}
    return many(conn, statement(_PACKAGE, "contributors"), Contributors, town_id=town_id, **days)


def _months(first: Month, last: Month) -> list[Month]:
    found = [first]
    while found[-1] < last:
        found.append(found[-1].next())
    return found
