"""A town's report from its books: the figures, what may leave the house of them, the targets, and the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection

from koinon.audit import operations as audit
from koinon.impact import aims, flow, publication, published, queries
from koinon.impact.disclosure import Shown
from koinon.impact.figures import Figure, Period
from koinon.impact.flow import PublicFlow
from koinon.impact.periods import period_figures, public_figures
from koinon.impact.publication import PublicReport
from koinon.impact.reports.compose import About, Money, compose
from koinon.impact.reports.errors import MonthNotOver
from koinon.impact.reports.types import Audience, Report
from koinon.impact.town import months as months_of
from koinon.impact.town.network import PublicNetwork
from koinon.kernel.periods import Month
from koinon.ledger import queries as ledger
from koinon.parties import naming
from koinon.parties import queries as parties
from koinon.parties.naming import Reader
from koinon.parties.secrets import Secrets
from koinon.programmes import queries as programmes

_SHOP = "shop:"


@dataclass(frozen=True, slots=True)
class Look:
    """Who opens the house's report, when, and as what: a page, a PDF, tables. ``secrets`` else the installation's."""

    reader: Reader
    at: datetime
    kind: str
    secrets: Secrets | None = None


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
    look: Look | None = None,
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
        as_they_are = [_as_they_are(conn, town_id, month, town.zone) for month in months]
        flows, networks, reports = (list(each) for each in zip(*as_they_are, strict=True))
        assert look is not None, "the house's report is opened by somebody"
        found = _named(conn, town_id, period_figures(conn, town_id=town_id, period=period), look)
        _record(conn, town_id, first, last, language, look)
        shown = tuple(Shown(figure, hidden=False) for figure in found)
    else:
        kept = [published.month(conn, town_id=town_id, month=month) for month in months]
        flows, networks = [one.flow for one in kept], [one.network for one in kept]
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
        networks=networks,
        reports=reports,
        zones=queries.outlines(conn, town_id),
        demonstration=months_of.demonstrated_until(conn, town_id=town_id) is not None,
    )
    return compose(about, shown, aims.targets(conn, town_id))


def _named(conn: Connection[Any], town_id: int, found: Sequence[Figure], look: Look) -> tuple[Figure, ...]:
    """Figures of one shop under what that shop is called before this reader; its id stays in ``part``."""
    shops = {figure.part: UUID(figure.part.removeprefix(_SHOP)) for figure in found if figure.part.startswith(_SHOP)}
    called = naming.called(
        conn, town_id=town_id, parties=shops.values(), reader=look.reader, reason="report:house", at=look.at,
        secrets=look.secrets,
    )  # fmt: skip
    return tuple(
        replace(figure, name=str(called[shops[figure.part]])) if figure.part in shops else figure for figure in found
    )


def _record(conn: Connection[Any], town_id: int, first: Month, last: Month, language: str, look: Look) -> None:
    audit.record(
        conn,
        town_id=town_id,
        actor=look.reader.actor,
        action="impact.house-report-opened",
        subject=f"report:{first}" if first == last else f"report:{first}:{last}",
        after={"as": look.kind, "language": language},
        at=look.at,
    )


def _as_they_are(
    conn: Connection[Any], town_id: int, month: Month, zone: ZoneInfo
) -> tuple[PublicFlow, PublicNetwork | None, PublicReport]:
    """A month's way, trade and report for the house: shown where the public would see them, from the books as they are."""
    exact = queries.month(conn, town_id, month, zone)
    report = publication.publish(exact)
    network = published.network_of(conn, town_id=town_id, report=report, bounds=month.bounds(zone))
    return flow.publish(flow.month_flow(conn, exact), report), network, report


def _months(first: Month, last: Month) -> list[Month]:
    found = [first]
    while found[-1] < last:
        found.append(found[-1].next())
    return found
