"""A town's report from its books: the figures, what may leave the house of them, the targets, and the words."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from koinon.impact import aims, flow, publication, published, queries
from koinon.impact.disclosure import Shown
from koinon.impact.figures import Period
from koinon.impact.flow import PublicFlow
from koinon.impact.periods import period_figures, public_figures
from koinon.impact.reports.compose import About, Money, compose
from koinon.impact.reports.errors import MonthNotOver
from koinon.impact.reports.types import Audience, Report
from koinon.kernel.periods import Month
from koinon.ledger import queries as ledger
from koinon.parties import queries as parties
from koinon.programmes import queries as programmes


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
    ``MonthNotOver``. They read each month as it was published. What the trace says is as it stood when the last month ended.
    """
    town = parties.town(conn, town_id)
    period = Period.of(first, last, town.zone)
    if audience is not Audience.HOUSE and last > last_over:
        raise MonthNotOver(month=str(last))
    months = _months(first, last)
    if audience is Audience.HOUSE:
        flows = [_as_they_are(conn, town_id, month, town.zone) for month in months]
        found = period_figures(conn, town_id=town_id, period=period)
        shown = tuple(Shown(figure, hidden=False) for figure in found)
    else:
        kept = [published.month(conn, town_id=town_id, month=month) for month in months]
        flows = [one.flow for one in kept]
        reports = [one.report for one in kept]
        shown = (
            kept[0].shown if len(kept) == 1 else public_figures(conn, town_id=town_id, period=period, months=reports)
        )
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


def _as_they_are(conn: Connection[Any], town_id: int, month: Month, zone: ZoneInfo) -> PublicFlow:
    """A month's way for the house: shown where the public would see it, from the books as they are."""
    exact = queries.month(conn, town_id, month, zone)
    return flow.publish(flow.month_flow(conn, exact), publication.publish(exact))


def _months(first: Month, last: Month) -> list[Month]:
    found = [first]
    while found[-1] < last:
        found.append(found[-1].next())
    return found
